"""Copies over several shards: their endings of everyone, and the keys that name shards."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING, Any

from _redis import run
from _redis_steps import Pair, Steps, count_up
from servers.valkey import with_prefix

from devsess.stores.accounts import Mark
from devsess.stores.base import Erasure, Everyone
from devsess.stores.redis import RedisStore
from devsess.stores.redis.columns import instant
from devsess.stores.redis.endings import how_of
from devsess.stores.searching import Filter
from devsess.testing._rows import T0, cutoffs, ending, event_row, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from devsess.models import Page
    from devsess.stores.accounts import Batch
    from devsess.stores.rows import SessionRow


def test_an_ending_that_half_of_the_shards_know_is_not_passed_on(valkey_url: str) -> None:
    """It would end sessions at the target from after the real one; rows that it ended are ended."""
    url = with_prefix(valkey_url, shards=2)

    async def scenario() -> None:
        store = RedisStore(url)
        users = [f"user-{n}" for n in range(8)]
        for user in users:
            await sign_in(store, session_row(f"of-{user}", user_id=user))
        await store._ask(1, "end_all", "0", *how_of(ending(Everyone())), instant(math.inf))
        batch = await store.export(limit=99)
        await store.close()
        assert Mark() == batch.mark
        ended = {it.user_id for it in batch.accounts if it.sessions[0].revoked_at is not None}
        assert {it for it in users if store._of_user(it) == 1} == ended
        assert 0 < len(ended) < len(users)

    run(scenario())


def test_events_of_several_shards_come_in_line(valkey_url: str) -> None:
    """By their servers' clocks, here one: in the order in which they were written."""

    async def scenario() -> None:
        store = RedisStore(with_prefix(valkey_url, shards=3))
        users = [f"user-{n}" for n in range(9)]
        assert {0, 1, 2} == {store._of_user(it) for it in users}
        for user in users:
            await store.add_event(event_row(user_id=user))
        for limit in (2, 5, 99):
            seen, page = list[str](), await store.poll(None, limit=limit)
            while page.items:
                seen += [it.user_id for it in page]
                page = await store.poll(page.next, limit=limit)
            assert users == seen
        await store.close()

    run(scenario())


async def check_each_is_found(url: str) -> None:
    """Each session of a list is found by its id, by a process that has looked up none yet."""
    fresh = RedisStore(url)
    for row in await fresh.list("user-1"):
        assert row == await fresh.get(row.id)
    await fresh.close()


def test_pages_are_in_order_though_a_shard_stops_early(valkey_url: str) -> None:
    """
    One shard finds rows at once, the other has looked at others only: a page waits for both.

    A row that is shown too early comes once more, behind newer ones.
    """

    async def scenario() -> None:
        store = RedisStore(with_prefix(valkey_url, shards=2))
        dense, sparse = (
            next(it for it in map("user-{}".format, range(99)) if store._of_user(it) == shard)
            for shard in (0, 1)
        )
        await sign_in(
            store,
            *(_row_at(dense, at) for at in range(1, 9)),
            *(_row_at(sparse, at, ip="10.0.0.1") for at in range(20, 25)),
            *(_row_at(sparse, at) for at in (0, 4, 9)),
        )
        wanted = Filter(ip=session_row().ip)
        expected = [*range(9, 4, -1), 4, 4, *range(3, -1, -1)]
        for limit in (1, 2, 5):
            search = partial(store.search, wanted, cutoffs=cutoffs(T0 + 99), looked=limit)
            assert expected == await _found(search, limit)
            queue = partial(store.queue, 0, cutoffs=cutoffs(T0 + 99), looked=limit)
            assert expected == await _found(queue, limit)
        await store.close()

    run(scenario())


def _row_at(user_id: str, at: int, **columns: Any) -> SessionRow:
    """It began at this second, with a score that says so too; of another address it is over."""
    instant = T0 + 1 if "ip" in columns else T0 + 999
    number = {"created_at": T0 + at, "score": at, "idle_expires_at": instant}
    return session_row(f"{user_id}-{at}", user_id=user_id, **number, **columns)


async def _found(ask: Callable[..., Awaitable[Page[SessionRow]]], limit: int) -> list[int | None]:
    """The scores of the rows of all pages."""
    page = await ask(limit=limit)
    found = [it.score for it in page]
    while page.next is not None:
        page = await ask(limit=limit, cursor=page.next)
        found += [it.score for it in page]
        assert len(found) < 99
    return found


def test_a_session_that_comes_back_is_found_by_its_id(valkey_url: str) -> None:
    """Whatever step of an erasure a copy precedes, a row that it brings is found by its id."""

    async def erased(at: int) -> bool:
        pair = Pair(valkey_url, 3)
        try:
            await pair.fill()
            batch = await pair.others["source"].accounts(["user-1"])
            target = pair.others["target"]
            await target.merge(batch)
            steps = Steps(pair.stores["target"], at, lambda: target.merge(batch))
            await pair.stores["target"].erase(Erasure("user-1", (), 0.0))
            await check_each_is_found(pair.urls["target"])
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(erased)) > 4


def test_a_merge_within_an_erasure_keeps_its_keys(valkey_url: str) -> None:
    """An erasure that deletes keys while a merge is under way, whatever step comes then."""

    async def merged(at: int) -> bool:
        pair = Pair(valkey_url, 3)
        erased, over = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            erased.set()
            await over.wait()

        async def finish() -> None:
            over.set()
            await erasing

        try:
            await pair.fill()
            batch: Batch = await pair.others["source"].accounts(["user-1"])
            eraser, merger = pair.others["target"], pair.stores["target"]
            await eraser.merge(batch)
            Steps(eraser, 2, wait)  # its rows are deleted, and their keys are not
            erasing = asyncio.create_task(eraser.erase(Erasure("user-1", (), 0.0)))
            await erased.wait()
            steps = Steps(merger, at, finish)
            await merger.merge(batch)
            await finish()
            await check_each_is_found(pair.urls["target"])
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(merged)) > 4
