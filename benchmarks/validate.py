"""The cost of each way to validate a token, beside a bare decode of the same tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import best
from devsess import AsyncSessionManager, InvalidSessionError, Policy, SessionManager
from devsess.stores.sqlite import walindex
from devsess.testing import FakeClock
from devsess.tuning.clients import each_request
from devsess.tuning.timing import MADE_AT_ONCE, Batch, each_fresh, fresh_copy

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks._setting import Setting
    from devsess import Grant

DESCRIPTION = (
    "Beside a bare `jwt.decode` of the same tokens (HS256), each token in a new string, the "
    "best of many alternating rounds. Not among the lines: a token in memory, with its "
    "client, whose touch is due and was written by another process. It costs 0.62 ×; it cost "
    "1.26 × when its row was read again (the best of 25 rounds, by processor time)."
)

REPEATED = 250
SESSIONS = 2_000
# As many in a batch as there are bare decodes.
CALLS = SESSIONS

# Each with the bound of its cost, or None.
WAYS: dict[str, float | None] = {
    "repeated": 0.02,
    "repeated, with PRAGMA data_version as the mark": 0.12,
    "repeated, a new equal client each time": 0.06,
    "repeated, one second of staleness": 0.02,
    "repeated, five seconds of staleness": 0.02,
    "repeated, asyncio": None,
    "fresh=True": 0.4,
    "a token seen for the first time": 0.5,
    "a token seen for the first time, with its client": 0.6,
    "revoked": None,
    "expired": None,
    "forged": None,
}


def lines(setting: Setting) -> list[Line]:
    """Every way to validate."""
    path, grants = setting.signed_in("validate", SESSIONS)
    with ExitStack() as stack:
        batches = {"decode": workload.decoding(grants), **_batches(stack, path, grants)}
        seconds = best(batches, setting.rounds(25))
    found = [
        Line(name, seconds[name] / seconds["decode"], bound, microseconds=seconds[name] * 1e6)
        for name, bound in WAYS.items()
    ]
    asynchronous = seconds["repeated, asyncio"] / seconds["repeated"]
    return [*found, Line("repeated, asyncio, beside blocking", asynchronous, 1.1)]


def _batches(stack: ExitStack, path: Path, grants: Sequence[Grant]) -> dict[str, Batch]:
    """The timed validations, by the names in WAYS."""
    strict = stack.enter_context(workload.opened(path))
    asked = stack.enter_context(without_index(path))
    seconds = {
        most: stack.enter_context(
            SessionManager(path, keys=workload.SECRET, policy=Policy(max_staleness=most))
        )
        for most in (1, 5)
    }
    return {
        "repeated": _repeated(strict.validate, grants),
        "repeated, with PRAGMA data_version as the mark": _repeated(asked.validate, grants),
        "repeated, a new equal client each time": _with_clients(strict, grants),
        "repeated, one second of staleness": _repeated(seconds[1].validate, grants),
        "repeated, five seconds of staleness": _repeated(seconds[5].validate, grants),
        "repeated, asyncio": _asynchronous(stack, path, grants),
        "fresh=True": _repeated(partial(strict.validate, fresh=True), grants),
        "a token seen for the first time": lambda: first_seen(path, grants),
        "a token seen for the first time, with its client": partial(
            _first_with_client, path, grants
        ),
        **_refused(strict),
    }


def without_index(path: Path) -> SessionManager:
    """As on a system where the wal-index cannot be looked at."""
    remap = walindex._remap
    walindex._remap = lambda: None
    try:
        return workload.opened(path)
    finally:
        walindex._remap = remap


def _repeated(validate: Callable[[str], object], grants: Sequence[Grant]) -> Batch:
    return partial(workload.repeated, validate, _tokens(grants))


def _tokens(grants: Sequence[Grant]) -> list[str]:
    """As many as a batch needs."""
    few = [grant.access_token for grant in grants[:REPEATED]]
    return few * (CALLS // len(few))


def _with_clients(sessions: SessionManager, grants: Sequence[Grant]) -> Batch:
    """Validations by browsers that present their device token, every request in new strings."""
    # Sessions of their own: an entry is judged for one client, and these would take turns.
    seen = workload.requests(grants[-REPEATED:], start=len(grants) - REPEATED)

    def batch() -> float:
        sessions.validate(*seen[0])  # as in workload.repeated
        return each_request(sessions, seen * (CALLS // len(seen)))

    return batch


def _asynchronous(stack: ExitStack, path: Path, grants: Sequence[Grant]) -> Batch:
    sessions = AsyncSessionManager(path, keys=workload.SECRET)
    runner = stack.enter_context(asyncio.Runner())
    stack.callback(lambda: runner.run(sessions.close()))
    for token in _tokens(grants):
        runner.run(sessions.validate(token))

    async def awaited(tokens: Sequence[str]) -> float:
        """As each_fresh, awaiting."""
        await sessions.validate(tokens[0])
        spent = 0.0
        for start in range(0, len(tokens), MADE_AT_ONCE):
            made = [fresh_copy(token) for token in tokens[start : start + MADE_AT_ONCE]]
            begun = perf_counter()
            for token in made:
                await sessions.validate(token)
            spent += perf_counter() - begun
        return spent / len(tokens)

    return lambda: runner.run(awaited(_tokens(grants)))


def first_seen(path: Path, grants: Sequence[Grant]) -> float:
    """Distinct tokens, each validated once by a manager that has just been opened."""
    tokens = [grant.access_token for grant in grants]
    with workload.opened(path) as newcomer:
        return each_fresh(newcomer.validate, tokens, fresh_copy)


def _first_with_client(path: Path, grants: Sequence[Grant]) -> float:
    """As `first_seen`, by browsers that present their device token, as every middleware sees."""
    with workload.opened(path) as newcomer:
        return each_request(newcomer, workload.requests(grants))


def _refused(sessions: SessionManager) -> dict[str, Batch]:
    """Tokens that are refused each time again: revoked, expired, forged."""
    ended = workload.signed_in(sessions, REPEATED, start=5 * SESSIONS)
    for grant in ended:
        sessions.revoke(grant.session.id)
    # Signed in an hour ago: the session lives, the access token's time is over.
    clock = FakeClock(datetime.now(UTC) - timedelta(hours=1))
    before = SessionManager(sessions._store, keys=workload.SECRET, clock=clock)
    expired = workload.signed_in(before, REPEATED, start=6 * SESSIONS)
    forged = [grant.access_token[:-8] + "AAAAAAAA" for grant in ended]

    def refuse(token: str) -> None:
        try:
            sessions.validate(token)
        except InvalidSessionError:
            return
        raise AssertionError("what is timed as a refusal must be refused")

    return {
        "revoked": lambda: each_fresh(refuse, [it.access_token for it in ended], fresh_copy),
        "expired": lambda: each_fresh(refuse, [it.access_token for it in expired], fresh_copy),
        "forged": lambda: each_fresh(refuse, forged, fresh_copy),
    }
