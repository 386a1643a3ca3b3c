"""
The statistics as documents.

    counts/q/DAY/PART   by quarter of an hour and measure
    counts/t/DAY/PART   by dimension and key
    counts/w/WEEK/PART  by bin, reason and kind

and the same of all parts together, where the day or week is over: see `folding`.

Each number is a member, whose name has a mark before it and tabs, escaped, between its parts.

Two transactions that write one document conflict. So each gate has documents of its own: who writes
them passes the gate too. A last part is for the writes that concern many accounts, of which
few come at once. How many sessions are open stands in the gates, and so do the accounts by how many
are open to them. All parts are added up when read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field
from pymongo import UpdateOne

from devsess.stores.counting import (
    BEGAN,
    DAY,
    MEASURES,
    MOST_KEYS,
    OTHER,
    QUARTER,
    SIZES,
    Counts,
    Measures,
    Numbers,
)
from devsess.stores.mongodb.documents import GATES

if TYPE_CHECKING:
    from devsess.stores.counting import Period
    from devsess.stores.mongodb.ports import Document

# The part of writes that concern many accounts, and all of them.
MANY = GATES
PARTS = GATES + 1
QUARTERS = DAY // QUARTER
# The members of a gate: open sessions, and the accounts of each size.
_OPENED = ("open", *(f"users{size}" for size in SIZES))
# Documents whose keys a process remembers.
REMEMBERED = 1_000


@define
class Keys:
    """
    The keys that the documents of days have, as this process has read or written them.

    Only a new key is counted against their limit, and read for it: so a write seldom reads any. One
    that a transaction wrote which came to nothing may pass the limit.
    """

    _known: dict[str, set[str]] = field(factory=dict)

    def lacking(self, wanted: Mapping[str, set[str]]) -> set[str]:
        """The documents of which some of the names *wanted* are not known to be there."""
        return {key for key, names in wanted.items() if not names <= self._known.get(key, set())}

    def read(self, document: Document) -> None:
        """Remember what a document of tallies has."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[document["_id"]] = {it for it in document if it.startswith(MARK)}

    def of(self, document: str) -> set[str]:
        """The names that a document is known to have; those that it gets are put into it."""
        return self._known.setdefault(document, set())


def document_of(kind: str, span: int, part: int) -> str:
    """The key of a document."""
    return f"counts/{kind}/{span}/{part}"


def wanted(parts: Mapping[int, Counts]) -> dict[str, set[str]]:
    """The names of tallies that *parts* add to, by document."""
    found: dict[str, set[str]] = {}
    for part, counts in parts.items():
        for day, dimension, key in counts.tallies:
            names = found.setdefault(document_of("t", day, part), set())
            names.add(name_of(dimension, key))
    return found


def writes(part: int, counts: Counts, sizes: Iterable[int], keys: Keys) -> list[UpdateOne]:
    """The writes that add *counts*, and the accounts of *sizes*, to the documents of a part."""
    added: dict[tuple[str, int], Counter[str]] = {}
    for (quarter, measure), more in counts.quarters.items():
        day, of_day = divmod(quarter, QUARTERS)
        added.setdefault(("q", day), Counter())[name_of(of_day, measure)] += more
    for day in {it[0] for it in counts.tallies}:
        there, sums = keys.of(document_of("t", day, part)), Counter[str]()
        for (_, dimension, key), more in _of_day(counts, day):
            sums[_placed(there, dimension, key)] += more
        added["t", day] = sums
    for (week, *of), more in counts.spans.items():
        added.setdefault(("w", week), Counter())[name_of(*of)] += more
    found = [_add(kind, span, part, sums) for (kind, span), sums in added.items()]
    opened = {it: more for it, more in zip(_OPENED, (counts.open, *sizes), strict=True) if more}
    if opened:
        gate = {"$inc": opened, "$setOnInsert": {"table": "gate", "last": 0}}
        found.append(UpdateOne({"_id": f"gate/{part}"}, gate, upsert=True))
    return found


def _of_day(counts: Counts, day: int) -> list[tuple[tuple[int, str, str], int]]:
    return [(key, more) for key, more in counts.tallies.items() if key[0] == day]


def _placed(there: set[str], dimension: str, key: str) -> str:
    """The name of a key that has a place in its day, or takes one; else that of the others."""
    name, others = (name_of(dimension, it) for it in (key, OTHER))
    used = sum(it.startswith(others) and it != others for it in there)
    if name not in there and used >= MOST_KEYS[dimension]:
        return others
    there.add(name)
    return name


def _add(kind: str, span: int, part: int, sums: Counter[str]) -> UpdateOne:
    made = {"table": "counts", "counts": kind, "span": span}
    change = {"$inc": dict(sums), "$setOnInsert": made}
    return UpdateOne({"_id": document_of(kind, span, part)}, change, upsert=True)


MARK = "="
# In the name of a member a dot or a dollar would be a path or an operator. Of the servers that only
# speak the protocol one adds nothing to a member whose name has a tab.
_ESCAPED = (("%", "%25"), (".", "%2E"), ("$", "%24"), ("\t", "%09"))


def name_of(*parts: object) -> str:
    """The name of the member for a number; the last part alone may have tabs in it."""
    name = "\t".join(map(str, parts))
    for character, escaped in _ESCAPED:
        name = name.replace(character, escaped)
    return MARK + name


def counted(document: Document) -> Iterator[tuple[str, int]]:
    """The names and numbers of a document, the names without mark and escapes."""
    for name, count in document.items():
        if name.startswith(MARK):
            for character, escaped in reversed(_ESCAPED):
                name = name.replace(escaped, character)
            yield name[1:], int(count)


# Reading.


def of_period(period: Period) -> Document:
    """Finds all that was counted in a period."""
    (first, behind), (week, last) = period.days, period.weeks
    day = period.quarters[0] // QUARTERS
    spans: dict[str, Document] = {
        "q": {"$gte": day},
        "t": {"$gte": first, "$lt": behind},
        "w": {"$gte": week, "$lt": last},
    }
    kinds = [(it, span) for kind, span in spans.items() for it in (kind, f"{kind}s")]
    return {"$or": [{"counts": kind, "span": span} for kind, span in kinds]}


def numbers(
    period: Period, found: Iterable[Document], gates: Sequence[Document], lagging: int
) -> Numbers:
    """The documents of a period, and all gates, as its numbers."""
    ranges: Counter[tuple[int, str]] = Counter()
    tallies: Counter[tuple[str, str]] = Counter()
    spans: Counter[tuple[int, str, str]] = Counter()
    cohorts: dict[tuple[int, str], tuple[int, int]] = {}
    bounds = period.quarters
    for it in found:
        span = int(it["span"])
        for name, count in counted(it):
            first, _, rest = name.partition("\t")
            if it["counts"][0] == "q":
                place = bisect_right(bounds, span * QUARTERS + int(first)) - 1
                ranges[place, rest] += count
            elif it["counts"][0] == "t":
                tallies[first, rest] += count
            else:
                _add_span(span, int(first), rest, count, spans, cohorts)
    measured = tuple(
        Measures(**{name: ranges[place, name] for name in MEASURES}) for place in range(len(bounds))
    )
    still_open, *sizes = (sum(int(it.get(name, 0)) for it in gates) for name in _OPENED)
    return Numbers(still_open, lagging, measured, tallies, spans, cohorts, tuple(sizes))


def _add_span(
    week: int,
    age: int,
    of: str,
    count: int,
    spans: Counter[tuple[int, str, str]],
    cohorts: dict[tuple[int, str], tuple[int, int]],
) -> None:
    reason, kind = of.split("\t")
    begun, over = cohorts.get((week, kind), (0, 0))
    if age == BEGAN:
        cohorts[week, kind] = begun + count, over
    else:
        cohorts[week, kind] = begun, over + count
        spans[age, reason, kind] += count
