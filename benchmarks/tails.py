"""The slowest validations beside a writer: the hundredth and the thousandth of all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from benchmarks import _processes as other_processes
from benchmarks import _workload as workload
from benchmarks._line import Line
from devsess.tuning.timing import fresh_copy

if TYPE_CHECKING:
    from benchmarks._setting import Setting

DESCRIPTION = (
    "A validation and a bare `jwt.decode` in turn, 900 of each a second, while another process"
    f" commits {other_processes.COMMITS_A_SECOND} times a second: nearly every other validation"
    " meets a commit. The bound is for one in a thousand."
)

SESSIONS = 250
PAUSE = 0.001
# Of each: one in a thousand is the sixtieth slowest.
CALLS = 60_000
SHARES = {"the median": 0.5, "one in a hundred": 0.01, "one in a thousand": 0.001}
BOUND = 3.0


def lines(setting: Setting) -> list[Line]:
    """The median and the tails of both, and how they compare."""
    path, grants = setting.signed_in("tails", SESSIONS)
    tokens = [grant.access_token for grant in grants]
    with workload.opened(path) as sessions, other_processes.writer(path, workload.SECRET):
        workload.keep(sessions, tokens)
        ours, bare = _waits(sessions.validate, tokens, CALLS // 10 if setting.quick else CALLS)
    return [line for name, share in SHARES.items() for line in _lines(name, share, ours, bare)]


def _lines(name: str, share: float, ours: list[int], bare: list[int]) -> list[Line]:
    took, unit = _reached_by(ours, share), _reached_by(bare, share)
    bound = BOUND if share == min(SHARES.values()) else None
    shown = f"a bare decode at the same pace, {name}"
    return [
        Line(f"a validation, {name}", took / unit, bound, microseconds=took / 1e3, drifts=False),
        Line(shown, 1.0, microseconds=unit / 1e3, drifts=False),
    ]


def _waits(
    validate: Callable[[str], object], tokens: Sequence[str], calls: int
) -> tuple[list[int], list[int]]:
    """Nanoseconds of each validation, and of each bare decode, sorted."""
    ours: list[int] = []
    bare: list[int] = []
    gc.collect()
    gc.disable()  # its rounds are Python's, and fall on both alike
    try:
        for number in range(calls):
            token = tokens[number % len(tokens)]
            for do, found in ((validate, ours), (workload.bare_decode, bare)):
                fresh = fresh_copy(token)
                start = time.perf_counter_ns()
                do(fresh)
                found.append(time.perf_counter_ns() - start)
            time.sleep(PAUSE)
    finally:
        gc.enable()
    return sorted(ours[len(tokens) :]), sorted(bare[len(tokens) :])


def _reached_by(found: list[int], share: float) -> int:
    """The duration that so large a share of the calls reaches."""
    return found[-max(1, int(len(found) * share))]
