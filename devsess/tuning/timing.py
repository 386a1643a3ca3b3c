"""Time things so that a noisy machine is as unfair to one as to the other."""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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


def each_anew(do: Callable[[T], object], items: Sequence[T], make: Callable[[T], T]) -> float:
    """
    Seconds per item to *do* all *items*, each made again by *make* just before.

    As a request brings its texts: in strings of their own, whose hashes are not known, but which
    the processor has just touched. Making them does not count.
    """
    spent = 0.0
    for start in range(0, len(items), MADE_AT_ONCE):
        made = [make(item) for item in items[start : start + MADE_AT_ONCE]]
        spent += each(do, made) * len(made)
    return spent / len(items)


def anew(text: str) -> str:
    """The same text in a new string, as each request brings it: its hash is not known yet."""
    return text.encode().decode()


def alternating(
    batches: Mapping[str, Batch], rounds: int, deadline: float = math.inf
) -> dict[str, list[float]]:
    """
    The seconds of each batch in each round; every round runs every batch, one after another.

    Args:
        batches: By their names.
        rounds: How many there are at most.
        deadline: By `monotonic`; no round but the first begins after it.
    """
    found: dict[str, list[float]] = {name: [] for name in batches}
    with _undisturbed():
        for number in range(rounds):
            if number and monotonic() > deadline:
                break
            for name, batch in batches.items():
                found[name].append(batch())
    return found


def best(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """Each batch's best round: what it costs when nothing else is in its way."""
    return {name: min(seconds) for name, seconds in alternating(batches, rounds).items()}


def typical(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """Each batch's median round: for what waits for a disk, whose luck is part of the cost."""
    return {
        name: statistics.median(seconds) for name, seconds in alternating(batches, rounds).items()
    }


@contextmanager
def _undisturbed() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
