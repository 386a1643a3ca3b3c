"""A file that an earlier version wrote is brought up to date, and its sessions go on."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from devsess import Keys, Policy, RefreshTokenReusedError, SessionManager
from devsess.lifecycle import instant
from devsess.stores.sqlite import SQLiteStore, schema
from devsess.testing import FakeClock
from devsess.testing._rows import T0, session_row
from devsess.tokens.issuer import Tokens

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
SESSION_ID = "s-0123456789abcdef"
_FIRST = "0001_tables"
_STANDARD: dict[str, Any] = {
    "id": "s1",
    "user_id": "user-1",
    "device_id": "device-1",
    "created_at": T0,
    "last_seen_at": T0,
    "idle_from": T0,
    "idle_expires_at": T0 + 14 * 86_400,
    "absolute_expires_at": T0 + 30 * 86_400,
    "auth_time": int(T0),
    "amr": '["pwd","otp"]',
    "acr": "aal2",
    "persistent": 0,
    "claims": "{}",
    "salt": b"0123456789abcdef",
    "generation": 0,
    "bound": 0,
}


def _insert(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
        list(values.values()),
    )


@pytest.fixture
def old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as the first version made it, without sessions."""
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "STEPS", {_FIRST: schema.STEPS[_FIRST]})
        schema.bring_up_to_date(connection)
    device = {"label": "Chrome on macOS", "kind": "desktop", "os": "macOS", "browser": "Chrome"}
    seen = {"first_seen_at": T0, "last_seen_at": T0, "blocked": 0, "likeness": 0, "forgotten": 0}
    _insert(connection, "devices", {"user_id": "user-1", "id": "device-1", **device, **seen})
    connection.close()
    return path


# Columns of an old row → the columns afterwards.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "never rotated": ({}, {}),
    "never rotated, without a level": ({"acr": None}, {"acr": None}),
    "rotated: the one before is its previous, and late it ends the session as it did": (
        {"generation": 3, "rotated_at": T0, "rotated_by": "refresh"},
        {"generation": 3, "previous_generation": 2, "presented": True},
    ),
    "stepped up: which event reached the level is not known, so it was long ago": (
        {"auth_time": int(T0) + 1, "generation": 1, "rotated_by": "step_up"},
        {
            "previous_generation": 0,
            "presented": True,
            "acr": None,
            "amr": (),
            "levels": (("aal2", 0),),
        },
    ),
    "stepped up to nothing in particular": (
        {"auth_time": int(T0) + 1, "acr": None},
        {"acr": None, "amr": ()},
    ),
}


@pytest.mark.parametrize(("held", "holds"), CASES.values(), ids=CASES.keys())
def test_an_old_row_is_brought_up_to_date(
    old_file: Path, held: dict[str, Any], holds: dict[str, Any]
) -> None:
    """No row is lost, and none says more than the old one knew."""
    with sqlite3.connect(old_file) as connection:
        _insert(connection, "sessions", {**_STANDARD, **held})
    connection.close()
    store = SQLiteStore(old_file)
    row = store.get("s1")
    store.close()
    standard = session_row(amr=("pwd", "otp"), acr="aal2")
    expected = {
        name: getattr(standard, name)
        for name in ("acr", "amr", "levels", "generation", "previous_generation", "presented")
    }
    if "generation" in held:
        expected["generation"] = held["generation"]

    assert row is not None
    assert {**expected, **holds} == {name: getattr(row, name) for name in expected}


def test_a_step_up_in_the_second_of_its_sign_in_counts_too(old_file: Path) -> None:
    """Where the instants do not show a step-up, the history does."""
    with sqlite3.connect(old_file) as connection:
        _insert(connection, "sessions", _STANDARD)
        event = {"type": "session_stepped_up", "at": T0, "user_id": "user-1", "session_id": "s1"}
        _insert(connection, "events", event)
    connection.close()
    store = SQLiteStore(old_file)
    row = store.get("s1")
    store.close()

    assert row is not None
    assert (None, (), (("aal2", 0),)) == (row.acr, row.amr, row.levels)


# The generation of an old row, the token presented, and how late → the result.
OLD_TOKENS: list[tuple[int, int, float, str]] = [
    (0, 0, 0, "renewed"),
    (3, 3, 0, "renewed"),
    (3, 3, 3600, "renewed"),
    (3, 2, 0, "the same successor"),
    (3, 2, 31, "late"),
    (3, 1, 0, "stale"),
]


@pytest.mark.parametrize(("generation", "presented", "waited", "expected"), OLD_TOKENS)
def test_old_tokens_go_on(
    old_file: Path, generation: int, presented: int, waited: float, expected: str
) -> None:
    """Refresh and access tokens from before are judged as they were, and lead on."""
    clock = FakeClock(instant(T0))
    tokens = Tokens(Keys(SECRET), "devsess", "devsess", Policy())
    held = {"generation": generation, "id": SESSION_ID, "auth_time": int(T0)}
    rotated = {"rotated_at": T0, "rotated_by": "refresh"} if generation else {}
    with sqlite3.connect(old_file) as connection:
        _insert(connection, "sessions", {**_STANDARD, **held, **rotated})
    connection.close()
    with SessionManager(old_file, keys=SECRET, clock=clock) as sessions:
        assert sessions.validate(_old_access(clock.now().timestamp())).is_active
        clock.advance(waited)
        try:
            grant = sessions.refresh(tokens.refresh.mint(SESSION_ID, presented, _STANDARD["salt"]))
        except RefreshTokenReusedError as error:
            outcome = error.reuse
        else:
            outcome = "the same successor" if grant.replayed else "renewed"
            assert sessions.validate(grant.access_token).acr == "aal2"
            again = sessions.refresh(grant.refresh_token)
            assert grant.session.id == again.session.id
    assert expected == outcome


def _old_access(now: float) -> str:
    """An access token as the first version made it: it names no generation."""
    claims = {
        "iss": "devsess",
        "aud": "devsess",
        "client_id": "devsess",
        "sub": "user-1",
        "sid": SESSION_ID,
        "jti": "j" * 22,
        "iat": int(now),
        "exp": int(now) + 900,
        "auth_time": int(T0),
        "amr": ["pwd", "otp"],
        "acr": "aal2",
    }
    return jwt.encode(claims, SECRET, algorithm="HS256", headers={"typ": "at+jwt"})
