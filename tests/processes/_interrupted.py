"""
A process whose signal handler raises wherever it strikes; run by the tests.

Given a path, a secret, a seed, a number of seconds and a number of interrupts. It is interrupted
at random moments of every kind of call, for at least so many seconds and at least so many times;
then all must work as ever, in every thread.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time

from devsess import Client, DevsessError, SessionManager
from devsess.stores.sqlite import SQLiteStore

CLIENT = Client(ip="198.18.0.7", user_agent="curl/8.9")
# Seconds within which the work after the interrupts must be done.
WITHIN = 20.0


class TimeUpError(Exception):
    """As Celery's SoftTimeLimitExceeded."""


def strike(*_: object) -> None:
    raise TimeUpError


def use(sessions: SessionManager, chance: random.Random) -> None:
    grant = sessions.login(f"user-{chance.randrange(10_000)}", CLIENT)
    for _ in range(5):
        sessions.validate(grant.access_token, CLIENT, fresh=True)
        sessions.list(grant.session.user_id)
    grant = sessions.refresh(grant.refresh_token, CLIENT)
    sessions.validate(grant.access_token)
    sessions.extend(grant.session.id, 60)
    sessions.revoke(grant.session.id)


def interrupted(sessions: SessionManager, chance: random.Random, seconds: float, least: int) -> int:
    strikes, until = 0, time.monotonic() + seconds
    while time.monotonic() < until or strikes < least:
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00001, 0.004))
            for _ in range(3):  # it may never come: Python swallows it in a weakref's callback
                use(sessions, chance)
        except TimeUpError:
            strikes += 1
        except DevsessError as error:
            # A write that was interrupted may be unknown, but nothing is refused for it.
            raise SystemExit(f"refused: {error!r}") from error
    signal.setitimer(signal.ITIMER_REAL, 0)
    return strikes


def main(path: str, secret: str, seed: str, for_seconds: str, least: str) -> None:
    sessions = SessionManager(SQLiteStore(path, timeout=WITHIN / 4, readers=2), keys=secret)
    chance = random.Random(seed)
    use(sessions, chance)  # all is imported: an import that is interrupted is Python's own matter
    signal.signal(signal.SIGALRM, strike)
    strikes = interrupted(sessions, chance, float(for_seconds), int(least))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(WITHIN))
    threads = [
        threading.Thread(target=use, args=(sessions, random.Random(number))) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    use(sessions, chance)
    for thread in threads:
        thread.join()
    sessions.close()
    print(f"as ever, after {strikes} interrupts")


if __name__ == "__main__":
    main(*sys.argv[1:])
