"""
Items: a document each, written by comparing versions inside a transaction.

Two transactions that write one item conflict at its document. Two that add items of one owner
read only what was there before both; so they conflict at the owner's gate, and no more are kept
than may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo import DeleteMany

from devsess.stores import items as law
from devsess.stores.mongodb import documents as docs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.items import Item
    from devsess.stores.mongodb.ports import Document, Port
    from devsess.stores.mongodb.unit import Unit


async def of_kind(port: Port, kind: str, owner: str, limit: int) -> list[Item]:
    """See Store.items."""
    return law.in_order(_made(await port.find(_alike(kind, owner))))[:limit]


async def put_item(unit: Unit, item: Item, most: int) -> bool:
    """See Store.put_item; the item is checked."""
    found = await unit.find({"$or": asked([item])})
    return not put_all(unit, [item], found, most)


def asked(items: Sequence[Item]) -> list[Document]:
    """The filter that finds all that `put_all` has to know of."""
    gates = sorted({docs.gate_key(it.owner) for it in items})
    kinds = sorted({(it.kind, it.owner) for it in items})
    return [*({"_id": it} for it in gates), *(_alike(*it) for it in kinds)]


def put_all(
    unit: Unit, items: Sequence[Item], found: Sequence[Document], most: int = 1
) -> tuple[str, ...]:
    """Put those of *items* that follow the ones *found*; the kinds of the others."""
    there = {docs.item_key(it): it for it in _made(found)}
    missed = []
    for item in items:
        if law.follows(item, there.get(docs.item_key(item))):
            _put(unit, item, there, most)
        else:
            missed.append(item.kind)
    return tuple(missed)


def _put(unit: Unit, item: Item, there: dict[str, Item], most: int) -> None:
    """Put *item* beside those of its kind that are *there*, and leave so many of them."""
    unit.put_item(item)
    unit.counts_of(item.owner).put(item.kind, item.at, item.until)
    if item.version == 1:
        unit.pass_gates(item.owner)
    there[docs.item_key(item)] = item
    alike = [it for it in there.values() if (it.kind, it.owner) == (item.kind, item.owner)]
    keys = [docs.item_key(it) for it in law.superfluous(alike, most)]
    for key in keys:
        del there[key]
    if keys:
        unit.add(DeleteMany({"_id": {"$in": keys}}))


def _alike(kind: str, owner: str) -> Document:
    return {"owner": docs.account_key(owner), "table": "item", "item.kind": kind}


def _made(found: Sequence[Document]) -> list[Item]:
    return [docs.item_from(it) for it in found if it.get("table") == "item"]
