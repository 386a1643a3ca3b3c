"""
Three operations at once, in all orders of their writes that take the turn away three times.

A fault between operations shows with few switches, if at all (Musuvathi and Qadeer,
"Iterative Context Bounding", PLDI 2007): two let each of two rivals in. So many orders
take their time: a brief run takes the turn away once.
"""

from __future__ import annotations

from typing import Any

import pytest
from _ring import AGENT, USER, Lost, Ring
from _turns import Race, at_once, in_every_order

from devsess import (
    Client,
    EventType,
    Grant,
    InvalidSessionError,
    LoginDeniedError,
    Session,
    SessionLimitError,
    SessionRevokedError,
    TokenExpiredError,
)


@pytest.fixture
def switches(thorough: bool) -> int:
    """How often the turn is taken away."""
    return 3 if thorough else 1


def test_three_refreshes_have_one_successor(switches: int) -> None:
    """All three get the successor that the first of them got."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        token = (await ring.login()).refresh_token
        grants = await race(
            lambda: ring.here.refresh(token),
            lambda: ring.there.refresh(token),
            lambda: ring.here.refresh(token),
        )
        [successor] = {grant.refresh_token for grant in grants}
        assert [False, True, True] == sorted(grant.replayed for grant in grants)
        assert USER == (await ring.here.refresh(successor)).session.user_id

    in_every_order(play, switches=switches)


def test_three_that_come_late_get_one_successor(switches: int) -> None:
    """An answer was lost to three tabs: one gets another successor, and the others the same."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        lost = await Lost.of(ring)
        grants = await race(lost.find, lost.find_elsewhere, lost.find)
        [successor] = {grant.refresh_token for grant in grants}
        assert lost.successor.refresh_token != successor
        assert [False, True, True] == sorted(grant.replayed for grant in grants)
        assert USER == (await ring.here.refresh(successor)).session.user_id

    in_every_order(play, switches=switches)


def test_no_refresh_outruns_a_revocation(switches: int) -> None:
    """Two tabs refresh while another device revokes: nothing that either got is good after it."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        grant = await ring.login()

        async def revoke() -> type:
            await ring.there.revoke(grant.session.id)
            at_once()
            return await ring.ask(grant)

        *renewed, passed = await race(
            lambda: ring.here.refresh(grant.refresh_token),
            lambda: ring.there.refresh(grant.refresh_token),
            revoke,
        )
        assert SessionRevokedError is passed
        assert {Grant, SessionRevokedError} >= set(map(type, renewed))
        for each in renewed:
            if isinstance(each, Grant):
                assert SessionRevokedError is await ring.ask(each)

    in_every_order(play, switches=switches)


def test_two_refreshes_and_a_step_up(switches: int) -> None:
    """The stepped-up tokens alone lead on; a tab that comes after both rotations ends nothing."""
    seen = set()

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        grant = await ring.login()
        raised, *renewed = await race(
            lambda: ring.here.step_up(grant.access_token, amr=("otp",)),
            lambda: ring.here.refresh(grant.refresh_token),
            lambda: ring.there.refresh(grant.refresh_token),
        )
        assert isinstance(raised, Grant)
        assert {Grant, TokenExpiredError} >= set(map(type, renewed))
        seen.add(frozenset(map(type, renewed)))
        for each in renewed:
            if isinstance(each, Grant):
                assert each.session.auth_time < raised.session.auth_time
                assert Session is not await ring.ask(each)
        assert Session is await ring.ask(raised)
        assert USER == (await ring.there.refresh(raised.refresh_token)).session.user_id

    in_every_order(play, switches=switches)
    # It came after both, before both, and between them.
    one, other = frozenset({Grant}), frozenset({TokenExpiredError})
    assert {one, other, one | other} == seen


@pytest.mark.parametrize("on_limit", ["evict", "reject"])
def test_three_logins_keep_to_the_limit(on_limit: Any, switches: int) -> None:
    """Three sign-ins for two places: two are live, and the third was refused or made room."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False, max_sessions=2, on_limit=on_limit)
        outcomes = await race(
            lambda: ring.here.login(USER),
            lambda: ring.there.login(USER),
            lambda: ring.here.login(USER),
        )
        granted = [it for it in outcomes if isinstance(it, Grant)]
        live = await ring.live()
        assert 2 == len(live)
        assert live == {it.session.id for it in granted if Session is await ring.ask(it)}
        if on_limit == "reject":
            assert 1 == len([it for it in outcomes if isinstance(it, SessionLimitError)])
        else:
            assert 1 == sum(len(it.evicted) for it in granted)

    in_every_order(play, switches=switches)


def test_one_device_keeps_one_session(switches: int) -> None:
    """One browser signs in three times at once: its last session is its only one."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        first = await ring.login()
        client = Client(user_agent=AGENT, device_token=first.device_token)
        grants = await race(
            lambda: ring.here.login(USER, client),
            lambda: ring.there.login(USER, client),
            lambda: ring.here.login(USER, client),
        )
        [live] = await ring.live()
        assert 1 == len(await ring.here.devices(USER))
        assert [live] == [it.session.id for it in grants if Session is await ring.ask(it)]

    in_every_order(play, switches=switches)


def test_no_sign_in_outruns_a_password_change(switches: int) -> None:
    """Two sign-ins with the old password, and a change of it: neither is left."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        before = ring.clock.now()
        ring.clock.advance(1)
        *outcomes, _ = await race(
            lambda: ring.here.login(USER, auth_time=before),
            lambda: ring.there.login(USER, auth_time=before),
            lambda: ring.here.revoke_all(USER),
        )
        assert set() == await ring.live()
        assert {Grant, LoginDeniedError} >= set(map(type, outcomes))
        for each in outcomes:
            if isinstance(each, Grant):
                assert SessionRevokedError is await ring.ask(each)

    in_every_order(play, switches=switches)


def test_a_sign_in_a_limit_and_a_cut_off(switches: int) -> None:
    """Two sign-ins for one place while all sessions end: at most one, which began after."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False, max_sessions=1)
        await ring.login()
        *outcomes, _ = await race(
            lambda: ring.here.login(USER),
            lambda: ring.there.login(USER),
            lambda: ring.here.revoke_all(USER),
        )
        calls = ring.store.calls
        movers = [move for move, _ in calls]
        end = calls.index((2, "end"))
        later = [move for move in (0, 1) if end < movers.index(move)]
        live = await ring.live()
        assert min(1, len(later)) == len(live)
        assert live <= {outcomes[n].session.id for n in later}
        assert {Grant, LoginDeniedError} >= set(map(type, outcomes))

    in_every_order(play, switches=switches)


def test_no_fill_outlives_a_revocation(switches: int) -> None:
    """One task fills the cache, another consumes the log, a third revokes elsewhere."""

    async def play(race: Race) -> None:
        ring = Ring(reads=True)
        grant, bystander = await ring.login(), await ring.login()
        await ring.here.validate(bystander.access_token)
        await race(
            lambda: ring.here.validate(grant.access_token),
            lambda: ring.here.validate(bystander.access_token),
            lambda: ring.there.revoke(grant.session.id),
        )
        assert SessionRevokedError is await ring.ask(grant)
        assert Session is await ring.ask(bystander)

    in_every_order(play, switches=switches)


def test_a_stolen_token_ends_the_session_once(switches: int) -> None:
    """An old refresh token comes back while the new one is used twice: the session ends."""

    async def play(race: Race) -> None:
        ring = Ring(reads=False)
        stolen = (await ring.login()).refresh_token
        older = await ring.here.refresh(stolen)
        newest = await ring.here.refresh(older.refresh_token)
        *outcomes, reused = await race(
            lambda: ring.here.refresh(newest.refresh_token),
            lambda: ring.there.refresh(newest.refresh_token),
            lambda: ring.there.refresh(stolen),
        )
        assert isinstance(reused, InvalidSessionError)
        assert SessionRevokedError is await ring.ask(newest)
        assert {Grant, SessionRevokedError} >= set(map(type, outcomes))
        happened = (await ring.here.history(USER)).items
        assert 1 == [event.type for event in happened].count(EventType.TOKEN_REUSED)

    in_every_order(play, switches=switches)
