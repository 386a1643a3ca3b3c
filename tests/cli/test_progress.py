"""How far long work is, in a terminal: what a person sees there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from _terminal import drawn, in_terminal, interrupted, piped

from devsess import SessionManager

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# More than a page of a copy.
ACCOUNTS = 60


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("progress") / "from.db"
    with SessionManager(path, keys=SECRET) as sessions:
        for number in range(ACCOUNTS):
            sessions.login(f"user-{number}")
    return path


def steps(shown: str) -> list[str]:
    """Each state of each line, without the codes for the cursor and with one `#` a bar."""
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown)
    return [re.sub(r"#+-*|-+(?=\])", "#", it).strip() for it in re.split(r"[\r\n]+", plain) if it]


def lines(shown: str) -> list[str]:
    """The last state of each line."""
    return [steps(line)[-1] for line in shown.split("\n") if steps(line)]


def test_a_copy_says_which_part_it_is_at(source: Path, tmp_path: Path) -> None:
    """It counts at first, as nobody knows how many there are; then each pass has a whole."""
    code, shown = drawn("copy", "--from", str(source), "--to", str(tmp_path / "to.db"))

    assert 0 == code
    assert [
        "copying accounts  60",
        "looking for changes  [#]  60/60",
        "checking accounts  [#]  60/60",
    ] == lines(shown)[:3]
    assert "copying accounts  50" in steps(shown)
    assert "checking accounts  [#]  50/60" in steps(shown)


@pytest.mark.thorough
def test_a_check_alone_counts(source: Path, tmp_path: Path) -> None:
    """--check reads the source once: it has no whole to show a part of."""
    places = ("--from", str(source), "--to", str(tmp_path / "to.db"))
    piped("copy", *places)
    code, shown = drawn("copy", *places, "--check")

    assert 0 == code
    assert "checking accounts  60" == lines(shown)[0]


def test_following_takes_one_line(source: Path, tmp_path: Path) -> None:
    """However many passes --follow makes, they share a line, which begins again with each."""
    arguments = ("copy", "--from", str(source), "--to", str(tmp_path / "to.db"))
    code, shown = interrupted(
        *arguments,
        *("--follow", "--interval", "0.01"),
        once=lambda it: it.count("50/60") >= 3,
    )

    assert 0 == code
    assert [
        "copying accounts  60",
        "looking for changes  [#]  60/60",
        "checking accounts  [#]  60/60",
    ] == lines(shown)[:3]


def test_an_empty_store(tmp_path: Path) -> None:
    """Where nothing is there, nothing is counted."""
    path = tmp_path / "from.db"
    SessionManager(path, keys=SECRET).close()
    code, shown = drawn("copy", "--from", str(path), "--to", str(tmp_path / "to.db"))

    assert 0 == code
    assert ["copying accounts  0", "checking accounts  0"] == lines(shown)[:2]


Command = Callable[["Path", "Path"], tuple[str, ...]]

COMMANDS: dict[str, Command] = {
    "copy": lambda source, target: ("copy", "--from", str(source), "--to", str(target)),
    "purge": lambda source, _: ("purge", "--store", str(source)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_has_no_progress(name: str, source: Path, tmp_path: Path) -> None:
    """With --json a terminal shows JSON and nothing else."""
    code, shown = drawn(*COMMANDS[name](source, tmp_path / "to.db"), "--json")

    assert 0 == code
    assert "{" == shown[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_has_no_progress(name: str, source: Path, tmp_path: Path) -> None:
    """Where standard error is no terminal, it stays empty."""
    assert b"" == piped(*COMMANDS[name](source, tmp_path / "to.db")).stderr


def test_a_purge_without_a_limit_counts(source: Path) -> None:
    """Nobody knows how many rows are over: no whole is shown, not one of none either."""
    code, shown = drawn("purge", "--store", str(source))

    assert 0 == code
    assert "purging rows  0" == lines(shown)[0]


def test_a_purge_with_a_limit_has_a_whole(source: Path) -> None:
    """The limit is the whole that it may delete."""
    code, shown = drawn("purge", "--store", str(source), "--limit", "10")

    assert 0 == code
    assert "purging rows  [#]  0/10" == lines(shown)[0]


def test_an_error_leaves_the_cursor_shown(source: Path, tmp_path: Path) -> None:
    """A copy that fails gives the terminal its cursor back, and the message has a line."""
    code, shown = in_terminal(
        *("copy", "--from", str(source)),
        *("--to", "redis://127.0.0.1:1/0?timeout=0.5"),
    )

    assert 3 == code
    assert shown.count("\x1b[?25l") == 0 or shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert lines(shown)[-1].startswith("devsess: ")
