"""To wait for a lock that another thread, task or process holds, and never for one of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import get_ident

from devsess.client.errors import RenewalError
from devsess.client.ports import Port
from devsess.client.tokens import Release

# Seconds between two looks.
PAUSE = 0.02


async def locked(
    inside: set[int], try_lock: Callable[[], Release | None], port: Port, patience: float | None
) -> Release:
    """
    The function that releases a lock, once this could be locked.

    Args:
        inside: The threads that have it, or wait for it, here.
        try_lock: Locks it, or is None.
        port: Waits.
        patience: Seconds to wait; None has no end.

    Raises:
        RenewalError: If it was not free in time; at once, if this very thread has it: a signal's
            handler came, and the thread goes on only after it.
    """
    if not port.is_blocking:
        return await _once_free(try_lock, port, patience)
    me = get_ident()
    if me in inside:
        raise RenewalError("this thread is renewing these tokens already")
    try:
        inside.add(me)  # first: a handler must not wait for what comes next
        release = await _once_free(try_lock, port, patience)
    except BaseException:
        inside.discard(me)
        raise
    return lambda: _released(release, inside, me)


def _released(release: Release, inside: set[int], me: int) -> None:
    try:
        release()
    finally:
        inside.discard(me)


async def _once_free(
    try_lock: Callable[[], Release | None], port: Port, patience: float | None
) -> Release:
    """It is tried in place and never in a thread: a cancelled task leaves no lock behind."""
    began = time.monotonic()
    while (release := try_lock()) is None:
        if patience is not None and time.monotonic() - began > patience:
            raise RenewalError("another holder of these tokens has locked them for too long")
        await port.sleep(PAUSE)
    return release
