"""Held sign-ins, approved, refused and collected at once, in every order of their store calls."""

from __future__ import annotations

from typing import Any

import pytest
from _ring import AGENT, USER, Ring
from _turns import Race, at_once, in_every_order

from devsess import (
    Client,
    DevsessError,
    EventType,
    Grant,
    LoginDeniedError,
    Points,
    Risk,
    SignInHeldError,
    TokenExpiredError,
)

# Every sign-in after the first is held.
RISK = Risk(mode="enforce", points=Points(base=50), hold_from=10)


@pytest.fixture
def switches(thorough: bool) -> int:
    """How often a move that could go on may lose the turn."""
    return 3 if thorough else 2


class Waiting:
    """An account with one session, and a sign-in that waits."""

    def __init__(self, ring: Ring, owner: Grant, held: SignInHeldError) -> None:
        self.ring = ring
        self.owner = owner
        self.code = held.code
        self.token = held.pending_token or ""

    @classmethod
    async def of(cls, *, approved: bool = True) -> Waiting:
        ring = Ring(risk=RISK)
        owner = await ring.login()
        with pytest.raises(SignInHeldError) as caught:
            await ring.login()
        waiting = cls(ring, owner, caught.value)
        if approved:
            await waiting.approve()
        return waiting

    async def approve(self) -> bool:
        return await self.ring.here.approve(USER, self.code, by=self.owner.session)

    async def refuse(self) -> bool:
        return await self.ring.there.refuse(USER, self.code)

    async def collect(self) -> Grant:
        return await self.ring.here.collect(self.token, Client(user_agent=AGENT))

    async def collect_elsewhere(self) -> Grant:
        return await self.ring.there.collect(self.token, Client(user_agent=AGENT))

    async def outcome(self) -> type:
        """The kind of another attempt to collect it."""
        try:
            return type(await self.collect())
        except DevsessError as error:
            return type(error)

    async def events(self, kind: EventType) -> int:
        return len([it for it in await self.ring.here.history(USER) if it.type is kind])


def test_two_approvals_are_one(switches: int) -> None:
    """Both hold, and one of them was written."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of(approved=False)
        there = waiting.ring.there
        answers = await race(waiting.approve, lambda: there.approve(USER, waiting.code))
        assert [True, True] == answers
        assert 1 == await waiting.events(EventType.SIGN_IN_APPROVED)
        assert Grant is await waiting.outcome()

    in_every_order(play, switches=switches)


def test_no_wins_over_an_approval(switches: int) -> None:
    """Whichever is first: it cannot be collected."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of(approved=False)
        approved, refused = await race(waiting.approve, waiting.refuse)
        assert approved in (True, False)
        assert refused is True
        assert LoginDeniedError is await waiting.outcome()
        assert {waiting.owner.session.id} == await waiting.ring.live()

    in_every_order(play, switches=switches)


def test_it_is_collected_once(switches: int) -> None:
    """One of the two has a grant, and the account one more session."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of()
        answers = await race(waiting.collect, waiting.collect_elsewhere)
        [grant] = [it for it in answers if isinstance(it, Grant)]
        [error] = [it for it in answers if not isinstance(it, Grant)]
        assert type(error) in (SignInHeldError, TokenExpiredError)
        assert {grant.session.id, waiting.owner.session.id} == await waiting.ring.live()
        assert TokenExpiredError is await waiting.outcome()

    in_every_order(play, switches=switches)


def test_no_wins_over_a_collecting(switches: int) -> None:
    """Nothing of it lives once both have returned, and it was ended for that reason."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of()

        async def refusing() -> Any:
            refused = await waiting.refuse()
            at_once()
            return refused

        collected, refused = await race(waiting.collect, refusing)
        assert refused is True
        assert isinstance(collected, (Grant, LoginDeniedError))
        assert {waiting.owner.session.id} == await waiting.ring.live()
        ended = [it for it in await waiting.ring.here.list(USER, include_ended=True) if it.revoked]
        assert {"refused"} >= {it.revoke_reason for it in ended}
        assert Grant is not await waiting.outcome()

    in_every_order(play, switches=switches)


def test_a_collecting_does_not_outrun_an_ending_of_all(switches: int) -> None:
    """It is refused, or its session ends with the others."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of()
        there, keep = waiting.ring.there, waiting.owner.session
        collected, _ = await race(waiting.collect, lambda: there.revoke_all(USER, keep=keep))
        assert isinstance(collected, (Grant, LoginDeniedError))
        assert {keep.id} == await waiting.ring.live()
        assert Grant is not await waiting.outcome()

    in_every_order(play, switches=switches)


def test_a_collecting_does_not_outrun_an_erasure(switches: int) -> None:
    """Nothing about the person comes back."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of()
        collected, _ = await race(waiting.collect, lambda: waiting.ring.there.erase_user(USER))
        assert isinstance(collected, (Grant, DevsessError))
        assert set() == await waiting.ring.live()
        assert [] == (await waiting.ring.here.export_user(USER))["sessions"]
        assert TokenExpiredError is await waiting.outcome()

    in_every_order(play, switches=switches)


@pytest.mark.parametrize("end", ["erase_user", "revoke_all"])
def test_nothing_is_held_beside_an_ending(end: str, switches: int) -> None:
    """Nothing waits afterwards, and after an erasure nothing is known of who would."""

    async def play(race: Race) -> None:
        ring = Ring(risk=RISK)
        await ring.login()
        answer, _ = await race(ring.login, lambda: getattr(ring.there, end)(USER))
        assert type(answer) in (SignInHeldError, LoginDeniedError, Grant)
        waiting = await ring.here.held(USER)  # of one that began after the ending
        if getattr(answer, "reason", "") == "cut-off":
            assert [] == waiting
        if end == "erase_user":
            items = (await ring.here.export_user(USER))["items"]
            assert len(waiting) == len([it for it in items if it["kind"] == "held" and it["body"]])

    in_every_order(play, switches=switches)


def test_an_approval_by_a_session_that_ends_meanwhile_counts_for_nothing(switches: int) -> None:
    """Before it was collected."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of(approved=False)
        session = waiting.owner.session
        await race(waiting.approve, lambda: waiting.ring.there.revoke(session.id))
        assert SignInHeldError is await waiting.outcome()
        assert set() == await waiting.ring.live()

    in_every_order(play, switches=switches)


def test_the_end_of_the_approver_comes_before_the_collecting_or_after(switches: int) -> None:
    """It waits again, or it was collected."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of()
        session = waiting.owner.session
        collected, ended = await race(
            waiting.collect, lambda: waiting.ring.there.revoke(session.id)
        )
        assert ended is True
        assert type(collected) in (Grant, SignInHeldError)
        live = {collected.session.id} if isinstance(collected, Grant) else set()
        assert live == await waiting.ring.live()

    in_every_order(play, switches=switches)


def test_there_are_never_more_than_three() -> None:
    """Two that are held at once drop one each, or the same; none is there twice."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of(approved=False)
        for _ in range(2):
            with pytest.raises(SignInHeldError):
                await waiting.ring.login()
        answers = await race(waiting.ring.login, lambda: waiting.ring.there.login(USER))
        assert {SignInHeldError} == {*map(type, answers)}
        codes = [it.code for it in await waiting.ring.here.held(USER)]
        assert len(codes) == len({*codes}) <= 3

    in_every_order(play, switches=2)


@pytest.mark.thorough
def test_three_at_once() -> None:
    """Two collectings and a refusal: at most one grant, and it is dead."""

    async def play(race: Race) -> None:
        waiting = await Waiting.of()
        one, other, refused = await race(waiting.collect, waiting.collect_elsewhere, waiting.refuse)
        assert refused is True
        assert 1 >= len([it for it in (one, other) if isinstance(it, Grant)])
        assert {waiting.owner.session.id} == await waiting.ring.live()

    in_every_order(play, switches=2)
