"""Two operations at once, in every order of their store calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from _ring import AGENT, USER, WAYS_TO_END, Lost, Ring
from _turns import Race, at_once, in_every_order

from devsess import (
    AsyncSessionManager,
    Client,
    EventType,
    Grant,
    LoginDeniedError,
    RefreshTokenReusedError,
    Session,
    SessionLimitError,
    SessionRevokedError,
    TokenExpiredError,
)


def test_two_refreshes_have_one_successor() -> None:
    """Racing tabs get the same successor, and one of them learns that it existed already."""

    async def play(race: Race) -> None:
        ring = Ring()
        token = (await ring.login()).refresh_token
        one, other = await race(
            lambda: ring.here.refresh(token),
            lambda: ring.there.refresh(token),
        )
        assert one.refresh_token == other.refresh_token
        assert {False, True} == {one.replayed, other.replayed}
        assert USER == (await ring.here.refresh(one.refresh_token)).session.user_id

    in_every_order(play)


@pytest.mark.parametrize("name", WAYS_TO_END)
def test_a_refresh_does_not_outrun_an_ending(name: str) -> None:
    """No token of the refresh is good once the ending has returned."""
    end, error = WAYS_TO_END[name]

    async def play(race: Race) -> None:
        ring = Ring()
        grant = await ring.login()

        async def ending() -> type:
            await end(ring.there, grant)
            at_once()
            return await ring.ask(grant)

        renewed, passed = await race(lambda: ring.here.refresh(grant.refresh_token), ending)
        assert error is passed
        assert type(renewed) in (Grant, error)
        if isinstance(renewed, Grant):
            assert error is await ring.ask(renewed)
            with pytest.raises(error):
                await ring.here.refresh(renewed.refresh_token)

    in_every_order(play)


@pytest.mark.parametrize("name", WAYS_TO_END)
def test_a_step_up_does_not_outrun_an_ending(name: str) -> None:
    """No token of the step-up is good once the ending has returned."""
    end, error = WAYS_TO_END[name]

    async def play(race: Race) -> None:
        ring = Ring()
        grant = await ring.login()
        raised, _ = await race(
            lambda: ring.here.step_up(grant.access_token, amr=("otp",)),
            lambda: end(ring.there, grant),
        )
        assert type(raised) in (Grant, error)
        assert error is await ring.ask(grant)
        if isinstance(raised, Grant):
            assert error is await ring.ask(raised)

    in_every_order(play)


@pytest.mark.parametrize("name", WAYS_TO_END)
def test_a_validation_does_not_outrun_an_ending(name: str) -> None:
    """A row that was read before is not answered after, even by the manager that had read it."""
    end, error = WAYS_TO_END[name]

    async def play(race: Race) -> None:
        ring = Ring()
        grant = await ring.login()

        async def ending() -> type:
            await end(ring.here, grant)
            at_once()
            return await ring.ask(grant)

        found, passed = await race(lambda: ring.here.validate(grant.access_token), ending)
        assert error is passed
        assert type(found) in (Session, error)
        assert error is await ring.ask(grant)

    in_every_order(play)


def test_a_refresh_and_a_step_up() -> None:
    """The session lives on, and only the stepped-up tokens lead on."""

    async def play(race: Race) -> None:
        ring = Ring()
        grant = await ring.login()
        raised, renewed = await race(
            lambda: ring.here.step_up(grant.access_token, amr=("otp",)),
            lambda: ring.there.refresh(grant.refresh_token),
        )
        assert TokenExpiredError is await ring.ask(grant)
        assert Session is await ring.ask(raised)
        assert type(renewed) in (Grant, TokenExpiredError)
        if isinstance(renewed, Grant):
            assert TokenExpiredError is await ring.ask(renewed)
            with pytest.raises(TokenExpiredError):
                await ring.here.refresh(renewed.refresh_token)
        assert USER == (await ring.here.refresh(raised.refresh_token)).session.user_id

    in_every_order(play)


def test_two_step_ups() -> None:
    """One replaces the token that both had; the other finds it replaced."""

    async def play(race: Race) -> None:
        ring = Ring()
        token = (await ring.login()).access_token
        outcomes = await race(
            lambda: ring.here.step_up(token, amr=("otp",)),
            lambda: ring.there.step_up(token, amr=("hwk",)),
        )
        [raised] = [it for it in outcomes if isinstance(it, Grant)]
        assert {Grant, TokenExpiredError} == set(map(type, outcomes))
        assert Session is await ring.ask(raised)
        assert USER == (await ring.here.refresh(raised.refresh_token)).session.user_id

    in_every_order(play)


@pytest.mark.parametrize("on_limit", ["evict", "reject"])
def test_logins_never_pass_the_limit(on_limit: Any) -> None:
    """Two sign-ins at once for one free place: both places are taken, and no third one."""

    async def play(race: Race) -> None:
        ring = Ring(max_sessions=2, on_limit=on_limit)
        await ring.login()
        outcomes = await race(lambda: ring.here.login(USER), lambda: ring.there.login(USER))
        granted = [it for it in outcomes if isinstance(it, Grant)]
        assert 2 == len(await ring.live())
        if on_limit == "evict":
            assert 1 == sum(len(it.evicted) for it in granted)
        else:
            assert {Grant, SessionLimitError} == set(map(type, outcomes))

    in_every_order(play)


CUT_OFFS: dict[str, tuple[Callable[[AsyncSessionManager, str], Awaitable[object]], str]] = {
    "revoke_all": (lambda on, user: on.revoke_all(user), "end"),
    "revoke_everyone": (lambda on, user: on.revoke_everyone(reason="breach"), "end"),
    "erase_user": (lambda on, user: on.erase_user(user), "erase"),
}


@pytest.mark.parametrize("name", CUT_OFFS)
def test_a_login_does_not_outrun_a_cut_off(name: str) -> None:
    """A sign-in that began before the ending is refused or ended; one that began after is not."""
    cut_off, write = CUT_OFFS[name]

    async def play(race: Race) -> None:
        ring = Ring()
        await ring.login()
        outcome, _ = await race(
            lambda: ring.here.login(USER),
            lambda: cut_off(ring.there, USER),
        )
        calls = ring.store.calls
        begins = next(at for at, (move, _) in enumerate(calls) if move == 0)
        is_later = calls.index((1, write)) < begins
        assert type(outcome) in (Grant, LoginDeniedError)
        live = {outcome.session.id} if is_later else set()
        assert live == await ring.live()
        if isinstance(outcome, Grant):
            assert is_later == (Session is await ring.ask(outcome))

    in_every_order(play)


def test_a_dated_login_does_not_outrun_a_cut_off() -> None:
    """A sign-in with an instant before the ending is refused or ended, whichever comes first."""

    async def play(race: Race) -> None:
        ring = Ring()
        before = ring.clock.now()
        ring.clock.advance(1)
        outcome, _ = await race(
            lambda: ring.here.login(USER, auth_time=before),
            lambda: ring.there.revoke_all(USER),
        )
        assert set() == await ring.live()
        assert type(outcome) in (Grant, LoginDeniedError)
        if isinstance(outcome, Grant):
            assert SessionRevokedError is await ring.ask(outcome)

    in_every_order(play)


@pytest.mark.parametrize("name", ["block_device", "forget_device"])
def test_a_login_from_a_device_that_is_taken_away(name: str) -> None:
    """Blocked, its sign-in is refused or ended; forgotten, it comes back as a new one at most."""

    async def play(race: Race) -> None:
        ring = Ring()
        first = await ring.login()
        device = first.session.device.id
        client = Client(user_agent=AGENT, device_token=first.device_token)
        outcome, _ = await race(
            lambda: ring.here.login(USER, client),
            lambda: getattr(ring.there, name)(USER, device),
        )
        assert SessionRevokedError is await ring.ask(first)
        live = await ring.live()
        if name == "block_device":
            assert type(outcome) in (Grant, LoginDeniedError)
            assert set() == live
        else:
            assert live <= {outcome.session.id}

    in_every_order(play)


def test_one_device_keeps_one_session() -> None:
    """One browser signs in twice at once: its last session is its only one."""

    async def play(race: Race) -> None:
        ring = Ring()
        first = await ring.login()
        client = Client(user_agent=AGENT, device_token=first.device_token)
        grants = await race(
            lambda: ring.here.login(USER, client),
            lambda: ring.there.login(USER, client),
        )
        [live] = await ring.live()
        assert live in {grant.session.id for grant in grants}
        assert 1 == len(await ring.here.devices(USER))

    in_every_order(play)


def test_two_that_come_late_get_one_successor() -> None:
    """One of them is given a new successor, the other the same; the lost one is dead."""

    async def play(race: Race) -> None:
        ring = Ring()
        lost = await Lost.of(ring)
        one, other = await race(lost.find, lost.find_elsewhere)
        assert one.refresh_token == other.refresh_token != lost.successor.refresh_token
        assert {False, True} == {one.replayed, other.replayed}
        happened = (await ring.here.history(USER)).items
        assert 1 == [event.type for event in happened].count(EventType.TOKEN_REISSUED)
        assert USER == (await ring.here.refresh(one.refresh_token)).session.user_id

    in_every_order(play)


def test_a_late_token_and_its_successors_refresh_token() -> None:
    """Both in use at once are two holders: whichever comes first, the session ends, `stale`."""

    async def play(race: Race) -> None:
        ring = Ring()
        lost = await Lost.of(ring)
        outcomes = await race(lost.find, lambda: ring.there.refresh(lost.successor.refresh_token))
        [reused] = [it for it in outcomes if isinstance(it, RefreshTokenReusedError)]
        assert "stale" == reused.reuse
        ended = await ring.here.get(lost.successor.session.id)
        assert "stale" == (ended and ended.revoke_reason)

    in_every_order(play)


def test_a_late_token_and_its_successors_access_token() -> None:
    """Presented before, the session ends; after, the reissue stands: never both, nor neither."""
    seen = set()

    async def play(race: Race) -> None:
        ring = Ring()
        lost = await Lost.of(ring)
        found, _ = await race(
            lost.find, lambda: ring.there.validate(lost.successor.access_token, touch=False)
        )
        again = await ring.here.get(lost.successor.session.id)
        assert again is not None
        assert again.is_active == isinstance(found, Grant)
        if isinstance(found, Grant):
            assert USER == (await ring.here.refresh(found.refresh_token)).session.user_id
        else:
            assert isinstance(found, RefreshTokenReusedError)
            assert "late" == found.reuse
        seen.add(again.is_active)

    in_every_order(play)
    assert {True, False} == seen


def test_a_late_token_and_a_step_up() -> None:
    """The stepped-up tokens go to the step-up alone; the late token never leads to them."""

    async def play(race: Race) -> None:
        ring = Ring()
        lost = await Lost.of(ring)
        found, raised = await race(
            lost.find,
            lambda: ring.there.step_up(lost.successor.access_token, amr=("otp",)),
        )
        assert isinstance(raised, Grant)
        if isinstance(found, Grant):
            assert found.refresh_token != raised.refresh_token
        else:
            # The step-up had made it older than the one before.
            assert isinstance(found, RefreshTokenReusedError)

    in_every_order(play)
