"""What the ways to validate a token cost, beside a bare decode."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks import _world as world
from benchmarks._line import Line
from benchmarks._timing import Batch, best, each
from devsess import Client, Policy, SessionManager

if TYPE_CHECKING:
    from pathlib import Path

    from devsess import Grant

REPEATED = 250
CALLS = 1_000
ROUNDS = 25

VALIDATIONS = {
    "repeated validation": 0.15,
    "repeated validation, a new equal client each time": 0.2,
    "repeated validation, one second of staleness": 0.03,
    "fresh=True": 0.5,
    "a token seen for the first time": 1.1,
}


def validations(path: Path, grants: Sequence[Grant]) -> list[Line]:
    """What the ways to validate a token cost."""
    with ExitStack() as stack:
        strict = stack.enter_context(world.opened(path))
        relaxed = stack.enter_context(
            SessionManager(path, keys=world.SECRET, policy=Policy(max_staleness=1))
        )
        batches: dict[str, Batch] = {"decode": world.decoding(grants)}
        ways: Sequence[Batch] = (
            lambda: each(strict.validate, _tokens(grants)),
            _with_clients(strict, grants),
            lambda: each(relaxed.validate, _tokens(grants)),
            lambda: each(lambda token: strict.validate(token, fresh=True), _tokens(grants)),
            lambda: _first_seen(path, grants),
        )
        batches |= zip(VALIDATIONS, ways, strict=True)
        for batch in batches.values():
            batch()  # so that what is repeated has been seen before
        seconds = best(batches, ROUNDS)
    return [
        Line(name, seconds[name] / seconds["decode"], bound, microseconds=seconds[name] * 1e6)
        for name, bound in VALIDATIONS.items()
    ]


def _tokens(grants: Sequence[Grant]) -> list[str]:
    """As many as a batch needs, each in a string of its own."""
    few = [grant.access_token for grant in grants[:REPEATED]]
    return [world.anew(token) for token in few * (CALLS // len(few))]


def _with_clients(sessions: SessionManager, grants: Sequence[Grant]) -> Batch:
    """Validations by browsers that present their device token, each request made anew."""
    # Sessions of their own: an entry is judged for one client, and these would take turns.
    seen = [
        (grant.access_token, *world.parts_of(world.visitor(number)), grant.device_token or "")
        for number, grant in enumerate(grants[-REPEATED:], start=len(grants) - REPEATED)
    ]

    def validate(request: tuple[str, ...]) -> object:
        token, ip, agent, device = request
        return sessions.validate(token, Client(ip=ip, user_agent=agent, device_token=device))

    def batch() -> float:
        requests = [tuple(map(world.anew, parts)) for parts in seen * (CALLS // len(seen))]
        return each(validate, requests)

    return batch


def _first_seen(path: Path, grants: Sequence[Grant]) -> float:
    """Distinct tokens, each validated once by a manager that has just been opened."""
    tokens = [world.anew(grant.access_token) for grant in grants]
    with world.opened(path) as newcomer:
        return each(newcomer.validate, tokens)
