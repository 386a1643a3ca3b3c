"""Time things so that a noisy machine is as unfair to one as to the other."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, perf_counter
from typing import TypeAlias, TypeVar

T = TypeVar("T")

# Runs one batch; the seconds that each operation of it took.
Batch: TypeAlias = Callable[[], float]

# Few enough to stay in the processor's cache, and many enough for reading the clock not to count.
MADE_AT_ONCE = 100


def each(do: Callable[[T], object], items: Sequence[T]) -> float:
    """Seconds per item to *do* all *items*."""
    start = perf_counter()
    for item in items:
        do(item)
    return (perf_counter() - start) / len(items)


def each_fresh(do: Callable[[T], object], items: Sequence[T], copy: Callable[[T], T]) -> float:
    """
    Seconds per item to *do* all *items*, each copied by *copy* just before.

    A request brings its texts in strings of their own, whose hashes are not known, but which
    the processor has just touched. Copying does not count.
    """
    spent = 0.0
    for start in range(0, len(items), MADE_AT_ONCE):
        copies = [copy(item) for item in items[start : start + MADE_AT_ONCE]]
        spent += each(do, copies) * len(copies)
    return spent / len(items)


def fresh_copy(text: str) -> str:
    """The same text in a new string, as each request brings it: its hash is not known yet."""
    return text.encode().decode()


def alternating(
    batches: Mapping[str, Batch], rounds: float, deadline: float = math.inf
) -> dict[str, list[float]]:
    """
    The seconds of each batch in each round; every round runs every batch, one after another.

    Args:
        batches: By their names.
        rounds: How many there are at most.
        deadline: By `monotonic`; no round but the first begins after it.
    """
    found: dict[str, list[float]] = {name: [] for name in batches}
    number = 0
    gc.collect()
    gc.disable()
    try:
        while number < rounds and (not number or monotonic() < deadline):
            number += 1
            for name, batch in batches.items():
                found[name].append(batch())
    finally:
        gc.enable()
    return found
