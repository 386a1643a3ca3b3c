"""The laws of every command: its store, its errors, its output."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import click
import pytest
from attrs import frozen
from click.testing import CliRunner, Result

from devsess import Client, SessionManager
from devsess.cli import main
from devsess.stores.sqlite import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
TUNE = ("--max-staleness", "1", "--p99", "1e9", "--sessions", "9", "--requests", "200")
# Arguments for each command; SESSION, DEVICE and TOKEN are ada's.
SAMPLES: dict[str, tuple[str, ...]] = {
    "list": ("ada",),
    "show": ("SESSION",),
    "revoke": ("SESSION",),
    "revoke-all": ("ada",),
    "search": (),
    "history": ("ada",),
    "devices list": ("ada",),
    "devices block": ("ada", "DEVICE"),
    "devices unblock": ("ada", "DEVICE"),
    "devices forget": ("ada", "DEVICE"),
    "devices rename": ("ada", "DEVICE", "my phone"),
    "devices trust": ("ada", "DEVICE", "--days", "30"),
    "export": ("ada",),
    "erase": ("ada", "--yes"),
    "stats": (),
    "purge": (),
    "migrate": (),
    "copy": (),
    "explain": ("TOKEN", "--key", SECRET),
    "simulate": (),
    "serve": (),
    "bench": ("--seconds", "0.1"),
    "tune": TUNE,
    "demo": (),
    "keys new": (),
    "keys jwks": ("-",),
}
WITHOUT_STORE = ("demo", "keys new", "keys jwks")
OF_A_STORE = sorted(set(SAMPLES) - set(WITHOUT_STORE))
# They go on until they are ended; other tests do that.
ENDLESS = ("serve",)
CAREFUL = sorted(set(OF_A_STORE) - {"migrate"})


def commands(group: click.Group, *names: str) -> Iterator[str]:
    """The commands below *group*, by their whole names."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield " ".join([*names, name])


COMMANDS = sorted(commands(main))


@frozen
class Place:
    """A store, and what is in it."""

    path: Path
    session: str
    device: str
    token: str = "t"

    def call(self, command: str, *more: str) -> Result:
        """The command with its sample arguments."""
        meant = {"SESSION": self.session, "DEVICE": self.device, "TOKEN": self.token}
        arguments = [*command.split(), *(meant.get(it, it) for it in SAMPLES[command])]
        store = [] if command in WITHOUT_STORE else ["--store", str(self.path)]
        if command == "copy":
            store = ["--from", str(self.path), "--to", str(self.path.with_name("to.db"))]
        return CliRunner().invoke(main, [*arguments, *store, *more], input=SECRET)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    path = tmp_path / "sessions.db"
    with SessionManager(path, keys=SECRET) as sessions:
        grant = sessions.login("ada", Client("192.0.2.1", "curl/8"))
    return Place(path, grant.session.id, grant.session.device.id, grant.access_token)


def everything(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


def test_the_samples_are_whole() -> None:
    """Each command is tried below."""
    assert COMMANDS == sorted(SAMPLES)


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - set(ENDLESS)))
def test_every_command_gives_json(place: Place, command: str) -> None:
    """With --json there is one JSON object on standard output, and nothing else."""
    done = place.call(command, "--json")
    assert (0, "") == (done.exit_code, done.stderr)
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(command: str) -> None:
    """Its help says what it does, and names --json; no line of it is cut short."""
    shown = CliRunner().invoke(main, [*command.split(), "--help"])
    above = CliRunner().invoke(main, [*command.split()[:-1], "--help"])
    assert 0 == shown.exit_code
    assert "--json" in shown.stdout
    assert "..." not in above.stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("command", CAREFUL)
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE notes (text)", "belongs to another program (it has a table named notes)"),
        ("CREATE TABLE sessions (sid, sess)", "(it has a table named sessions)"),
        ("PRAGMA user_version = 0", "it is empty"),
    ],
)
def test_foreign_files_are_left_alone(
    tmp_path: Path, command: str, statement: str, said: str
) -> None:
    """A file without tables of ours is refused in one sentence, and stays as it was."""
    path = tmp_path / "app.db"
    path.touch()
    run(path, statement)
    before = everything(tmp_path)
    done = Place(path, "s", "d").call(command)
    assert (3, "") == (done.exit_code, done.stdout)
    assert said in done.stderr
    assert "devsess migrate" in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert before == everything(tmp_path)


@pytest.mark.parametrize("command", CAREFUL)
def test_an_older_store_is_left_alone(place: Place, command: str) -> None:
    """A store of an older version is brought up to date by `migrate` alone."""
    last = [*schema.STEPS][-1]
    run(place.path, f"DELETE FROM _sqlite_migrations WHERE name = '{last}'")
    done = place.call(command)
    assert 3 == done.exit_code
    assert f"lacks {last}" in done.stderr


@pytest.mark.parametrize("command", OF_A_STORE)
@pytest.mark.parametrize("kind", ["nothing", "a folder", "no database"])
def test_no_store_is_no_traceback(tmp_path: Path, command: str, kind: str) -> None:
    """Where there is no store, one sentence says so, with the path, and exit code 3."""
    path = tmp_path / ("x" * 200)
    if kind == "a folder":
        path.mkdir()
    if kind == "no database":
        path.write_bytes(b"something else altogether" * 100)
    done = Place(path, "s", "d").call(command)
    assert (3, "") == (done.exit_code, done.stdout)
    assert str(path) in done.stderr
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("store", "code", "said"),
    [
        ("", 2, "--store is empty"),
        ("sqlite:///", 2, "sqlite:///file.db"),
        ("nonsense://x", 2, "memory://"),
        ("y" * 300, 3, "File name too long"),
    ],
)
@pytest.mark.parametrize("command", ["list", "migrate", "bench", "tune"])
def test_a_location_that_names_no_store(command: str, store: str, code: int, said: str) -> None:
    """A location that names no store is reported in one sentence."""
    arguments = [*command.split(), *SAMPLES[command], "--store", store]
    done = CliRunner().invoke(main, arguments)
    assert (code, "") == (done.exit_code, done.stdout)
    assert said in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_migrate_makes_the_tables(tmp_path: Path) -> None:
    """migrate says which steps it took, beside the tables of another program too; then none."""
    path = tmp_path / "app.db"
    run(path, "CREATE TABLE notes (text)")
    place = Place(path, "s", "d")
    assert {"steps": [*schema.STEPS]} == json.loads(place.call("migrate", "--json").stdout)
    assert "the schema is up to date\n" == place.call("migrate").stdout
    assert 1 == place.call("list").exit_code
    with closing(sqlite3.connect(path)) as db:
        assert [] == db.execute("SELECT * FROM notes").fetchall()


def test_migrate_and_a_name_that_is_taken(tmp_path: Path) -> None:
    """A foreign table with a name of ours is called that."""
    path = tmp_path / "app.db"
    run(path, "CREATE TABLE sessions (sid, sess)")
    done = Place(path, "s", "d").call("migrate")
    assert 3 == done.exit_code
    assert "another program has a table or index named sessions" in done.stderr
