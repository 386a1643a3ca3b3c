"""`devsess demo --web` in a process of its own, as a person starts and ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from devsess import SessionManager
from devsess.cli import main
from devsess.cli._scenes import ADA

COMMAND = [sys.executable, "-W", "error", "-c", "from devsess.cli import main; main()"]
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# A browser says where a request comes from.
BROWSER = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A command that serves, and the links that it printed; ended as by Ctrl+C."""
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        assert process.stdout is not None
        shown = ""
        while not shown.endswith(("Ctrl+C ends it.\n", "}\n")):
            line = process.stdout.readline()
            assert line, process.communicate()
            shown += line
        yield process, re.findall(r"http://[^\s\"]+", shown)
        process.send_signal(signal.SIGINT)
        assert "" == process.communicate(timeout=60)[1]
        assert 128 + signal.SIGINT == process.returncode
    finally:
        process.kill()
        process.communicate()


def test_one_command_opens_both_pages(tmp_path: Path) -> None:
    """Its links lead over a sign-in without a password to Ada's devices, and to all sessions."""
    with (
        started(tmp_path, "demo", "--web", "--accounts", "1") as (_, [person, operators]),
        httpx.Client(headers=BROWSER, follow_redirects=True) as browser,
    ):
        page = browser.get(person)
        assert "/sign-in" == page.url.path
        page = browser.post(page.url)
        assert "/account/" == page.url.path
        assert "Was this you?" in page.text
        assert "My MacBook" in page.text
        page = browser.get(operators)
        assert (200, "/operators/") == (page.status_code, page.url.path)
        assert "To review" in page.text
    assert [] == [*tmp_path.iterdir()]


def test_the_database_can_be_kept(tmp_path: Path) -> None:
    """A new file holds it; a file that is there is never written over."""
    file = tmp_path / "kept.db"
    with started(tmp_path, "demo", "--web", "--accounts", "1", "--keep", str(file)):
        pass
    with SessionManager(file, keys=SECRET) as sessions:
        assert 4 == len(sessions.live(ADA).items)
    shown = CliRunner().invoke(main, ["demo", "--web", "--keep", str(file)])
    assert 2 == shown.exit_code
    assert "is there already" in shown.stderr


def test_operators_are_served(tmp_path: Path) -> None:
    """`serve` shows the sessions of a store to the browser that opened its link, and no other."""
    file = tmp_path / "sessions.db"
    with SessionManager(file, keys=SECRET) as sessions:
        sessions.login("ada")
        arguments = ("serve", "--store", str(file), "--actor", "grace")
        with started(tmp_path, *arguments) as (_, [link]):
            assert 403 == httpx.get(link.partition("?")[0]).status_code
            assert 421 == httpx.get(link, headers={"Host": "evil.example"}).status_code
            with httpx.Client(headers=BROWSER, follow_redirects=True) as browser:
                page = browser.get(link)
                assert (200, "/") == (page.status_code, page.url.path)
                assert "key=" not in str(page.url)
                page = browser.get(page.url.join("user?id=ada"))
                assert 200 == page.status_code, page.text
                assert "grace" in page.text
            assert 403 == httpx.get(link).status_code


def test_the_link_as_json(tmp_path: Path) -> None:
    """One object on standard output, and nothing else."""
    file = tmp_path / "sessions.db"
    SessionManager(file, keys=SECRET).close()
    with started(tmp_path, "serve", "--store", str(file), "--json") as (_, [link]):
        assert 303 == httpx.get(link).status_code


def test_a_store_that_is_not_there_is_not_served(tmp_path: Path) -> None:
    """As for every command, a mistyped path becomes no database."""
    shown = CliRunner().invoke(main, ["serve", "--store", str(tmp_path / "no.db")])
    assert 3 == shown.exit_code
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "arguments",
    [["--port", "0"], ["--accounts", "9"], ["--seed", "1"], ["--keep", "x"], ["--web", "--json"]],
)
def test_options_of_the_pages_need_them(arguments: list[str]) -> None:
    """Without --web there is nothing to serve, and with it nothing to print as JSON."""
    assert 2 == CliRunner().invoke(main, ["demo", *arguments]).exit_code
