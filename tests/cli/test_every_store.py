"""migrate and bench over stores whose calls are awaited, and locations that hold a password."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from servers.valkey import valkey_url, with_prefix

from devsess import SessionManager
from devsess.cli import main
from devsess.stores.sqlite import schema

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["valkey_url"]
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env=env)


def test_bench_measures_a_store_that_is_awaited(valkey_url: str) -> None:
    """A store on a network is measured as one in a file is, and nothing stays in it."""
    url = with_prefix(valkey_url)
    shown = call("bench", "--store", url, "--seconds", "0.1", "--json")

    assert (0, "") == (shown.exit_code, shown.stderr)
    assert {"login", "refresh", "revoke"} == {*json.loads(shown.stdout)["writes_ms"]}


def test_migrate_opens_a_store_that_is_awaited(valkey_url: str) -> None:
    """migrate asks the store on a network for its steps, with and without --plan."""
    for option in ((), ("--plan",)):
        shown = call("migrate", *option, "--store", with_prefix(valkey_url), "--json")
        assert {"steps": []} == json.loads(shown.stdout)


def test_a_plan_writes_nothing(tmp_path: Path) -> None:
    """--plan prints the steps that migrate would take, as often as it is asked."""
    path = tmp_path / "new.db"
    path.touch()
    for _ in range(2):
        shown = call("migrate", "--plan", "--store", str(path), "--json")
        assert {"steps": [*schema.STEPS]} == json.loads(shown.stdout)
        assert b"" == path.read_bytes()
    assert {"steps": [*schema.STEPS]} == json.loads(
        call("migrate", "--store", str(path), "--json").stdout
    )
    assert "the schema is up to date\n" == call("migrate", "--plan", "--store", str(path)).stdout


@pytest.mark.parametrize("variable", [None, "elsewhere.db"])
def test_a_location_is_read_from_a_file(tmp_path: Path, variable: str | None) -> None:
    """--store-file names the file with the location, and takes the place of the variable."""
    path, written = tmp_path / "s.db", tmp_path / "location"
    with SessionManager(path, keys=SECRET) as sessions:
        session = sessions.login("ada").session
    written.write_text(f"sqlite:///{path}\n", encoding="utf-8")
    shown = call("list", "ada", "--store-file", str(written), env={"DEVSESS_STORE": variable or ""})

    assert 0 == shown.exit_code
    assert session.id in shown.stdout


def test_a_location_is_given_once(tmp_path: Path) -> None:
    """--store and --store-file together are refused."""
    written = tmp_path / "location"
    written.write_text("a.db", encoding="utf-8")
    shown = call("list", "ada", "--store", "b.db", "--store-file", str(written))

    assert 2 == shown.exit_code
    assert "give --store or --store-file, not both" in shown.stderr


@pytest.mark.parametrize("command", [("migrate",), ("bench", "--seconds", "0.1")])
def test_no_message_holds_the_password(command: tuple[str, ...]) -> None:
    """The password of a URL is in no message, whether the scheme is known or not."""
    for scheme in ("redis", "postgresql", "unheard-of"):
        shown = call(*command, "--store", f"{scheme}://user:hunter2@127.0.0.1:1/0?timeout=0.5")

        assert 0 != shown.exit_code
        assert "hunter2" not in shown.output
