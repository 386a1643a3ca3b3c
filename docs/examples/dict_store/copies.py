"""Whole accounts out, and merged in, each within one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from attrs import evolve

from devsess.stores import as_json, items, merging, semantics
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from dict_store import writes
from dict_store.tables import place

if TYPE_CHECKING:
    from dict_store.tables import Tables


async def export(tables: Tables, limit: int, cursor: str | None) -> Batch:
    """See SupportsCopy.export. The cursor is the last account of the page before."""
    semantics.check_size(limit)
    behind = [it for it in await _users(tables) if cursor is None or it > cursor]
    page = await accounts(tables, behind[:limit])
    more = behind[limit - 1] if len(behind) > limit else None
    return evolve(page, next=more, erased=() if cursor is not None else await _erased(tables))


async def accounts(tables: Tables, user_ids: Sequence[str]) -> Batch:
    """See SupportsCopy.accounts."""
    meta, pending = await tables.meta(), await tables.pending()
    found = [merging.settled(await _stored(tables, it), pending) for it in user_ids]
    return Batch(tuple(found), Mark(meta["number"], meta["cut_off"]), meta["last_number"])


async def merge(tables: Tables, batch: Batch) -> None:
    """See SupportsCopy.merge."""
    await _merge_numbers(tables, batch)
    meta, pending = await tables.meta(), await tables.pending()
    ours = Mark(meta["number"], meta["cut_off"])
    for theirs in batch.accounts:
        mine = merging.as_read(await _stored(tables, theirs.user_id), pending)
        change = merging.difference(mine, theirs, ours, batch.mark)
        await _write(tables, theirs.user_id, change)


async def _users(tables: Tables) -> list[str]:
    users = {row.user_id for row in await tables.all_stored()}
    users |= {row.user_id for row in await tables.all_devices()}
    users |= {event.user_id for event in (await tables.events()).values()}
    marked = [*await tables.scan("account/"), *await tables.scan("item/")]
    keys = (key.split("/")[1] for key in marked)
    return sorted(users | {unquote(key, errors="surrogatepass") for key in keys})


async def _erased(tables: Tables) -> tuple[ErasedAccount, ...]:
    found = []
    for key, text in (await tables.scan("erased/")).items():
        kept = json.loads(text)
        digest = bytes.fromhex(key.partition("/")[2])
        found.append(ErasedAccount(digest, kept["number"], kept["until"]))
    return tuple(found)


async def _stored(tables: Tables, user_id: str) -> Account:
    """The account as it is written."""
    mark = await writes.account(tables, user_id)
    events = await tables.events(user_id)
    return Account(
        user_id,
        Mark(mark["number"], mark["cut_off"]),
        tuple(await tables.all_devices(user_id)),
        tuple(await tables.all_stored(user_id)),
        tuple(events[at] for at in sorted(events)),
        items.by_key(await tables.items(user_id)),
    )


async def _merge_numbers(tables: Tables, batch: Batch) -> None:
    meta = await tables.meta()
    if batch.last_number > meta["last_number"]:
        tables.put_meta(meta | {"last_number": batch.last_number})
    for each in batch.erased:
        key = f"erased/{each.digest.hex()}"
        text = await tables.get(key)
        known = None if text is None else ErasedAccount(each.digest, **json.loads(text))
        kept = merging.later_erasure(known, each)
        if kept != known:
            tables.put(key, json.dumps({"number": kept.number, "until": kept.until}))
    if merging.is_unknown(batch.mark, Mark(meta["number"], meta["cut_off"])):
        await writes.end(tables, merging.ending_of_everyone(batch.mark))
    meta = await tables.meta()
    mark = merging.later_mark(Mark(meta["number"], meta["cut_off"]), batch.mark)
    if mark != Mark(meta["number"], meta["cut_off"]):
        tables.put_meta(meta | {"number": mark.number, "cut_off": mark.cut_off})


async def _write(tables: Tables, user_id: str, change: merging.Difference) -> None:
    for device in change.devices:
        tables.put_device(device)
    if change.mark is not None:
        writes.put_account(tables, user_id, change.mark.number, change.mark.cut_off)
    for row in change.sessions:
        there = await tables.stored(row.id)
        if there is not None and there.user_id != user_id:
            raise ValueError(merging.FOREIGN)
        tables.put_session(row)
    for seq, event in (await tables.events(user_id)).items():
        if event.session_id in change.reduced and event.ip != event.network:
            text = as_json.dump(evolve(event, ip=event.network))
            tables.put(f"event/{place(seq)}", text)
    for event in change.events:
        await tables.insert_event(event)
    for item in change.items:
        tables.write_item(item)
    for session_id in change.logged:
        await tables.append_change(session_id)
