"""The deeds of the SQLite store, each inside a transaction that holds the write lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devsess.rows import EVICTED, EXPIRED, REPLACED
from devsess.stores import _deeds as deeds
from devsess.stores import _sqlite_rows as rows
from devsess.stores._sqlite_schema import new_tag
from devsess.stores.base import ById, Changes, Everyone, Full, Inserted, OfDevice, OfUser, Refused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from devsess.lifecycle import Horizon
    from devsess.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.base import Columns, Ending, InsertAnswer, Insertion, Target

DAY = 86_400.0

# A user agent is forgotten this long after its last use, on top of what is
# kept: longer than any sign-in lasts (browsers drop cookies after 400 days). A
# session that is older still loses this text and nothing else.
AGENT_KEPT = 400 * DAY

_CUT_OFFS = "SELECT cut_off FROM meta UNION ALL SELECT cut_off FROM accounts WHERE user_id = ?"
_DEVICE = f"{rows.SELECT_DEVICE} WHERE user_id = ? AND id = ?"
_SESSION = f"{rows.SELECT_SESSION} WHERE s.id = ? AND s.revoked_at IS NULL"
_UNREVOKED = f"{rows.SELECT_SESSION} WHERE s.revoked_at IS NULL AND "

# Moves only forward, and only what is not revoked.
TOUCH = (
    "UPDATE sessions SET last_seen_at = max(last_seen_at, ?), idle_from = max(idle_from, ?),"
    " idle_expires_at = max(idle_expires_at, ?), bound = bound OR ?,"
    " presented = presented OR generation IS ?"
    " WHERE id = ? AND revoked_at IS NULL"
)

# Says the same as lifecycle.counts_as_live of a row that is not revoked.
_LIVE = (
    " AND s.idle_expires_at > ? AND s.absolute_expires_at > ?"
    " AND s.idle_from > ? AND s.created_at > ?"
)
_BY_USE = " ORDER BY s.last_seen_at, s.id"
_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM sessions s"
    " WHERE s.user_id = devices.user_id AND s.device_id = devices.id)"
)
_STALE = (
    "last_seen_at < ? AND NOT blocked AND name IS NULL"
    " AND (trusted_until IS NULL OR trusted_until <= ?)"
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
    room = _room(db, insertion)
    if isinstance(room, Full):
        return room
    events = _make_room(db, room, insertion)
    db.execute(rows.INSERT_DEVICE, rows.device_values(deeds.seen_again(known, row.device)))
    agent_id = _agent(db, row.user_agent, insertion.horizon.now)
    db.execute(rows.INSERT_SESSION, rows.session_values(row, agent_id))
    keep(db, insertion.event)
    return Inserted(events)


def _refused(db: sqlite3.Cursor, insertion: Insertion, known: DeviceRow | None) -> Refused | None:
    for (cut_off,) in db.execute(_CUT_OFFS, [insertion.row.user_id]).fetchall():
        if cut_off is not None and insertion.auth_instant < cut_off:
            return Refused.CUT_OFF
    return Refused.BLOCKED if known is not None and known.blocked else None


def _room(db: sqlite3.Cursor, insertion: Insertion) -> deeds.Room | Full:
    if insertion.limit is None and not insertion.replaces:
        return deeds.Room()
    live = _live(db, "s.user_id = ?", [insertion.row.user_id], insertion.horizon)
    return deeds.room(live, insertion)


def _make_room(db: sqlite3.Cursor, room: deeds.Room, insertion: Insertion) -> tuple[EventRow, ...]:
    now = insertion.horizon.now
    reasons = [(row, REPLACED) for row in room.replaced]
    reasons += [(row, EVICTED) for row in room.evicted]
    for row, reason in reasons:
        _revoke(db, "s.id = ?", [row.id], now, reason, None)
    note(db, [row.id for row, _ in reasons])
    events = tuple(deeds.end_event(row, now, reason, None) for row, reason in reasons)
    keep(db, *events)
    if room.evicted:
        keep(db, deeds.limit_event(insertion))
    return events


def swap(
    db: sqlite3.Cursor, session_id: str, expected: Columns, changes: Columns
) -> SessionRow | None:
    """Compare and swap: the row with *changes*, if it was not revoked and all *expected* held."""
    found = db.execute(_SESSION, [session_id]).fetchall()
    old = rows.session_row(found[0]) if found else None
    if old is None or not deeds.holds(old, expected):
        return None
    new = deeds.changed(old, changes)
    columns = ["agent_id" if name == "user_agent" else name for name in changes]
    if columns:
        agent_id = _agent(db, new.user_agent, new.last_seen_at) if "agent_id" in columns else None
        values = [rows.column_value(new, name, agent_id) for name in columns]
        assignments = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE sessions SET {assignments} WHERE id = ?", [*values, session_id])  # noqa: S608
    return new


def end(db: sqlite3.Cursor, ending: Ending) -> Sequence[EventRow]:
    """Revoke every unrevoked row of the target; the events of those that were live."""
    now, target = ending.horizon.now, ending.target
    _mark_target(db, target, now)
    where, values = _condition(target)
    live = _live(db, where, values, ending.horizon)
    if isinstance(target, Everyone):
        note(db, [None])
    else:
        _note_unrevoked(db, where, values)
    _revoke(db, where, values, now, ending.reason, ending.actor)
    events = [deeds.end_event(row, now, ending.reason, ending.actor) for row in live]
    keep(db, *events)
    return events


def _mark_target(db: sqlite3.Cursor, target: Target, now: float) -> None:
    if isinstance(target, Everyone):
        db.execute("UPDATE meta SET cut_off = max(coalesce(cut_off, ?1), ?1)", [now])
    elif isinstance(target, OfUser):
        db.execute(
            "INSERT INTO accounts (user_id, cut_off) VALUES (?, ?)"
            " ON CONFLICT (user_id) DO UPDATE SET cut_off = max(cut_off, excluded.cut_off)",
            [target.user_id, now],
        )
    elif isinstance(target, OfDevice):
        flag = "forgotten" if target.forget else "blocked"
        db.execute(
            f"UPDATE devices SET {flag} = 1 WHERE user_id = ? AND id = ?",  # noqa: S608
            [target.user_id, target.device_id],
        )


def _condition(target: Target) -> tuple[str, list[object]]:
    if isinstance(target, ById):
        if target.user_id is None:
            return "s.id = ?", [target.session_id]
        return "s.id = ? AND s.user_id = ?", [target.session_id, target.user_id]
    if isinstance(target, OfUser):
        # Replaced where it cannot be an id at all: then there is none to keep.
        keep = (target.keep or "").encode(errors="replace").decode()
        return "s.user_id = ? AND s.id <> ?", [target.user_id, keep]
    if isinstance(target, OfDevice):
        return "s.user_id = ? AND s.device_id = ?", [target.user_id, target.device_id]
    return "1", []


def put_device(
    db: sqlite3.Cursor, user_id: str, device_id: str, changes: Columns
) -> DeviceRow | None:
    """Change a device that is not forgotten, and log its unrevoked sessions."""
    device = _device(db, user_id, device_id)
    if device is None or device.forgotten:
        return None
    device = deeds.changed_device(device, changes)
    db.execute(rows.INSERT_DEVICE, rows.device_values(device))
    _note_unrevoked(db, *_condition(OfDevice(user_id, device_id)))
    return device


def erase(db: sqlite3.Cursor, user_id: str) -> int:
    """Delete everything about a user, and log the sessions; rows deleted."""
    ids = db.execute("SELECT id FROM sessions WHERE user_id = ? ORDER BY id", [user_id]).fetchall()
    note(db, [session_id for (session_id,) in ids])
    deleted = 0
    for table in ("sessions", "devices", "events", "accounts"):
        deleted += db.execute(f"DELETE FROM {table} WHERE user_id = ?", [user_id]).rowcount  # noqa: S608
    return deleted


def purge(db: sqlite3.Cursor, now: float, before: float, devices_before: float, limit: int) -> int:
    """One batch of at most *limit* rows; the log and the user agents go along uncounted."""
    done = _lapse(db, now, limit)
    done += _delete_sessions(db, before, limit - done)
    done += db.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < ? LIMIT ?)",
        [before, limit - done],
    ).rowcount
    for unneeded, values in (("forgotten = 1", []), (_STALE, [devices_before, now])):
        done += db.execute(
            "DELETE FROM devices WHERE (user_id, id) IN (SELECT user_id, id FROM devices"  # noqa: S608
            f" WHERE {unneeded} AND {_UNUSED} LIMIT ?)",
            [*values, limit - done],
        ).rowcount
    _trim(db, before, limit)
    return done


def _delete_sessions(db: sqlite3.Cursor, before: float, limit: int) -> int:
    """Those that ended before the instant; a device keeps its network no longer than they."""
    old = db.execute(
        "SELECT user_id, device_id, id FROM sessions WHERE revoked_at < ? LIMIT ?", [before, limit]
    ).fetchall()
    db.executemany(
        "UPDATE devices SET network = NULL WHERE user_id = ? AND id = ? AND last_seen_at < ?",
        [(user_id, device_id, before) for user_id, device_id, _ in old],
    )
    db.executemany("DELETE FROM sessions WHERE id = ?", [(session_id,) for _, _, session_id in old])
    return len(old)


def _lapse(db: sqlite3.Cursor, now: float, limit: int) -> int:
    passed = db.execute(
        "SELECT id, idle_expires_at FROM sessions"
        " WHERE revoked_at IS NULL AND idle_expires_at <= ? LIMIT ?",
        [now, limit],
    ).fetchall()
    for session_id, deadline in passed:
        _revoke(db, "s.id = ?", [session_id], deadline, EXPIRED, None)
    return len(passed)


def _trim(db: sqlite3.Cursor, before: float, limit: int) -> None:
    # The newest entry always stays: it is everybody's position.
    db.execute(
        "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes"
        " WHERE seq <= (SELECT max(seq) FROM changes) - ? ORDER BY seq LIMIT ?)",
        [deeds.LOG_KEPT, limit],
    )
    db.execute(
        "DELETE FROM agents WHERE id IN (SELECT id FROM agents WHERE seen_at < ? LIMIT ?)",
        [before - AGENT_KEPT, limit],
    )


def note(db: sqlite3.Cursor, session_ids: Sequence[str | None]) -> None:
    """Append to the log; None stands for all sessions."""
    tag = new_tag()
    db.executemany(
        "INSERT INTO changes (session_id, tag) VALUES (?, ?)", [(it, tag) for it in session_ids]
    )


def keep(db: sqlite3.Cursor, *events: EventRow) -> None:
    """Keep events, in this order."""
    for event in events:
        agent_id = _agent(db, event.user_agent, event.at)
        db.execute(rows.INSERT_EVENT, rows.event_values(event, agent_id))


def _note_unrevoked(db: sqlite3.Cursor, where: str, values: list[object]) -> None:
    db.execute(
        "INSERT INTO changes (session_id, tag) SELECT s.id, ? FROM sessions s"  # noqa: S608
        f" WHERE s.revoked_at IS NULL AND {where} {_BY_USE}",
        [new_tag(), *values],
    )


def _revoke(
    db: sqlite3.Cursor, where: str, values: list[object], at: float, reason: str, actor: str | None
) -> None:
    db.execute(
        "UPDATE events SET ip = network WHERE ip IS NOT network AND session_id IN"  # noqa: S608
        f" (SELECT s.id FROM sessions s WHERE s.revoked_at IS NULL AND {where})",
        values,
    )
    db.execute(
        "UPDATE sessions AS s SET revoked_at = ?, reason = ?, actor = ?, ip = network"  # noqa: S608
        f" WHERE s.revoked_at IS NULL AND {where}",
        [at, reason, actor, *values],
    )


def _live(db: sqlite3.Cursor, where: str, values: list[object], at: Horizon) -> list[SessionRow]:
    found = db.execute(
        f"{_UNREVOKED}{where}{_LIVE}{_BY_USE}",
        [*values, at.now, at.now, at.idle_after, at.created_after],
    )
    return [rows.session_row(values) for values in found.fetchall()]


def _device(db: sqlite3.Cursor, user_id: str, device_id: str) -> DeviceRow | None:
    found = db.execute(_DEVICE, [user_id, device_id]).fetchall()
    return rows.device_row(found[0]) if found else None


def _agent(db: sqlite3.Cursor, user_agent: str | None, at: float) -> int | None:
    """The number of a user agent; that it was seen is written down once a day."""
    if user_agent is None:
        return None
    found = db.execute("SELECT id, seen_at FROM agents WHERE user_agent = ?", [user_agent])
    for agent_id, seen_at in found.fetchall():
        if seen_at + DAY < at:
            db.execute("UPDATE agents SET seen_at = ? WHERE id = ?", [at, agent_id])
        return int(agent_id)
    db.execute("INSERT INTO agents (user_agent, seen_at) VALUES (?, ?)", [user_agent, at])
    return db.lastrowid


def changes_since(
    position: tuple[Any, ...], epoch: int, entries: list[tuple[Any, ...]]
) -> Changes | None:
    """What *entries* say, from *position*'s own on; None if they cannot name single sessions."""
    # A backup that was restored and grew again holds the number with another tag.
    if not entries or (epoch, *entries[0][:2]) != position or len(entries) > deeds.LOG_READ + 1:
        return None
    ids = [session_id for _, _, session_id in entries[1:]]
    if None in ids:
        return None
    return Changes((epoch, *entries[-1][:2]), tuple(dict.fromkeys(ids)))
