"""
The counts that writes add, as arguments of scripts; see `counts.lua`.

Of a shard the numbers of a day, or of the week of a beginning, are one hash:

    :q:DAY             QUARTER:MEASURE, the quarters counted from the day's first
    :t:DAY:DIMENSION   by key
    :w:WEEK            BIN, REASON and KIND, with tabs between them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.stores.counting import (
    AGES,
    DAY,
    ERASED,
    KINDS,
    LATEST,
    MOST_KEYS,
    QUARTER,
    SIZES,
    WAYS,
    Counts,
    joined,
)
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devsess.stores.items import Item
    from devsess.stores.rows import EventRow, SessionRow

QUARTERS = DAY // QUARTER


def of_counts(counts: Counts) -> list[str | bytes]:
    """Counts as arguments: of each the kind, span, name, number, and the most names of the span."""
    found: list[str | bytes] = []
    for (quarter, measure), more in counts.quarters.items():
        day, of_day = divmod(quarter, QUARTERS)
        found += ["q", str(day), f"{of_day}:{measure}", str(more), "0"]
    for (day, dimension, key), more in counts.tallies.items():
        found += ["t", f"{day}:{dimension}", key, str(more), str(MOST_KEYS[dimension])]
    for (week, age, reason, kind), more in counts.spans.items():
        found += ["w", str(week), f"{age}\t{reason}\t{kind}", str(more), "0"]
    return [str(counts.open), str(len(found) // 5), *found]


def begun(row: SessionRow) -> list[str | bytes]:
    """A new session as it is counted."""
    counts = Counts()
    counts.began(row)
    return of_counts(counts)


def of_event(event: EventRow) -> str:
    """An event as it is counted."""
    counts = Counts()
    counts.happened(event)
    return _measures(counts)


def of_item(item: Item) -> str:
    """An item as it is counted: a failure."""
    counts = Counts()
    counts.put(item.kind, item.at, item.until)
    return _measures(counts)


def _measures(counts: Counts) -> str:
    """All of one quarter; empty if there is none."""
    names = [f"{quarter % QUARTERS}:{measure}" for quarter, measure in counts.quarters]
    days = {quarter // QUARTERS for quarter, _ in counts.quarters}
    return " ".join([*map(str, days), *names])


def of_reason(reason: str) -> bytes:
    """The reason of an end as it is counted."""
    return joined(reason).encode()


def law() -> bytes:
    """The numbers and words of the law, for Lua."""
    lines = [
        f"local LATEST, MOST_REASONS = {LATEST}, {MOST_KEYS['reason']}",
        f"local EXPIRED, ERASED = '{EXPIRED}', '{ERASED}'",
        f"local SIZES = {{{', '.join(map(str, SIZES))}}}",
        f"local AGES = {{{', '.join(map(str, AGES))}}}",
        f"local WAYS = {{{_set(sorted(WAYS))}}}",
        f"local KINDS = {{{_set(KINDS)}}}",
    ]
    return "\n".join(lines).encode()


def _set(words: Iterable[str]) -> str:
    return ", ".join(f"['{it}'] = true" for it in words)
