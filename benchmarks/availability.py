"""Requests beside others that hold the lock, purge, write at full speed, or fill the cache."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

from benchmarks import _workload as workload
from benchmarks._eighths import Eighths
from benchmarks._line import Line
from benchmarks._setting import Setting
from devsess import (
    AsyncSessionManager,
    Policy,
    SessionExpiredError,
    SessionManager,
    TokenExpiredError,
)
from devsess._runtime.cache import Cache
from devsess.models import Session
from devsess.operations.validate import Validated
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock
from devsess.tokens.access import AccessClaims

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event
    from pathlib import Path

    from devsess import Grant

DESCRIPTION = (
    "The slowest hundredth, unless a line says otherwise. The lock is held by another "
    "connection inside `BEGIN IMMEDIATE`; every validation's touch is due. Sign-ins beside a "
    "purge are another process's. The cache has its default size and is full; tokens come by "
    "Zipf's law. A session that is used once in five minutes must live through its twelve "
    "hours beside four processes that write at full speed."
)

SIZE = Policy().cache_size
_CLAIMS = AccessClaims("", "", 0, 1.0)


def lines(setting: Setting) -> list[Line]:
    """All of them."""
    return [
        *_under_a_lock(setting),
        _beside_a_purge(setting),
        *_full_cache(setting),
        _beside_writers(setting),
    ]


def _slow(taken: list[float]) -> float:
    """The 99th percentile of seconds, in milliseconds."""
    return sorted(taken)[max(0, len(taken) * 99 // 100 - 1)] * 1000


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


async def _timed_async(work: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


def _line(name: str, milliseconds: float, bound: float) -> Line:
    return Line(name, milliseconds, bound, unit="ms", drifts=False)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _under_a_lock(setting: Setting) -> list[Line]:
    path, grants = setting.signed_in("locked", setting.rounds(1000))
    clock = FakeClock()
    clock.advance(time.time() - clock.now().timestamp() + 400)
    with SessionManager(path, keys=workload.SECRET, clock=clock) as sessions, _locked(path):
        taken = [_timed(partial(sessions.validate, it.access_token)) for it in grants]
    found = [_line("a signed-in request under a held lock", _slow(taken), 50)]
    signed_in, without = asyncio.run(_awaited_under_a_lock(path, grants, clock))
    return [
        *found,
        _line("a signed-in request under a held lock, awaited", _slow(signed_in), 50),
        _line("a page without credentials meanwhile, awaited", _slow(without), 50),
    ]


async def _awaited_under_a_lock(
    path: Path, grants: list[Grant], clock: FakeClock
) -> tuple[list[float], list[float]]:
    """Sign-ins wait for the lock all the while, more of them than there are threads."""
    store = SQLiteStore(path, timeout=2.0)
    signed_in, without = [], []
    async with AsyncSessionManager(store, keys=workload.SECRET, clock=clock) as sessions:
        with _locked(path):
            waiting = [asyncio.ensure_future(sessions.login(f"late-{n}")) for n in range(20)]
            await asyncio.sleep(0.05)
            for grant in grants:
                work = partial(sessions.validate, grant.access_token)
                signed_in.append(await _timed_async(work))
                # Such a page needs a turn of the loop, and its default executor.
                without.append(await _timed_async(lambda: asyncio.to_thread(int)))
        await asyncio.gather(*waiting, return_exceptions=True)
    return signed_in, without


def _beside_a_purge(setting: Setting) -> Line:
    path = setting.folder / "purged.db"
    count = 2_000 if setting.quick else 20_000
    clock = FakeClock()
    with SessionManager(path, keys=workload.SECRET, clock=clock) as sessions:
        template = sessions.login("old").session
        _multiply(path, template, count)
    context = get_context("spawn")
    begun, done = context.Event(), context.Event()
    purging = context.Process(target=_purge, args=(path, workload.SECRET, begun, done))
    taken = []
    with SessionManager(path, keys=workload.SECRET) as sessions:
        purging.start()
        begun.wait()
        while not done.is_set():
            taken.append(_timed(lambda: sessions.login("new")))
            time.sleep(0.005)
        purging.join()
    return _line("a sign-in beside a purge", _slow(taken or [0.0]), 250)


def _multiply(path: Path, template: Session, count: int) -> None:
    """As many sessions that ended long ago, with an event each."""
    with closing(sqlite3.connect(path)) as db:
        columns = [name for (_, name, *_) in db.execute("PRAGMA table_info(sessions)").fetchall()]
        others = ", ".join(name for name in columns if name not in ("key", "id", "revoked_at"))
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        db.execute(
            f"INSERT INTO sessions (id, revoked_at, {others}) {numbers}"
            f" SELECT 'old-' || i, 1.0, {others} FROM n, sessions WHERE id = ?",
            [count, template.id],
        )
        db.execute(
            f"INSERT INTO events (type, at, user_id, session_id) {numbers}"
            " SELECT 'session_created', 1.0, 'old', 'old-' || i FROM n",
            [count],
        )
        db.execute(
            f"INSERT INTO changes (session_id, tag) {numbers} SELECT 'old-' || i, 1 FROM n", [count]
        )
        db.commit()


def _purge(path: Path, secret: str, begun: Event, done: Event) -> None:
    with SessionManager(path, keys=secret) as sessions:
        begun.set()
        sessions.purge()
    done.set()


def _full_cache(setting: Setting) -> list[Line]:
    # Full from the start.
    tokens = [*range(SIZE * 4, SIZE * 5), *_zipf(SIZE * 4, setting.rounds(1_000_000))]
    pauses, share = _through(Cache(Policy(), lambda: 0.0), tokens)
    before = Eighths(SIZE)
    return [
        _line("the longest pause of keeping one more in a full cache", max(pauses) * 1000, 5),
        Line(
            "hits, of what they were when an eighth was evicted at once",
            share / before.share(tokens),
            0.99,
            unit="×",
            at_least=True,
            drifts=False,
        ),
    ]


def _zipf(kinds: int, count: int) -> list[int]:
    weights = [1 / rank for rank in range(1, kinds + 1)]
    return random.Random(7).choices(range(kinds), weights, k=count)


def _through(cache: Cache, tokens: list[int]) -> tuple[list[float], float]:
    """How long each keeping took, in CPU seconds, and the share of hits."""
    session = _session()
    pauses, hits = [], 0
    gc.disable()  # its rounds are Python's, and longest in a program that does nothing but this
    for number in tokens:
        token = str(number)
        if cache.look(token, None, 0.0) is not None:
            hits += 1
            continue
        kept = Validated(session(token), 1.0, _CLAIMS)
        start = (
            time.thread_time()
        )  # time that another process takes of this core is no pause of ours
        cache.keep(cache.ticket(), token, None, kept)
        pauses.append(time.thread_time() - start)
    gc.enable()
    return pauses, hits / len(tokens)


def _session() -> Callable[[str], Session]:
    from attrs import evolve

    with SessionManager("memory://", keys=workload.SECRET) as sessions:
        template = sessions.login("ada").session
    return lambda session_id: evolve(template, id=session_id)


def _beside_writers(setting: Setting) -> Line:
    path = setting.folder / "busy.db"
    workload.opened(path).close()
    context = get_context("spawn")
    done = context.Event()
    writers = [context.Process(target=_write, args=(path, workload.SECRET, done)) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        ended = sum(_lives(path) is False for _ in range(1 if setting.quick else 5))
    finally:
        done.set()
        for writer in writers:
            writer.join()
    return Line(
        "sessions in use that expired beside writers at full speed",
        ended,
        0,
        unit="sessions",
        drifts=False,
    )


def _lives(path: Path) -> bool:
    """Whether a session lives that is used once in five minutes, for half a day."""
    clock, policy = FakeClock(), Policy.nist(3)
    store = SQLiteStore(path)
    with SessionManager(store, keys=workload.SECRET, policy=policy, clock=clock) as sessions:
        grant = sessions.login("ada")
        for _ in range(11 * 12):
            clock.advance(300)
            try:
                grant = _used(sessions, grant)
            except SessionExpiredError:
                return False
            # Of the five minutes, no more passes here than a write waits by default.
            until = time.monotonic() + 5.0
            while len(store._late) and time.monotonic() < until:
                time.sleep(0.01)
    return True


def _used(sessions: SessionManager, grant: Grant) -> Grant:
    try:
        sessions.validate(grant.access_token)
    except TokenExpiredError:
        return sessions.refresh(grant.refresh_token)
    return grant


def _write(path: Path, secret: str, done: Event) -> None:
    with SessionManager(SQLiteStore(path, timeout=60.0), keys=secret) as sessions:
        number = 0
        while not done.is_set():
            sessions.login(f"writer-{number % 100}")
            number += 1
