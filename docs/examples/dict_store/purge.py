"""One bounded batch of cleaning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.stores import as_json, semantics
from devsess.stores.rows import EXPIRED
from dict_store.tables import entry_key, place

if TYPE_CHECKING:
    from devsess.stores.calls import Retention
    from dict_store.tables import Tables


async def purge(tables: Tables, retention: Retention, limit: int) -> int:
    """See Store.purge."""
    for key, text in (await tables.scan("erased/")).items():
        if json.loads(text)["until"] <= retention.now:
            tables.put(key, None)
    done = 0
    for step in (_date, _lapse, _delete_sessions, _delete_events, _delete_devices, _delete_items):
        done += await step(tables, retention, limit - done)
    return done + await _trim(tables, limit - done)


async def _date(tables: Tables, at: Retention, limit: int) -> int:
    """Correct the instants that a clock wrote that was ahead."""
    sessions = [it for it in await tables.all_stored() if (it.revoked_at or 0.0) > at.latest]
    events = [(seq, it) for seq, it in (await tables.events()).items() if it.at > at.latest]
    pending = await tables.pending()
    endings = [it for it in pending if it.at > at.latest]
    devices = [it for it in await tables.all_devices() if it.last_seen_at > at.latest]
    left = limit
    for row in sessions[:left]:
        tables.put_session(evolve(row, revoked_at=at.now))
    left -= len(sessions[:left])
    for seq, event in events[:left]:
        tables.put(f"event/{place(seq)}", as_json.dump(evolve(event, at=at.now)))
    left -= len(events[:left])
    dated = endings[:left]
    if dated:
        await tables.put_pending([evolve(it, at=at.now) if it in dated else it for it in pending])
    left -= len(dated)
    for device in devices[:left]:
        first = min(device.first_seen_at, at.now)
        tables.put_device(evolve(device, first_seen_at=first, last_seen_at=at.now))
    return limit - left + len(devices[:left])


async def _lapse(tables: Tables, at: Retention, limit: int) -> int:
    rows = [it for it in await tables.sessions() if it.revoked_at is None]
    passed = [it for it in rows if it.idle_expires_at <= at.now][:limit]
    for row in passed:
        await tables.end_session(row, row.idle_expires_at, EXPIRED, None)
    return len(passed)


async def _delete_sessions(tables: Tables, at: Retention, limit: int) -> int:
    rows = await tables.all_stored()
    old = [it for it in rows if it.revoked_at is not None and it.revoked_at < at.before][:limit]
    for row in old:
        tables.delete_session(row)
        device = await tables.device(row.user_id, row.device.id)
        if device is not None and device.last_seen_at < at.before:
            tables.put_device(evolve(device, network=None))
    return len(old)


async def _delete_events(tables: Tables, at: Retention, limit: int) -> int:
    old = [(seq, it) for seq, it in (await tables.events()).items() if it.at < at.before][:limit]
    for seq, event in old:
        await tables.delete_event(seq, event)
    return len(old)


async def _delete_devices(tables: Tables, at: Retention, limit: int) -> int:
    used = {(row.user_id, row.device.id) for row in await tables.all_stored()}
    free = [it for it in await tables.all_devices() if (it.user_id, it.id) not in used]
    old = [it for it in free if it.forgotten or semantics.is_stale(it, at.now, at.devices_before)][
        :limit
    ]
    for device in old:
        tables.delete_device(device)
    return len(old)


async def _delete_items(tables: Tables, at: Retention, limit: int) -> int:
    found = map(as_json.load_item, (await tables.scan("item/")).values())
    over = [it for it in found if it.until <= at.now][:limit]
    for item in over:
        tables.delete_item(item)
    return len(over)


async def _trim(tables: Tables, limit: int) -> int:
    """Cut the log to its newest entries; a position before them means ALL."""
    meta = await tables.meta()
    excess = meta["last_change"] - meta["first_change"] + 1 - semantics.LOG_KEPT
    done: int = max(0, min(excess, limit))
    for seq in range(meta["first_change"], meta["first_change"] + done):
        tables.put(entry_key(seq), None)
    if done:
        tables.put_meta(meta | {"first_change": meta["first_change"] + done})
    return done
