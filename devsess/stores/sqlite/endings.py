"""
Endings in SQLite: written with their rows, or as a number whose rows follow.

The table `endings` holds those whose rows follow. It hardly ever holds any, so
asking whether a row is covered looks into an empty table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.stores import semantics
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.counting import Counts
from devsess.stores.sqlite import ids, rows, statistics
from devsess.stores.sqlite.damage import DamagedError, checked_instant
from devsess.stores.sqlite.ids import Odd
from devsess.stores.sqlite.log import append_changes, insert_events

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.base import Ending, Erasure, Insertion
    from devsess.stores.calls import Target
    from devsess.stores.rows import EventRow

# Says the same as lifecycle.counts_as_live of a row that is not revoked.
LIVE = (
    "s.idle_expires_at > ? AND s.absolute_expires_at > ? AND s.idle_from > ? AND s.created_at > ?"
)
BY_USE = " ORDER BY s.last_seen_at, s.id"
# The same of rows that are found without it: SQLite would go through all of an account's.
_LIVE_ROW = LIVE.replace("s.created_at", "+s.created_at")

_MARKS = (
    "SELECT ending_number, cut_off FROM meta"
    " UNION ALL SELECT ending_number, cut_off FROM accounts WHERE user_id = ?"
)
_ERASED = "SELECT ending_number, NULL FROM erased WHERE digest IN ({})"
CUT_OFF = "SELECT cut_off FROM accounts WHERE user_id = ?"
# The index is named: that of all a user's sessions would have each of them sorted.
_LIVE_PAGE = (
    rows.through("sessions_live", rows.SELECT_SESSION)
    + f" WHERE s.user_id = ? AND {rows.UNENDED} AND {LIVE}{{behind}}"
    " ORDER BY s.created_at DESC, s.id DESC LIMIT ?"
)
# A cut-off never moves back, but for one that was set by a clock that was ahead.
_NEXT = "CASE WHEN {0} > :latest THEN :now ELSE max(coalesce({0}, :now), :now) END"
_RAISE_STORE = f"UPDATE meta SET ending_number = :number, cut_off = {_NEXT.format('cut_off')}"  # noqa: S608
_RAISE_ACCOUNT = (
    "INSERT INTO accounts (ending_number, cut_off, user_id) VALUES (:number, :now, :user)"  # noqa: S608
    " ON CONFLICT (user_id) DO UPDATE SET ending_number = excluded.ending_number,"
    f" cut_off = {_NEXT.format('accounts.cut_off')}"
)
_LIFT = (
    "UPDATE sessions AS s SET ending_number = ? WHERE s.id = ? AND s.user_id = ?"  # noqa: S608
    f" AND {rows.UNENDED}"
)
_COVER = rows.insert_into(
    "endings",
    ("number", "user_id", "at", "idle_after", "created_after", "reason", "actor"),
)
# All columns of the event of an end. No device is joined: ending needs no label,
# and must not fail where one is lost. Nor where a text is damaged: SQLite does
# not look into blobs.
_IDS = ", ".join(ids.stored(f"s.{name}") for name in ("user_id", "device_id", "id"))
FOR_EVENT = f"{_IDS}, CAST(s.network AS BLOB), CAST(a.user_agent AS BLOB)"
WITH_AGENT = "FROM sessions s LEFT JOIN agents a ON a.id = s.agent_id"
_ENDED = f"SELECT {FOR_EVENT} {WITH_AGENT} WHERE "
_COUNTED = f"SELECT {statistics.OF_ROW} FROM sessions s WHERE "  # noqa: S608
Ask: TypeAlias = "Callable[[str, tuple[object, ...]], Sequence[Sequence[Any]]]"


def marks(user_id: str, digests: Sequence[bytes]) -> tuple[str, tuple[object, ...]]:
    """The statement, with its values, for the numbers and cut-offs that bind an account."""
    if not digests:
        return _MARKS, (user_id,)
    erased = _ERASED.format(", ".join("?" * len(digests)))
    return f"{_MARKS} UNION ALL {erased}", (user_id, *digests)


def number_of(mark: Sequence[Any]) -> int:
    """The ending number in a row that `marks` finds."""
    number = mark[0]
    if type(number) is not int:
        raise DamagedError("there is no number of endings where one should be")
    return number


def highest_of(found: Sequence[Sequence[Any]]) -> int:
    """The highest ending number of all that `marks` finds, of which the store's is always one."""
    return max(number_of(mark) for mark in found or [()])


def is_latest(db: sqlite3.Cursor, user_id: str, number: int) -> bool:
    """Whether no ending of an account came after *number*, which was drawn in this file."""
    return highest_of(db.execute(*marks(user_id, ())).fetchall()) <= number <= _last_number(db)


def cut_off_of(found: Sequence[Any]) -> float | None:
    """The cut-off in a row that CUT_OFF finds."""
    return checked_instant(found[0])


def live_page(
    user_id: str, cutoffs: LivenessCutoffs, before: tuple[float, str] | None
) -> tuple[str, tuple[object, ...]]:
    """The statement, with its values but for the limit, for live sessions older than *before*."""
    behind = " AND (s.created_at, s.id) < (?, ?)" if before else ""
    return _LIVE_PAGE.format(behind=behind), (user_id, *of_live(cutoffs), *(before or ()))


def is_refused(db: sqlite3.Cursor, insertion: Insertion) -> bool:
    """
    Whether an ending came between the sign-in's first read and now, or after its `auth_time`.

    Or another file: the number that it read is none of this one's.
    """
    row, signed_in_at = insertion.row, insertion.auth_instant
    found = db.execute(*marks(row.user_id, insertion.digests)).fetchall()
    if not highest_of(found) <= row.ending_number <= _last_number(db):
        return True
    return signed_in_at is not None and any(
        semantics.is_cut_off(signed_in_at, cut_off, insertion.cutoffs) for _, cut_off in found
    )


def end(db: sqlite3.Cursor, ending: Ending, *, follow: bool) -> Ended:
    """See Store.end; with *follow*, all of an account or of everybody are covered, not written."""
    marked = isinstance(ending.target, OfDevice) and _mark_device(db, ending.target)
    ended = _ended(db, ending, follow=follow)
    whole = semantics.with_own_event(ended, ending, marked=marked)
    insert_events(db, *whole.events[len(ended.events) :])
    return whole


def _ended(db: sqlite3.Cursor, ending: Ending, *, follow: bool) -> Ended:
    target = ending.target
    if not isinstance(target, (OfUser, Everyone)):
        return Ended(_end_now(db, ending))
    number = _raise_number(db, target, ending.cutoffs)
    if not follow:
        return Ended(_end_now(db, ending))
    by = semantics.covering_of(number, ending)
    db.execute(
        _COVER,
        [number, by.user_id, by.at, by.idle_after, by.created_after, by.reason, by.actor],
    )
    append_changes(db, [None])
    return Ended(following=number)


def _mark_device(db: sqlite3.Cursor, target: OfDevice) -> bool:
    """Block or forget the device; whether there is one."""
    flags = "forgotten = 1" if target.forget else "blocked = 1, trusted_until = NULL"
    marked = db.execute(
        f"UPDATE devices SET {flags} WHERE user_id = ? AND id = ?",  # noqa: S608
        [target.user_id, target.device_id],
    )
    return marked.rowcount > 0


def draw_number(db: sqlite3.Cursor) -> int:
    """The next number of the store: higher than any that was ever drawn."""
    db.execute("UPDATE meta SET last_number = last_number + 1")
    return _last_number(db)


def _last_number(db: sqlite3.Cursor) -> int:
    return number_of(db.execute("SELECT last_number FROM meta").fetchall()[0])


def _raise_number(db: sqlite3.Cursor, target: OfUser | Everyone, at: LivenessCutoffs) -> int:
    number = draw_number(db)
    values: dict[str, object] = {"number": number, "now": at.now, "latest": at.future_after}
    if isinstance(target, Everyone):
        db.execute(_RAISE_STORE, values)
        return number
    db.execute(_RAISE_ACCOUNT, {**values, "user": target.user_id})
    kept = _id(target.keep)
    is_kept = db.execute(_LIFT, [number, kept, target.user_id]).rowcount
    if target.compromised:
        db.execute("UPDATE devices SET trusted_until = NULL WHERE user_id = ?", [target.user_id])
        append_changes(db, [kept] if is_kept else [])  # its device has changed
    return number


def are_many(ask: Ask, ending: Ending) -> bool:
    """
    Whether more rows are unwritten than may be ended at once.

    They are counted before the lock is taken, since counting a thousand rows takes longer than
    the write. A few more or fewer by then do no harm.
    """
    if not isinstance(ending.target, (OfUser, Everyone)):
        return False
    user_id = ending.target.user_id if isinstance(ending.target, OfUser) else None
    whose, values = ("1", ()) if user_id is None else ("s.user_id = ?", (user_id,))
    [[found]] = ask(
        "SELECT count(*) FROM (SELECT 1 FROM sessions s INDEXED BY sessions_unrevoked"  # noqa: S608
        f" WHERE s.revoked_at IS NULL AND {whose} LIMIT ?)",
        (*values, ending.at_once + 1),
    )
    return bool(found > ending.at_once)


def _end_now(db: sqlite3.Cursor, ending: Ending) -> tuple[EventRow, ...]:
    """Revoke every row of the target that has not ended; the events of those that were live."""
    at, (where, values) = ending.cutoffs, condition(ending.target)
    live = db.execute(
        f"{_ENDED}{rows.UNENDED} AND {where} AND {_LIVE_ROW}{BY_USE}", [*values, *of_live(at)]
    ).fetchall()
    if isinstance(ending.target, Everyone):
        append_changes(db, [None])
    else:
        append_unended(db, where, values)
    found = db.execute(f"{_COUNTED}{rows.UNENDED} AND {where}", values).fetchall()
    counts = Counts()
    statistics.ended(counts, found, at.now, ending.reason)
    revoke(db, where, values, at.now, ending.reason, ending.actor)
    statistics.add(db, counts)
    return end_events(db, live, at.now, ending.reason, ending.actor)


def condition(target: Target) -> tuple[str, list[object]]:
    """The SQL condition for the sessions that *target* names, with its values."""
    if isinstance(target, ById):
        if target.user_id is None:
            return "s.id = ?", [target.session_id]
        return "s.id = ? AND s.user_id = ?", [target.session_id, target.user_id]
    if isinstance(target, OfUser):
        return "s.user_id = ? AND s.id <> ?", [target.user_id, _id(target.keep)]
    if isinstance(target, OfDevice):
        return rows.OF_DEVICE, [target.user_id, target.device_id]
    return "1", []


def _id(keep: str | None) -> str:
    # Replaced where it cannot be an id at all: then there is none to keep.
    return (keep or "").encode(errors="replace").decode()


def of_live(at: LivenessCutoffs) -> tuple[float, ...]:
    """The values of LIVE."""
    return at.now, at.now, at.idle_after, at.created_after


def append_unended(db: sqlite3.Cursor, where: str, values: list[object]) -> None:
    """Append those of the sessions that have not ended to the log; all, if one has no name."""
    found = db.execute(
        f"SELECT {ids.stored('s.id')} FROM sessions s"  # noqa: S608
        f" WHERE {rows.UNENDED} AND {where} {BY_USE}",
        values,
    )
    named = [ids.read(value) for (value,) in found.fetchall()]
    texts = [it for it in named if isinstance(it, str)]
    append_changes(db, texts if len(texts) == len(named) else [None])


def revoke(
    db: sqlite3.Cursor, where: str, values: list[object], at: float, reason: str, actor: str | None
) -> int:
    """Write the sessions that have not ended as ended, addresses reduced; returns how many."""
    db.execute(
        "UPDATE events SET ip = network WHERE ip IS NOT network AND session_id IN"  # noqa: S608
        f" (SELECT s.id FROM sessions s WHERE {rows.UNENDED} AND {where})",
        values,
    )
    return db.execute(
        "UPDATE sessions AS s SET revoked_at = ?, reason = ?, actor = ?, ip = network"  # noqa: S608
        f" WHERE {rows.UNENDED} AND {where}",
        [at, reason, actor, *values],
    ).rowcount


def end_events(
    db: sqlite3.Cursor, live: Sequence[Sequence[Any]], at: float, reason: str, actor: str | None
) -> tuple[EventRow, ...]:
    """Insert the events of sessions that were *live*; for a damaged row, write to the log."""
    found = [_event(row, at, reason, actor) for row in live]
    events = tuple(event for event in found if event is not None)
    insert_events(db, *events)
    ids.report(len(found) - len(events))
    return events


def _event(row: Sequence[Any], at: float, reason: str, actor: str | None) -> EventRow | None:
    user_id, device_id, session_id = map(ids.read, row[:3])
    if isinstance(user_id, Odd) or isinstance(device_id, Odd) or isinstance(session_id, Odd):
        return None
    network, user_agent = (text and text.decode(errors="replace") for text in row[3:5])
    return semantics.end_event(
        session_id, user_id, device_id, network, user_agent, at, reason, actor
    )


def forget(db: sqlite3.Cursor, erasure: Erasure) -> None:
    """Keep the account's new number under its digests, and nothing that names it."""
    db.execute("DELETE FROM endings WHERE user_id = ?", [erasure.user_id])
    number = draw_number(db)
    db.executemany(
        "INSERT OR REPLACE INTO erased (digest, ending_number, until) VALUES (?, ?, ?)",
        [(digest, number, erasure.until) for digest in erasure.digests],
    )
