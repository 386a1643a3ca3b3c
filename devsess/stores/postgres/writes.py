"""
The writes of sessions and devices, each within one transaction.

Why no two writes of an account outrun each other: each takes the account's lock, and all share
the store's, which an ending of everyone takes alone. The statements after it see what was
committed when the lock was given, since under READ COMMITTED each has a snapshot of its own. So
the ending numbers, the limit and the block that a sign-in is compared with are the latest,
and hold until it is committed. Touches and upkeep take no such lock: rows that
are read to be written are locked too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.stores import semantics
from devsess.stores.base import Inserted, OfDevice, Refused
from devsess.stores.calls import Full
from devsess.stores.counting import Counts
from devsess.stores.postgres import items, log, rows, statistics
from devsess.stores.postgres.reads import ENDING_NUMBER, of_live
from devsess.stores.rows import EVICTED, REPLACED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.base import Insertion
    from devsess.stores.calls import Columns, InsertAnswer
    from devsess.stores.postgres.transaction import Rows, Statement, Transaction
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

LOCK_ACCOUNT = (
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('{s}', 0)),"
    " pg_advisory_xact_lock(hashtextextended(%s::text, hashtextextended('{s}', 0)))"
)
# By a session of the account, whose owner never changes.
LOCK_OWNER = (
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('{s}', 0)),"
    " pg_advisory_xact_lock(hashtextextended(user_id, hashtextextended('{s}', 0)))"
    " FROM {s}.sessions WHERE id = %s"
)
LOCK_STORE = "SELECT pg_advisory_xact_lock(hashtextextended('{s}', 0))"

_UNENDED_SESSION = (
    f"{rows.SELECT_SESSION} WHERE s.id = %s AND {rows.UNENDED} FOR NO KEY UPDATE OF s"
)
_DEVICE = f"{rows.SELECT_DEVICE} WHERE user_id = %s AND id = %s FOR UPDATE"
_LIVE_ROWS = (
    f"{rows.SELECT_SESSION} WHERE s.user_id = %(user)s AND {rows.UNENDED} AND {rows.LIVE}"
    " ORDER BY s.id FOR NO KEY UPDATE OF s"
)
_ON_DEVICE = _LIVE_ROWS.replace("%(user)s", "%(user)s AND s.device_id = %(device)s", 1)
_IS_THERE = "SELECT 1 FROM {s}.sessions WHERE id = %s"
_DRAWN = "SELECT last_value FROM {s}.numbers"
_CUT_OFFS = (
    "SELECT cut_off FROM {s}.meta UNION ALL SELECT cut_off FROM {s}.accounts WHERE user_id = %s"
)
_ENDED = (
    "UPDATE {s}.sessions SET revoked_at = %s, reason = %s, actor = %s, ip = network"
    " WHERE id = ANY(%s::text[])"
)
_REDUCE = (
    "UPDATE {s}.events SET ip = network"
    " WHERE session_id = ANY(%s::text[]) AND ip IS DISTINCT FROM network"
)
_OF_DEVICE = (
    "SELECT s.id FROM {s}.sessions s"  # noqa: S608
    f" WHERE s.user_id = %s AND s.device_id = %s AND {rows.UNENDED} ORDER BY s.id"
)
# Moves only forward, and only sessions that have not ended. It waits for nobody, and a commit of
# touches alone does not wait for the disk.
TOUCH = (
    "WITH r AS (SELECT s.id FROM {s}.sessions s WHERE s.id = %(id)s"  # noqa: S608
    f" AND {rows.UNENDED} FOR NO KEY UPDATE OF s NOWAIT)"
    " UPDATE {s}.sessions s SET last_seen_at = greatest(last_seen_at, %(last_seen_at)s),"
    " idle_from = greatest(idle_from, %(idle_from)s),"
    " idle_expires_at = greatest(idle_expires_at, %(idle_expires_at)s),"
    " bound = bound OR %(bound)s,"
    " presented = presented OR coalesce(generation = %(presented)s::bigint, false)"
    " FROM r WHERE s.id = r.id RETURNING set_config('synchronous_commit', 'off', true)"
)


def insert_events(db: Transaction, events: Sequence[EventRow]) -> None:
    """Put events, in this order; but no more of one type and session, or account, than may be."""
    for statement in inserting(events):
        db.put(*statement)


def inserting(events: Sequence[EventRow]) -> list[Statement]:
    """The statements that insert events in this order, as far as there is room, and count them."""
    statements: list[Statement] = []
    plain: list[EventRow] = []
    for event in events:
        counts = Counts()
        counts.happened(event)
        if not counts.quarters:
            plain.append(event)
            continue
        if plain:
            statements.append((rows.INSERT_EVENTS, rows.event_columns(plain)))
        columns = [*rows.event_columns([event]), statistics.counted(counts.by_quarter())]
        statements.append((statistics.INSERT_COUNTED, columns))
        plain = []
    return [*statements, (rows.INSERT_EVENTS, rows.event_columns(plain))] if plain else statements


def end_rows(
    db: Transaction, ids: Sequence[str], at: float, reason: str, actor: str | None
) -> None:
    """Write sessions as ended, reduced."""
    if ids:
        db.put(_ENDED, (at, reason, actor, [*ids]))
        reduce_events(db, ids)


def reduce_events(db: Transaction, session_ids: Sequence[str]) -> None:
    """Leave the networks alone of the addresses in the events of these sessions."""
    if session_ids:
        db.put(_REDUCE, ([*session_ids],))


async def insert(db: Transaction, insertion: Insertion) -> InsertAnswer:
    """See Store.insert; the account's lock is taken."""
    row = insertion.row
    device, there, found, *answers = await db.ask_all(
        (_DEVICE, (row.user_id, row.device.id)),
        (_IS_THERE, (row.id,)),
        _live_rows(insertion),
        *marks(row.user_id, insertion.digests),
        (_CUT_OFFS, (row.user_id,)),
        *items.finding(insertion.items),
    )
    numbers, others = answers[:3], answers[3:]
    known = rows.device_row(device[0]) if device else None
    if _is_cut_off(insertion, numbers):
        return Refused.CUT_OFF
    if known is not None and known.blocked:
        return Refused.BLOCKED
    if there:
        raise ValueError("there is a session with this id already")
    live = [rows.session_row(it) for it in found]
    to_end = semantics.sessions_to_end(live, insertion)
    if isinstance(to_end, Full):
        return to_end
    events = _make_room(db, insertion, to_end)
    db.put(rows.INSERT_DEVICE, rows.device_values(semantics.seen_again(known, row.device)))
    db.put(rows.INSERT_SESSION, rows.session_values(row))
    db.counts.began(row)
    insert_events(db, insertion.events)
    return Inserted(events, _put_items(db, insertion, others))


def _put_items(db: Transaction, insertion: Insertion, there: Sequence[Rows]) -> tuple[str, ...]:
    """Put the items that follow those that are *there*; the kinds of the others."""
    written, missed = items.parted(insertion.items, there)
    for item in written:
        db.counts.put(item.kind, item.at, item.until)
        for statement in items.put(item, 1):
            db.put(*statement)
    return tuple(it.kind for it in missed)


def locks(insertion: Insertion) -> list[Statement]:
    """The locks of a sign-in's account and of its items' owners, in an order that all keep."""
    owners = {insertion.row.user_id, *(it.owner for it in insertion.items)}
    return [(LOCK_ACCOUNT, (owner,)) for owner in sorted(owners)]


def _live_rows(insertion: Insertion) -> Statement:
    if insertion.limit is None and not insertion.replaces:
        return _IS_THERE, ("",)  # no row is asked for
    values = of_live(insertion.cutoffs) | {"user": insertion.row.user_id}
    if insertion.limit is None:  # an account may have sessions by the thousand
        return _ON_DEVICE, values | {"device": insertion.row.device.id}
    return _LIVE_ROWS, values


def marks(user_id: str, digests: Sequence[bytes] = ()) -> tuple[Statement, Statement]:
    """The statements for the number that binds an account, and for the highest drawn."""
    return (ENDING_NUMBER, {"user": user_id, "digests": [*digests]}), (_DRAWN, ())


def is_current(number: int, marks: Sequence[Rows]) -> bool:
    """Whether *number* was drawn here, and no ending that binds the account came after it."""
    [[binding]], [[drawn]] = marks
    return bool(binding <= number <= drawn)


def _is_cut_off(insertion: Insertion, found: Sequence[Rows]) -> bool:
    *numbers, cut_offs = found
    at = insertion.auth_instant
    if not is_current(insertion.row.ending_number, numbers):
        return True
    return at is not None and any(
        semantics.is_cut_off(at, cut_off, insertion.cutoffs) for (cut_off,) in cut_offs
    )


def _make_room(
    db: Transaction, insertion: Insertion, to_end: semantics.SessionsToEnd
) -> tuple[EventRow, ...]:
    now, events = insertion.cutoffs.now, []
    for ended, reason in ((to_end.replaced, REPLACED), (to_end.evicted, EVICTED)):
        end_rows(db, [it.id for it in ended], now, reason, None)
        log.append(db, [it.id for it in ended])
        for it in ended:
            db.counts.over(semantics.ended(it, now, reason, None))
        events += [semantics.end_event_of(it, now, reason, None) for it in ended]
    if to_end.evicted and insertion.limit_event is not None:
        insert_events(db, [*events, insertion.limit_event])
    else:
        insert_events(db, events)
    return tuple(events)


def swap(db: Transaction, found: Rows, expected: Columns, changes: Columns) -> SessionRow | None:
    """Compare and swap: the row that was *found*, with *changes*, if all *expected* held."""
    semantics.check_columns(expected, changes)
    row = rows.session_row(found[0]) if found else None
    if row is None or not semantics.holds(row, expected):
        return None
    new = semantics.changed(row, changes)
    _write(db, new, changes)
    return new


def _write(db: Transaction, new: SessionRow, changes: Columns) -> None:
    """Write those columns of *new* that *changes* names; their names were checked."""
    if changes:
        assignments = ", ".join(f"{name} = %s" for name in changes)
        values = [rows.column_value(new, name) for name in changes]
        db.put(f"UPDATE {{s}}.sessions SET {assignments} WHERE id = %s", [*values, new.id])  # noqa: S608


async def rotate(
    db: Transaction, session_id: str, expected: int, changes: Columns, event: EventRow | None
) -> SessionRow | None:
    """See Store.rotate."""
    statements: list[Statement] = [(_UNENDED_SESSION, (session_id,))]
    if event is not None:
        statements.append((rows.IS_FULL, (event.type.value, event.user_id, event.session_id)))
    found, *is_full = await db.ask_all(*statements)
    if is_full == [[(True,)]]:
        changes = semantics.without_agent(changes)
    raised = {**changes, "generation": expected + 1}
    row = swap(db, found, {"generation": expected}, raised)
    if row is not None and semantics.is_heard(changes):
        log.append(db, [row.id])
    if row is not None and event is not None:
        insert_events(db, [event])
    return row


async def update(
    db: Transaction,
    session_id: str,
    expected: Columns,
    changes: Columns,
    event: EventRow,
) -> SessionRow | None:
    """See Store.update."""
    found = await db.ask(_UNENDED_SESSION, (session_id,))
    row = swap(db, found, expected, changes)
    if row is not None:
        log.append(db, [row.id])
        insert_events(db, [event])
    return row


async def set_back(db: Transaction, session_id: str, expected: Columns, changes: Columns) -> bool:
    """See Store.set_back."""
    found = await db.ask(_UNENDED_SESSION, (session_id,))
    row = rows.session_row(found[0]) if found else None
    if row is None or not semantics.holds(row, expected):
        return False
    _write(db, semantics.corrected(row, changes), changes)
    log.append(db, [row.id])
    return True


async def put_device(
    db: Transaction,
    target: OfDevice,
    changes: Columns,
    event: EventRow,
    number: int | None,
) -> DeviceRow | Refused | None:
    """See Store.put_device; the account's lock is taken."""
    key = (target.user_id, target.device_id)
    found, named, *numbers = await db.ask_all(
        (_DEVICE, key), (_OF_DEVICE, key), *marks(target.user_id)
    )
    device = rows.device_row(found[0]) if found else None
    if device is None or device.forgotten:
        return None
    if number is not None and not is_current(number, numbers):
        return Refused.CUT_OFF
    device = semantics.changed_device(device, changes)
    db.put(rows.INSERT_DEVICE, rows.device_values(device))
    log.append(db, [session_id for (session_id,) in named])
    insert_events(db, [event])
    return device
