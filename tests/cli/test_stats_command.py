"""`devsess stats`: what it prints, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from devsess import Client, Location, SessionManager
from devsess.cli import _output as output
from devsess.cli import main

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PHONE = Client(
    "105.112.4.9",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
)


class Lagos:
    """Everything is in Lagos, whose name is a trap for terminals."""

    def locate(self, ip: str) -> Location:
        del ip
        return Location("Lagos\x1b[31m", "Nigeria", 6.45, 3.39, country_code="NG")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionManager(path, keys=SECRET, locator=Lagos()) as sessions:
        sessions.login("ada", PHONE)
        sessions.revoke(sessions.login("ada").session.id, reason="logout")
    return path


def call(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["stats", "--store", str(path), *arguments])


def test_people_see_tables(path: Path) -> None:
    """The live sessions, the days, devices, places, reasons and lifespans."""
    shown = call(path)

    assert 0 == shown.exit_code
    for said in (
        "1.00 open sessions per user",
        "11 and more",
        "live sessions: 1",
        "Safari on iOS",
        "Nigeria",
        "logout",
        "phone",
        "signed in",
    ):
        assert said in shown.stdout
    today = datetime.now(UTC).date()
    [line] = [it for it in shown.stdout.splitlines() if it.startswith(today.isoformat())]
    assert [str(today), "1", "2", "1", "0", "0", "1", "0"] == line.split()
    assert "\x1b" not in shown.stdout


@pytest.mark.parametrize(
    ("browser", "system", "named"),
    [
        ("Safari", "iOS", "Safari on iOS"),
        ("curl", "unknown", "curl"),
        ("unknown", "Windows", "Windows"),
        ("unknown", "unknown", "unknown"),
        ("", "", ""),
    ],
)
def test_a_device_is_named_by_what_is_known_of_it(browser: str, system: str, named: str) -> None:
    """An unknown part says nothing; the empty ones stand for many devices together."""
    assert named == output.program(browser, system)


def test_a_program_is_on_no_unknown_system(path: Path) -> None:
    """Neither in the statistics nor among the facts of its session."""
    with SessionManager(path, keys=SECRET) as sessions:
        shown = sessions.login("ada", Client("105.112.4.9", "curl/8.5.0")).session
    facts = CliRunner().invoke(main, ["show", "--store", str(path), shown.id]).stdout

    assert "app, curl\n" in facts
    assert "curl on" not in call(path).stdout


def test_programs_read_json(path: Path) -> None:
    """All of it, in the names of `to_dict`."""
    found = json.loads(call(path, "--json", "--tz", "Asia/Kathmandu").stdout)

    assert (1, 2, 30) == (found["active"], found["total"]["signedIn"], len(found["days"]))
    assert "Asia/Kathmandu" == found["timeZone"]


def test_programs_read_csv(path: Path) -> None:
    """The days, of the range that was asked for."""
    shown = call(path, "--csv", "--since", "2026-01-01", "--until", "2026-01-03").stdout
    rows = [*csv.DictReader(io.StringIO(shown))]

    assert ["2026-01-01", "2026-01-02", "2026-01-03"] == [it["date"] for it in rows]
    assert {"0"} == {it["signed_in"] for it in rows}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tz", "Mars/Olympus"),
        ("--since", "yesterday"),
        ("--since", "2026-01-02", "--until", "2026-01-01"),
        ("--csv", "--json"),
    ],
)
def test_what_is_no_range_is_refused(path: Path, arguments: tuple[str, ...]) -> None:
    """Before anything is printed, with the exit code of a wrong call."""
    shown = call(path, *arguments)

    assert (2, "") == (shown.exit_code, shown.stdout)
