"""
Statistics in SQLite: four tables, and what is written to them in each write's transaction.

They are added once the rows are written: then the open sessions of each account concerned are
counted in an index, a dozen at most and as many more as began. No row of a session is read for
them but those that end; of a damaged one an instant that is none counts as the first there is, so
that the number of open sessions stays right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from devsess.stores import counting
from devsess.stores.counting import (
    BEGAN,
    ERASED,
    LOOKED,
    MEASURES,
    MOST_KEYS,
    OTHER,
    SIZES,
    Counts,
    Measures,
    Numbers,
    Period,
    counted_to,
    resized,
)
from devsess.stores.sqlite import ids, rows
from devsess.stores.sqlite.damage import DAMAGE, DamagedError

if TYPE_CHECKING:
    import sqlite3

    from devsess.stores.base import Erasure

_OPEN = "UPDATE meta SET open = open + ?"
# The columns of `meta` with the accounts of each size.
_SIZES = tuple(f"users_{size}" for size in SIZES)
_RESIZE = ", ".join((_OPEN, *(f"{it} = {it} + ?" for it in _SIZES)))
_OF_USER = (
    "SELECT count(*) FROM (SELECT 1 FROM sessions INDEXED BY sessions_live"
    " WHERE user_id = {} AND revoked_at IS NULL LIMIT ?)"
)
_TALLY = "UPDATE tallies SET count = count + ? WHERE day = ? AND dimension = ? AND key = ?"
_NEW_TALLY = (
    "INSERT INTO tallies (count, day, dimension, key) SELECT :count, :day, :dimension,"
    " iif(count(*) < :most, :key, :other) FROM tallies"
    " WHERE day = :day AND dimension = :dimension AND key <> :other"
    " ON CONFLICT (day, dimension, key) DO UPDATE SET count = count + excluded.count"
)
_SPAN = (
    "INSERT INTO spans (week, age, reason, kind, count) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (week, age, reason, kind) DO UPDATE SET count = count + excluded.count"
)
# The account, and the arguments of `ended`, from a row, whatever its columns hold.
_KIND = (
    "(SELECT CAST(d.kind AS BLOB) FROM devices d"
    " WHERE d.key = s.device_key AND d.user_id = s.user_id)"
)
_INSTANTS = "CAST(s.created_at AS REAL), CAST(s.idle_expires_at AS REAL)"
OF_ROW = f"{ids.stored('s.user_id')}, {_INSTANTS}, {_KIND}"
_ERASED = (
    f"SELECT {OF_ROW}, n.at, n.reason, CAST(s.last_seen_at AS REAL)"  # noqa: S608
    " FROM sessions s"
    f" LEFT JOIN endings n ON n.number = {rows.FIRST}"
    " WHERE s.user_id = ? AND s.revoked_at IS NULL"
)
_RANGES = (
    "SELECT {sums} FROM (VALUES {bounds}) AS b"
    " LEFT JOIN quarters q ON q.quarter >= b.column1 AND q.quarter < b.column2"
    " GROUP BY b.column3 ORDER BY b.column3"
)
# From key to key, and of each the days asked for: nothing is sorted, nor is a day read in vain.
_TALLIES = (
    "WITH RECURSIVE keys(key) AS (SELECT min(key) FROM tallies WHERE dimension = :dimension"
    " UNION ALL SELECT (SELECT min(t.key) FROM tallies t"
    " WHERE t.dimension = :dimension AND t.key > keys.key) FROM keys WHERE keys.key IS NOT NULL)"
    " SELECT t.key, sum(t.count) FROM keys CROSS JOIN tallies t ON t.dimension = :dimension"
    " AND t.key = keys.key AND t.day >= :first AND t.day < :behind GROUP BY t.key"
)
_SPANS = (
    "SELECT age, reason, kind, sum(count) FROM spans"
    " WHERE week >= ? AND week < ? AND age <> ? GROUP BY age, reason, kind"
)
_COHORTS = (
    "SELECT week, kind, sum(iif(age = ?, count, 0)), sum(iif(age = ?, 0, count)) FROM spans"
    " WHERE week >= ? AND week < ? GROUP BY week, kind"
)
_OPENED = f"SELECT {', '.join(('open', *_SIZES))} FROM meta"  # noqa: S608
_LAPSED = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND idle_expires_at <= ?"
_PENDING = "SELECT user_id FROM endings"
_COVERED = (
    "SELECT count(*) FROM (SELECT s.* FROM sessions s INDEXED BY sessions_unrevoked"  # noqa: S608
    " WHERE s.revoked_at IS NULL AND {whose} LIMIT ?) AS s"
    f" WHERE s.idle_expires_at > ? AND EXISTS (SELECT 1 FROM endings n WHERE {rows.COVERS})"
)


def add(db: sqlite3.Cursor, counts: Counts) -> None:
    """Add *counts*, whose rows are written."""
    sizes = resized(_users(db, counts))
    if any(sizes):
        db.execute(_RESIZE, [counts.open, *sizes])
    elif counts.open:
        db.execute(_OPEN, [counts.open])
    for quarter, measures in counts.by_quarter().items():
        db.execute(_quarter(measures), [quarter, *measures.values()])
    for (day, dimension, key), more in counts.tallies.items():
        if not db.execute(_TALLY, [more, day, dimension, key]).rowcount:
            _add_tally(db, more, day, dimension, key)
    if counts.spans:
        db.executemany(_SPAN, [(*key, more) for key, more in counts.spans.items()])


def _users(db: sqlite3.Cursor, counts: Counts) -> Iterator[tuple[int, int]]:
    """The accounts that were written, for `resized`."""
    for user, more in counts.changed_users().items():
        expression, value = ids.bound(cast("ids.Id", user))
        [[now]] = db.execute(_OF_USER.format(expression), [value, counted_to(more)]).fetchall()
        yield now, more


def _quarter(measures: dict[str, int]) -> str:
    names = ", ".join(measures)
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in measures)
    return (
        f"INSERT INTO quarters (quarter, {names}) VALUES (?{', ?' * len(measures)})"  # noqa: S608
        f" ON CONFLICT (quarter) DO UPDATE SET {sums}"
    )


def _add_tally(db: sqlite3.Cursor, more: int, day: int, dimension: str, key: str) -> None:
    values = {"count": more, "day": day, "dimension": dimension, "key": key}
    db.execute(_NEW_TALLY, {**values, "most": MOST_KEYS[dimension], "other": OTHER})


def ended(counts: Counts, found: Sequence[Sequence[Any]], at: float, reason: str) -> None:
    """Count rows of OF_ROW, which are written as ended."""
    for user, created_at, idle_expires_at, kind in found:
        counts.users[ids.read(user)] -= 1
        counts.ended(created_at, idle_expires_at, _text(kind), at, reason)


def erased(db: sqlite3.Cursor, erasure: Erasure) -> Counts:
    """The counts of an account's sessions, which are still to be deleted."""
    counts = Counts()
    for *row, ended_at, reason, seen_at in db.execute(_ERASED, [erasure.user_id]).fetchall():
        at = seen_at if erasure.at is None else erasure.at
        if ended_at is not None:
            at = ended_at
        ended(counts, [row], at, reason or ERASED)
    return counts


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def numbers(db: sqlite3.Cursor, period: Period) -> Numbers:
    """See SupportsStatistics.statistics; within a transaction that reads."""
    try:
        return _numbers(db, period)
    except DAMAGE as error:
        raise DamagedError(f"the statistics cannot be read: {error}") from error


def _numbers(db: sqlite3.Cursor, period: Period) -> Numbers:
    [[still_open, *sizes]] = _found(db, (int,) * (1 + len(_SIZES)), _OPENED)
    spans = _found(db, (int, str, str, int), _SPANS, [*period.weeks, BEGAN])
    cohorts = _found(db, (int, str, int, int), _COHORTS, [BEGAN, BEGAN, *period.weeks])
    return Numbers(
        still_open,
        _lagging(db, period.now),
        _ranges(db, period),
        {key: total for it in MOST_KEYS for key, total in _tallies(db, period, it)},
        {(age, reason, kind): total for age, reason, kind, total in spans},
        {(week, kind): (begun, over) for week, kind, begun, over in cohorts},
        tuple(sizes),
    )


def _tallies(
    db: sqlite3.Cursor, period: Period, dimension: str
) -> Iterator[tuple[tuple[str, str], int]]:
    first, behind = period.days
    values = {"dimension": dimension, "first": first, "behind": behind}
    for key, total in _found(db, (str, int), _TALLIES, values):
        yield (dimension, key), total


def _found(
    db: sqlite3.Cursor,
    kinds: tuple[type, ...],
    statement: str,
    values: Sequence[object] | dict[str, object] = (),
) -> list[tuple[Any, ...]]:
    """The rows that *statement* gives, which have values of these *kinds*."""
    found = db.execute(statement, values).fetchall()
    if not {tuple(map(type, row)) for row in found} <= {kinds}:
        raise DamagedError("there is another type of value in the statistics")
    return found


def _ranges(db: sqlite3.Cursor, period: Period) -> tuple[Measures, ...]:
    first = period.quarters
    ends = [*first[1:], counting.LATEST]
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in MEASURES)
    statement = _RANGES.format(sums=sums, bounds=", ".join(["(?, ?, ?)"] * len(first)))
    values = [it for bound in zip(first, ends, count(), strict=False) for it in bound]
    kinds = (int,) * len(MEASURES)
    return tuple(Measures(*found) for found in _found(db, kinds, statement, values))


def _lagging(db: sqlite3.Cursor, now: float) -> int:
    [[lapsed]] = db.execute(_LAPSED, [now]).fetchall()
    pending = [user_id for (user_id,) in db.execute(_PENDING).fetchall()]
    if None in pending:
        pending = [None]
    return int(lapsed) + sum(_covered(db, it, now) for it in dict.fromkeys(pending))


def _covered(db: sqlite3.Cursor, user_id: str | None, now: float) -> int:
    whose, values = ("1", []) if user_id is None else ("s.user_id = ?", [user_id])
    [[found]] = db.execute(_COVERED.format(whose=whose), [*values, LOOKED, now]).fetchall()
    return int(found)
