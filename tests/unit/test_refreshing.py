"""A refresh driven by hand: its answers, and its events in the history."""

from __future__ import annotations

import pytest
from _play import REVOKED, ROTATED, ROW, SESSION_ID, SOON, TOKENS, Call, at, play
from attrs import evolve

from devsess import (
    Assessment,
    BadTokenError,
    Client,
    EventType,
    Grant,
    SessionManager,
    SessionRevokedError,
    TokenExpiredError,
)
from devsess._runtime import operations
from devsess._runtime.drive import OperationCoroutine
from devsess.operations.assessing import Weighed
from devsess.operations.refresh import _consequences
from devsess.stores.base import Ended
from devsess.stores.rows import SessionRow

RENEWED = evolve(ROW, generation=1, previous_generation=0, **ROTATED)


def refresh(generation: int = 0, client: Client | None = None) -> OperationCoroutine[Grant]:
    token = TOKENS.refresh.mint(SESSION_ID, generation, ROW.salt)
    return operations.refresh(at(SOON), token, client)


def test_a_row_dated_ahead_is_set_back_and_judged_again() -> None:
    """The row is read again: it may have ended meanwhile."""
    ahead = evolve(ROW, last_seen_at=SOON + 3600)
    set_back = [("get", ahead), ("set_back", True), ("get", ROW)]
    found = play(refresh(), *set_back, ("get", ROW), ("rotate", RENEWED), ("emit", None))
    assert 1 == TOKENS.refresh.parse(found.refresh_token).generation
    ended = play(refresh(), *set_back, ("get", REVOKED), ("emit", None))
    assert isinstance(ended, SessionRevokedError)


@pytest.mark.parametrize(
    ("row", "generation", "error", "message"),
    [
        (
            evolve(RENEWED, rotated_by="step_up"),
            0,
            TokenExpiredError,
            "a step-up took this refresh token's place",
        ),
        (
            ROW,
            1,
            BadTokenError,
            "the refresh token is newer than its session: was a backup restored?",
        ),
    ],
)
def test_refusals_that_end_nothing(
    row: SessionRow, generation: int, error: type[Exception], message: str
) -> None:
    """The session lives; the message says why this token is none."""
    written = [("add_event", None), ("emit", None)] if error is BadTokenError else []
    refused = play(refresh(generation), ("get", row), *written)
    assert (error, message) == (type(refused), str(refused))


def test_an_impersonation_is_not_refreshed() -> None:
    """None of its tokens is handed out; one that a key made all the same gives no successor."""
    acting = evolve(ROW, impersonator=("s-staff", "staff"))
    assert isinstance(play(refresh(), ("get", acting)), BadTokenError)


def test_history_keeps_why_a_token_was_too_new() -> None:
    """The event of a token from the future gives a restored backup as its likely reason."""
    calls: list[Call] = []
    play(refresh(1), ("get", ROW), ("add_event", None), ("emit", None), calls=calls)
    event = calls[1].args[0]
    assert (EventType.TOKEN_FROM_FUTURE, "restored backup?") == (event.type, event.reason)


def test_history_keeps_no_address_of_a_reuse() -> None:
    """The session has ended: of its address the network is left."""
    calls: list[Call] = []
    play(refresh(), ("get", evolve(ROW, generation=5)), ("end", Ended()), calls=calls)
    event = calls[1].args[0].event
    assert (EventType.TOKEN_REUSED, ROW.network, ROW.network) == (
        event.type,
        event.ip,
        event.network,
    )


@pytest.mark.parametrize(
    ("before", "now", "written"),
    [(None, 5, 5), (5, 6, 6), (5, 5, None), (6, 5, None), (5, None, None), (None, None, None)],
)
def test_a_score_that_is_not_higher_is_not_written(
    before: int | None, now: int | None, written: int | None
) -> None:
    """Points are never taken away; and a column that is named is heard of by every process."""
    weighed = Weighed(Assessment(), (), lambda before: before, score=now)
    changes = _consequences(at(SOON), evolve(ROW, score=before), weighed)
    assert ({} if written is None else {"score": written}) == changes


def test_the_signal_says_what_was_seen() -> None:
    """It is the text that an application may show to the account's owner."""
    curl = Client(user_agent="curl/8.9")
    grant = play(refresh(0, curl), ("get", ROW), ("items", []), ("rotate", RENEWED), ("emit", None))
    (signal,) = grant.assessment.signals
    expected = "another browser or system than the session began with"
    assert expected == signal.message


def test_two_clients_without_an_agent_look_alike() -> None:
    """Without an agent then and now, and without headers now, nothing differs."""
    windows = {"sec-ch-ua-platform": '"Windows"', "sec-ch-ua": '"Google Chrome";v="142"'}
    with SessionManager("memory://", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1") as sessions:
        grant = sessions.login("ada", Client(headers=windows))
        assert grant.session.device.os
        renewed = sessions.refresh(grant.refresh_token, Client())
        assert () == renewed.assessment.signals
        mac = Client(headers={**windows, "sec-ch-ua-platform": '"macOS"'})
        renewed = sessions.refresh(renewed.refresh_token, mac)
    assert 1 == len(renewed.assessment.signals)
