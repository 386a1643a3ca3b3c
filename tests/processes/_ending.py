"""A process that dies while the rows of an ending follow; run by the tests, with a path, a key."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from devsess import SessionManager
from devsess.operations import ending
from devsess.stores.base import Ending

if __name__ == "__main__":
    _, path, secret = sys.argv
    ending.BATCH = ending.MOST = 2
    ending.Ending = partial(Ending, at_once=0)  # type: ignore[assignment, attr-defined]
    emitted: list[object] = []

    def note(event: object) -> None:
        emitted.append(event)
        if len(emitted) == 4:
            os.kill(os.getpid(), signal.SIGKILL)

    SessionManager(path, keys=secret, on_event=note).revoke_all("user-xyz", reason="stolen")
    print("still alive")
