"""To wait for a lock that another thread, task or process holds, and never for one of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import get_ident
from weakref import WeakKeyDictionary

from devsess.client.errors import RenewalError
from devsess.client.ports import Port
from devsess.client.tokens import Release, TokenStore

# Seconds between two looks.
PAUSE = 0.02

_OF_STORES: WeakKeyDictionary[TokenStore, list[int]] = WeakKeyDictionary()


def threads_of(store: TokenStore) -> list[int]:
    """
    The threads of this process that have the lock of *store*, or try to, by whichever `auth`.

    Stores that share a lock share them as their `_devsess_threads`.
    """
    shared: list[int] | None = getattr(store, "_devsess_threads", None)
    if shared is not None:
        return shared
    try:
        return _OF_STORES.setdefault(store, [])
    except TypeError:  # it has no hash, or no room for a weak reference
        return []


async def locked(
    threads: list[int], try_lock: Callable[[], Release | None], port: Port, patience: float | None
) -> Release:
    """
    The function that releases a lock, once this could be locked.

    Args:
        threads: Those of this process that have it, or try to.
        try_lock: Locks it, or is None.
        port: Waits.
        patience: Seconds to wait; None has no end.

    Raises:
        RenewalError: If it was not free in time; at once, if this very thread has it and would
            block: a signal's handler came, and the thread goes on only after it.
    """
    began, me = time.monotonic(), get_ident()
    while (release := _tried(threads, try_lock, me)) is None:
        if port.is_blocking and me in threads:
            raise RenewalError("this thread is renewing these tokens already")
        if patience is not None and time.monotonic() - began > patience:
            raise RenewalError("another holder of these tokens has locked them for too long")
        await port.sleep(PAUSE)
    return release


def _tried(threads: list[int], try_lock: Callable[[], Release | None], me: int) -> Release | None:
    """It is tried in place and never in a thread: a cancelled task leaves no lock behind."""
    threads.append(me)  # first: a handler must not wait for what comes next
    try:
        release = try_lock()
    except BaseException:
        threads.remove(me)
        raise
    if release is None:
        threads.remove(me)
        return None
    return lambda: _released(release, threads, me)


def _released(release: Release, threads: list[int], me: int) -> None:
    try:
        release()
    finally:
        threads.remove(me)
