"""
Purge and `settle`: bounded batches, by any process at any time.

One at a time: a lock of their own keeps two batches from waiting for each other's rows. They share
the store's lock, and take that of each account whose sessions they write as ended: the statistics
count what is open to it. Rows that another write holds, or whose account's lock it has, are passed
over, and are found by the next batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.stores import semantics
from devsess.stores.calls import Settled
from devsess.stores.postgres import rows, statistics
from devsess.stores.postgres.endings import count_ended, end_events
from devsess.stores.postgres.reads import FIRST_COVERED, WAS_LIVE
from devsess.stores.postgres.writes import end_rows, insert_events, reduce_events
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from devsess.stores.calls import Retention
    from devsess.stores.postgres.transaction import Transaction

LOCK = (
    "SELECT pg_advisory_xact_lock(hashtextextended('{s}', 2)),"
    " pg_advisory_xact_lock_shared(hashtextextended('{s}', 0))"
)
# In this order: of rows that are not written the accounts are not locked.
_IS_LOCKED = (
    "CASE WHEN {0} THEN pg_try_advisory_xact_lock("
    "hashtextextended(s.user_id, hashtextextended('{{s}}', 0))) ELSE false END"
)
_DIGESTS = "DELETE FROM {s}.erased WHERE until <= %s"
# The rows of a batch are an array, which is made once: a subquery behind IN may be done again for
# each row, as the server plans it, and passes over those that it has locked already. They come in
# the order of their index: in any order, the server may read the whole table where there are few.
_DATE = (
    "UPDATE {{s}}.{0} SET {1} = %(now)s{2} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {{s}}.{0}"
    " WHERE {1} > %(latest)s ORDER BY {1} DESC LIMIT %(limit)s FOR UPDATE SKIP LOCKED)) RETURNING 1"
)
_DATED = (
    _DATE.format("sessions", "revoked_at", ""),
    _DATE.format("events", "at", ""),
    _DATE.format("endings", "at", ""),
    _DATE.format("devices", "last_seen_at", ", first_seen_at = least(first_seen_at, %(now)s)"),
)
# Found again by its place: joined by id, the server would read the whole table for a batch.
_LAPSED = (
    "UPDATE {s}.sessions SET revoked_at = idle_expires_at, reason = %(reason)s, actor = NULL,"  # noqa: S608
    " ip = network WHERE ctid = ANY (ARRAY(SELECT s.ctid FROM {s}.sessions s"
    " WHERE s.revoked_at IS NULL AND s.idle_expires_at <= %(now)s"
    f" AND {_IS_LOCKED.format(rows.UNENDED)}"
    " ORDER BY s.idle_expires_at LIMIT %(limit)s FOR NO KEY UPDATE OF s SKIP LOCKED))"
    " RETURNING id, user_id,"
    f" {statistics.OF_UPDATED_ROW}"
)
_DELETE_SESSIONS = (
    "DELETE FROM {s}.sessions WHERE ctid = ANY (ARRAY(SELECT ctid FROM {s}.sessions"
    " WHERE revoked_at < %(before)s ORDER BY revoked_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))"
    " RETURNING user_id, device_id"
)
# A device keeps its network no longer than its sessions.
_FORGET_NETWORK = (
    "UPDATE {s}.devices SET network = NULL WHERE last_seen_at < %s AND network IS NOT NULL"
    " AND (user_id, id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
)
_DELETE_EVENTS = (
    "DELETE FROM {s}.events WHERE ctid = ANY (ARRAY(SELECT ctid FROM {s}.events"
    " WHERE at < %(before)s ORDER BY at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)) RETURNING 1"
)
_DELETE_ITEMS = (
    "DELETE FROM {s}.items WHERE ctid = ANY (ARRAY(SELECT ctid FROM {s}.items"
    " WHERE until <= %(now)s ORDER BY until LIMIT %(limit)s FOR UPDATE SKIP LOCKED)) RETURNING 1"
)
# With the entries goes the knowledge of them: see `log`.
_TRIM = (
    "WITH gone AS (DELETE FROM {s}.log WHERE seq IN (SELECT seq FROM {s}.log WHERE seq <="  # noqa: S608
    f" (SELECT seq FROM {{s}}.log ORDER BY seq DESC OFFSET {semantics.LOG_KEPT} LIMIT 1)"
    " ORDER BY seq LIMIT %(limit)s) RETURNING xid),"
    " cut AS (UPDATE {s}.meta SET log_cut_by = pg_current_snapshot(),"
    " log_cut = greatest(log_cut, (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1))"
    " WHERE EXISTS (SELECT 1 FROM gone)) SELECT 1 FROM gone"
)
_OLDEST = (
    "SELECT number, at, reason, actor FROM {s}.endings WHERE number = %s OR at <= %s"
    " ORDER BY number LIMIT 1"
)
_COVERED = (
    f"SELECT s.id, s.user_id, s.device_id, s.network, s.user_agent, {WAS_LIVE},"  # noqa: S608
    f" {statistics.OF_ROW}"
    f" FROM {{s}}.endings n JOIN {{s}}.sessions s ON {FIRST_COVERED} WHERE n.number = %s"
    f" AND {_IS_LOCKED.format(FIRST_COVERED)}"
    " LIMIT %s FOR NO KEY UPDATE OF s SKIP LOCKED"
)
_DONE = (
    "DELETE FROM {s}.endings n WHERE n.number = %s AND NOT EXISTS"  # noqa: S608
    f" (SELECT 1 FROM {{s}}.sessions s WHERE {FIRST_COVERED})"
)


async def purge(db: Transaction, retention: Retention, limit: int) -> int:
    """See Store.purge; but for devices, which `needless` deletes."""
    values: dict[str, object] = {
        "now": retention.now,
        "latest": retention.latest,
        "before": retention.before,
        "reason": EXPIRED,
    }
    db.put(_DIGESTS, (retention.now,))
    done = 0
    for statement in _DATED:
        done += len(await db.ask(statement, values | {"limit": limit - done}))
    lapsed = await db.ask(_LAPSED, values | {"limit": limit - done})
    reduce_events(db, [session_id for session_id, *_ in lapsed])
    for _, user_id, created_at, deadline, kind in lapsed:
        db.counts.users[user_id] -= 1
        db.counts.ended(created_at, deadline, kind, deadline, EXPIRED)
    done += len(lapsed)
    owners = await db.ask(_DELETE_SESSIONS, values | {"limit": limit - done})
    users, devices = [user for user, _ in owners], [device for _, device in owners]
    db.put(_FORGET_NETWORK, (retention.before, users, devices))
    done += len(owners)
    for statement in (_DELETE_EVENTS, _DELETE_ITEMS, _TRIM):
        done += len(await db.ask(statement, values | {"limit": limit - done}))
    return done


async def settle(db: Transaction, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    found = await db.ask(_OLDEST, (own, before))
    if not found:
        return Settled()
    [(number, at, reason, actor)] = found
    covered = sorted(await db.ask(_COVERED, (number, limit)))  # by id, however it was planned
    end_rows(db, [row[0] for row in covered], at, reason, actor)
    count_ended(db, covered, at, reason)
    events = end_events(covered, at, reason, actor)
    insert_events(db, events)
    db.put(_DONE, (number,))
    return Settled(events, is_more=bool(await db.ask(_OLDEST, (own, before))))
