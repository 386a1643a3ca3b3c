"""Where the time of the dearer validations goes: their parts, each timed by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from time import time
from typing import TYPE_CHECKING, TypeVar, cast

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import best
from benchmarks.validate import SESSIONS, first_seen, without_index
from devsess.operations.plain import plainly_good
from devsess.stores.sqlite import rows
from devsess.stores.sqlite.one_row import fetch_all, fetch_one
from devsess.stores.sqlite.plain_rows import GET_PLAIN, plain_row
from devsess.tuning.timing import Batch, each, each_fresh, fresh_copy

if TYPE_CHECKING:
    from benchmarks._setting import Setting
    from devsess import Grant, SessionManager
    from devsess.stores.plain_rows import PlainRow
    from devsess.stores.sqlite import SQLiteStore
    from devsess.stores.sqlite.one_row import Fetch
    from devsess.tokens.access import AccessClaims

DESCRIPTION = "The parts of the dearer validations, each timed by itself, beside the whole."

T = TypeVar("T")

FIRST_SIGHT = "a token seen for the first time"
FRESH = "fresh=True"
MARKED = "repeated, with PRAGMA data_version as the mark"
# The time beyond the parts of each whole is shown as the rest.
PARTS = {
    FIRST_SIGHT: (
        "SQLite reads the row",
        "a record is made of it",
        "the token is verified, signature and members",
        "the row is judged, and a session made of it",
    ),
    FRESH: ("SQLite reads what can change of the row",),
    MARKED: ("SQLite runs the PRAGMA",),
}


def lines(setting: Setting) -> list[Line]:
    """The parts of each whole, in microseconds and percent."""
    path, grants = setting.signed_in("profiles", SESSIONS)
    tokens = [grant.access_token for grant in grants]
    with ExitStack() as stack:
        sessions = stack.enter_context(workload.opened(path))
        asked = stack.enter_context(without_index(path))
        batches: dict[str, Batch] = {
            FIRST_SIGHT: lambda: first_seen(path, grants),
            FRESH: lambda: each_fresh(partial(sessions.validate, fresh=True), tokens, fresh_copy),
            MARKED: lambda: each_fresh(asked.validate, tokens, fresh_copy),
        }
        names = [name for parts in PARTS.values() for name in parts]
        batches |= zip(names, _parts(sessions, grants), strict=True)
        seconds = best(batches, setting.rounds(25))
    return [line for whole in PARTS for line in _lines_of(whole, seconds)]


def _lines_of(whole: str, seconds: dict[str, float]) -> list[Line]:
    parts = {part: seconds[part] for part in PARTS[whole]}
    parts["the rest"] = seconds[whole] - sum(parts.values())
    return [
        Line(
            f"{whole}: {part}",
            100 * took / seconds[whole],
            unit="%",
            microseconds=took * 1e6,
            drifts=False,
        )
        for part, took in parts.items()
    ]


def _parts(sessions: SessionManager, grants: Sequence[Grant]) -> list[Batch]:
    """The parts that PARTS names, in that order, each done to all sessions."""
    core, now = sessions._core, time()
    store = cast("SQLiteStore", sessions._store)
    ids = [grant.session.id for grant in grants]
    tokens = [grant.access_token for grant in grants]
    values = [_read(store, GET_PLAIN, session_id)[0] for session_id in ids]
    judged = [
        (plain_row(it), core.tokens.access.verify(token, now))
        for it, token in zip(values, tokens, strict=True)
    ]

    def judge(both: tuple[PlainRow, AccessClaims]) -> object:
        found = plainly_good(*both, None, now, core.policy)
        assert found is not None
        return found

    return [
        _over(lambda it: _read(store, GET_PLAIN, it), ids),
        _over(plain_row, values),
        lambda: each_fresh(lambda token: core.tokens.access.verify(token, now), tokens, fresh_copy),
        _over(judge, judged),
        _over(lambda it: _read(store, rows.SELECT_STAMP, it), ids),
        _over(lambda _: _read(store, "PRAGMA data_version", fetch=fetch_all), ids),
    ]


def _read(
    store: SQLiteStore, statement: str, *values: str, fetch: Fetch = fetch_one
) -> list[tuple[object, ...]]:
    """By nothing but SQLite and Python's sqlite3, as the store does."""
    assert store._opened is not None
    return fetch(store._opened.watch.cursor, statement, values)


def _over(do: Callable[[T], object], items: Sequence[T]) -> Batch:
    return lambda: each(do, items)
