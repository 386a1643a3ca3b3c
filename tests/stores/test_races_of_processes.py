"""LAW: what processes do at the same moment comes out as if one had come after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from servers.racing import SECRET, Racers, racing
from servers.valkey import with_prefix

from devsess import EventType, SessionManager, SessionRevokedError
from devsess._runtime.drive import drive

if TYPE_CHECKING:
    from devsess.stores.rows import SessionRow

# Of three that sign in or refresh, a fourth ends sessions.
RACERS, MANY = 4, 8
LIMIT = 3


@pytest.fixture(
    params=[
        "postgres",
        "valkey",
        # Its transactions meet move by move in test_mongodb_races.py.
        pytest.param("mongoeco", marks=pytest.mark.thorough),
        pytest.param("valkey-cluster", marks=pytest.mark.thorough),
    ]
)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a store of the test's own."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        schemas = request.getfixturevalue("postgres_schemas")
        yield server.url(schema=schemas.take(), timeout=60)
        schemas.give_back()
    elif request.param == "valkey":
        yield with_prefix(request.getfixturevalue("valkey_url"), timeout=60)
    elif request.param == "valkey-cluster":
        yield with_prefix(request.getfixturevalue("valkey_cluster").url, timeout=60)
    else:
        yield request.getfixturevalue("isolated_mongo").place()


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """Four processes."""
    with racing(RACERS) as racers:
        yield racers


@pytest.fixture(scope="module")
def rounds(thorough: bool) -> int:
    """How often most races are run."""
    return 20 if thorough else 3


@pytest.fixture
def sessions(url: str) -> Iterator[SessionManager]:
    with SessionManager(url, keys=SECRET) as sessions:
        yield sessions


def _live(sessions: SessionManager, user_id: str) -> list[SessionRow]:
    found = drive(sessions._store.list(user_id))  # type: ignore[arg-type]
    return [row for row in found if row.revoked_at is None]


def test_refreshes_converge(
    sessions: SessionManager, url: str, racers: Racers, thorough: bool
) -> None:
    """Of four that refresh one token one rotates, and all get the same successor."""
    grant = sessions.login("ada")
    token, seen = grant.refresh_token, {grant.refresh_token}
    with racers.on(url) as together:
        for _ in range((1_000 if "mongodb" not in url else 30) if thorough else 5):
            answers = together(*[("refresh", token)] * RACERS)

            assert Counter({True: 3, False: 1}) == Counter(replayed for *_, replayed in answers)
            [token] = {successor for successor, _, _ in answers}
            assert token not in seen
            seen.add(token)
    assert grant.session.id == sessions.refresh(token).session.id
    assert [grant.session.id] == [row.id for row in _live(sessions, "ada")]


@pytest.mark.parametrize("on_limit", ["evict", "reject"])
@pytest.mark.parametrize("count", [RACERS, pytest.param(MANY, marks=pytest.mark.thorough)])
def test_a_limit_holds(
    sessions: SessionManager, url: str, racers: Racers, rounds: int, count: int, on_limit: str
) -> None:
    """However many sign in at once, no more sessions live than the limit allows."""
    if count == RACERS:
        _expect_limit(sessions, url, racers, rounds, on_limit)
    else:
        with racing(count) as many:
            _expect_limit(sessions, url, many, rounds, on_limit)


def _expect_limit(
    sessions: SessionManager, url: str, racers: Racers, rounds: int, on_limit: str
) -> None:
    let_in: list[str] = []
    rounds = min(rounds, 5) if "mongodb" in url else rounds  # its server is slow
    with racers.on(url, max_sessions=LIMIT, on_limit=on_limit) as together:
        for _ in range(rounds):
            let_in += [it for it in together(*[("login", "ada")] * len(racers)) if it != FULL]
            live = {row.id for row in _live(sessions, "ada")}

            assert LIMIT == len(live)
            assert live <= {*let_in}
    tried = rounds * len(racers)
    assert len(let_in) == (LIMIT if on_limit == "reject" else tried)
    # An event of each that tried, and two of each session that made room.
    history = sessions.history("ada", limit=1_000).items
    moved = [event for event in history if event.type is not EventType.NEW_DEVICE]
    assert tried + 2 * (len(let_in) - LIMIT) == len(moved)


FULL = "SessionLimitError"


@pytest.mark.parametrize(
    ("who", "at_once"),
    [
        ("user-1", 0),
        ("everyone", 1_000),
        pytest.param("user-1", 1_000, marks=pytest.mark.thorough),
        pytest.param("everyone", 0, marks=pytest.mark.thorough),
    ],
)
def test_no_row_outruns_an_ending(
    sessions: SessionManager, url: str, racers: Racers, rounds: int, who: str, at_once: int
) -> None:
    """A row of a number from before the ending is refused, or ended with the others."""
    seen = set()
    with racers.on(url) as together:
        for number in range(rounds):
            before = drive(sessions._store.ending_number("user-1"))  # type: ignore[arg-type]
            names = [f"s{number}-{each}" for each in range(RACERS - 1)]
            inserts = [("insert", name, before) for name in names]
            *inserted, _ = together(*inserts, ("end", who, at_once))
            seen.update(inserted)

            assert [] == _live(sessions, "user-1")
    assert seen <= {"Inserted(ended=(), missed=())", "Refused.CUT_OFF"}


@pytest.mark.parametrize("who", ["ada", "everyone"])
def test_no_sign_in_or_refresh_outruns_an_ending(
    sessions: SessionManager, url: str, racers: Racers, rounds: int, who: str
) -> None:
    """Live sessions began under the number of the ending; those of before have ended."""
    with racers.on(url) as together:
        for _ in range(rounds):
            grant = sessions.login("ada")
            refresh = ("refresh", grant.refresh_token)
            together(("login", "ada"), refresh, ("login", "ada"), ("revoke_all", who))
            number = drive(sessions._store.ending_number("ada"))  # type: ignore[arg-type]

            assert all(row.ending_number >= number for row in _live(sessions, "ada"))
            with pytest.raises(SessionRevokedError):
                sessions.validate(grant.access_token)


def test_one_id_is_written_once(
    sessions: SessionManager, url: str, racers: Racers, rounds: int
) -> None:
    """Of four rows of the same id one is written."""
    with racers.on(url) as together:
        for number in range(rounds):
            answers = together(*[("insert", f"s{number}", 0)] * RACERS)

            assert {"Inserted(ended=(), missed=())": 1, "ValueError": 3} == Counter(answers)
    assert rounds == len(_live(sessions, "user-1"))
