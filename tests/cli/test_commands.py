"""The output and the exit codes of the devsess command."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from devsess import Client, Location, LoginDeniedError, Policy, SessionManager
from devsess.cli import main
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PHONE = Client(
    "105.112.4.9",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def sessions(path: Path) -> Iterator[SessionManager]:
    with SessionManager(path, keys=SECRET) as sessions:
        yield sessions


def call(path: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [*arguments, "--store", str(path)], input=given)


def call_json(path: Path, *arguments: str) -> Any:
    return json.loads(call(path, *arguments, "--json").stdout)


def test_the_commands_say_how_somebody_signed_in(sessions: SessionManager, path: Path) -> None:
    """By which methods and through whom, in words; as JSON by their names."""
    session = sessions.login("ada", PHONE, amr=("passkey",), provider="google").session
    words = "with a passkey through Google"

    assert words in call(path, "list", "ada").stdout
    assert words in call(path, "history", "ada").stdout
    assert re.search(r"^through +Google$", call(path, "show", session.id).stdout, re.MULTILINE)
    [found] = call_json(path, "list", "ada")["sessions"]
    assert (["passkey"], "google") == (found["amr"], found["provider"])


def test_list_shows_devices_by_name(sessions: SessionManager, path: Path) -> None:
    """A live session is a line with its id, device, address and state."""
    session = sessions.login("ada", PHONE).session
    shown = call(path, "list", "ada")
    assert 0 == shown.exit_code
    for text in (session.id, "Safari on iPhone", "105.112.4.9", "live"):
        assert text in shown.stdout


def test_list_of_nobody(sessions: SessionManager, path: Path) -> None:
    """A user without sessions is reported, and the command exits with 1."""
    shown = call(path, "list", "nobody")
    assert (1, "no sessions\n") == (shown.exit_code, shown.stdout)
    assert {"sessions": []} == call_json(path, "list", "nobody")


def test_list_as_json(sessions: SessionManager, path: Path) -> None:
    """JSON has the published shape and the state; a shell has no session of its own."""
    shape = sessions.login("ada", PHONE).session.to_dict()
    del shape["current"]
    assert {"sessions": [{**shape, "state": "live"}]} == call_json(path, "list", "ada")


def test_ended_sessions_are_listed_on_demand(sessions: SessionManager, path: Path) -> None:
    """--all lists ended sessions, with their reasons."""
    session = sessions.login("ada", PHONE).session
    sessions.revoke(session.id, reason="lost phone")
    assert 1 == call(path, "list", "ada").exit_code
    assert "ended (lost phone)" in call(path, "list", "ada", "--all").stdout


def test_revoke_takes_effect_at_once(sessions: SessionManager, path: Path) -> None:
    """A session that the command ended is refused by a process that is running."""
    grant = sessions.login("ada", PHONE)
    sessions.validate(grant.access_token)
    assert 0 == call(path, "revoke", grant.session.id, "--reason", "lost").exit_code
    session = sessions.get(grant.session.id)
    assert session is not None
    assert "lost" == session.revoke_reason
    assert "command line" == sessions.history("ada").items[0].actor


def test_a_second_revoke_says_so(sessions: SessionManager, path: Path) -> None:
    """It says when the session had ended and why, and the first end stays."""
    session = sessions.login("ada", PHONE).session
    assert "ended\n" == call(path, "revoke", session.id, "--reason", "lost").stdout
    again = call(path, "revoke", session.id, "--reason", "found")
    assert 0 == again.exit_code
    assert re.fullmatch(
        r"it was ended already, 20\d\d-\d\d-\d\d \d\d:\d\d UTC: lost\n", again.stdout
    )
    expected = {"session": session.id, "ended": True, "already": True}
    assert expected == call_json(path, "revoke", session.id)
    assert "lost" == sessions.get(session.id).revoke_reason  # type: ignore[union-attr]


def test_a_revoke_of_what_cannot_be_read(sessions: SessionManager, path: Path) -> None:
    """A session whose device is damaged is ended all the same."""
    session = sessions.login("ada", PHONE).session
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE devices SET label = x'ff'")
        db.commit()
    assert 3 == call(path, "show", session.id).exit_code
    ended = call(path, "revoke", session.id)
    assert (0, "ended\n") == (ended.exit_code, ended.stdout)
    with closing(sqlite3.connect(path)) as db:
        [[revoked_at]] = db.execute("SELECT revoked_at FROM sessions").fetchall()
    assert revoked_at


def test_a_revoke_of_what_has_expired(path: Path) -> None:
    """The command says that it expired, and not that somebody ended it."""
    clock = FakeClock(datetime.now(UTC) - timedelta(days=60))
    with SessionManager(path, keys=SECRET, clock=clock) as sessions:
        session = sessions.login("ada", PHONE).session
    shown = call(path, "revoke", session.id)
    assert 0 == shown.exit_code
    assert shown.stdout.startswith("it had expired already, ")


@pytest.mark.parametrize("command", ["show", "revoke"])
def test_an_unknown_session(sessions: SessionManager, path: Path, command: str) -> None:
    """It exits with 1 and one sentence."""
    shown = call(path, command, "nothing")
    assert (1, "") == (shown.exit_code, shown.stdout)
    assert "devsess: there is no such session\n" == shown.stderr


def test_show(sessions: SessionManager, path: Path) -> None:
    """One session with all its fields, and its own events only."""
    sessions.login("ada", Client("192.0.2.1", "curl/8"))
    session = sessions.login(
        "ada", PHONE, amr=("pwd", "otp"), acr="aal2", claims={"plan": "gold"}
    ).session
    sessions.revoke(session.id, reason="lost phone", actor="bob")
    shown = call(path, "show", session.id)
    assert 0 == shown.exit_code
    expected: tuple[Any, ...] = (
        *(session.id, "ada", "ended (lost phone)", "Safari on iPhone", session.device.id),
        *("105.112.4.0", PHONE.user_agent, "pwd, otp", "aal2", '{"plan": "gold"}', "bob"),
    )
    assert [] == [each for each in expected if each not in shown.stdout]
    assert 1 == shown.stdout.count("UTC")
    assert "curl" not in shown.stdout


@pytest.mark.parametrize(
    ("location", "lines"),
    [
        (None, []),
        (Location("Lagos", "Nigeria"), ["place          Lagos, Nigeria"]),
        (Location(asn=29465, organisation="MTN"), ["network        AS29465 MTN"]),
        (
            Location("Lagos", asn=64500, organisation="Cloud", is_hosting=True),
            ["place          Lagos", "network        AS64500 Cloud (hosting)"],
        ),
        (Location(is_hosting=True), ["network        (hosting)"]),
    ],
)
def test_show_has_the_place_and_the_network(
    path: Path, location: Location | None, lines: list[str]
) -> None:
    """As far as they are known: a line without a value is left out."""

    class Somewhere:
        def locate(self, ip: str) -> Location | None:
            return location

    with SessionManager(path, keys=SECRET, locator=Somewhere()) as sessions:
        session = sessions.login("ada", PHONE).session
    shown = call(path, "show", session.id).stdout.splitlines()
    assert lines == [it for it in shown if it.startswith(("place", "network"))]


def test_show_as_json(sessions: SessionManager, path: Path) -> None:
    """JSON has the session, its device and its events."""
    session = sessions.login("ada", PHONE, claims={"plan": "gold"}).session
    shown = call_json(path, "show", session.id)
    assert session.id == shown["session"]["sessionId"]
    assert ("live", {"plan": "gold"}) == (shown["session"]["state"], shown["session"]["claims"])
    assert session.device.to_dict() == shown["device"]
    assert ["session_created"] == [event["type"] for event in shown["events"]]


def test_show_of_a_foreign_session(sessions: SessionManager, path: Path) -> None:
    """With --user, another user's session is as unknown."""
    session = sessions.login("ada", PHONE).session
    assert 0 == call(path, "show", session.id, "--user", "ada").exit_code
    assert 1 == call(path, "show", session.id, "--user", "eve").exit_code


@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_revoke_of_a_foreign_session(sessions: SessionManager, path: Path, user: str) -> None:
    """With --user, another user's session is as unknown, and goes on."""
    session = sessions.login("ada", PHONE).session
    assert 1 == call(path, "revoke", session.id, "--user", user).exit_code
    assert 1 == len(sessions.list("ada"))


def test_revoke_all_keeps_one(sessions: SessionManager, path: Path) -> None:
    """All of a user's sessions end but the kept one; other users' go on."""
    kept, lost = (sessions.login("ada", PHONE).session for _ in range(2))
    sessions.login("bob", PHONE)
    assert {"ended": [lost.id]} == call_json(path, "revoke-all", "ada", "--keep", kept.id)
    assert [kept.id] == [session.id for session in sessions.list("ada")]
    assert 1 == len(sessions.list("bob"))


def test_revoke_all_with_a_foreign_keep(sessions: SessionManager, path: Path) -> None:
    """A session to keep that is not the user's ends nothing."""
    sessions.login("ada", PHONE)
    assert 1 == call(path, "revoke-all", "ada", "--keep", "nothing").exit_code
    assert 1 == len(sessions.list("ada"))


@pytest.mark.parametrize(
    "arguments", [[], ["ada", "--everyone"], ["--everyone", "--keep", "x", "--yes"]]
)
def test_revoke_all_of_whom(sessions: SessionManager, path: Path, arguments: list[str]) -> None:
    """A user or everyone, never both nor neither."""
    assert 2 == call(path, "revoke-all", *arguments).exit_code


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 1), ("y\n", 0, 0)])
def test_everyone_is_asked_for(
    sessions: SessionManager, path: Path, answer: str, code: int, left: int
) -> None:
    """Ending everyone's sessions asks first."""
    sessions.login("ada", PHONE)
    assert code == call(path, "revoke-all", "--everyone", given=answer).exit_code
    assert left == len(sessions.list("ada"))


def test_history_by_pages(sessions: SessionManager, path: Path) -> None:
    """A page says how to go on, and the pages together are all there is."""
    for _ in range(3):
        sessions.login("ada", PHONE)
    first = call_json(path, "history", "ada", "--limit", "3")
    second = call_json(path, "history", "ada", "--limit", "3", "--cursor", first["next"])
    assert [3, 2] == [len(first["events"]), len(second["events"])]
    assert "--cursor" in call(path, "history", "ada", "--limit", "2").stdout
    assert 2 == call(path, "history", "ada", "--cursor", "mangled").exit_code


def test_history_in_sentences(sessions: SessionManager, path: Path) -> None:
    """As a person reads it, with the ids to be copied; `--all` has what is no sign-in too."""
    session = sessions.login("ada", PHONE).session
    sessions.rename_device("ada", session.device.id, "my phone")
    sessions.record_failure("ada", PHONE)
    sessions.record_failure("ada", PHONE)
    heading, *shown = call(path, "history", "ada").stdout.splitlines()
    said = 'Signed in with a password on "my phone". New device.'

    assert "when (UTC)        what" == heading
    # Failures are kept by the second, so either may be above.
    signed_in, failed = sorted((it.partition("  ")[2] for it in shown), reverse=True)
    assert signed_in.startswith(f"{said} (session {session.id}")
    assert "2 sign-ins failed within an hour, from 105.112.4.0." == failed
    assert "renamed" in call(path, "history", "ada", "--all").stdout
    assert "no events\n" == call(path, "history", "nobody").stdout


def test_devices(sessions: SessionManager, path: Path) -> None:
    """A device is shown by the name its user gave it."""
    device = sessions.login("ada", PHONE).session.device
    sessions.rename_device("ada", device.id, "my phone")
    assert "my phone" in call(path, "devices", "ada").stdout
    assert [device.id] == [it["id"] for it in call_json(path, "devices", "ada")["devices"]]
    assert 1 == call(path, "devices", "nobody").exit_code


def test_the_devices_of_a_user(sessions: SessionManager, path: Path) -> None:
    """`devices USER` is `devices list USER`, whatever stands first; a user may be named so."""
    sessions.login("list", PHONE)
    assert "Safari on iPhone" in call(path, "devices", "list", "list").stdout
    sessions.login("ada", PHONE)
    whole = CliRunner().invoke(main, ["devices", "--store", str(path), "--json", "ada"])
    assert ["Safari on iPhone"] == [it["label"] for it in json.loads(whole.stdout)["devices"]]


def test_block_and_unblock_a_device(sessions: SessionManager, path: Path) -> None:
    """Blocking ends its sessions and refuses it, until it is unblocked; the history says who."""
    grant = sessions.login("ada", PHONE)
    client = evolve(PHONE, device_token=grant.device_token)
    shown = call(path, "devices", "block", "ada", grant.session.device.id, "--actor", "bob")
    assert "blocked Safari on iPhone; its sessions have ended\n" == shown.stdout
    assert [] == sessions.list("ada")
    assert "bob" == sessions.history("ada").items[0].actor
    assert "blocked" in call(path, "devices", "ada").stdout
    with pytest.raises(LoginDeniedError):
        sessions.login("ada", client)
    assert 0 == call(path, "devices", "unblock", "ada", grant.session.device.id).exit_code
    assert "ada" == sessions.login("ada", client).session.user_id


def test_forget_a_device(sessions: SessionManager, path: Path) -> None:
    """It is no longer listed, and its sessions have ended."""
    device = sessions.login("ada", PHONE).session.device
    assert 0 == call(path, "devices", "forget", "ada", device.id).exit_code
    assert ([], []) == (sessions.devices("ada"), sessions.list("ada"))


def test_rename_a_device(sessions: SessionManager, path: Path) -> None:
    """It is called by the name, and without one by its label again."""
    device = sessions.login("ada", PHONE).session.device
    named = call(path, "devices", "rename", "ada", device.id, "{my} phone")
    assert "it is called {my} phone now\n" == named.stdout
    assert "{my} phone" == sessions.devices("ada")[0].name
    assert "Safari on iPhone" in call(path, "devices", "rename", "ada", device.id).stdout
    assert None is sessions.devices("ada")[0].name
    assert 2 == call(path, "devices", "rename", "ada", device.id, "x" * 65).exit_code


@pytest.mark.parametrize(
    ("arguments", "trusted"),
    [
        (["--days", "30"], timedelta(days=30)),
        (["--until", "2099-01-31"], datetime(2099, 1, 31, tzinfo=UTC)),
        (["--until", "2099-01-31T12:30"], datetime(2099, 1, 31, 12, 30, tzinfo=UTC)),
        (["--end"], None),
    ],
)
def test_trust_a_device(
    sessions: SessionManager, path: Path, arguments: list[str], trusted: Any
) -> None:
    """For days from now, until an instant in UTC, or no longer."""
    device = sessions.login("ada", PHONE).session.device
    sessions.trust_device("ada", device.id, datetime.now(UTC) + timedelta(days=1))
    shown = call(path, "devices", "trust", "ada", device.id, *arguments)
    until = sessions.devices("ada")[0].trusted_until
    if isinstance(trusted, timedelta):
        assert until is not None
        assert abs(until - datetime.now(UTC) - trusted) < timedelta(minutes=5)
    else:
        assert trusted == until
    assert ("is trusted until" if until is not None else "is no longer trusted") in shown.stdout


def test_trust_that_came_too_late(
    sessions: SessionManager, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all sessions were ended meanwhile, it says that the device is not trusted."""
    device = sessions.login("ada", PHONE).session.device
    put_device = SQLiteStore.put_device

    def too_late(*args: Any, **kwargs: Any) -> Any:
        sessions.revoke_all("ada", compromised=True)
        return put_device(*args, **kwargs)

    monkeypatch.setattr(SQLiteStore, "put_device", too_late)
    shown = call(path, "devices", "trust", "ada", device.id, "--days", "30")
    assert (1, "") == (shown.exit_code, shown.stdout)
    assert "the device is not trusted" in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["--days", "1", "--end"], ["--until", "2020-01-01"], ["--until", "soon"], ["--days", "0"]],
)
def test_trust_for_how_long(sessions: SessionManager, path: Path, arguments: list[str]) -> None:
    """One of the three, and ahead of now."""
    device = sessions.login("ada", PHONE).session.device
    assert 2 == call(path, "devices", "trust", "ada", device.id, *arguments).exit_code
    assert None is sessions.devices("ada")[0].trusted_until


@pytest.mark.parametrize(
    "more", [["block"], ["unblock"], ["forget"], ["rename"], ["trust", "--end"]]
)
@pytest.mark.parametrize("user", ["ada", "eve"])
def test_an_unknown_device(
    sessions: SessionManager, path: Path, more: list[str], user: str
) -> None:
    """A device that is unknown or another user's changes nothing, and exits with 1."""
    device = sessions.login("ada", PHONE).session.device
    named = device.id if user == "eve" else "nothing"
    shown = call(path, "devices", more[0], user, named, *more[1:])
    assert (1, "") == (shown.exit_code, shown.stdout)
    assert "there is no such device of this user" in shown.stderr
    assert [device] == sessions.devices("ada")


def test_export(sessions: SessionManager, path: Path) -> None:
    """All that is kept about a person; exits with 1 where that is nothing."""
    sessions.login("ada", PHONE)
    shown = call(path, "export", "ada")
    assert (0, sessions.export_user("ada")) == (shown.exit_code, json.loads(shown.stdout))
    assert 1 == call(path, "export", "nobody").exit_code


@pytest.mark.parametrize(
    ("more", "answer", "code", "left"),
    [([], "n\n", 1, 1), ([], "y\n", 0, 0), (["--yes"], None, 0, 0)],
)
def test_erase(
    sessions: SessionManager,
    path: Path,
    more: list[str],
    answer: str | None,
    code: int,
    left: int,
) -> None:
    """It asks first; then nothing is left of the person, and others' sessions go on."""
    sessions.login("ada", PHONE)
    sessions.login("bob", PHONE)
    assert code == call(path, "erase", "ada", *more, given=answer).exit_code
    assert (left, 1) == (len(sessions.list("ada")), len(sessions.list("bob")))
    assert left == len(sessions.history("ada").items)


def test_erase_of_nobody(sessions: SessionManager, path: Path) -> None:
    """There is nothing to delete."""
    assert 1 == call(path, "erase", "nobody", "--yes").exit_code


@pytest.mark.parametrize(
    ("limit", "deleted", "pauses"), [([], 1_201, 3), (["--limit", "501"], 501, 2)]
)
def test_purge_lets_others_write(
    sessions: SessionManager,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: list[str],
    deleted: int,
    pauses: int,
) -> None:
    """After each batch it pauses, so that sign-ins need not wait for all of it."""
    with closing(sqlite3.connect(path)) as db:
        old = [("session_created", 0.0, "ada")] * 1_201
        db.executemany("INSERT INTO events (type, at, user_id) VALUES (?, ?, ?)", old)
        db.commit()
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    assert {"deleted": deleted} == call_json(path, "purge", *limit)
    assert pauses == len([nap for nap in naps if nap >= 0.01])


def test_a_quiet_purge(sessions: SessionManager, path: Path) -> None:
    """It prints nothing on success, and the error on a failure."""
    done = call(path, "purge", "--quiet")
    assert (0, "", "") == (done.exit_code, done.stdout, done.stderr)
    assert 2 == call(path, "purge", "--quiet", "--json").exit_code
    failed = call(path.with_name("nothing.db"), "purge", "--quiet")
    assert (3, "") == (failed.exit_code, failed.stdout)
    assert failed.stderr


def test_the_written_deadlines_count(path: Path) -> None:
    """A session that its application lets idle for long is live here too."""
    clock = FakeClock(datetime.now(UTC) - timedelta(days=60))
    patient = Policy(idle_timeout=timedelta(days=90), absolute_lifetime=timedelta(days=365))
    with SessionManager(path, keys=SECRET, policy=patient, clock=clock) as sessions:
        grant = sessions.login("ada", PHONE)
    assert "live" == call_json(path, "list", "ada")["sessions"][0]["state"]
    assert 0 == call_json(path, "purge")["deleted"]
    assert {"ended": [grant.session.id]} == call_json(path, "revoke-all", "ada")


@pytest.mark.parametrize(("days", "left"), [("59", 2), ("61", 4)])
def test_purge_keeps_for_the_retention(path: Path, days: str, left: int) -> None:
    """Sessions that ended before the given number of days are deleted with their events."""
    clock = FakeClock(datetime.now(UTC) - timedelta(days=60))
    with SessionManager(path, keys=SECRET, clock=clock) as sessions:
        sessions.revoke(sessions.login("ada", PHONE).session.id)
        clock.advance(timedelta(days=59.5))
        sessions.login("ada", PHONE)
    assert 0 == call(path, "purge", "--retention", days).exit_code
    assert left == len(call_json(path, "history", "ada")["events"])


@pytest.mark.parametrize(("days", "left"), [("59", 0), ("61", 1)])
def test_purge_keeps_devices_for_their_own_retention(path: Path, days: str, left: int) -> None:
    """A device is kept for a number of days of its own, apart from its sessions."""
    clock = FakeClock(datetime.now(UTC) - timedelta(days=60))
    with SessionManager(path, keys=SECRET, clock=clock) as sessions:
        sessions.revoke(sessions.login("ada", PHONE).session.id)
    options = ("--retention", "1", "--device-retention", days)
    assert 0 == call(path, "purge", *options).exit_code
    with SessionManager(path, keys=SECRET) as sessions:
        assert left == len(sessions.devices("ada"))


def test_purge_does_what_the_managers_does(path: Path) -> None:
    """Agents go once no session can show them, and sessions dated by a clock ahead are set back."""
    clock = FakeClock(datetime.now(UTC) - timedelta(days=3 * 365))
    with SessionManager(path, keys=SECRET, clock=clock) as sessions:
        sessions.login("old", PHONE)
        clock.advance(timedelta(days=13 * 365))
        ahead = sessions.login("ahead").session.id
    assert 0 == call(path, "purge").exit_code
    with closing(sqlite3.connect(path)) as db:
        assert (0,) == db.execute("SELECT count(*) FROM agents").fetchone()
    with SessionManager(path, keys=SECRET) as sessions:
        session = sessions.get(ahead)
    assert session is not None
    assert session.created_at <= datetime.now(UTC)
    assert session.expires_at <= datetime.now(UTC) + timedelta(days=14)


@pytest.mark.parametrize("limit", [[], ["--limit", "3"]])
def test_purge_and_migrate(sessions: SessionManager, path: Path, limit: list[str]) -> None:
    """Nothing is old in a new store, and its schema is up to date."""
    assert {"deleted": 0} == call_json(path, "purge", *limit)
    assert "0 rows deleted\n" == call(path, "purge", *limit).stdout
    assert {"steps": []} == call_json(path, "migrate")
    assert "the schema is up to date\n" == call(path, "migrate").stdout


@pytest.mark.parametrize(
    "command", [["list", "ada"], ["revoke", "x"], ["history", "ada"], ["purge"], ["migrate"]]
)
def test_a_store_that_is_not_there(path: Path, command: list[str]) -> None:
    """A mistyped path is an error, and no file is made of it."""
    shown = call(path, *command)
    assert 3 == shown.exit_code
    assert str(path) in shown.stderr
    assert not path.exists()


def test_a_file_that_is_no_database(path: Path) -> None:
    """A file of another kind is reported as unavailable, without a traceback."""
    path.write_text("this is no database, and long enough to be looked at as one" * 20)
    shown = call(path, "list", "ada")
    assert 3 == shown.exit_code
    assert shown.stderr.startswith("devsess: ")


def test_a_store_of_no_known_kind() -> None:
    """A URL that means no store is wrong usage."""
    shown = CliRunner().invoke(main, ["list", "ada", "--store", "nonsense://x"])
    assert 2 == shown.exit_code
    assert "nonsense://" in shown.stderr


def test_nothing_moves_the_cursor(sessions: SessionManager, path: Path) -> None:
    """Text of clients and users reaches the terminal without control characters."""
    session = sessions.login("ada", PHONE).session
    sessions.revoke(session.id, reason="lost \x1b[2J\r phone")
    assert "\x1b" not in call(path, "list", "ada", "--all").stdout


@pytest.mark.parametrize("alg", ["HS256", "EdDSA", "ES256"])
def test_a_new_key_works(alg: str, tmp_path: Path) -> None:
    """The key that is printed is one that a manager takes; the set shows its public half."""
    shown = CliRunner().invoke(main, ["keys", "new", "--alg", alg])
    key = json.loads(CliRunner().invoke(main, ["keys", "new", "--alg", alg, "--json"]).stdout)
    assert alg == key["alg"]
    listed = json.loads(CliRunner().invoke(main, ["keys", "jwks"], input=shown.stdout).stdout)
    expected = [] if alg == "HS256" else [alg]
    assert expected == [key["alg"] for key in listed["keys"]]
    assert not any("d" in key for key in listed["keys"])


def test_a_weak_key_is_wrong_usage() -> None:
    """A key that cannot be read is reported without being shown."""
    shown = CliRunner().invoke(main, ["keys", "jwks"], input="hunter2")
    assert 2 == shown.exit_code
    assert "hunter2" not in shown.stderr


def test_the_demo_holds() -> None:
    """Every step of the demo does what it says, in a process of its own."""
    code = "from devsess.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "demo"], capture_output=True, text=True
    )
    assert (0, "") == (shown.returncode, shown.stderr)
    for text in ("Safari on iPhone", "the phone's token is refused", "jwt.decode"):
        assert text in shown.stdout
    assert "\x1b" not in shown.stdout


def test_the_demo_as_json() -> None:
    """The JSON says of each step, and of all together, whether it held."""
    shown = json.loads(CliRunner().invoke(main, ["demo", "--json"]).stdout)
    assert shown["held"]
    assert all(step["held"] for step in shown["steps"])
