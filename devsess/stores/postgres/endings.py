"""Endings: written with their rows, or as a number whose rows follow; and erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devsess.stores import semantics
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.counting import ERASED
from devsess.stores.postgres import log, rows, statistics
from devsess.stores.postgres.reads import is_id, of_live
from devsess.stores.postgres.writes import (
    LOCK_ACCOUNT,
    LOCK_OWNER,
    LOCK_STORE,
    end_rows,
    insert_events,
)

if TYPE_CHECKING:
    from devsess.stores.base import Ending, Erasure
    from devsess.stores.calls import Target
    from devsess.stores.postgres.transaction import Rows, Statement, Transaction
    from devsess.stores.rows import EventRow

_DRAW = "SELECT nextval('{s}.numbers')"
# A cut-off never moves back, but for one that was set by a clock that was ahead.
_NEXT = "CASE WHEN {0} > %(latest)s THEN %(now)s ELSE greatest(coalesce({0}, %(now)s), %(now)s) END"
_RAISE_STORE = (
    "UPDATE {s}.meta SET ending_number = %(number)s, cut_off = "  # noqa: S608
    + _NEXT.format("cut_off")
)
_RAISE_ACCOUNT = (
    "INSERT INTO {s}.accounts AS a (user_id, ending_number, cut_off)"  # noqa: S608
    " VALUES (%(user)s, %(number)s, %(now)s) ON CONFLICT (user_id) DO UPDATE SET"
    " ending_number = excluded.ending_number, cut_off = " + _NEXT.format("a.cut_off")
)
_LIFT = (
    "UPDATE {s}.sessions s SET ending_number = %s"  # noqa: S608
    f" WHERE s.id = %s AND s.user_id = %s AND {rows.UNENDED} RETURNING s.id"
)
_DISTRUST = "UPDATE {s}.devices SET trusted_until = NULL WHERE user_id = %s"
_COVER = (
    "INSERT INTO {s}.endings (number, user_id, at, idle_after, created_after, reason, actor)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM {s}.sessions s"
    " WHERE s.revoked_at IS NULL AND {where} LIMIT %(most)s) counted"
)
_TARGETED = (
    "SELECT s.id, s.user_id, s.device_id, s.network, s.user_agent, "  # noqa: S608
    f"{rows.LIVE}, {statistics.OF_ROW} FROM {{s}}.sessions s WHERE {rows.UNENDED} AND {{where}}"
    " ORDER BY s.last_seen_at, s.id FOR NO KEY UPDATE OF s"
)
# A transaction that writes nothing is not waited for by synchronous standbys, and one that was
# cut off while it waited is seen as done: a caller that asks again must wait for it after all.
_WAIT_FOR_STANDBYS = "SELECT pg_logical_emit_message(true, 'devsess', '')"
_FIRST = (
    "(SELECT n.{0} FROM {{s}}.endings n"  # noqa: S608
    f" WHERE {rows.COVERS} ORDER BY n.number LIMIT 1)"
)
_BLOCK = "UPDATE {s}.devices SET blocked = true, trusted_until = NULL"
_FORGET = "UPDATE {s}.devices SET forgotten = true"
_THIS_DEVICE = " WHERE user_id = %s AND id = %s RETURNING id"
_KEEP_DIGEST = (
    "INSERT INTO {s}.erased (digest, ending_number, until)"
    " SELECT it, %s, %s FROM unnest(%s::bytea[]) it ON CONFLICT (digest) DO UPDATE SET"
    " ending_number = excluded.ending_number, until = excluded.until"
)
# The sessions first: their devices say of which kind they were.
_ERASE_SESSIONS = (
    "DELETE FROM {s}.sessions s WHERE user_id = %s"  # noqa: S608
    f" RETURNING s.id, s.revoked_at, s.last_seen_at, {statistics.OF_ROW},"
    f" {_FIRST.format('at')}, {_FIRST.format('reason')}"
)
_ERASED = ("devices", "events", "accounts")
_ERASE_ITEMS = "DELETE FROM {s}.items WHERE owner = %s RETURNING 1"


def lock(target: Target) -> Statement:
    """The statement that lets no other write of the target's account, or of any, in between."""
    if isinstance(target, Everyone):
        return LOCK_STORE, ()
    if isinstance(target, ById):
        return LOCK_OWNER, (target.session_id,)
    return LOCK_ACCOUNT, (target.user_id,)


def is_possible(target: Target) -> bool:
    """Whether there can be any such session: PostgreSQL cannot keep every text."""
    return is_id(*semantics.names_in(target))


async def end(db: Transaction, ending: Ending) -> Ended:
    """See Store.end; the lock is taken."""
    target, marked = ending.target, False
    if isinstance(target, (OfUser, Everyone)):
        ended = await _end_many(db, target, ending)
    else:
        marking = [_marking(target)] if isinstance(target, OfDevice) else []
        *found, targeted = await db.ask_all(*marking, _targeted(ending))
        marked = any(found)
        if isinstance(target, ById):  # its row may have come after the lock was asked for
            for _, user_id, *_ in targeted:
                db.put(LOCK_ACCOUNT, (user_id,))
        ended = Ended(_end_now(db, ending, targeted))
    whole = semantics.with_own_event(ended, ending, marked=marked)
    insert_events(db, whole.events)
    if not whole.events:
        db.put(_WAIT_FOR_STANDBYS)
    return whole


def _marking(target: OfDevice) -> Statement:
    how = _FORGET if target.forget else _BLOCK
    return how + _THIS_DEVICE, (target.user_id, target.device_id)


async def _end_many(db: Transaction, target: OfUser | Everyone, ending: Ending) -> Ended:
    where, values = _condition(target)
    count = _COUNT.replace("{where}", where), values | {"most": ending.at_once + 1}
    [[number]], [[unwritten]] = await db.ask_all((_DRAW, ()), count)
    await _raise_number(db, target, ending, number)
    if unwritten <= ending.at_once:
        return Ended(_end_now(db, ending, await db.ask(*_targeted(ending))))
    by = semantics.covering_of(number, ending)
    own = (by.at, by.idle_after, by.created_after, by.reason, by.actor)
    db.put(_COVER, (by.number, by.user_id, *own))
    log.append(db, [None])
    return Ended(following=number)


async def _raise_number(
    db: Transaction, target: OfUser | Everyone, ending: Ending, number: int
) -> None:
    at = ending.cutoffs
    values: dict[str, object] = {"number": number, "now": at.now, "latest": at.future_after}
    if isinstance(target, Everyone):
        db.put(_RAISE_STORE, values)
        return
    db.put(_RAISE_ACCOUNT, values | {"user": target.user_id})
    kept = []
    if target.keep is not None and is_id(target.keep):
        kept = await db.ask(_LIFT, (number, target.keep, target.user_id))
    if target.compromised:
        db.put(_DISTRUST, (target.user_id,))
        log.append(db, [session_id for (session_id,) in kept])  # its device has changed


def _targeted(ending: Ending) -> Statement:
    where, values = _condition(ending.target, is_kept=True)
    return _TARGETED.replace("{where}", where), values | of_live(ending.cutoffs)


def _condition(target: Target, *, is_kept: bool = False) -> tuple[str, dict[str, object]]:
    """Which sessions *target* names; with *is_kept* without the one that it keeps."""
    if isinstance(target, ById):
        own = "" if target.user_id is None else " AND s.user_id = %(user)s"
        return f"s.id = %(id)s{own}", {"id": target.session_id, "user": target.user_id}
    if isinstance(target, OfUser):
        if not is_kept or target.keep is None or not is_id(target.keep):
            return "s.user_id = %(user)s", {"user": target.user_id}
        values: dict[str, object] = {"user": target.user_id, "keep": target.keep}
        return "s.user_id = %(user)s AND s.id <> %(keep)s", values
    if isinstance(target, OfDevice):
        values = {"user": target.user_id, "device": target.device_id}
        return "s.user_id = %(user)s AND s.device_id = %(device)s", values
    return "true", {}


def _end_now(db: Transaction, ending: Ending, targeted: Rows) -> tuple[EventRow, ...]:
    """Revoke every row that is *targeted*; the events, still to be inserted, of the live ones."""
    at, ids = ending.cutoffs.now, [row[0] for row in targeted]
    end_rows(db, ids, at, ending.reason, ending.actor)
    count_ended(db, targeted, at, ending.reason)
    log.append(db, [None] if isinstance(ending.target, Everyone) else ids)
    return end_events(targeted, at, ending.reason, ending.actor)


def count_ended(db: Transaction, ended: Rows, at: float, reason: str) -> None:
    """Count rows that are written as ended: what counts stands behind the column of the live."""
    for _, user_id, *_, created_at, deadline, kind in ended:
        db.counts.users[user_id] -= 1
        db.counts.ended(created_at, deadline, kind, at, reason)


def end_events(ended: Rows, at: float, reason: str, actor: str | None) -> tuple[EventRow, ...]:
    """The events of the rows that were live: the column behind those of the event says so."""
    return tuple(semantics.end_event(*_known(row), at, reason, actor) for row in ended if row[5])


def _known(row: tuple[Any, ...]) -> tuple[str, str, str, str | None, str | None]:
    session_id, user_id, device_id, network, user_agent, *_ = row
    return session_id, user_id, device_id, network, user_agent


async def erase(db: Transaction, erasure: Erasure) -> int:
    """See Store.erase; the account's lock is taken."""
    user = (erasure.user_id,)
    deletes = [
        (f"DELETE FROM {{s}}.{name} WHERE user_id = %s RETURNING {key}", user)  # noqa: S608
        for name, key in zip(_ERASED, ("1", "1", "1"), strict=True)
    ]
    sessions = (_ERASE_SESSIONS, user)
    [[number]], *gone = await db.ask_all((_DRAW, ()), sessions, *deletes, (_ERASE_ITEMS, user))
    _count_erased(db, gone[0], erasure)
    db.put("DELETE FROM {s}.endings WHERE user_id = %s", user)
    db.put(_KEEP_DIGEST, (number, erasure.until, [*dict.fromkeys(erasure.digests)]))
    log.append(db, sorted(session_id for session_id, *_ in gone[0]))
    db.put(_WAIT_FOR_STANDBYS)
    return sum(map(len, gone))


def _count_erased(db: Transaction, gone: Rows, erasure: Erasure) -> None:
    for _, revoked_at, seen_at, created_at, deadline, kind, covered_at, reason in gone:
        if revoked_at is None:
            at = seen_at if erasure.at is None else erasure.at
            at = at if covered_at is None else covered_at
            db.counts.users[erasure.user_id] -= 1
            db.counts.ended(created_at, deadline, kind, at, reason or ERASED)
