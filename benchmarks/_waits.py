"""A clock that leaves out the time that a thread waits for a CPU."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Nanoseconds that this thread ran, and that it waited, and its turns: Linux, proc(5).
_SCHEDULED = Path("/proc/thread-self/schedstat")


@contextmanager
def clock() -> Iterator[Callable[[], float]]:
    """Seconds, for this thread: they stand still while it could run and others have the CPUs."""
    if not _SCHEDULED.exists():
        yield time.perf_counter
        return
    with _SCHEDULED.open("rb", buffering=0) as file:
        yield lambda: time.perf_counter() - int(os.pread(file.fileno(), 99, 0).split()[1]) / 1e9
