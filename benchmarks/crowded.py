"""The cost of a repeated validation when very many sessions are cached."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import best
from benchmarks.growth import fill
from devsess import Policy, SessionManager
from devsess.tuning.timing import Batch, each_fresh, fresh_copy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks._setting import Setting

DESCRIPTION = (
    "A repeated validation while so many sessions are cached, each with a token of its own."
    " *Zipf*: as by his law, a few sessions get most of the validations. In a long run, which the"
    " bound is for, the processor's cache holds those few. In a short run right after bare decodes,"
    " as in a server with other work, it lacks the session of most validations. *Uniform*: each"
    " session is used as often as any other, and the processor's cache holds next to none."
)

# By the number of cached sessions: the bound of a long run under Zipf's law.
SIZES = {65_536: 0.03, 1_000_000: 0.045}
QUICK_SIZES = {65_536: 0.03}
LONG, SHORT = "Zipf, a long run", "Zipf, right after other work"
CALLS, ROUNDS = 2_000, 25
LONG_CALLS = 50_000  # they take as long as CALLS decodes


def lines(setting: Setting) -> list[Line]:
    """Each way of use at each size."""
    sizes = QUICK_SIZES if setting.quick else SIZES
    return [line for size, bound in sizes.items() for line in _of_size(setting, size, bound)]


def _of_size(setting: Setting, size: int, bound: float) -> list[Line]:
    path = setting.folder / f"crowded-{size}.db"
    policy = Policy(cache_size=size, access_lifetime=timedelta(hours=1))
    with workload.opened(path) as sessions:
        sessions.login("model", workload.client(0))
    fill(path, size - 1)
    with SessionManager(path, keys=workload.SECRET, policy=policy) as sessions:
        tokens = _tokens(sessions, path)
        workload.keep(sessions, tokens)
        seconds = best(_batches(sessions, tokens), setting.rounds(ROUNDS))
    return [
        Line(
            f"repeated, {size:,} cached, {way}",
            seconds[way] / seconds["decode"],
            bound if way == LONG else None,
            microseconds=seconds[way] * 1e6,
        )
        for way in (LONG, SHORT, "uniform")
    ]


def _tokens(sessions: SessionManager, path: Path) -> list[str]:
    """An access token of each session, as `login` would have given out."""
    model = sessions.list("model")[0]
    now = model.created_at.timestamp()
    with closing(sqlite3.connect(path)) as db:
        owners = db.execute("SELECT id, user_id FROM sessions").fetchall()
    mint = sessions._core.tokens.access.mint
    return [
        mint(
            session_id=session_id,
            user_id=user_id,
            now=now,
            expires_at=int(now) + 3600,
            auth_time=int(now),
            amr=(),
            acr=None,
            generation=0,
            jti=session_id,
        )
        for session_id, user_id in owners
    ]


def _batches(sessions: SessionManager, tokens: Sequence[str]) -> dict[str, Batch]:
    chance = random.Random(7)
    shuffled = chance.sample(tokens, len(tokens))
    weights = [*accumulate(1 / rank for rank in range(1, len(tokens) + 1))]

    def by_zipf(calls: int) -> float:
        drawn = chance.choices(shuffled, cum_weights=weights, k=calls)
        return each_fresh(sessions.validate, drawn, fresh_copy)

    def uniformly() -> float:
        return each_fresh(sessions.validate, chance.choices(tokens, k=CALLS), fresh_copy)

    unit = partial(each_fresh, workload.bare_decode, tokens[:CALLS], fresh_copy)
    return {
        "decode": unit,
        SHORT: partial(by_zipf, CALLS),  # the order matters: right after the decodes
        LONG: partial(by_zipf, LONG_CALLS),
        "uniform": uniformly,
    }
