"""
One of several processes that write the rows of an ending at once; run by the tests.

Given a path, a secret and a task: `end` ends all of an account, `purge`
purges until the input ends. Each prints the id of every session whose end it
emits; given a number too, it kills itself once it has printed so many.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from threading import Event as Flag
from threading import Thread

from devsess import Event, EventType, SessionManager
from devsess.operations import ending
from devsess.stores.base import Ending


class Printing:
    """Prints each end that is emitted; kills the process at the last."""

    def __init__(self, enough: float) -> None:
        self._left = enough

    def __call__(self, event: Event) -> None:
        if event.type is EventType.SESSION_REVOKED:
            self._left -= 1
            last = self._left == 0
            print(event.session_id, event.reason, event.actor, event.at.timestamp(), flush=last)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)


def purge_until_the_input_ends(sessions: SessionManager) -> None:
    input_ended = Flag()

    def wait() -> None:
        sys.stdin.read()
        input_ended.set()

    Thread(target=wait, daemon=True).start()
    is_last = False
    while not is_last:
        is_last = input_ended.is_set()
        sessions.purge()


def main(path: str, secret: str, what: str, enough: str = "inf") -> None:
    ending.BATCH = ending.MOST = 2
    ending.LEFT_BEHIND = 0.0
    ending.Ending = partial(Ending, at_once=0)  # type: ignore[assignment, attr-defined]
    with SessionManager(path, keys=secret, on_event=Printing(float(enough))) as sessions:
        print("ready", flush=True)
        sys.stdin.readline()
        if what == "end":
            sessions.revoke_all("user-xyz", reason="stolen", actor="ops")
        else:
            purge_until_the_input_ends(sessions)


if __name__ == "__main__":
    main(*sys.argv[1:])
