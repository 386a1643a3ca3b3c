"""
Stores and managers that each break one law of leases, on a real server.

Each function opens the store at a URL, in a process of its own, and may change that process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess._runtime.cache import Cache
from devsess._runtime.currency import Currency
from devsess.stores.open import open_store
from devsess.stores.postgres import PostgresStore
from devsess.stores.redis import RedisStore

if TYPE_CHECKING:
    from devsess._runtime.waits import Wait
    from devsess.stores.base import Ended, Ending
    from devsess.stores.capabilities import Behind, Renewal


def without_a_wait(url: str, *, is_awaited: bool) -> Any:
    """An ending returns once it is written."""
    setattr(Currency, "wait", lambda self: None)  # noqa: B010 - it is not typed so
    return open_store(url, is_awaited=is_awaited)


class SlowFeed(RedisStore):
    """The answer to a renewal waits until most of its lease is over: its process was stopped."""

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        renewal = await super().renew(reader, position, lease=lease)
        time.sleep(0.9 * lease)
        return renewal


def lease_from_the_answer(url: str, *, is_awaited: bool) -> Any:
    """A lease runs from when the answer came, not from when the renewal was sent."""
    renewed = Cache.renewed

    def later(self: Cache, sent: float, *answer: Any) -> None:
        renewed(self, self._elapsed(), *answer)

    setattr(Cache, "renewed", later)  # noqa: B010 - it is not typed so
    return SlowFeed(url, is_awaited=is_awaited)


class WithoutHistory(PostgresStore):
    """Has one name for all histories, and none of them is new."""

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        return evolve(await super().renew(reader, position, lease=lease), history="the same")

    async def readers_behind(self, position: object) -> Behind:
        behind = await super().readers_behind(position)
        return evolve(behind, history="the same", is_seasoned=True)


def without_history(url: str, *, is_awaited: bool) -> Any:
    """Positions and the register have no history beside them."""
    return WithoutHistory(url, is_awaited=is_awaited)


# Whether the latest ending has ended anything.
_ENDED: list[bool] = []


def second_without_a_wait(url: str, *, is_awaited: bool) -> Any:
    """An ending that finds nothing to end returns at once."""
    wait = Currency.wait

    class Noted(RedisStore):
        async def end(self, ending: Ending) -> Ended:
            answer = await super().end(ending)
            _ENDED[:] = [bool(answer.events or answer.following)]
            return answer

    def of_the_first(self: Currency) -> Wait | None:
        return wait(self) if _ENDED == [True] else None

    setattr(Currency, "wait", of_the_first)  # noqa: B010 - it is not typed so
    return Noted(url, is_awaited=is_awaited)
