"""
Folding: what was counted in a day or week that is over becomes one document in the place of many.

    counts/qs/DAY/N  counts/ts/DAY/N  counts/ws/WEEK/N

N is 0, but for a day with so many keys that they need more than one. What is counted later, such as
the end of a session that began in that week, comes into documents of gates again, beside the
folded one, until the next purge. All are added up when they are read. A transaction that adds to a
document which is folded meanwhile conflicts, and adds to a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field
from pymongo import ASCENDING, DeleteMany, UpdateOne

from devsess.stores.counting import DAY, WEEK
from devsess.stores.mongodb import counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.mongodb.ports import Document
    from devsess.stores.mongodb.unit import Unit

# Documents that one purge folds at most, and bytes of the names in one that is folded: MongoDB
# takes 16 MB, and a day may have as many keys as its limit times the gates.
AT_ONCE = 1_000
MOST_BYTES = 4_000_000

Span: TypeAlias = tuple[str, int]


async def fold(unit: Unit, now: float) -> None:
    """Fold some of the documents whose day or week is over."""
    over = {"q": int(now // DAY), "t": int(now // DAY), "w": int(now // WEEK)}
    found = await unit.find(
        {"$or": [{"counts": kind, "span": {"$lt": span}} for kind, span in over.items()]},
        sort=[("counts", ASCENDING), ("span", ASCENDING)],
        limit=AT_ONCE,
        is_noted=False,
    )
    of: dict[Span, list[Document]] = {}
    for it in found:
        of.setdefault((f"{it['counts']}s", int(it["span"])), []).append(it)
    folded = await _latest(unit, of)
    for span, documents in of.items():
        _fold(unit, span, documents, folded.get(span, Folded(0)))
    unit.add(*([DeleteMany({"_id": {"$in": [it["_id"] for it in found]}})] if found else []))


async def _latest(unit: Unit, spans: Iterable[Span]) -> dict[Span, Folded]:
    """Those that are folded already, of each span the last."""
    asked = [{"counts": kind, "span": span} for kind, span in spans]
    there = await unit.find({"$or": asked}, is_noted=False) if asked else []
    found = sorted(there, key=lambda it: int(it["number"]))
    return {
        (it["counts"], int(it["span"])): Folded(int(it["number"]), set(_numbers(it)))
        for it in found
    }


def _fold(unit: Unit, span: Span, documents: Sequence[Document], into: Folded) -> None:
    """Add *documents* to the folded one of their span, or to a next one, where that is full."""
    for it in documents:
        numbers = _numbers(it)
        if into.names and not into.has_room(numbers):
            _write(unit, span, into)
            into = Folded(into.number + 1)
        into.names |= numbers.keys()
        into.sums.update(numbers)
    _write(unit, span, into)


def _write(unit: Unit, span: Span, folded: Folded) -> None:
    kind, at = span
    made = {"table": "counts", "counts": kind, "span": at, "number": folded.number}
    key = f"counts/{kind}/{at}/{folded.number}"
    if folded.sums:
        change = {"$inc": dict(folded.sums), "$setOnInsert": made}
        unit.add(UpdateOne({"_id": key}, change, upsert=True))


@define
class Folded:
    """
    A folded document.

    Attributes:
        number: Among those of its span.
        names: All that it has, and gets.
        sums: What is added to it.
    """

    number: int
    names: set[str] = field(factory=set)
    sums: Counter[str] = field(factory=Counter)

    def has_room(self, names: Iterable[str]) -> bool:
        """Whether it has room for these names too."""
        return sum(len(it.encode()) for it in self.names.union(names)) <= MOST_BYTES


def _numbers(document: Document) -> dict[str, int]:
    return {name: int(it) for name, it in document.items() if name.startswith(counts.MARK)}
