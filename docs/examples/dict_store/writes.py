"""The larger writes, each within one transaction."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess.lifecycle import counts_as_live
from devsess.stores import semantics
from devsess.stores.base import Ended, Everyone, Inserted, OfDevice, OfUser, Refused
from devsess.stores.calls import Full, Settled
from devsess.stores.rows import EVICTED, REPLACED
from dict_store.tables import quoted

if TYPE_CHECKING:
    from devsess.stores.base import Ending, Erasure, Insertion
    from devsess.stores.calls import Columns, InsertAnswer
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.semantics import Covering
    from dict_store.tables import Tables


async def account(tables: Tables, user_id: str) -> dict[str, Any]:
    """The ending number and the cut-off of an account."""
    text = await tables.get(_account_key(user_id))
    found: dict[str, Any] = json.loads(text) if text else {"number": 0, "cut_off": None}
    return found


def put_account(tables: Tables, user_id: str, number: int, cut_off: float | None) -> None:
    """Write the ending number and the cut-off of an account."""
    tables.put(_account_key(user_id), json.dumps({"number": number, "cut_off": cut_off}))


def _account_key(user_id: str) -> str:
    return f"account/{quoted(user_id)}"


async def ending_number(tables: Tables, user_id: str, digests: Sequence[bytes] = ()) -> int:
    """The highest ending number that binds the account."""
    kept = [await tables.get(f"erased/{digest.hex()}") for digest in digests]
    erased = [json.loads(text)["number"] for text in kept if text]
    own = (await account(tables, user_id))["number"]
    number: int = max((await tables.meta())["number"], own, *erased)
    return number


async def is_current(
    tables: Tables, user_id: str, number: int, digests: Sequence[bytes] = ()
) -> bool:
    """Whether *number* was drawn here, and no ending that binds the account came after it."""
    latest = await ending_number(tables, user_id, digests)
    is_so: bool = latest <= number <= (await tables.meta())["last_number"]
    return is_so


async def swap(
    tables: Tables, session_id: str, expected: Columns, changes: Columns
) -> SessionRow | None:
    """Change an unrevoked session in which all *expected* hold."""
    semantics.check_columns(expected, changes)
    row = await tables.unrevoked(session_id)
    if row is None or not semantics.holds(row, expected):
        return None
    row = semantics.changed(row, changes)
    tables.put_session(row)
    return row


async def insert(tables: Tables, insertion: Insertion) -> InsertAnswer:
    """See Store.insert."""
    row = insertion.row
    known = await tables.device(row.user_id, row.device.id)
    if await _is_cut_off(tables, insertion):
        return Refused.CUT_OFF
    if known is not None and known.blocked:
        return Refused.BLOCKED
    if await tables.stored(row.id) is not None:
        raise ValueError("there is a session with this id already")
    to_end = await _to_end(tables, insertion)
    if isinstance(to_end, Full):
        return to_end
    events = await _end_rows(tables, to_end.replaced, insertion.cutoffs.now, REPLACED)
    events += await _end_rows(tables, to_end.evicted, insertion.cutoffs.now, EVICTED)
    if to_end.evicted and insertion.limit_event is not None:
        await tables.insert_event(insertion.limit_event)
    tables.put_device(semantics.seen_again(known, row.device))
    tables.put_session(row)
    for event in insertion.events:
        await tables.insert_event(event)
    missed = [it.kind for it in insertion.items if not await tables.put_item(it)]
    return Inserted(tuple(events), tuple(missed))


async def _is_cut_off(tables: Tables, insertion: Insertion) -> bool:
    row, at = insertion.row, insertion.auth_instant
    meta = await tables.meta()
    if not await is_current(tables, row.user_id, row.ending_number, insertion.digests):
        return True
    cut_offs = (meta["cut_off"], (await account(tables, row.user_id))["cut_off"])
    return at is not None and any(
        semantics.is_cut_off(at, cut_off, insertion.cutoffs) for cut_off in cut_offs
    )


async def _to_end(tables: Tables, insertion: Insertion) -> semantics.SessionsToEnd | Full:
    if insertion.limit is None and not insertion.replaces:
        return semantics.SessionsToEnd()
    rows = await tables.sessions(insertion.row.user_id)
    live = [row for row in rows if counts_as_live(row, insertion.cutoffs)]
    return semantics.sessions_to_end(live, insertion)


async def _end_rows(
    tables: Tables,
    rows: Sequence[SessionRow],
    at: float,
    reason: str,
    actor: str | None = None,
    *,
    is_logged: bool = True,
) -> list[EventRow]:
    events = []
    for row in rows:
        if is_logged:
            await tables.append_change(row.id)
        events.append(await tables.end_session(row, at, reason, actor))
    for event in events:
        await tables.insert_event(event)
    return events


async def end(tables: Tables, ending: Ending) -> Ended:
    """See Store.end."""
    target = ending.target
    marked = isinstance(target, OfDevice) and (await _mark_device(tables, target))
    ended = await _ended(tables, ending)
    whole = semantics.with_own_event(ended, ending, marked=marked)
    for event in whole.events[len(ended.events) :]:
        await tables.insert_event(event)
    return whole


async def _ended(tables: Tables, ending: Ending) -> Ended:
    target = ending.target
    if not isinstance(target, (OfUser, Everyone)):
        return Ended(await _end_now(tables, ending))
    user_id = target.user_id if isinstance(target, OfUser) else None
    stored = await tables.all_stored(user_id)
    number = await _raise_number(tables, ending)
    if sum(row.revoked_at is None for row in stored) <= ending.at_once:
        return Ended(await _end_now(tables, ending))
    await tables.put_pending([*await tables.pending(), semantics.covering_of(number, ending)])
    await tables.append_change(None)
    return Ended(following=number)


async def _end_now(tables: Tables, ending: Ending) -> tuple[EventRow, ...]:
    target = ending.target
    user_id = None if isinstance(target, Everyone) else target.user_id
    rows = await tables.sessions(user_id)
    rows = [it for it in rows if semantics.is_targeted(it, target) and it.revoked_at is None]
    rows.sort(key=lambda row: (row.last_seen_at, row.id))
    if isinstance(target, Everyone):
        await tables.append_change(None)
    at = ending.cutoffs
    live = [row for row in rows if counts_as_live(row, at)]
    dead = [row for row in rows if not counts_as_live(row, at)]
    for row in dead:  # they are marked and logged, and have no event
        await tables.append_change(row.id)
        await tables.end_session(row, at.now, ending.reason, ending.actor)
    return tuple(await _end_rows(tables, live, at.now, ending.reason, ending.actor))


async def _mark_device(tables: Tables, target: OfDevice) -> bool:
    device = await tables.device(target.user_id, target.device_id)
    if device is not None:
        tables.put_device(semantics.marked_device(device, target))
    return device is not None


async def _raise_number(tables: Tables, ending: Ending) -> int:
    target, meta = ending.target, await tables.meta()
    number: int = meta["last_number"] + 1
    meta["last_number"] = number
    if not isinstance(target, OfUser):
        meta |= {"number": number}
        meta["cut_off"] = semantics.next_cut_off(meta["cut_off"], ending.cutoffs)
        tables.put_meta(meta)
        return number
    tables.put_meta(meta)
    old = (await account(tables, target.user_id))["cut_off"]
    put_account(tables, target.user_id, number, semantics.next_cut_off(old, ending.cutoffs))
    kept = await tables.unrevoked(target.keep or "")
    if kept is not None and kept.user_id == target.user_id:
        tables.put_session(evolve(kept, ending_number=number))
        if target.compromised:  # its device changes
            await tables.append_change(kept.id)
    if target.compromised:
        for device in await tables.all_devices(target.user_id):
            tables.put_device(evolve(device, trusted_until=None))
    return number


async def covered(
    tables: Tables, own: int | None = None, before: float = math.inf
) -> list[tuple[SessionRow, Covering]]:
    """Rows that are covered, each with its ending; the oldest ending first."""
    pending = await tables.pending()
    if not pending:
        return []
    rows = [(row, semantics.first_covering(row, pending)) for row in await tables.all_stored()]
    found = [(row, by) for row, by in rows if by and (by.number == own or by.at <= before)]
    return sorted(found, key=lambda it: (it[1].number, it[0].user_id, it[0].id))


async def settle(tables: Tables, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    found = await covered(tables, own, before)
    events = []
    for row, by in found[:limit]:
        event = await tables.end_session(row, by.at, by.reason, by.actor)
        if counts_as_live(row, by.cutoffs):
            events.append(event)
    for event in events:
        await tables.insert_event(event)
    if not await covered(tables):
        await tables.put_pending([])
    return Settled(tuple(events), len(found) > limit)


async def history(tables: Tables, user_id: str | None = None) -> dict[int, EventRow]:
    """The events of a user, or of all; those of covered sessions without their addresses."""
    events = await tables.events(user_id)
    if not await tables.pending():
        return events
    covered_ids = {row.id for row, _ in await covered(tables)}
    return {
        seq: evolve(event, ip=event.network) if event.session_id in covered_ids else event
        for seq, event in events.items()
    }


async def erase(tables: Tables, erasure: Erasure) -> int:
    """See Store.erase."""
    user_id, meta = erasure.user_id, await tables.meta()
    sessions, devices = await tables.all_stored(user_id), await tables.all_devices(user_id)
    events, mark = await tables.events(user_id), await tables.get(_account_key(user_id))
    tables.put_meta(meta | {"last_number": meta["last_number"] + 1})
    await tables.put_pending([it for it in await tables.pending() if it.user_id != user_id])
    kept = json.dumps({"number": meta["last_number"] + 1, "until": erasure.until})
    for digest in erasure.digests:
        tables.put(f"erased/{digest.hex()}", kept)
    for row in sessions:
        tables.delete_session(row)
        await tables.append_change(row.id)
    for device in devices:
        tables.delete_device(device)
    for seq, event in events.items():
        await tables.delete_event(seq, event)
    tables.put(_account_key(user_id), None)
    items = await tables.items(user_id)
    for item in items:
        tables.delete_item(item)
    return len(sessions) + len(devices) + len(events) + len(items) + (mark is not None)
