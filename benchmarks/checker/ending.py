"""The process that signs in, and ends sessions: one, all of an account, or everybody's."""

from __future__ import annotations

import asyncio
import os
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import _workload as workload
from devsess import StoreUnavailableError
from devsess._runtime import operations
from devsess.operations import ending as ending_operations
from devsess.stores.base import Ending
from devsess.stores.calls import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.checker.board import Board
    from benchmarks.checker.managers import Face
    from benchmarks.checker.plan import Plan

# Sessions alive at a time, and accounts that have them.
ALIVE = 16
USERS = 4
# Of a hundred endings, those of everybody, of an account, and of a device.
OF_ALL, OF_ONE, OF_DEVICE = 1, 10, 5
# Seconds after a call that had no answer, and for which the store may give none.
AFTER_FAILURE, PATIENCE = 0.02, 60.0
# Seconds without an ending after it is known that connections will be slow.
QUIET = 1.7


def sign_in_and_end(plan: Plan) -> None:
    """Keep a few sessions alive until enough was tried: for each that begins one ends, or more."""
    with plan.board() as board:
        asyncio.run(_sign_in_and_end(plan, board))


async def _sign_in_and_end(plan: Plan, board: Board) -> None:
    faces = [plan.ending(kind) for kind in dict.fromkeys(plan.settings.kinds)]
    parent = os.getppid()
    ender, was_slow = Ender(board, plan.settings.again), False
    try:
        while os.getppid() == parent and not _is_enough(plan, board):
            face = faces[board.issued % len(faces)]
            if not board.is_slow:
                await ender.sign_in(face)
            if len(ender.alive) > (0 if board.is_slow else ALIVE):
                await ender.end_some(face)
            elif board.is_slow:
                await asyncio.sleep(AFTER_FAILURE)
            if board.is_slow and not was_slow:
                await asyncio.sleep(QUIET)
            was_slow = board.is_slow
            await asyncio.sleep(plan.settings.pace)
    finally:
        for face in faces:
            await face.call(face.manager.close)


def _is_enough(plan: Plan, board: Board) -> bool:
    done = (
        board.total("validations") >= plan.settings.validations
        and board.issued - ALIVE >= plan.settings.revocations
        and board.rounds >= plan.settings.rounds
    )
    return done or board.stopped or board.issued == board.slots


class Ender:
    """
    Ends sessions, one or many at a time.

    Attributes:
        alive: Slot, session and user of each that is not ended.

    Args:
        board: Where endings are noted.
        again: See Settings.
    """

    def __init__(self, board: Board, again: int) -> None:
        self.alive: list[tuple[int, Any, str]] = []
        self._board = board
        self._again = again
        self._chance = random.Random(1)

    async def sign_in(self, face: Face) -> None:
        """Begin a session; if the store does not answer, there is one that nobody holds."""
        number = self._board.issued
        user = f"user-{number % USERS}"
        login = partial(face.manager.login, user, workload.client(number))
        grant = await self._until_answered(partial(face.call, login))
        self.alive.append((self._board.issue(grant.access_token), grant.session, user))

    async def end_some(self, face: Face) -> None:
        """End one, all of an account, or all, as chance has it."""
        chosen = self._chance.choice(self.alive)
        _, session, user = chosen
        manager, kind = face.manager, self._chance.randrange(100)
        if kind < OF_ALL:
            await self._end_many(face, self.alive, operations.revoke_everyone)
        elif kind < OF_ALL + OF_ONE:
            of_user = [one for one in self.alive if one[2] == user]
            await self._end_many(face, of_user, operations.revoke_all, user)
        elif kind < OF_ALL + OF_ONE + OF_DEVICE:
            block = partial(manager.block_device, user, session.device.id)
            await self._end([chosen], partial(face.call, block))
        else:
            if kind < OF_ALL + OF_ONE + OF_DEVICE + self._again:
                await self._end_without_a_wait(face, chosen)
            await self._end([chosen], partial(face.call, partial(manager.revoke, session)))

    async def _end_without_a_wait(self, face: Face, one: tuple[int, Any, str]) -> None:
        self._board.begin(one[0], time.monotonic_ns())
        how = {"user_id": None, "reason": "checked", "actor": None}
        write = partial(face.manager._write, operations.revoke, one[1], **how)
        await self._until_answered(partial(face.call, write))

    async def _end(
        self, ended: list[tuple[int, Any, str]], end: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Have *end* end these, and say so once it has returned."""
        self.alive = [one for one in self.alive if one not in ended]
        for slot, _, _ in ended:
            if not self._board.begun_at(slot):
                self._board.begin(slot, time.monotonic_ns())
        answer = await self._until_answered(end)
        for slot, _, _ in ended:
            self._board.end(slot, time.monotonic_ns())
        return answer

    async def _end_many(
        self, face: Face, ended: list[tuple[int, Any, str]], end: Any, *user: str
    ) -> None:
        covers = bool(self._chance.randrange(2))
        arguments: dict[str, Any] = {"reason": "checked", "actor": None}
        if user:
            arguments |= {"keep": None, "compromised": False}
        # Step by step, as the manager does it: it must hold before the rows have followed.
        how = partial(Ending, at_once=0 if covers else AT_ONCE)
        ending_operations.Ending = how  # type: ignore
        call = partial(face.manager._end, end, *user, **arguments)
        answer = await self._end(ended, partial(face.call, call))
        self._board.count_covered(len(ended) if covers else 0)
        if answer.following is not None:
            await face.call(face.manager._settle_rest, answer.following)

    async def _until_answered(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of *call*, which is made again where the store gave none."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await call()
            except StoreUnavailableError:
                self._board.count_unavailable()
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(AFTER_FAILURE)
