"""
A process that races others on one schema: several threads do the same at once.

    python _postgres_racer.py URL SCHEMA MOVE TOKEN

It says when it is ready, begins when it is told to, and prints the results as JSON.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from devsess import LoginDeniedError, Policy, SessionManager
from devsess.stores.postgres import PostgresStore

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
THREADS = 4
LOGINS = 12


def manager(url: str, schema: str, **policy: object) -> SessionManager:
    """A manager as all racers have it."""
    store = PostgresStore(url, schema=schema, timeout=30.0)
    return SessionManager(store, keys=SECRET, policy=Policy(**policy))  # type: ignore[arg-type]


def refresh(sessions: SessionManager, token: str) -> list[str]:
    """The successor of *token*."""
    return [sessions.refresh(token).refresh_token]


def login(sessions: SessionManager, user_id: str) -> list[str]:
    """The sessions that were let in."""
    made = []
    for _ in range(LOGINS):
        try:
            made.append(sessions.login(user_id).session.id)
        except LoginDeniedError:
            continue
    return made


def main(url: str, schema: str, move: str, token: str) -> None:
    policy = {"max_sessions": 3, "on_limit": move} if move in ("reject", "evict") else {}
    with manager(url, schema, **policy) as sessions:
        work = refresh if move == "refresh" else login
        print("ready", flush=True)
        sys.stdin.readline()
        with ThreadPoolExecutor(THREADS) as threads:
            made = [*threads.map(lambda _: work(sessions, token), range(THREADS))]
    print(json.dumps([it for each in made for it in each]))


if __name__ == "__main__":
    main(*sys.argv[1:])
