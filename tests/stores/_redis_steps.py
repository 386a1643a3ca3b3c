"""Copies over Redis step by step: something happens before one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servers.valkey import with_prefix

from devsess.copying import Check, Copier
from devsess.errors import StoreUnavailableError
from devsess.stores.redis import RedisStore
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from devsess.stores.redis.port import Call


class Steps:
    """
    The port of a store, with something that happens before one of its steps.

    Attributes:
        taken: Steps so far: each asks the server, for one answer or several.
        calls: What they asked.
    """

    def __init__(self, store: RedisStore, at: int, act: Callable[[], Awaitable[object]]) -> None:
        self._port, self._at, self._act = store._port, at, act
        self.taken = 0
        self.calls: list[Call] = []
        store._port = self  # type: ignore[assignment]

    @property
    def is_over(self) -> bool:
        """Whether it has happened."""
        return self.taken >= self._at

    async def _step(self, *calls: Call) -> None:
        self.calls += calls
        self.taken += 1
        if self.taken == self._at:
            await self._act()

    async def run(self, call: Call) -> Any:
        await self._step(call)
        return await self._port.run(call)

    async def run_all(self, calls: Sequence[Call]) -> list[Any]:
        await self._step(*calls)
        return await self._port.run_all(calls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class Pair:
    """A source with two users, and a target with an earlier copy, and a session of its own."""

    def __init__(self, url: str, shards: int) -> None:
        self.urls = {name: with_prefix(url, shards=shards) for name in ("source", "target")}
        self.stores = {name: RedisStore(it) for name, it in self.urls.items()}
        self.others = {name: RedisStore(it) for name, it in self.urls.items()}

    async def fill(self) -> None:
        source, target = self.others["source"], self.others["target"]
        await sign_in(source, session_row("s1", device="d1"))
        await Copier(source, target).run()
        await sign_in(source, session_row("s2", device="d2"))
        await sign_in(source, session_row("b1", user_id="bob"))
        await sign_in(target, session_row("t1", device="d3"))

    async def copy(self, steps: Steps) -> Check | None:
        """The check of a copy that saw what came; None if it was over before its step."""
        copier = Copier(self.stores["source"], self.stores["target"])
        await copied_once(copier)
        return await copied_once(copier) if steps.is_over else None

    async def live(self, name: str = "target") -> set[str]:
        found = set()
        for user in ("user-1", "bob"):
            rows = await self.others[name].list(user)
            found |= {row.id for row in rows if row.revoked_at is None}
        return found

    async def close(self) -> None:
        for store in (*self.stores.values(), *self.others.values()):
            await store.close()


async def copied_once(copier: Copier) -> Check:
    while await copier.run():
        pass
    return await copier.check(mends=True)


async def fail() -> None:
    raise StoreUnavailableError("the test stops it here")


async def count_up(work: Callable[[int], Awaitable[bool]]) -> int:
    """Do *work* with 1, 2, 3 and so on, until it says that there is no such step."""
    at = 1
    while await work(at):
        at += 1
    return at
