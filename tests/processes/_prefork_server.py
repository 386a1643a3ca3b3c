"""
A server that makes its manager before it forks its workers; run by the tests.

Its arguments are a path and a secret. Workers get requests over pipes, and the server
prints their answers. It has one thread, as such servers have when they fork.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from devsess import Client, DevsessError, SessionManager

Ask: TypeAlias = Callable[..., Any]

WORKERS = 3
BROWSER = Client(ip="198.18.0.7", user_agent="curl/8.9")


def work(sessions: SessionManager, pipe: Connection) -> None:
    """Serve until the server says that it is over."""
    while (request := pipe.recv()) is not None:
        pipe.send(answer(sessions, *request))
    sessions.close()


def answer(sessions: SessionManager, what: str, argument: str) -> Any:
    """The outcome of one request, as plain data."""
    try:
        if what == "login":
            grant = sessions.login(argument, BROWSER)
            return [grant.session.id, grant.access_token]
        if what == "validate":
            return sessions.validate(argument).user_id
        return sessions.revoke(argument)
    except DevsessError as error:
        return type(error).__name__


def forked(sessions: SessionManager) -> tuple[int, Ask]:
    """A worker, and how to ask it."""
    ours, theirs = Pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(sessions, theirs)
            status = 0
        finally:
            os._exit(status)

    def ask(*request: str) -> Any:
        ours.send(request if request else None)
        return ours.recv() if request else None

    return child, ask


def serve(path: str, secret: str) -> dict[str, Any]:
    """Sign in before and after the fork, revoke in one worker, and ask them all."""
    outcomes: dict[str, Any] = {}
    with SessionManager(path, keys=secret) as sessions:
        before = sessions.login("before", BROWSER)
        sessions.validate(before.access_token)  # in memory when the workers are made
        workers = [forked(sessions) for _ in range(WORKERS)]
        asks: list[Ask] = [ask for _, ask in workers]
        everyone: list[Ask] = [*asks, lambda *request: answer(sessions, *request)]

        outcomes["inherited"] = [ask("validate", before.access_token) for ask in everyone]
        outcomes["revoked"] = asks[0]("revoke", before.session.id)
        outcomes["after"] = [ask("validate", before.access_token) for ask in everyone]

        outcomes["crossed"], outcomes["crossed after"] = [], []
        for number, ask in enumerate(everyone):
            session_id, token = ask("login", f"user-{number}")
            outcomes["crossed"].append([other("validate", token) for other in everyone])
            outcomes["crossed after"].append(everyone[number - 1]("revoke", session_id))
            outcomes["crossed after"] += [other("validate", token) for other in everyone]

        for ask in asks:
            ask()
        outcomes["ends"] = [
            os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child, _ in workers
        ]
        last = sessions.login("parent", BROWSER)
        outcomes["parent"] = answer(sessions, "validate", last.access_token)
    return outcomes


if __name__ == "__main__":
    print(json.dumps(serve(*sys.argv[1:])))
