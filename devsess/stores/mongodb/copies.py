"""
Copies: whole accounts out, and merged in.

A page is read in one transaction, and so is of one snapshot. An account is merged in one that
passes its gate, and that conflicts with each touch of a session which it writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from attrs import evolve
from pymongo import ASCENDING

from devsess.stores import merging
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.items import by_key
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import endings, reading
from devsess.stores.mongodb import marks as marking

if TYPE_CHECKING:
    from devsess.stores.mongodb.marks import Marks
    from devsess.stores.mongodb.ports import Document
    from devsess.stores.mongodb.unit import Unit

# An account's key is this and its user id; behind all of them comes the next character.
_FIRST, _BEHIND = docs.account_key(""), docs.account_key("")[:-1] + chr(ord("/") + 1)
# Where accounts are found, each with an index that begins with the key.
_PLACES: Sequence[tuple[str, Document]] = (
    ("owner", {}),
    ("binds", {"table": "mark"}),
    ("user_id", {"table": "event"}),
)


async def page(unit: Unit, limit: int, cursor: str | None) -> Batch:
    """See SupportsCopy.export. The cursor is the last account of the page before."""
    found: set[str] = set()
    for name, where in _PLACES:
        found.update(await _users(unit, name, where, limit + 1, cursor))
    users = sorted(found)[: limit + 1]
    batch = await accounts(unit, users[:limit])
    batch = evolve(batch, next=users[limit - 1] if len(users) > limit else None)
    if cursor is not None:
        return batch
    erased = await unit.find({"table": "erased"}, sort=[("_id", ASCENDING)])
    return evolve(batch, erased=tuple(map(_erased, erased)))


async def _users(
    unit: Unit, name: str, where: Document, limit: int, cursor: str | None
) -> list[str]:
    """The next users behind *cursor* that the documents of one kind name."""
    prefix = "" if name == "user_id" else _FIRST
    bounds: Document = {"$gte": prefix} if cursor is None else {"$gt": prefix + cursor}
    if prefix:
        bounds["$lt"] = _BEHIND
    users: list[str] = []
    while len(users) < limit:
        found = await unit.find(
            {**where, name: bounds}, sort=[(name, ASCENDING)], limit=4 * limit, fields={name: 1}
        )
        users += dict.fromkeys(str(it[name])[len(prefix) :] for it in found)
        if len(found) < 4 * limit:
            break
        # What is left of the last one's documents is passed over.
        bounds = {**bounds, "$gt": prefix + users[-1]}
        bounds.pop("$gte", None)
    return users[:limit]


async def accounts(unit: Unit, user_ids: Sequence[str]) -> Batch:
    """See SupportsCopy.accounts."""
    stored, marks = await _stored(unit, user_ids)
    settled = tuple(merging.settled(it, marks.pending) for it in stored)
    return Batch(settled, _mark(marks.store), marks.last)


async def _stored(unit: Unit, user_ids: Sequence[str]) -> tuple[list[Account], Marks]:
    """Accounts as they are written; and the store's marks, with the endings whose rows follow."""
    known = [it for it in user_ids if docs.is_text(it)]
    keys = [docs.account_key(it) for it in known]
    bound = await unit.find({"$or": [{"binds": {"$in": [docs.MARK, *keys]}}, docs.PENDING]})
    owned = await unit.find({"owner": {"$in": keys}})
    where = {"user_id": {"$in": known}, "table": "event"}
    events = await unit.find(where, sort=[("user_id", ASCENDING), ("place", ASCENDING)])
    of = _by_user(it for it in [*bound, *owned, *events] if it.get("table") in _KINDS)
    return [_account(it, of[it]) for it in user_ids], marking.marks_from(bound)


_KINDS = ("mark", "device", "session", "event", "item")


def _by_user(found: Iterable[Document]) -> defaultdict[str, dict[str, list[Document]]]:
    """Documents of each user, of each kind."""
    owned: defaultdict[str, dict[str, list[Document]]] = defaultdict(
        lambda: {kind: [] for kind in _KINDS}
    )
    for it in found:
        if "user_id" in it:  # the store's own mark has none
            owned[it["user_id"]][it["table"]].append(it)
    return owned


def _account(user_id: str, of: Mapping[str, Sequence[Document]]) -> Account:
    devices = sorted(map(docs.device_from, of["device"]), key=lambda it: it.id)
    by_id = {it.id: [it] for it in devices}
    sessions = [
        docs.session_from(it, reading.with_device(it, by_id.get(it["device"], ())))
        for it in of["session"]
    ]
    return Account(
        user_id,
        _mark(of["mark"][0]) if of["mark"] else Mark(),
        tuple(devices),
        tuple(sorted(sessions, key=lambda it: it.id)),
        tuple(map(docs.event_from, of["event"])),
        by_key(map(docs.item_from, of["item"])),
    )


def _mark(document: Mapping[str, Any]) -> Mark:
    return Mark(int(document["number"]), document.get("cut_off"))


def _erased(document: Mapping[str, Any]) -> ErasedAccount:
    digest = bytes.fromhex(str(document["_id"]).removeprefix(docs.erased_key(b"")))
    return ErasedAccount(digest, int(document["number"]), float(document["until"]))


async def merge_numbers(unit: Unit, batch: Batch) -> None:
    """
    Raise the highest number drawn; make an ending of everyone that this store does not know.

    The store's own number stays where it knows of the ending: rows under a lower number than
    that are ended, and none is written as such here.
    """
    marks = await unit.everyones_marks()
    keys = [docs.erased_key(it.digest) for it in batch.erased]
    known = {it.digest: it for it in map(_erased, await unit.find({"_id": {"$in": keys}}))}
    for each in batch.erased:
        kept = merging.later_erasure(known.get(each.digest), each)
        if kept != known.get(each.digest):
            unit.put(docs.erased_document(kept.digest, kept.number, kept.until))
    if marks.last < batch.last_number:
        unit.put({**marks.store, "_id": docs.MARK, "last_number": batch.last_number})
        await unit.flush()
    if merging.is_unknown(batch.mark, _mark(marks.store)):
        await endings.end(unit, merging.ending_of_everyone(batch.mark))


async def merge_account(unit: Unit, theirs: Account, others: Mark) -> None:
    """Merge one account, by the law of `merging`."""
    [mine], marks = await _stored(unit, [theirs.user_id])
    there = {row.id: row for row in mine.sessions}
    mine = merging.as_read(mine, marks.pending)
    change = merging.difference(mine, theirs, _mark(marks.store), others)
    await _check_owner(unit, theirs.user_id, [row.id for row in change.sessions])
    # Those of its sessions are written in any case: a purge that takes one for unused conflicts.
    devices = {it.id: it for it in (row.device for row in change.sessions)}
    for device in (devices | {it.id: it for it in change.devices}).values():
        unit.put_device(device)
    if change.mark is not None:
        mark = change.mark
        unit.put(docs.mark_document(theirs.user_id, mark.number, mark.cut_off))
    now = unit.server_time().replace(tzinfo=UTC).timestamp()
    for row in change.sessions:
        unit.put_session(row, now)
        unit.count_merged(row, there.get(row.id))
    if change.reduced:
        unit.reduce_events(change.reduced)
    unit.insert_first_events(*change.events)
    for item in change.items:
        unit.put_item(item)
    unit.append_changes(change.logged)
    unit.pass_gates(theirs.user_id)


async def _check_owner(unit: Unit, user_id: str, session_ids: Sequence[str]) -> None:
    keys = [docs.session_key(it) for it in session_ids]
    found = await unit.find({"_id": {"$in": keys}}, fields={"user_id": 1}) if keys else []
    if any(it["user_id"] != user_id for it in found):
        raise ValueError(merging.FOREIGN)
