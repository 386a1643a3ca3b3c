"""`devsess search`, and `revoke` of what it finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from devsess import Client, SessionManager
from devsess.cli import _search as module
from devsess.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HERE, THERE = "102.89.77.0/24", "88.90.1.0/24"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def sessions(path: Path) -> Iterator[SessionManager]:
    """Seven sign-ins here, one there."""
    with SessionManager(path, keys=SECRET) as sessions:
        for number in range(7):
            sessions.login(f"user-{number}", Client(ip=f"102.89.77.{number}"))
        sessions.login("user-0", Client(ip="88.90.1.9"))
        yield sessions


def call(path: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [*arguments, "--store", str(path)], input=given)


def call_json(path: Path, *arguments: str) -> Any:
    return json.loads(call(path, *arguments, "--json").stdout)


def test_search_shows_whose_they_are(sessions: SessionManager, path: Path) -> None:
    """Each line names the session and its user."""
    shown = call(path, "search", "--ip", "102.89.77.3", "--state", "live")
    [session] = sessions.search(ip="102.89.77.3")

    assert 0 == shown.exit_code
    for text in (session.id, "user-3", "102.89.77.3", "live"):
        assert text in shown.stdout


OPTIONS: list[tuple[tuple[str, ...], int]] = [
    ((), 8),
    (("--user", "user-0"), 2),
    (("--ip", HERE), 7),
    (("--user", "user-0", "--ip", THERE), 1),
    (("--since", "2020-01-01"), 8),
    (("--until", "2020-01-01T10:00"), 0),
    (("--device", "unknown"), 0),
    (("--state", "ended"), 0),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_search_by_each_option(
    sessions: SessionManager, path: Path, options: tuple[str, ...], expected: int
) -> None:
    """By all that are given, as `search` of a manager."""
    found = call_json(path, "search", *options)

    assert (expected, None) == (len(found["sessions"]), found["next"])
    assert (0 if expected else 1) == call(path, "search", *options).exit_code
    assert sessions.count() == 8


def test_search_by_pages(sessions: SessionManager, path: Path) -> None:
    """A page says how to go on."""
    shown = call(path, "search", "--limit", "5")
    [*_, line] = shown.stdout.strip().splitlines()
    rest = call_json(path, "search", "--limit", "5", *line.split()[1:])

    assert line.startswith("more: --cursor ")
    assert (3, None) == (len(rest["sessions"]), rest["next"])
    assert sessions.count() == 8


MISTAKES = [
    ("search", "--ip", "lagos"),
    ("search", "--ip", "102.89.0.0/16"),
    ("search", "--cursor", "x"),
    ("search", "--limit", "0"),
    ("search", "--since", "tuesday"),
    ("revoke",),
    ("revoke", "--yes"),
    ("revoke", "--yes", "--ip", "lagos"),
    ("revoke", "x", "--ip", HERE),
    ("revoke", "x", "--since", "2020-01-01"),
]


@pytest.mark.parametrize("arguments", MISTAKES)
def test_mistakes_end_nothing(
    sessions: SessionManager, path: Path, arguments: tuple[str, ...]
) -> None:
    """They are wrong usage, and named."""
    done = call(path, *arguments, given="8\n")

    assert 2 == done.exit_code, done.output
    assert 8 == sessions.count(state="live")


def test_those_found_end_once_their_number_is_typed(sessions: SessionManager, path: Path) -> None:
    """After a look at some of them; each with the reason and the actor."""
    done = call(path, "revoke", "--ip", HERE, "--reason", "stuffing", "--actor", "ada", given="7\n")
    assert (0, "7 ended\n") == (done.exit_code, done.stdout)
    assert "Type 7 to end these 7 sessions" in done.stderr
    assert module.SHOWN == sum("user-" in line for line in done.stderr.splitlines())
    assert [THERE.partition("/")[0]] == [
        f"{(it.ip or '').rpartition('.')[0]}.0" for it in sessions.search(state="live")
    ]
    assert {("stuffing", "ada")} == {(it.reason, it.actor) for it in sessions.acts(limit=99)}


@pytest.mark.parametrize("typed", ["6\n", "y\n", "yes\n", "70\n", "\n7\n8\n", ""])
def test_another_number_ends_nothing(sessions: SessionManager, path: Path, typed: str) -> None:
    """Nor does a yes: whoever types it has not read how many."""
    done = call(path, "revoke", "--ip", HERE, given=typed)
    expected = 1 if typed != "\n7\n8\n" else 0  # an empty line is asked again

    assert expected == done.exit_code
    assert (8 if expected else 1) == sessions.count(state="live")


def test_a_script_says_yes(
    sessions: SessionManager, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And reads how many it were, however many batches that took; then there are none."""
    monkeypatch.setattr(module, "BATCH", 2)
    assert {"count": 7} == call_json(path, "revoke", "--ip", HERE, "--yes")
    again = call(path, "revoke", "--ip", HERE, "--yes")
    assert (1, "0 ended\n") == (again.exit_code, again.stdout)
    assert 1 == sessions.count(state="live")


def test_more_than_are_counted(
    sessions: SessionManager, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their number is typed as it is shown."""
    monkeypatch.setattr(module, "MOST", 6)
    assert 1 == call(path, "revoke", "--ip", HERE, given="7\n").exit_code
    done = call(path, "revoke", "--ip", HERE, given="6+\n")

    assert (0, "7 ended\n") == (done.exit_code, done.stdout)
    assert 1 == sessions.count(state="live")


def test_none_found_is_no_question(sessions: SessionManager, path: Path) -> None:
    """The answer is that none ended."""
    done = call(path, "revoke", "--user", "nobody")

    assert (1, "0 ended\n") == (done.exit_code, done.stdout)
    assert 8 == sessions.count(state="live")
