"""
A process that answers from memory under a lease; run by the tests.

Its arguments are the server's port, a secret, a token, the length of its leases, and its task:
`loop` validates until the session has ended, `fork` does so in a child too, `exit` ends at once.
Each loop prints the instant at which its latest validation began that succeeded, by the clock
of the machine, and the error that came then.
"""

from __future__ import annotations

import os
import sys
import time
import warnings

from dict_store.ports import BlockingPort
from dict_store.store import DictStore

from devsess import InvalidSessionError, Policy, SessionManager


def until_held(sessions: SessionManager, token: str) -> None:
    """Validate until memory answers under a lease."""
    while sessions.metrics().lease != "held":
        sessions.validate(token)
        time.sleep(0.001)


def until_ended(sessions: SessionManager, token: str) -> str:
    """The instant of the latest validation that succeeded, and the error of the next."""
    began = latest = 0.0
    try:
        while True:
            began = time.monotonic()
            sessions.validate(token)
            latest = began
    except InvalidSessionError as error:
        return f"{latest} {type(error).__name__}"


def say(text: str) -> None:
    """Print a line whole, beside another process that does."""
    os.write(1, f"{text}\n".encode())


def main(port: str, secret: str, token: str, lease: str, task: str) -> None:
    store = DictStore(BlockingPort(("127.0.0.1", int(port))))
    policy = Policy(acknowledged=True, lease=float(lease))
    sessions = SessionManager(store, keys=secret, policy=policy)
    until_held(sessions, token)
    if task == "exit":
        warnings.simplefilter("ignore", ResourceWarning)  # its connections are not closed either
        return
    child = None
    if task == "fork":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread
            child = os.fork()
        if child == 0:
            state = sessions.metrics().lease
            until_held(sessions, token)
            say(f"ready {state}")
            say(until_ended(sessions, token))
            sessions.close()  # or it would die before its feed has acknowledged
            os._exit(0)
    say(f"ready {sessions.metrics().lease}")
    say(until_ended(sessions, token))
    if child is not None:
        os.waitpid(child, 0)
    sessions.close()


main(*sys.argv[1:])
