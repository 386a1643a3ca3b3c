"""The writes of the SQLite store, each inside a transaction that holds the write lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devsess.stores import semantics
from devsess.stores.base import Changes, Inserted, OfDevice, Refused
from devsess.stores.calls import Full
from devsess.stores.counting import Counts
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.stores.sqlite import endings, items, rows, statistics
from devsess.stores.sqlite.endings import BY_USE, LIVE, append_unended, of_live, revoke
from devsess.stores.sqlite.log import (
    agent_number,
    append_changes,
    insert_counted,
    insert_events,
    is_full,
    keep_last_event,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from devsess.stores.base import Erasure, Insertion
    from devsess.stores.calls import Columns, InsertAnswer, Retention
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

_DEVICE = f"{rows.SELECT_DEVICE} WHERE user_id = ? AND id = ?"
_SESSION = f"{rows.SELECT_SESSION} WHERE s.id = ? AND s.revoked_at IS NULL AND n.number IS NULL"
# In two steps, and no row whole before it is known to be one of them: one that cannot be
# read must not stop a purge. SQLite takes a text for later than any number.
AHEAD_KEYS = (
    "SELECT s.key FROM sessions s"  # noqa: S608
    f" WHERE {rows.UNENDED} AND s.idle_expires_at > ? AND typeof(s.idle_expires_at) = 'real'"
    " ORDER BY s.idle_expires_at DESC, s.id LIMIT ? OFFSET ?"
)
AHEAD = f"{rows.SELECT_SESSION} WHERE s.key = ? AND {rows.UNENDED} AND s.idle_expires_at > ?"
# By the place in the table. A damaged instant is passed over, and stops no purge.
NEWEST_INSTANTS = (
    "SELECT at FROM events WHERE seq > 0 AND typeof(at) = 'real' ORDER BY seq DESC LIMIT ?"
)
_LIVE = f"{rows.SELECT_SESSION} WHERE s.user_id = ? AND {rows.UNENDED} AND {LIVE}{BY_USE}"
# The index is named: SQLite takes that of all the user's live ones.
_ON_DEVICE = rows.through("sessions_unrevoked", _LIVE).replace("s.user_id = ?", rows.OF_DEVICE, 1)

# Moves only forward, and only sessions that have not ended.
TOUCH = (
    "UPDATE sessions AS s SET last_seen_at = max(last_seen_at, ?), idle_from = max(idle_from, ?),"  # noqa: S608
    " idle_expires_at = max(idle_expires_at, ?), bound = bound OR ?,"
    " presented = presented OR generation IS ?"
    f" WHERE id = ? AND {rows.UNENDED}"
)


def insert(db: sqlite3.Cursor, insertion: Insertion) -> InsertAnswer:
    """Write a session; everything that may refuse it is asked before anything is written."""
    row = insertion.row
    known = _device(db, row.user_id, row.device.id)
    refusal = _refused(db, insertion, known)
    if refusal:
        return refusal
    if db.execute("SELECT 1 FROM sessions WHERE id = ?", [row.id]).fetchall():
        raise ValueError("there is a session with this id already")
    to_end = _to_end(db, insertion)
    if isinstance(to_end, Full):
        return to_end
    counts = Counts()
    events = _end_for_sign_in(db, to_end, insertion, counts)
    db.execute(rows.PUT_DEVICE, rows.device_values(semantics.seen_again(known, row.device)))
    agent_id = agent_number(db, row.user_agent, insertion.cutoffs.now)
    db.execute(rows.INSERT_SESSION, rows.session_values(row, agent_id))
    counts.began(row)
    insert_counted(db, counts, *insertion.events, agents={row.user_agent: agent_id})
    missed = tuple(it.kind for it in insertion.items if not items.put_counted(db, counts, it))
    statistics.add(db, counts)
    return Inserted(events, missed)


def _refused(db: sqlite3.Cursor, insertion: Insertion, known: DeviceRow | None) -> Refused | None:
    if endings.is_refused(db, insertion):
        return Refused.CUT_OFF
    return Refused.BLOCKED if known is not None and known.blocked else None


def _to_end(db: sqlite3.Cursor, insertion: Insertion) -> semantics.SessionsToEnd | Full:
    if insertion.limit is None and not insertion.replaces:
        return semantics.SessionsToEnd()
    statement, whose = _LIVE, [insertion.row.user_id]
    if insertion.limit is None:  # an account may have sessions by the thousand
        statement, whose = _ON_DEVICE, [*whose, insertion.row.device.id]
    found = db.execute(statement, [*whose, *of_live(insertion.cutoffs)])
    return semantics.sessions_to_end(
        [rows.session_row(values) for values in found.fetchall()], insertion
    )


def _end_for_sign_in(
    db: sqlite3.Cursor, to_end: semantics.SessionsToEnd, insertion: Insertion, counts: Counts
) -> tuple[EventRow, ...]:
    """End the sessions that make room, and count them with the sign-in."""
    now = insertion.cutoffs.now
    reasons = [(row, REPLACED) for row in to_end.replaced]
    reasons += [(row, EVICTED) for row in to_end.evicted]
    if not reasons:
        return ()
    for row, reason in reasons:
        revoke(db, "s.id = ?", [row.id], now, reason, None)
        counts.over(semantics.ended(row, now, reason, None))
    append_changes(db, [row.id for row, _ in reasons])
    events = tuple(semantics.end_event_of(row, now, reason, None) for row, reason in reasons)
    insert_counted(db, counts, *events)
    if to_end.evicted and insertion.limit_event is not None:
        insert_counted(db, counts, insertion.limit_event)
    return events


def swap(
    db: sqlite3.Cursor, session_id: str, expected: Columns, changes: Columns
) -> SessionRow | None:
    """Compare and swap: the row with *changes*, if it was not revoked and all *expected* held."""
    found = db.execute(_SESSION, [session_id]).fetchall()
    old = rows.session_row(found[0]) if found else None
    if old is None or not semantics.holds(old, expected):
        return None
    new = semantics.changed(old, changes)
    _write(db, new, changes)
    return new


def _write(db: sqlite3.Cursor, new: SessionRow, changes: Columns) -> None:
    """Write those columns of *new* that *changes* names."""
    columns = ["agent_id" if name == "user_agent" else name for name in changes]
    if columns:
        agent_id = (
            agent_number(db, new.user_agent, new.last_seen_at) if "agent_id" in columns else None
        )
        values = [rows.column_value(new, name, agent_id) for name in columns]
        assignments = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE sessions SET {assignments} WHERE id = ?", [*values, new.id])  # noqa: S608


def touch(db: sqlite3.Cursor, values: tuple[object, ...]) -> bool:
    """Write one touch; whether its session was there."""
    return db.execute(TOUCH, values).rowcount == 1


def touch_all(db: sqlite3.Cursor, touches: Sequence[tuple[object, ...]]) -> None:
    """Write many, whichever of their sessions are there."""
    db.executemany(TOUCH, touches)


def rotate(
    db: sqlite3.Cursor,
    session_id: str,
    expected: Columns,
    changes: Columns,
    event: EventRow | None,
) -> SessionRow | None:
    """Swap, and keep the event of it; with the last one of its kind, the agent stays."""
    if event is not None and is_full(db, event):
        changes = semantics.without_agent(changes)
    row = swap(db, session_id, expected, changes)
    if row is not None and semantics.is_heard(changes):
        append_changes(db, [row.id])
    if row is not None and event is not None:
        insert_events(db, event)
    return row


def update(
    db: sqlite3.Cursor, session_id: str, expected: Columns, changes: Columns, event: EventRow
) -> SessionRow | None:
    """Swap, log it, and keep its event."""
    row = swap(db, session_id, expected, changes)
    if row is not None:
        append_changes(db, [row.id])
        insert_events(db, event)
    return row


def put_device(
    db: sqlite3.Cursor,
    user_id: str,
    device_id: str,
    changes: Columns,
    event: EventRow,
    number: int | None,
) -> DeviceRow | Refused | None:
    """Change a device that is not forgotten, and log its unrevoked sessions."""
    device = _device(db, user_id, device_id)
    if device is None or device.forgotten:
        return None
    if number is not None and not endings.is_latest(db, user_id, number):
        return Refused.CUT_OFF
    device = semantics.changed_device(device, changes)
    db.execute(rows.PUT_DEVICE, rows.device_values(device))
    append_unended(db, *endings.condition(OfDevice(user_id, device_id)))
    insert_events(db, event)
    return device


def erase(db: sqlite3.Cursor, erasure: Erasure) -> int:
    """See Store.erase."""
    user_id = erasure.user_id
    ids = db.execute("SELECT id FROM sessions WHERE user_id = ? ORDER BY id", [user_id]).fetchall()
    # Of more nobody reads the names: see `changes_since`.
    append_changes(db, [it for (it,) in ids] if len(ids) <= semantics.LOG_READ else [None])
    counts = statistics.erased(db, erasure)
    keep_last_event(db)
    deleted = 0
    for table in ("sessions", "devices", "events", "accounts"):
        deleted += db.execute(f"DELETE FROM {table} WHERE user_id = ?", [user_id]).rowcount  # noqa: S608
    deleted += db.execute("DELETE FROM items WHERE owner = ?", [user_id]).rowcount
    statistics.add(db, counts)
    endings.forget(db, erasure)
    return deleted


def purge(db: sqlite3.Cursor, retention: Retention, limit: int) -> int:
    """One batch of at most *limit* rows, but for devices: those are NeedlessDevices."""
    now, before = retention.now, retention.before
    done = _date(db, now, retention.latest, limit)
    done += _lapse(db, now, limit - done)
    done += _delete_sessions(db, before, limit - done)
    keep_last_event(db)
    done += db.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < ? LIMIT ?)",
        [before, limit - done],
    ).rowcount
    done += items.purge(db, now, limit - done)
    return done + _trim(db, now, retention.agents_before, limit - done)


def _delete_sessions(db: sqlite3.Cursor, before: float, limit: int) -> int:
    """Those that ended before the instant; a device keeps its network no longer than they."""
    old = db.execute("SELECT key FROM sessions WHERE revoked_at < ? LIMIT ?", [before, limit])
    keys = old.fetchall()
    db.executemany(
        "UPDATE devices SET network = NULL WHERE last_seen_at < ?"
        " AND (key, id, user_id) ="
        " (SELECT device_key, device_id, user_id FROM sessions WHERE key = ?)",
        [(before, key) for (key,) in keys],
    )
    return db.executemany("DELETE FROM sessions WHERE key = ?", keys).rowcount if keys else 0


def _date(db: sqlite3.Cursor, now: float, latest: float, limit: int) -> int:
    """Put *now* in the place of instants later than *latest*; each is found by its index."""
    done = 0
    for table, key, at, also in (
        ("sessions", "key", "revoked_at", ""),
        ("events", "seq", "at", ""),
        ("endings", "number", "at", ""),
        ("devices", "key", "last_seen_at", ", first_seen_at = min(first_seen_at, :now)"),
    ):
        done += db.execute(
            f"UPDATE {table} SET {at} = :now{also} WHERE {key} IN"  # noqa: S608
            f" (SELECT {key} FROM {table} WHERE {at} > :latest LIMIT :limit)",
            {"now": now, "latest": latest, "limit": limit - done},
        ).rowcount
    return done


def set_back(db: sqlite3.Cursor, session_id: str, expected: Columns, changes: Columns) -> bool:
    """See Store.set_back."""
    found = db.execute(_SESSION, [session_id]).fetchall()
    old = rows.session_row(found[0]) if found else None
    if old is None or not semantics.holds(old, expected):
        return False
    _write(db, semantics.corrected(old, changes), changes)
    append_changes(db, [session_id])
    return True


def _lapse(db: sqlite3.Cursor, now: float, limit: int) -> int:
    passed = db.execute(
        f"SELECT s.key, s.idle_expires_at, {statistics.OF_ROW} FROM sessions s"  # noqa: S608
        f" WHERE {rows.UNENDED} AND s.idle_expires_at <= ? LIMIT ?",
        [now, limit],
    ).fetchall()
    counts, done = Counts(), 0
    for key, deadline, *row in passed:
        written = revoke(db, "s.key = ?", [key], deadline, EXPIRED, None)
        statistics.ended(counts, [row] * written, deadline, EXPIRED)
        done += written
    statistics.add(db, counts)
    return done


def _trim(db: sqlite3.Cursor, now: float, agents_before: float, limit: int) -> int:
    db.execute("DELETE FROM erased WHERE until <= ?", [now])
    # The newest entry always stays: it is everybody's position.
    done = db.execute(
        "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes"
        " WHERE seq <= (SELECT max(seq) FROM changes) - ? ORDER BY seq LIMIT ?)",
        [semantics.LOG_KEPT, limit],
    ).rowcount
    done += db.execute(
        "DELETE FROM agents WHERE id IN (SELECT id FROM agents WHERE seen_at < ? LIMIT ?)",
        [agents_before, limit - done],
    ).rowcount
    return done


def _device(db: sqlite3.Cursor, user_id: str, device_id: str) -> DeviceRow | None:
    found = db.execute(_DEVICE, [user_id, device_id]).fetchall()
    return rows.device_row(found[0]) if found else None


def position_of(entry: Sequence[Any]) -> tuple[Any, ...]:
    """The place in the log of an entry, of which there always is one."""
    return entry[0], entry[1]


def changes_since(
    position: tuple[Any, ...], epoch: int, entries: list[tuple[Any, ...]]
) -> Changes | None:
    """The changes in *entries*, the first being *position*'s; None if they name no single ids."""
    # A backup that was restored and grew again holds the number with another tag.
    if not entries or (epoch, *entries[0][:2]) != position or len(entries) > semantics.LOG_READ + 1:
        return None
    ids = [session_id for _, _, session_id in entries[1:]]
    if None in ids:
        return None
    return Changes((epoch, *entries[-1][:2]), tuple(dict.fromkeys(ids)))
