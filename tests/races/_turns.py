"""
Races, turn by turn: a store pauses at its calls, and the test chooses which move goes on.

All orders are tried, each once: a race is played again and again, and each time the last
choice that still has another answer is given the next one. That needs no number of turns
beforehand, so an operation that asks its store once more is tried in more orders.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from asyncio import Future, Task

    from devsess.stores.base import AsyncStore

Work: TypeAlias = Callable[[], Awaitable[object]]

# Longest that one race may take, in seconds; only a deadlock lasts so long.
PATIENCE = 30.0

_READS = frozenset(
    {
        "ahead",
        "changes",
        "covered",
        "cut_off",
        "devices",
        "ending_number",
        "events",
        "get",
        "known_devices",
        "list",
        "live",
        "newest_instants",
    }
)


class Move:
    """
    One of the racing operations; it runs only while it has the turn.

    Attributes:
        outcome: Its result, or the exception it raised.
        has_called: Whether it has called the store since its turn began.
    """

    def __init__(self, number: int, work: Work) -> None:
        self.number = number
        self.outcome: object = None
        self.is_done = False
        self.has_called = False
        self._work = work
        self._task: Task[None] | None = None
        self._goes_on: Future[None]
        self._rests: Future[None]

    async def pause(self) -> None:
        """Within the move: give the turn back."""
        self._goes_on = asyncio.get_running_loop().create_future()
        self._rests.set_result(None)
        await self._goes_on

    async def turn(self) -> None:
        """Within the race: let it run up to its next pause, or to its end."""
        loop = asyncio.get_running_loop()
        self._rests = loop.create_future()
        self.has_called = False
        if self._task is None:
            self._task = loop.create_task(self._run())
        else:
            self._goes_on.set_result(None)
        await self._rests

    async def _run(self) -> None:
        _MOVE.set(self)  # the tasks that it starts are its own too
        try:
            self.outcome = await self._work()
        except Exception as error:  # noqa: BLE001 - it is the outcome
            self.outcome = error
        self.is_done = True
        self._rests.set_result(None)


_MOVE: ContextVar[Move | None] = ContextVar("move", default=None)


def at_once() -> None:
    """Within a move: the rest of it is no part of the race, and needs no further turns."""
    _MOVE.set(None)


class Turns:
    """
    *store*, with a pause before and after each write of a move.

    Args:
        store: The store that it passes every call on to.
        reads: Whether moves pause after their reads, too.

    Attributes:
        calls: The calls of moves as they were done: the move's number, and the method.
    """

    def __init__(self, store: AsyncStore, *, reads: bool = False) -> None:
        self._store = store
        self._reads = reads
        self.calls: list[tuple[int, str]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not inspect.iscoroutinefunction(method):
            return method
        writes = name not in _READS

        async def call(*args: Any, **kwargs: Any) -> Any:
            move = _MOVE.get()
            if move is None:
                return await method(*args, **kwargs)
            if writes and move.has_called:
                await move.pause()
            self.calls.append((move.number, name))
            move.has_called = True
            answer = await method(*args, **kwargs)
            if writes or self._reads:
                await move.pause()
            return answer

        return call


class Order:
    """
    The choices of one race: the first ones given, the others the first that is possible.

    Args:
        given: For each turn the place, among the moves that may have it, of the one that has.
        switches: How often a move that could go on may lose the turn; None: always.
    """

    def __init__(self, given: Sequence[int] = (), *, switches: int | None = None) -> None:
        self._given = given
        self._switches = switches
        self._taken: list[tuple[int, int]] = []
        self.moves: list[int] = []

    def choose(self, ready: Sequence[int]) -> int:
        """Which of the moves *ready* has the next turn."""
        goes_on = [one for one in ready if one in self.moves[-1:]]
        others = [one for one in ready if one not in goes_on]
        possible = goes_on if goes_on and self._switches == 0 else goes_on + others
        turn = len(self._taken)
        place = self._given[turn] if turn < len(self._given) else 0
        self._taken.append((place, len(possible)))
        self.moves.append(possible[place])
        if goes_on and place and self._switches is not None:
            self._switches -= 1
        return possible[place]

    def next(self) -> list[int] | None:
        """The argument for the next order; None after the last one."""
        taken = list(self._taken)
        while taken:
            place, possible = taken.pop()
            if place + 1 < possible:
                return [*(one for one, _ in taken), place + 1]
        return None


class Race:
    """One race, in one order."""

    def __init__(self, order: Order) -> None:
        self.order = order

    async def __call__(self, *works: Work) -> list[Any]:
        """The results of the moves, or the exceptions they raised."""
        moves = [Move(number, work) for number, work in enumerate(works)]
        while ready := [move.number for move in moves if not move.is_done]:
            await moves[self.order.choose(ready)].turn()
        return [move.outcome for move in moves]


def in_every_order(
    play: Callable[[Race], Awaitable[None]], *, switches: int | None = None
) -> list[Order]:
    """
    Play the race once in each order of its moves' turns; the orders.

    *play* sets up what the race needs, runs it once, and asserts what must hold.
    *switches* bounds how often a move that could go on loses the turn in one race.
    """
    return asyncio.run(_in_every_order(play, switches))


async def _in_every_order(
    play: Callable[[Race], Awaitable[None]], switches: int | None
) -> list[Order]:
    orders = []
    given: list[int] | None = []
    while given is not None:
        order = Order(given, switches=switches)
        try:
            async with asyncio.timeout(PATIENCE):
                await play(Race(order))
        except BaseException as error:
            error.add_note(f"The moves had their turns in the order {order.moves}.")
            raise
        orders.append(order)
        given = order.next()
    return orders
