"""A damaged file is unavailable, and the message says how to mend it, for every kind of damage."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing, suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    Client,
    DevsessError,
    Event,
    Location,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess.stores.base import Ending, Everyone, OfUser
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite.damage import DamagedError, Shape
from devsess.testing import FakeClock
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
CLIENT = Client(ip="198.51.100.7", user_agent="curl/8.9", fingerprint="print")
AGAIN = "ada"
TABLES = ("sessions", "devices", "events", "agents", "accounts", "meta", "changes", "endings")
# As SQL: values that a flipped bit or a careless hand may leave in any column.
ODD = (
    "NULL",
    "'odd'",
    "CAST(x'ff41' AS TEXT)",
    "x'ff00'",
    "9223372036854775807",
    "-1e300",
    "'{\"a\"'",
)


class Here:
    def locate(self, ip: str) -> Location:
        return Location("Lagos", "Nigeria", 6.45, 3.39)


def opened(path: Path) -> SessionManager:
    return SessionManager(SQLiteStore(path, timeout=0.2), keys=SECRET, locator=Here())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A file with something in every column, and the grant of a session in it."""
    path = tmp_path_factory.mktemp("whole") / "s.db"
    with opened(path) as sessions:
        sessions.login(AGAIN, CLIENT)
        grant = sessions.login(AGAIN, CLIENT, acr="aal2", claims={"a": 1})
        grant = sessions.refresh(grant.refresh_token, CLIENT)
        grant = sessions.step_up(grant.access_token, CLIENT, amr=("otp",), acr="aal1")
        sessions.revoke_all(AGAIN, keep=grant.session.id)
    return path, grant


@pytest.fixture
def damaged(whole: tuple[Path, Any], tmp_path: Path) -> tuple[Path, Any]:
    path, grant = whole
    return Path(shutil.copy(path, tmp_path / "s.db")), grant


def everything(grant: Any) -> dict[str, Callable[[SessionManager], object]]:
    """Each operation that reads."""
    session = grant.session.id
    return {
        "validate": lambda it: it.validate(grant.access_token, CLIENT),
        "validate fresh": lambda it: it.validate(grant.access_token, CLIENT, fresh=True),
        "list": lambda it: it.list(AGAIN, include_ended=True),
        "live": lambda it: it.live(AGAIN).items,
        "get": lambda it: it.get(session),
        "history": lambda it: [event.to_dict() for event in it.history(AGAIN).items],
        "poll": lambda it: [event.to_dict() for event in it.poll()],
        "devices": lambda it: it.devices(AGAIN),
        "export": lambda it: it.export_user(AGAIN),
        "extend": lambda it: it.extend(session, 60),
        "update": lambda it: it.update(session, claims={"b": 2}),
        "refresh": lambda it: it.refresh(grant.refresh_token, CLIENT),
        "sign in": lambda it: it.login(AGAIN, CLIENT),
        "purge": lambda it: it.purge(),
        "end": lambda it: it.revoke(session),
        "end all": lambda it: it.revoke_all(AGAIN),
        "erase": lambda it: it.erase_user(AGAIN),
    }


def columns(path: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [column for (_, column, *_) in db.execute(f"PRAGMA table_info({table})").fetchall()]


def put(path: Path, table: str, column: str, value: str) -> bool:
    """Whether SQLite takes it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA ignore_check_constraints = 1")
        try:
            db.execute(f"UPDATE {table} SET {column} = {value}")
        except sqlite3.IntegrityError:
            return False
        db.commit()
    return True


@pytest.mark.parametrize("table", TABLES)
def test_odd_values(damaged: tuple[Path, Any], tmp_path: Path, table: str, thorough: bool) -> None:
    """A damaged value in any column gives an answer or a devsess error."""
    path, grant = damaged
    for place, column in enumerate(columns(path, table)):
        for value in ODD if thorough else (ODD[place % len(ODD)], ODD[(place + 3) % len(ODD)]):
            for suffix in ("-wal", "-shm"):
                (tmp_path / f"copy.db{suffix}").unlink(missing_ok=True)
            copy = Path(shutil.copy(path, tmp_path / "copy.db"))
            if put(copy, table, column, value):
                try_all(copy, grant, f"{table}.{column} = {value}")


def try_all(path: Path, grant: Any, what: str) -> None:
    try:
        sessions = opened(path)
    except StoreUnavailableError:
        return
    with sessions:
        for name, operation in everything(grant).items():
            try:
                operation(sessions)
            except DevsessError:
                pass
            except Exception as error:
                raise AssertionError(f"{name}, with {what}: {error!r}") from error


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("sessions", "claims", "'no JSON'"),
        ("sessions", "created_at", "'a text'"),
        ("sessions", "absolute_expires_at", "1e300"),
        ("sessions", "amr", "CAST(x'ff41' AS TEXT)"),
        ("sessions", "levels", "'[1]'"),
        ("sessions", "location", "'[]'"),
        ("devices", "label", "x'00'"),
        ("devices", "last_seen_at", "'then'"),
    ],
)
def test_it_says_what_to_do(damaged: tuple[Path, Any], table: str, column: str, value: str) -> None:
    """Not "not signed in", and not an error of Python's: damaged, restore a backup."""
    path, grant = damaged
    assert put(path, table, column, value)
    what = "it is damaged; check the disk, and restore a backup"
    with opened(path) as sessions, pytest.raises(StoreUnavailableError, match=what):
        sessions.validate(grant.access_token)


def test_an_odd_event(damaged: tuple[Path, Any]) -> None:
    """A type of event that never was is damage."""
    path, _ = damaged
    assert put(path, "events", "type", "'session_creatde'")
    with opened(path) as sessions, pytest.raises(StoreUnavailableError, match="it is damaged"):
        sessions.history(AGAIN)


@pytest.mark.parametrize("seed", range(25))
def test_flipped_bytes(damaged: tuple[Path, Any], seed: int) -> None:
    """Some bytes of the file are others: an answer, or an error of ours."""
    path, grant = damaged
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 5, 50))):
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    try_all(path, grant, f"seed {seed}")


@pytest.mark.parametrize("at_once", [0, 1_000], ids=["as a number", "with its rows"])
@pytest.mark.parametrize("value", ["CAST(x'ff41' AS TEXT)", "x'ff00'", "-1e300", "NULL"])
@pytest.mark.parametrize("column", ["sessions.network", "agents.user_agent", "devices.label"])
def test_damage_stops_no_ending(
    damaged: tuple[Path, Any],
    monkeypatch: pytest.MonkeyPatch,
    column: str,
    value: str,
    at_once: int,
) -> None:
    """An ending of all sessions ends them all, with their events, even if labels are damaged."""
    path, grant = damaged
    monkeypatch.setattr("devsess.operations.ending.Ending", partial(Ending, at_once=at_once))
    table, name = column.split(".")
    with closing(sqlite3.connect(path)) as database, suppress(sqlite3.IntegrityError), database:
        database.execute(f"UPDATE {table} SET {name} = {value}")
    emitted: list[str | None] = []
    sessions = SessionManager(
        path, keys=SECRET, on_event=lambda event: emitted.append(event.session_id)
    )
    with sessions:
        assert [grant.session.id] == list(sessions.revoke_all(AGAIN))
    assert [grant.session.id] == emitted
    with closing(sqlite3.connect(path)) as database:
        assert [] == database.execute("SELECT id FROM sessions WHERE revoked_at IS NULL").fetchall()


@pytest.mark.parametrize("at_once", [0, 1_000], ids=["as a number", "with its rows"])
@pytest.mark.parametrize("value", ["CAST(x'61ff' AS TEXT)", "x'ff00'"])
@pytest.mark.parametrize("column", ["id", "device_id", "device_key", "user_id"])
@pytest.mark.parametrize("whose", ["an account's", "everybody's"])
def test_a_damaged_id_stops_no_ending(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    whose: str,
    column: str,
    value: str,
    at_once: int,
) -> None:
    """In whichever place the row stands, all end, the others with their events; the log says so."""
    ending = "devsess.operations.ending"
    monkeypatch.setattr(f"{ending}.Ending", partial(Ending, at_once=at_once))
    monkeypatch.setattr(f"{ending}.BATCH", 2)
    monkeypatch.setattr(f"{ending}.PAGE", 2)
    monkeypatch.setattr("devsess._runtime.faces._PAUSE", (0.0, 0.0))
    # The account of a row without one can no longer be known.
    ends = column != "user_id" or whose == "everybody's"
    for place in (1,) if at_once else range(4):
        path = tmp_path / f"{place}.db"
        emitted: list[str | None] = []

        def hear(event: Event, emitted: list[str | None] = emitted) -> None:
            emitted.append(event.session_id)

        hears = SessionManager(path, keys=SECRET, on_event=hear)
        with SessionManager(path, keys=SECRET) as sessions, hears:
            grants = [sessions.login(AGAIN) for _ in range(4)]
            spoilt = grants.pop(place).session.id
            spoil(path, column, value, spoilt)
            assert all(sessions.validate(it.access_token) for it in grants)
            caplog.clear()
            left = {it.session.id for it in grants}

            if whose == "everybody's":
                assert hears.revoke_everyone(reason="breach") in (3, 4)
            else:
                assert left == {*hears.revoke_all(AGAIN)} - {spoilt}
            if column == "device_key":  # all of its ids can be read
                left.add(spoilt)
            assert sorted(left) == sorted(str(it) for it in emitted)
            for grant in grants:
                with pytest.raises(SessionRevokedError):
                    sessions.validate(grant.access_token)
            unnamed = ends and column != "device_key"
            assert unnamed == ("rows are damaged have ended" in caplog.text)
        with closing(sqlite3.connect(path)) as database:
            unended = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"
            assert [(0 if ends else 1,)] == database.execute(unended).fetchall()
            assert [] == database.execute("SELECT number FROM endings").fetchall()


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
@pytest.mark.parametrize(
    "value",
    [
        *("-5", "'odd'", "CAST(x'61ff' AS TEXT)"),
        *(pytest.param(it, marks=pytest.mark.thorough) for it in ("0.5", "1e300", "x'ff00'")),
    ],
)
@pytest.mark.parametrize("everybody", [True, False], ids=["everybody's", "an account's"])
def test_damaged_keys_stop_no_ending(
    tmp_path: Path, everybody: bool, value: str, limit: int
) -> None:
    """Several rows of one account neither: all are written as ended, at every size of a batch."""
    path = tmp_path / "s.db"
    with closing(SQLiteStore(path)) as store:
        for number in range(6):
            store.insert(rows.login(rows.session_row(f"s{number}", device=f"device-{number}")))
        for number in (1, 2, 4):
            spoil(path, "device_key", value, f"s{number}")
        target = Everyone() if everybody else OfUser("user-1")
        store.end(rows.ending(target, at_once=0))
        while store.settle(limit=limit, before=rows.T0 + 99).is_more:
            pass

    with closing(sqlite3.connect(path)) as database:
        unended = "SELECT count(*), (SELECT open FROM meta) FROM sessions WHERE revoked_at IS NULL"
        assert [(0, 0)] == database.execute(unended).fetchall()


@pytest.mark.parametrize("ended", [True, False], ids=["that ended", "that lapsed"])
@pytest.mark.parametrize("value", ["CAST(x'61ff' AS TEXT)", "x'ff00'"])
@pytest.mark.parametrize("column", ["id", "device_id", "device_key", "user_id"])
def test_a_damaged_id_stops_no_purge(tmp_path: Path, column: str, value: str, ended: bool) -> None:
    """The row is deleted as any other, and the networks of the devices it left go with it."""
    path, clock = tmp_path / "s.db", FakeClock()
    with SessionManager(path, keys=SECRET, clock=clock) as sessions:
        grants = [sessions.login(AGAIN, CLIENT) for _ in range(3)]
        if ended:
            sessions.revoke_all(AGAIN)
        spoil(path, column, value, grants[1].session.id)
        clock.advance(300 * 86_400)
        while sessions.purge(limit=99):
            clock.advance(86_400)
    with closing(sqlite3.connect(path)) as database:
        assert [] == database.execute("SELECT 1 FROM sessions").fetchall()
        networks = database.execute("SELECT count(*) FROM devices WHERE network IS NOT NULL")
        assert [(0,)] == networks.fetchall()


@pytest.mark.parametrize("value", ["'odd'", "x'ff00'", "CAST(x'61ff' AS TEXT)"])
def test_a_damaged_instant_says_nothing_of_a_clock(tmp_path: Path, value: str) -> None:
    """A purge looks at the events before it, and goes on."""
    path = tmp_path / "s.db"
    with SessionManager(path, keys=SECRET) as sessions, closing(SQLiteStore(path)) as store:
        for name in ("a", "b", "c"):
            sessions.login(name)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"UPDATE events SET at = {value} WHERE user_id = 'b'")

        assert 2 == len(store.newest_instants(limit=9))
        sessions.purge()


def spoil(path: Path, column: str, value: str, session_id: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE sessions SET {column} = {value} WHERE id = ?", [session_id])


def test_a_shape_judges_more_kinds_of_row_than_it_remembers() -> None:
    """Each again as at first: a fitting row passes, and another one is damaged."""
    names = (
        "ip",
        "network",
        "location",
        "acr",
        "actor",
        "reason",
        "name",
        "resembles",
        "session_id",
        "at",
    )
    shape = Shape(names)
    fitting = [(*texts, 1.0) for texts in product((None, "x"), repeat=len(names) - 1)]
    for row in (*fitting, *fitting):
        shape.check(row)
        with pytest.raises(DamagedError, match=r"in ip$"):
            shape.check((1, *row[1:]))
    assert 512 == len(fitting)
    with pytest.raises(DamagedError, match=r"in name, at$"):
        shape.check((*fitting[0][:6], b"x", None, None, 1))
