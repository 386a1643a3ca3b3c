"""LAW: however many processes refresh one token at once, one successor is alive, and all get it."""

# The expected value stands first.

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from servers.racing import Racers, racing

from devsess import Client, RefreshTokenReusedError, SessionManager, SessionRevokedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devsess import Grant

Race: TypeAlias = "Callable[[str, dict[str, Any] | None], list[Any]]"

RACERS = 4

BROWSER: dict[str, Any] = {
    "ip": "198.18.0.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}


@pytest.fixture
def rounds(thorough: bool) -> range:
    return range(60 if thorough else 15)


@pytest.fixture
def grant(sessions: SessionManager) -> Grant:
    return sessions.login("user-xyz", Client(**BROWSER))


@pytest.fixture
def together(sessions: SessionManager, path: Path, racers: Racers) -> Iterator[Race]:
    """Four processes that refresh at the same moment."""
    with racers.on(str(path)) as together:
        yield lambda token, client: together(*[("refresh", token, client)] * RACERS)


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """The four, which go from one test's file to the next one's."""
    with racing(RACERS) as racers:
        yield racers


CLIENTS: dict[str, Callable[[Grant], dict[str, Any] | None]] = {
    "with the device token": lambda grant: {**BROWSER, "device_token": grant.device_token},
    "without a device token": lambda grant: BROWSER,
    "without a client": lambda grant: None,
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_four_racers_get_one_successor(
    sessions: SessionManager, grant: Grant, together: Race, client: Any, rounds: range
) -> None:
    """In every round one of four rotates, three converge, and all hold the same next token."""
    refresh_token, seen = grant.refresh_token, {grant.refresh_token}
    for _ in rounds:
        answers = together(refresh_token, client(grant))

        assert Counter({True: 3, False: 1}) == Counter(replayed for _, _, replayed in answers)
        assert 1 == len({successor for successor, _, _ in answers})
        for _, access_token, _ in answers:
            assert grant.session.id == sessions.validate(access_token).id
        refresh_token = answers[0][0]
        assert refresh_token not in seen
        seen.add(refresh_token)

    assert [grant.session.id] == [session.id for session in sessions.list("user-xyz")]


def test_the_successor_is_the_only_one_alive(
    sessions: SessionManager, grant: Grant, together: Race
) -> None:
    """A race leaves no second line: the token before the last ends the session."""
    [first] = {successor for successor, _, _ in together(grant.refresh_token, BROWSER)}
    [second] = {successor for successor, _, _ in together(first, BROWSER)}

    assert sessions.refresh(second, Client(**BROWSER)).session.is_active
    with pytest.raises(RefreshTokenReusedError):
        sessions.refresh(grant.refresh_token, Client(**BROWSER))
    with pytest.raises(SessionRevokedError):
        sessions.refresh(second, Client(**BROWSER))


def test_four_that_come_late_get_one_successor(
    sessions: SessionManager, path: Path, grant: Grant, together: Race, rounds: range
) -> None:
    """An answer was lost, again and again: each time one of four makes another, and all get it."""
    successors = {sessions.refresh(grant.refresh_token, Client(**BROWSER)).refresh_token}
    for _ in rounds:
        with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
            connection.execute("UPDATE sessions SET rotated_at = rotated_at - 60")
        answers = together(grant.refresh_token, BROWSER)

        assert Counter({True: 3, False: 1}) == Counter(replayed for _, _, replayed in answers)
        [successor] = {successor for successor, _, _ in answers}
        assert successor not in successors
        successors.add(successor)

    assert sessions.refresh(successor, Client(**BROWSER)).session.is_active
    assert 1 == len(sessions.list("user-xyz"))


def test_a_revocation_wins_every_race(
    sessions: SessionManager, grant: Grant, together: Race
) -> None:
    """After a revocation none of four racers is given another token."""
    [successor] = {answer[0] for answer in together(grant.refresh_token, BROWSER)}
    sessions.revoke(grant.session.id)

    assert ["SessionRevokedError"] * RACERS == together(successor, BROWSER)
