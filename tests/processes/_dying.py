"""
Processes that are killed while they sign in; run by the tests, with a path and a secret.

`login` signs in until it is killed, and prints each session that it was given; so do
`logins`, in several threads.
Any other word is the beginning of an SQL statement: the process kills itself
when its login is about to run that.
"""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread

from devsess import Client, SessionManager

THREADS = 8


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sign_in_for_ever(sessions: SessionManager) -> None:
    number = 0
    while True:
        grant = sessions.login(f"user-{number % 5}", Client(ip="198.18.0.7", user_agent="curl/8.9"))
        print(f"{grant.session.id} {grant.access_token}\n", end="", flush=True)
        number += 1


def sign_in_in_threads(sessions: SessionManager) -> None:
    threads = [Thread(target=sign_in_for_ever, args=[sessions]) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def die_at(sessions: SessionManager, statement: str) -> None:
    writer = sessions._store._opened.writer.connection  # type: ignore[union-attr]
    writer.set_trace_callback(lambda text: die() if text.startswith(statement) else None)
    sessions.login("user-xyz", Client(ip="198.18.0.9", user_agent="curl/8.9"))


if __name__ == "__main__":
    _, path, secret, moment = sys.argv
    if moment == "login":
        sign_in_for_ever(SessionManager(path, keys=secret))
    elif moment == "logins":
        sign_in_in_threads(SessionManager(path, keys=secret))
    elif moment == "emitted":
        SessionManager(path, keys=secret, on_event=lambda event: die()).login("user-xyz")
    else:
        die_at(SessionManager(path, keys=secret), moment)
    print("still alive")
