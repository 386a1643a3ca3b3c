"""Copies over Redis: what comes between two of their scripts, and accounts of many rows."""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import redis
from _redis import run, with_store
from _redis_steps import Pair, Steps, copied_once, count_up, fail
from attrs import evolve
from servers.valkey import with_prefix

from devsess.copying import Copier
from devsess.errors import StoreUnavailableError
from devsess.lifecycle import Activity
from devsess.models import EventType
from devsess.stores.accounts import Account, Batch, Mark
from devsess.stores.base import ById, Erasure, Everyone, OfDevice, OfUser
from devsess.stores.calls import Retention
from devsess.stores.redis import RedisStore, parts
from devsess.stores.redis.scripts import script
from devsess.testing._rows import DAY, T0, device_row, ending, event_row, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from devsess.stores.rows import SessionRow


async def sign_in_late(store: RedisStore) -> None:
    number = await store.ending_number("user-1")
    await sign_in(store, session_row("late", device="d9", ending_number=number))


async def end_all_and_sign_in(store: RedisStore) -> None:
    await store.end(ending(Everyone()))
    await sign_in_late(store)


async def rotate(store: RedisStore) -> None:
    await store.rotate("s1", expected_generation=0, changes={"rotated_at": T0 + 1}, event=None)


ALL_OF_THEM = {"s1", "s2", "t1", "b1"}
# What happens between two steps, and which sessions must have ended at the target by the end.
BETWEEN: dict[str, tuple[Callable[[RedisStore], Awaitable[object]], set[str]]] = {
    "revoke": (lambda it: it.end(ending(ById("s1"))), {"s1"}),
    "revoke_all": (lambda it: it.end(ending(OfUser("user-1"))), {"s1", "s2", "t1"}),
    "revoke_all, rows follow": (
        lambda it: it.end(evolve(ending(OfUser("user-1")), at_once=0)),
        {"s1", "s2", "t1"},
    ),
    "revoke_everyone": (lambda it: it.end(ending(Everyone())), ALL_OF_THEM),
    "revoke_everyone, then a sign-in": (end_all_and_sign_in, ALL_OF_THEM),
    "block": (lambda it: it.end(ending(OfDevice("user-1", "d1"))), {"s1"}),
    "sign-in": (sign_in_late, set()),
    "rotation": (rotate, set()),
}


USUAL = {
    ("revoke_all, rows follow", "target", 1),
    ("revoke_everyone, then a sign-in", "source", 1),
}
# The others with --thorough.
CASES = [
    pytest.param(*case, marks=() if case in USUAL else pytest.mark.thorough)
    for case in product(BETWEEN, ("source", "target"), (1, 3))
]


@pytest.mark.parametrize(("what", "place", "shards"), CASES)
def test_what_comes_between_two_steps(what: str, place: str, shards: int, valkey_url: str) -> None:
    """Whatever step of a copy it precedes, an ending holds at the target, and nothing else ends."""
    act, ended = BETWEEN[what]

    async def copied(at: int) -> bool:
        pair = Pair(valkey_url, shards)
        try:
            await pair.fill()
            steps = Steps(pair.stores[place], at, lambda: act(pair.others[place]))
            check = await pair.copy(steps)
            if check is None:
                return False
            expected = ALL_OF_THEM - ended | ({"late"} if "sign-in" in what else set())
            assert (at, 0, expected) == (at, check.behind, await pair.live())
            row = await pair.others["target"].get("s1")
            assert row is not None
            assert (at, what == "rotation") == (at, row.generation == 1)
            return True
        finally:
            await pair.close()

    assert run(count_up(copied)) > 5


@pytest.mark.parametrize("shards", [1, pytest.param(3, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("place", ["source", "target"])
def test_a_copy_that_stopped_is_completed(place: str, shards: int, valkey_url: str) -> None:
    """Wherever it stopped, another copy finds the accounts whole, and ends with no difference."""

    async def stopped(at: int) -> bool:
        pair = Pair(valkey_url, shards)
        try:
            await pair.fill()
            steps = Steps(pair.stores[place], at, fail)
            with suppress(StoreUnavailableError):
                await copied_once(Copier(pair.stores["source"], pair.stores["target"]))
            check = await copied_once(Copier(pair.others["source"], pair.others["target"]))
            assert (at, 0, ALL_OF_THEM) == (at, check.behind, await pair.live())
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(stopped)) > 5


@pytest.mark.parametrize("shards", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_an_erasure_at_the_target_leaves_no_part(shards: int, valkey_url: str) -> None:
    """Whatever step of a merge it precedes, the account is whole or gone, never in part."""

    async def erased(at: int) -> bool:
        pair = Pair(valkey_url, shards)
        try:
            await pair.fill()
            target = pair.others["target"]
            batch = await pair.others["source"].accounts(["user-1"])
            erasure = Erasure("user-1", (), 0.0)
            steps = Steps(pair.stores["target"], at, lambda: target.erase(erasure))
            await pair.stores["target"].merge(batch)
            live = await pair.live()
            assert (at, True) == (at, live in ({"s1", "s2", "t1"}, {"s1", "s2"}, set()))
            for session_id in live:
                assert await target.get(session_id) is not None
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(erased)) > 3


def blocked_elsewhere(store: RedisStore) -> Awaitable[object]:
    """Another copy, of a source in which a device is blocked."""
    device = device_row(id="d3", blocked=True)
    return store.merge(Batch((Account("user-1", devices=(device,)),)))


def touched(store: RedisStore) -> Awaitable[object]:
    return store.touch("t1", Activity(T0 + 7, T0 + 7, T0 + DAY), bound=True)


async def exchanged(store: RedisStore) -> None:
    """One device goes, since no session names it, and another one comes: there are as many."""
    await store.purge(Retention(T0, math.inf, 0.0, T0 - 1, 0.0), limit=9)
    await store.merge(Batch((Account("user-1", devices=(device_row(id="dy"),)),)))


# Of what leaves no event: the session's generation, its last activity, and whether its device
# is blocked, once it has come between.
WITHOUT_EVENT: dict[str, tuple[Callable[[RedisStore], Awaitable[object]], object]] = {
    "block": (blocked_elsewhere, (3, T0, True)),
    "touch": (touched, (3, T0 + 7, False)),
    "devices": (exchanged, (3, T0, False)),
}


@pytest.mark.parametrize("what", WITHOUT_EVENT)
def test_what_leaves_no_event_is_kept(what: str, valkey_url: str) -> None:
    """Whatever step of a merge it precedes, neither of two writes of one row is lost."""
    act, expected = WITHOUT_EVENT[what]
    seen = T0 - 9
    unused = device_row(id="dx", first_seen_at=seen, last_seen_at=seen)
    row = session_row("t1", device=device_row(id="d3", last_seen_at=T0 + 1), generation=3)
    other = session_row("x", device=unused)
    batch = Batch((Account("user-1", Mark(), (row.device, unused), (row, other)),))

    async def merged(at: int) -> bool:
        pair = Pair(valkey_url, 1)
        try:
            store, target = pair.stores["target"], pair.others["target"]
            await sign_in(target, session_row("t1", device="d3"))
            await target.merge(Batch((Account("user-1", devices=(unused,)),)))
            steps = Steps(store, at, lambda: act(target))
            await store.merge(batch)
            found, there = await target.get("t1"), await target.get("x")
            assert found is not None
            assert there is not None
            if steps.is_over:
                is_so = (found.generation, found.last_seen_at, found.device.blocked)
                assert (at, expected) == (at, is_so)
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(merged)) > 3


def test_two_copies_at_once_are_one(valkey_url: str) -> None:
    """Whatever step of a merge another of the same account precedes, no event is there twice."""

    async def merged(at: int) -> bool:
        pair = Pair(valkey_url, 1)
        try:
            await pair.fill()
            batch = await pair.others["source"].export(limit=9)
            target = pair.others["target"]
            steps = Steps(pair.stores["target"], at, lambda: target.merge(batch))
            await pair.stores["target"].merge(batch)
            there = await target.accounts(["user-1"])
            events = [it for it in there.accounts[0].events if it.session_id == "s2"]
            assert (at, 1) == (at, len(events))
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(merged)) > 3


def test_a_number_above_the_highest_is_still_ended(valkey_url: str) -> None:
    """A source that names a number too low costs no ending here: it draws a higher one."""
    row = session_row(ending_number=7)
    batch = Batch((Account("user-1", Mark(), (row.device,), (row,)),))

    async def work(store: RedisStore) -> None:
        await store.merge(batch)
        await store.end(evolve(ending(OfUser("user-1")), at_once=0))
        found = await store.get("s1")
        assert found is not None
        assert T0 + 1 == found.revoked_at

    with_store(with_prefix(valkey_url), False, work)


def test_numbers_are_never_above_the_highest(valkey_url: str) -> None:
    """An ending between two readings of a page draws no number that the page would not name."""

    async def drawn(at: int) -> bool:
        pair = Pair(valkey_url, 3)
        try:
            await pair.fill()
            source = pair.others["source"]

            async def end_both() -> None:
                await source.end(ending(OfUser("user-1")))
                await source.end(ending(OfUser("bob")))
                await source.erase(Erasure("nobody", [b"digest"], T0 + 9))

            steps = Steps(pair.stores["source"], at, end_both)
            batch = await pair.stores["source"].export(limit=9)
            numbers = [it.mark.number for it in batch.accounts]
            numbers += [batch.mark.number, *(it.number for it in batch.erased)]
            assert (at, True) == (at, max(numbers) <= batch.last_number)
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(drawn)) > 3


@pytest.mark.parametrize("shards", [1, 3])
def test_the_list_of_users_is_bounded(shards: int, valkey_url: str) -> None:
    """It names nobody of whom an erasure or a purge has left nothing."""
    url = with_prefix(valkey_url, shards=shards)
    prefix = url.partition("prefix=")[2].partition("&")[0]
    late = Retention(*[T0 + 99] * 2, *[T0 + 98] * 3)

    async def scenario() -> None:
        store = RedisStore(url)
        await sign_in(store, session_row("a", user_id="ada", idle_expires_at=T0 + 9))
        await sign_in(store, session_row("b", user_id="bob"))
        await store.add_event(event_row(session_id=None, user_id="eve"))
        await store.erase(Erasure("bob", (), 0.0))
        while await store.purge(late, limit=2):
            pass
        await store.close()

    run(scenario())
    with redis.Redis.from_url(valkey_url) as client:
        assert [] == client.keys(f"{{{prefix}:*:users")


@pytest.mark.parametrize("cursor", ["", "7", ":ada", "x:ada", "3:ada", "-1:ada", "\u0663:ada"])
def test_a_mangled_cursor_is_refused(cursor: str, valkey_url: str) -> None:
    """A place in a shard that there is not is no cursor."""
    url = with_prefix(valkey_url, shards=3)
    with pytest.raises(ValueError, match="cursor"):
        with_store(url, False, lambda store: store.export(limit=1, cursor=cursor))


# Many rows.


def many(name: str, **columns: Any) -> tuple[SessionRow, ...]:
    """Sessions that make one script too long."""
    return tuple(
        session_row(f"{name}-{n:03}", ending_number=1, **columns) for n in range(parts.ROWS // 2)
    )


def account_of(rows: Sequence[SessionRow], mark: Mark) -> Batch:
    kinds = product((EventType.SESSION_CREATED, EventType.SESSION_UPDATED), rows)
    events = [event_row(kind, session_id=row.id, ip=row.ip) for kind, row in kinds]
    account = Account("user-1", mark, (rows[0].device,), tuple(rows), tuple(events))
    return Batch((account,), last_number=mark.number)


def test_an_account_of_many_rows_goes_in_parts(valkey_url: str) -> None:
    """It arrives whole, its history in order, by scripts of few rows each."""
    batch = account_of(many("new"), Mark())

    async def scenario() -> None:
        store = RedisStore(with_prefix(valkey_url))
        try:
            steps = Steps(store, 0, fail)
            await store.merge(batch)
            merges = [it for it in steps.calls if it.script == script("merge")]
            assert len(merges) == 1 + 1 + 1  # devices, sessions, history
            assert batch.accounts == (await store.export(limit=1)).accounts
        finally:
            await store.close()

    run(scenario())


def test_parts_that_stopped_are_completed(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a merge in parts stopped, all that the source's ending ends has ended, once each."""
    monkeypatch.setattr(parts, "ROWS", 20)
    mark, here = Mark(9, T0 + 9), [it.id for it in many("here")]
    old = [evolve(it, revoked_at=T0 + 9, reason="revoked", ip=it.network) for it in many("old")]
    batch = account_of(old, mark)

    async def stopped(at: int) -> bool:
        url = with_prefix(valkey_url)
        store, other = RedisStore(url), RedisStore(url)
        try:
            await store.merge(account_of(many("here"), Mark()))
            steps = Steps(store, at, fail)
            with suppress(StoreUnavailableError):
                await store.merge(batch)
            await other.merge(batch)
            [account] = (await other.export(limit=1)).accounts
            assert mark == account.mark
            assert {T0 + 9} == {it.revoked_at for it in account.sessions}
            ends = [it for it in account.events if it.type is EventType.SESSION_REVOKED]
            assert here == sorted(str(it.session_id) for it in ends)
            return steps.is_over
        finally:
            await store.close()
            await other.close()

    assert run(count_up(stopped)) > 6
