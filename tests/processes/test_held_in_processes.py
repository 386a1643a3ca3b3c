"""Held sign-ins, decided on and collected by several processes at the same moment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from _processes_helpers import SECRET
from servers.racing import Racers, racing

from devsess import Client, EventType, Points, Policy, Risk, SessionManager, SignInHeldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.thorough

USER = "user-xyz"
BROWSER: dict[str, Any] = {"ip": "198.18.0.7", "user_agent": "curl/8.9"}
# Every sign-in after the first is held.
RISK = Risk(mode="enforce", points=Points(base=50), hold_from=10)
ROUNDS = 30
RACERS = 4


@pytest.fixture
def held_here(path: Path) -> Iterator[SessionManager]:
    with SessionManager(path, keys=SECRET, policy=Policy(risk=RISK)) as sessions:
        yield sessions


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    with racing(RACERS) as racers:
        yield racers


@pytest.fixture
def together(
    held_here: SessionManager, path: Path, racers: Racers
) -> Iterator[Callable[..., list[Any]]]:
    """Four processes on the one store, each of which does its move at the same moment."""
    with racers.on(str(path), risk=RISK) as together:
        yield together


def _held(sessions: SessionManager) -> SignInHeldError:
    with pytest.raises(SignInHeldError) as caught:
        sessions.login(USER, Client(**BROWSER))
    return caught.value


def _live(sessions: SessionManager) -> set[str]:
    return {it.id for it in sessions.list(USER)}


def test_one_of_four_collects(
    held_here: SessionManager, together: Callable[..., list[Any]]
) -> None:
    """The others come too late, or are asked to come again."""
    live = {held_here.login(USER, Client(**BROWSER)).session.id}
    for _ in range(ROUNDS):
        held = _held(held_here)
        held_here.approve(USER, held.code)
        answers = together(*[("collect", held.pending_token, BROWSER)] * RACERS)
        [[collected]] = [it for it in answers if isinstance(it, list)]
        late = {it for it in answers if not isinstance(it, list)}
        assert late <= {"TokenExpiredError", "SignInHeldError"}
        live.add(collected)
        assert live == _live(held_here)


def test_no_wins_whatever_comes_with_it(
    held_here: SessionManager, together: Callable[..., list[Any]]
) -> None:
    """Two collect, one approves once more, one refuses: nothing of it lives afterwards."""
    owner = held_here.login(USER, Client(**BROWSER)).session.id
    for _ in range(ROUNDS):
        held = _held(held_here)
        held_here.approve(USER, held.code, by=owner)
        *_, refused = together(
            *[("collect", held.pending_token, BROWSER)] * 2,
            ("approve", USER, held.code, owner),
            ("refuse", USER, held.code),
        )
        assert refused is True
        assert {owner} == _live(held_here)


def test_an_ending_of_all_wins_too(
    held_here: SessionManager, together: Callable[..., list[Any]]
) -> None:
    """Three collect while the account's sessions are ended."""
    for _ in range(ROUNDS):
        held_here.login(USER, Client(**BROWSER), acr="aal2")
        held = _held(held_here)
        held_here.approve(USER, held.code)
        together(*[("collect", held.pending_token, BROWSER)] * (RACERS - 1), ("revoke_all", USER))
        assert set() == _live(held_here)


def test_one_approval_is_written(
    held_here: SessionManager, together: Callable[..., list[Any]]
) -> None:
    """Of four at the same moment; all hear that it may be collected."""
    owner = held_here.login(USER, Client(**BROWSER)).session.id
    for number in range(1, 1 + ROUNDS // 3):
        held = _held(held_here)
        answers = together(*[("approve", USER, held.code, owner)] * RACERS)
        assert [True] * RACERS == answers
        kinds = Counter(it.type for it in held_here.history(USER, limit=1_000))
        assert number == kinds[EventType.SIGN_IN_APPROVED]
