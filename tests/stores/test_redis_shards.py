"""Copies over several shards: their endings of everyone, and the keys that name shards."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from _redis import run
from _redis_steps import Pair, Steps, count_up
from servers.valkey import with_prefix

from devsess.stores.accounts import Mark
from devsess.stores.base import Erasure, Everyone
from devsess.stores.redis import RedisStore
from devsess.stores.redis.columns import instant
from devsess.stores.redis.endings import how_of
from devsess.testing._rows import ending, event_row, session_row, sign_in

if TYPE_CHECKING:
    from devsess.stores.accounts import Batch


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
