"""
The change log: its positions, its readers' register, and its history.

Why no change is missed that is committed out of order: a position is a snapshot, the set of
transactions whose changes it has seen, and not a number. An entry bears the number of its
transaction, and is behind a position if its transaction is not in that set, whenever
it began; the answer, and the next position, come from one statement, and so from one snapshot.
A subtransaction's entry bears the number of the whole. What a purge deletes is compared alike:
a position that has not seen every deleted entry is answered with ALL.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from devsess.stores import semantics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.postgres.transaction import Statement, Transaction

_SNAPSHOT = re.compile(r"\d{1,20}:\d{1,20}:[\d,]*")

# Whether every entry that was deleted is seen by the position: it has seen all up to the last
# one but for those that it names as running, and none of these was seen by the purge.
_KNOWS_THE_CUT = (
    "m.log_cut < pg_snapshot_xmax({p}) AND NOT EXISTS (SELECT 1 FROM pg_snapshot_xip({p}) x"
    " WHERE x <= m.log_cut AND pg_visible_in_snapshot(x, m.log_cut_by))"
)
# The row in an UNLOGGED table is lost in a crash, and is on no standby and in no base backup. The
# start of the server is another one where a dump was restored elsewhere.
_HISTORY = "h.id::text || '/' || extract(epoch FROM pg_postmaster_start_time())::text"
_BEHIND = "l.xid >= pg_snapshot_xmin({p}) AND NOT pg_visible_in_snapshot(l.xid, {p})"
# One row each, and the planner knows it: of a guess at a thousand it would compile the statement.
_ONE = (
    "(SELECT id, seasoned FROM {s}.history LIMIT 1) h"
    " CROSS JOIN (SELECT log_cut, log_cut_by, lease FROM {s}.meta LIMIT 1) m"
)
_P, _LAST = "%(position)s::pg_snapshot", "%(last)s::pg_snapshot"
_CHANGES = (
    f"SELECT {_HISTORY}, pg_current_snapshot()::text,"  # noqa: S608
    f" {_P} IS NOT NULL AND pg_snapshot_xmax({_P}) <= pg_snapshot_xmax(pg_current_snapshot())"
    f" AND {_KNOWS_THE_CUT.format(p=_P)},"
    f" EXISTS (SELECT 1 FROM {{s}}.log l WHERE {_BEHIND.format(p=_LAST)}),"
    f" l.seq, l.session_id"
    f" FROM {_ONE}"
    f" LEFT JOIN (SELECT l.seq, l.session_id FROM {{s}}.log l WHERE {_BEHIND.format(p=_P)}"
    f" LIMIT {semantics.LOG_READ + 1}) l ON true"
)
# Whether nothing is behind a position, in half the time: most questions are answered so. It may say
# no in vain, where an entry was deleted that began after the oldest transaction of the position.
UNCHANGED = (
    f"SELECT (SELECT {_HISTORY} = %(history)s FROM {{s}}.history h LIMIT 1)"  # noqa: S608
    f" AND (SELECT m.log_cut < pg_snapshot_xmin({_P})"
    f" AND pg_snapshot_xmax({_P}) <= pg_snapshot_xmax(pg_current_snapshot())"
    " FROM {s}.meta m LIMIT 1)"
    f" AND NOT EXISTS (SELECT 1 FROM {{s}}.log l WHERE {_BEHIND.format(p=_P)})"
)
NEW_HISTORY = "INSERT INTO {s}.history DEFAULT VALUES ON CONFLICT DO NOTHING"
APPEND = "INSERT INTO {s}.log (session_id) SELECT unnest(%s::text[])"

# The number of a transaction is higher than any before: a reader that comes back has another beat.
REGISTER = (
    "WITH longest AS (UPDATE {s}.meta SET lease = %(lease)s WHERE lease < %(lease)s)"  # noqa: S608
    " INSERT INTO {s}.readers (id, beat, applied)"
    " SELECT %(reader)s, pg_current_xact_id()::text::bigint,"
    f" (SELECT {_P} FROM {{s}}.history h WHERE {_HISTORY} = %(history)s)"
    " ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, applied = excluded.applied"
    " RETURNING beat"
)
SEASON = (
    "UPDATE {s}.history h SET seasoned = %(history)s"  # noqa: S608
    f" WHERE {_HISTORY} = %(history)s AND seasoned IS DISTINCT FROM %(history)s"
)
LEAVE = "DELETE FROM {s}.readers WHERE id = %s"
EXPEL = "DELETE FROM {s}.readers WHERE id = %s AND beat = %s"
# A reader has heard a position once it has seen each entry that the position has seen.
READERS_BEHIND = (
    f"SELECT {_HISTORY}, h.seasoned IS NOT DISTINCT FROM {_HISTORY},"  # noqa: S608
    " m.lease, r.id, r.beat"
    f" FROM {_ONE}"
    " LEFT JOIN {s}.readers r ON r.applied IS NULL"
    f" OR {_P} IS NULL OR {_HISTORY} <> %(history)s"
    f" OR NOT ({_KNOWS_THE_CUT.format(p='r.applied')}) OR EXISTS (SELECT 1 FROM {{s}}.log l"
    f" WHERE {_BEHIND.format(p='r.applied')} AND pg_visible_in_snapshot(l.xid, {_P}))"
)


@frozen
class Position:
    """
    A place in the log.

    Attributes:
        history: Of the log; positions of another one mean nothing.
        snapshot: Of the transactions that it has seen.
    """

    history: str
    snapshot: str

    @classmethod
    def of(cls, position: object) -> Position | None:
        """*position*, if it is one."""
        known = isinstance(position, cls) and _SNAPSHOT.fullmatch(position.snapshot)
        return position if isinstance(position, cls) and known else None


def values_of(position: Position | None, last: Position | None = None) -> dict[str, object]:
    """The values by which statements name a position."""
    return {
        "history": position and position.history,
        "position": position and position.snapshot,
        "last": last and last.snapshot,
    }


def ask_changes(position: Position | None, last: Position | None) -> Statement:
    """The statement for the changes behind *position*; *last* is the one given out last."""
    return _CHANGES, values_of(position, last)


# In the transaction, PostgreSQL would let those that notify commit one by one: so it comes after.
_WAKE = "SELECT pg_notify('{channel}', '')"


def append(db: Transaction, session_ids: Sequence[str | None]) -> None:
    """Append to the log, and wake its readers; None stands for all sessions."""
    if session_ids:
        db.put(APPEND, ([*session_ids],))
        db.put_after(_WAKE)
