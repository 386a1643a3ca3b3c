"""To wait for a lock that another thread, task or process holds, and never for one of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

from devsess.client.errors import RenewalError
from devsess.client.ports import Port
from devsess.client.tokens import Release

# Seconds between two looks.
PAUSE = 0.02

# The locks that this thread has or waits for. The handler of a signal sees those of the thread that
# it interrupts, which goes on only after it.
_OWN: ContextVar[tuple[object, ...]] = ContextVar("_OWN", default=())


async def locked(
    lock: object, try_lock: Callable[[], Release | None], port: Port, patience: float | None
) -> Release:
    """
    The function that releases *lock*, once this could be locked.

    Args:
        lock: What others have it by.
        try_lock: Locks it, or is None.
        port: Waits.
        patience: Seconds to wait; None has no end.

    Raises:
        RenewalError: If it was not free in time; at once, if this very thread has it.
    """
    if not port.is_blocking:
        return await _once_free(try_lock, port, patience)
    before = _OWN.get()
    if any(it is lock for it in before):
        raise RenewalError("this thread is renewing these tokens already")
    _OWN.set((*before, lock))  # first: a handler must not wait for what comes next
    try:
        release = await _once_free(try_lock, port, patience)
    except BaseException:
        _OWN.set(before)
        raise
    return lambda: _released(release, before)


def _released(release: Release, before: tuple[object, ...]) -> None:
    try:
        release()
    finally:
        _OWN.set(before)


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
