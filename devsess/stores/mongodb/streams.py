"""A change stream that says that a document has changed, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


class Listener:
    """
    Listens to one document between two questions too.

    Args:
        collection: The driver's.
        had: Gives the result of one of its methods.
    """

    def __init__(self, collection: Any, had: Callable[[Any], Awaitable[Any]]) -> None:
        self._collection = collection
        self._had = had
        self._stream: Any = None
        self._wait = 0

    async def next_change(self, document: str, seconds: float) -> bool:
        """Whether *document* has changed since this returned last, waiting so long at most."""
        wait = max(1, int(1_000 * seconds))
        if self._stream is None or self._wait != wait:
            await self._open(document, wait)
        return await self._had(self._stream.try_next()) is not None

    async def _open(self, document: str, wait: int) -> None:
        """Listen, or go on listening with another time to wait, from where the old stream is."""
        old = self._stream
        pipeline = [
            {"$match": {"documentKey._id": document}},
            {"$project": {"_id": 1, "operationType": 1, "documentKey": 1, "ns": 1}},
        ]
        self._stream = await self._had(
            self._collection.watch(
                pipeline,
                max_await_time_ms=wait,
                resume_after=None if old is None else old.resume_token,
            )
        )
        self._wait = wait
        if old is not None:
            await self._had(old.close())

    async def close(self) -> None:
        """Listen no more."""
        if self._stream is not None:
            await self._had(self._stream.close())
