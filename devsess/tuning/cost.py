"""Two costs that no replay tells: what an entry weighs, and how many readers pay."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from devsess.manager import SessionManager
from devsess.models import Client
from devsess.policy import Policy
from devsess.tuning.clock import TrafficClock
from devsess.tuning.timing import anew
from devsess.tuning.visitors import Visitor, client, sign_in

if TYPE_CHECKING:
    from devsess.keys import Keys
    from devsess.tuning.ground import Ground

SAMPLE = 200
THREADS = 16
# Longer than the interpreter lets one thread run (5 ms), or they would take their turns whole.
EACH = 600
READERS = (2, 4, 8, 16)
DEFAULT_READERS = 8
ROUNDS = 3
REPEATS = 2


def entry_bytes(keys: Keys) -> float:
    """Bytes that one more session in the cache takes, measured on a sample."""
    from devsess.stores.memory import MemoryStore

    store = MemoryStore()
    filling = SessionManager(store, keys=keys)
    visitors = [sign_in(filling, f"user-{one}", client(one), 0) for one in range(2 * SAMPLE)]
    sessions = SessionManager(store, keys=keys)
    _validate(sessions, visitors[:SAMPLE])
    tracemalloc.start()
    try:
        before = _traced()
        _validate(sessions, visitors[SAMPLE:])
        return (_traced() - before) / SAMPLE
    finally:
        tracemalloc.stop()
        store.close()


def _validate(sessions: SessionManager, visitors: Sequence[Visitor]) -> None:
    for visitor in visitors:
        sessions.validate(visitor.token(sessions, 0), _as_new(visitor.client))


def _as_new(client: Client) -> Client:
    """An equal client whose texts are its own, as a request brings them."""
    return Client(
        ip=anew(client.ip or ""),
        user_agent=anew(client.user_agent or ""),
        device_token=anew(client.device_token or ""),
    )


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def reader_costs(ground: Ground, deadline: float) -> dict[int, float]:
    """
    Microseconds of a validation with fresh=True when many threads ask at once, by readers.

    Nothing where so many threads cannot be started: none of them will wait for a reader.

    Args:
        ground: Where; nothing is measured if its store has no readers.
        deadline: By `monotonic`; no round begins after it.
    """
    found: dict[int, float] = {}
    with suppress(RuntimeError):  # "can't start new thread"
        for _ in range(ROUNDS if ground.readers else 0):
            if monotonic() > deadline:
                break  # whole rounds only: each number has as many chances as the others
            crowds = {readers: _crowd(ground, readers) for readers in READERS}
            found = {number: min(it, found.get(number, it)) for number, it in crowds.items()}
    return found


def _crowd(ground: Ground, readers: int) -> float:
    with ground.world(readers) as world, ThreadPoolExecutor(THREADS) as threads:
        sessions, _ = world.managers(Policy(), TrafficClock())
        visitors = list(world.visitors.values())
        together = Barrier(THREADS)
        ask = partial(_ask, sessions, visitors, together)
        try:
            list(threads.map(ask, range(THREADS)))  # opens the readers
            return min(_crowded(threads, ask) for _ in range(REPEATS)) * 1e6
        except BaseException:
            together.abort()  # those that wait for one that never comes
            raise


def _crowded(threads: ThreadPoolExecutor, ask: Callable[[int], None]) -> float:
    begun = perf_counter()
    list(threads.map(ask, range(THREADS)))
    return (perf_counter() - begun) / (THREADS * EACH)


def _ask(
    sessions: SessionManager, visitors: Sequence[Visitor], together: Barrier, start: int
) -> None:
    together.wait()
    for index in range(start, start + EACH):
        visitor = visitors[index % len(visitors)]
        sessions.validate(anew(visitor.grant.access_token), visitor.client, fresh=True)
