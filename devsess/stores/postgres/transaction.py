"""One transaction over a connection of either colour, with as few round trips as can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from devsess.stores.counting import Counts
from devsess.stores.postgres import statistics

Values: TypeAlias = Sequence[object] | Mapping[str, object]
Statement: TypeAlias = tuple[str, Values]
Rows: TypeAlias = list[tuple[Any, ...]]
# Sends all statements in one round trip, and gives the rows of each.
Batch: TypeAlias = Callable[[Sequence[Statement]], Awaitable[list[Rows]]]


# A snapshot for each statement: see `writes`.
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
# One for all. It is said here: psycopg may send statements of its own after the BEGIN, and then
# the server takes no SET TRANSACTION any more.
BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Transaction:
    """
    A transaction that begins with its first question.

    What is put waits for the next question, or the end, and is sent with it.

    Attributes:
        counts: Those of its writes; added at its end.
    """

    def __init__(self, batch: Batch, *first: Statement, begin: str = BEGIN) -> None:
        self._batch = batch
        self._queue: list[Statement] = [(begin, ()), *first]
        self._after: list[Statement] = []
        self.counts = Counts()

    def put(self, statement: str, values: Values = ()) -> None:
        """Send *statement* with the next question."""
        self._queue.append((statement, values))

    def put_after(self, statement: str, values: Values = ()) -> None:
        """Send *statement* after the end, in a transaction of its own."""
        if (statement, values) not in self._after:
            self._after.append((statement, values))

    async def ask(self, statement: str, values: Values = ()) -> Rows:
        """The rows of *statement*."""
        [rows] = await self.ask_all((statement, values))
        return rows

    async def ask_all(self, *statements: Statement) -> list[Rows]:
        """The rows of each of *statements*, which see what was committed when they begin."""
        queue, self._queue = self._queue, []
        return (await self._batch([*queue, *statements]))[len(queue) :]

    async def commit(self) -> None:
        """Send what is still to be sent, and end the transaction."""
        await self.ask_all(*statistics.adding(self.counts), ("COMMIT", ()), *self._after)
