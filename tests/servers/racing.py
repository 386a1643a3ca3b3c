"""Processes that do what they are sent at the same moment, on any store."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess import Client, Policy, SessionManager
from devsess._runtime.drive import drive
from devsess.stores.base import Everyone, OfUser
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Seconds for the slowest of them on a busy machine.
PATIENCE = 120.0


class Racers:
    """The pipes to processes that all begin each move together."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def __len__(self) -> int:
        return len(self._pipes)

    @contextmanager
    def on(self, url: str, **policy: Any) -> Iterator[Callable[..., list[Any]]]:
        """Send each process its move on the store at *url*, and give their answers."""
        for pipe in self._pipes:
            pipe.send((url, policy))
        yield self._together
        for pipe in self._pipes:
            pipe.send(None)

    def _together(self, *moves: tuple[object, ...]) -> list[Any]:
        for pipe, move in zip(self._pipes, moves, strict=True):
            pipe.send(move)
        assert all(pipe.poll(PATIENCE) for pipe in self._pipes)
        return [pipe.recv() for pipe in self._pipes]


@contextmanager
def racing(count: int) -> Iterator[Racers]:
    """So many processes, which go from one store to the next."""
    context = get_context("spawn")
    barrier = context.Barrier(count)
    pipes = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=_race, args=(barrier, theirs), daemon=True) for _, theirs in pipes
    ]
    for process in processes:
        process.start()
    yield Racers([ours for ours, _ in pipes])
    for ours, _ in pipes:
        ours.send(None)
    for process in processes:
        process.join(PATIENCE)
    assert [0] * count == [process.exitcode for process in processes]
    for pipe in (end for pair in pipes for end in pair):
        pipe.close()


def _race(barrier: Barrier, pipe: Connection) -> None:
    while (received := pipe.recv()) is not None:
        url, policy = received
        with SessionManager(url, keys=SECRET, policy=Policy(**policy)) as sessions:
            while (move := pipe.recv()) is not None:
                barrier.wait(PATIENCE)
                pipe.send(_answer(sessions, *move))


def _answer(sessions: SessionManager, name: str, *arguments: Any) -> Any:
    try:
        return _MOVES[name](sessions, *arguments)
    except Exception as error:  # noqa: BLE001 - it is the answer
        return type(error).__name__


def _refresh(sessions: SessionManager, token: str, parts: dict[str, Any] | None = None) -> Any:
    grant = sessions.refresh(token, Client(**parts) if parts is not None else None)
    return grant.refresh_token, grant.access_token, grant.replayed


def _login(sessions: SessionManager, user_id: str) -> Any:
    return sessions.login(user_id).session.id


def _insert(sessions: SessionManager, name: str, number: int) -> Any:
    row = rows.session_row(name, device=f"of-{name}")
    return str(_done(sessions._store.insert(rows.login(evolve(row, ending_number=number)))))


def _end(sessions: SessionManager, who: str, at_once: int) -> Any:
    target = Everyone() if who == "everyone" else OfUser(who)
    return bool(_done(sessions._store.end(rows.ending(target, at_once=at_once))))


def _revoke_all(sessions: SessionManager, who: str) -> Any:
    if who == "everyone":
        return sessions.revoke_everyone(reason="raced")
    return len(sessions.revoke_all(who))


def _done(answer: Any) -> Any:
    """The answer of a store's call, which never suspends here."""
    return drive(answer) if inspect.iscoroutine(answer) else answer


def _collect(sessions: SessionManager, token: str, parts: dict[str, Any]) -> Any:
    return [sessions.collect(token, Client(**parts)).session.id]


def _approve(sessions: SessionManager, who: str, code: str, by: str) -> Any:
    return sessions.approve(who, code, by=by)


def _refuse(sessions: SessionManager, who: str, code: str) -> Any:
    return sessions.refuse(who, code)


_MOVES: dict[str, Callable[..., Any]] = {
    "approve": _approve,
    "collect": _collect,
    "refresh": _refresh,
    "refuse": _refuse,
    "login": _login,
    "insert": _insert,
    "end": _end,
    "revoke_all": _revoke_all,
}
