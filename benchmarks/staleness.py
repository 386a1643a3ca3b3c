"""How long after `revoke` returned another process refuses: measured, as a distribution."""

from __future__ import annotations

import statistics
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._setting import Setting
from devsess import InvalidSessionError, Policy, SessionManager

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DESCRIPTION = (
    "From the return of `revoke` to the start of the last validation that another process let "
    "pass; 0 where there was none. Revocations come at all moments between two readings of "
    "the change log."
)

# How many revocations are timed, by the staleness that is allowed, in seconds.
TIMES = {0.0: 200, 0.2: 40, 1.0: 20}
SHARE = 5


def lines(setting: Setting) -> list[Line]:
    """Median and maximum, in milliseconds; the bound is the policy's."""
    found = []
    for allowed, times in TIMES.items():
        delays = _delays(setting, allowed, times // SHARE if setting.quick else times)
        name = f"from revoke to the first refusal elsewhere, max_staleness={allowed:g}"
        most = Line(f"{name}: longest", max(delays), allowed * 1000, unit="ms", drifts=False)
        points = tuple(sorted(round(delay, 3) for delay in delays))
        found += [
            Line(f"{name}: median", statistics.median(delays), unit="ms", drifts=False),
            evolve(most, series=f"max_staleness={allowed:g}", points=points),
        ]
    return found


def _delays(setting: Setting, allowed: float, times: int) -> list[float]:
    """
    Milliseconds from the return of revoke to the start of the last validation that passed.

    0 where none started after it. The other process heard of everything when the session was
    new; revocations follow that evenly spread over the time until it has to hear again, the
    first at once, which is the worst moment.
    """
    path = setting.folder / f"stale-{allowed:g}.db"
    context = get_context("spawn")
    here, there = context.Pipe()
    with SessionManager(path, keys=workload.SECRET) as sessions:
        child = context.Process(target=_validate, args=(path, workload.SECRET, allowed, there))
        child.start()
        moments = [allowed * number / times for number in range(times)]
        found = [_delay(sessions, here, number, at) for number, at in enumerate(moments)]
        here.send(None)
        child.join()
    return found


def _delay(sessions: SessionManager, there: Connection, number: int, after: float) -> float:
    grant = sessions.login(f"user-{number}")
    there.send(grant.access_token)
    assert there.recv() == "validated"
    time.sleep(0.002 + after)
    sessions.revoke(grant.session.id)
    revoked_at = time.monotonic_ns()
    last_passed_at: int = there.recv()
    return max(0, last_passed_at - revoked_at) / 1e6


def _validate(path: Path, secret: str, allowed: float, there: Connection) -> None:
    """In another process: validate a token until it is refused; say when it last was not."""
    policy = Policy(max_staleness=allowed)
    with SessionManager(path, keys=secret, policy=policy) as sessions:
        while (token := there.recv()) is not None:
            sessions.validate(token)
            there.send("validated")
            there.send(_last_passed(sessions, token))


def _last_passed(sessions: SessionManager, token: str) -> int:
    last = 0
    while True:
        started = time.monotonic_ns()
        try:
            sessions.validate(token)
        except InvalidSessionError:
            return last
        last = started
