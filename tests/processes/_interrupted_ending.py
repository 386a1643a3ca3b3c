"""
A process whose signal handler raises inside endings of many; run by the tests.

Given a path, a secret, a seed, a number of seconds and a number of interrupts. It is struck at
random moments of one ending after another, for at least so many seconds and at least so many
times; no session may be half ended, and in the end none is left.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from functools import partial

from devsess import EventType, Grant, InvalidSessionError, SessionManager
from devsess.operations import ending
from devsess.stores.base import Ending
from devsess.stores.sqlite import SQLiteStore

# Seconds within which the work after the interrupts must be done.
WITHIN = 20.0
MANY = 5


class TimeUpError(Exception):
    """As Celery's SoftTimeLimitExceeded."""


def strike(*_: object) -> None:
    raise TimeUpError


def signed_in(sessions: SessionManager, user_id: str) -> list[Grant]:
    grants = [sessions.login(user_id) for _ in range(MANY)]
    for grant in grants:
        sessions.validate(grant.access_token)
    return grants


def alive(sessions: SessionManager, grants: list[Grant]) -> int:
    """How many are let in: all by the cache and by the store, or none by either."""
    found = set()
    for fresh in (False, True):
        for grant in grants:
            try:
                sessions.validate(grant.access_token, fresh=fresh)
                found.add((grant.session.id, fresh))
            except InvalidSessionError:
                pass
    if len(found) not in (0, 2 * MANY):
        raise SystemExit(f"{len(found)} of {2 * MANY} are let in")
    return len(found) // 2


def ended(sessions: SessionManager, user_id: str) -> None:
    sessions.revoke_all(user_id, reason="stolen", actor="ops")


def struck(sessions: SessionManager, user_id: str, after: float) -> bool:
    """Whether the ending of all of an account was interrupted."""
    try:
        signal.setitimer(signal.ITIMER_REAL, after)
        ended(sessions, user_id)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeUpError:
        return True
    return False


def check(sessions: SessionManager, user_id: str) -> None:
    events = sessions.history(user_id, limit=100).items
    ends = Counter(it.session_id for it in events if it.type is EventType.SESSION_REVOKED)
    listed = sessions.list(user_id, include_ended=True)
    if {it.id: 1 for it in listed} != ends or len(listed) != MANY:
        raise SystemExit(f"the ends of {user_id}: {ends}")
    instants = {it.revoked_at for it in listed} | {it.at for it in events if it.reason == "stolen"}
    said = {(it.reason, it.actor) for it in events if it.type is EventType.SESSION_REVOKED}
    if len(instants) != 1 or said != {("stolen", "ops")}:
        raise SystemExit(f"{user_id} ended at {instants}, {said}")


def main(path: str, secret: str, seed: str, for_seconds: str, least: str) -> None:
    ending.BATCH = ending.MOST = 2
    ending.LEFT_BEHIND = 0.0
    ending.Ending = partial(Ending, at_once=0)  # type: ignore[assignment, attr-defined]
    sessions = SessionManager(SQLiteStore(path, timeout=WITHIN / 4, readers=2), keys=secret)
    chance, users, strikes = random.Random(seed), list[str](), 0
    signed_in(sessions, "first")
    start = time.monotonic()
    ended(sessions, "first")  # all is imported, and known to take so long
    took = time.monotonic() - start
    signal.signal(signal.SIGALRM, strike)
    until = time.monotonic() + float(for_seconds)
    while time.monotonic() < until or strikes < int(least):
        users.append(f"user-{len(users)}")
        grants = signed_in(sessions, users[-1])
        strikes += struck(sessions, users[-1], chance.uniform(0.00001, took))
        if alive(sessions, grants):
            ended(sessions, users[-1])
            alive(sessions, grants)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(WITHIN))
    sessions.purge()
    for user_id in users:
        check(sessions, user_id)
    sessions.close()
    print(f"each ended once, after {strikes} interrupts")


if __name__ == "__main__":
    main(*sys.argv[1:])
