"""Figures from many rounds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from devsess.tuning.timing import Batch, alternating


def best(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """
    Each batch's best round: its cost when nothing else is in its way.

    Each runs once before, so that repeated tokens have been seen.
    """
    for batch in batches.values():
        batch()
    return {name: min(seconds) for name, seconds in alternating(batches, rounds).items()}


def typical_on_each(sides: Sequence[Mapping[str, Batch]], rounds: int) -> list[dict[str, float]]:
    """
    Each side's batches, by their median round; a round runs those of all sides.

    Between one side and the next the machine's speed may change by more than the cost does.
    """
    names = [*sides[0]]
    batches = {f"{name} {at}": side[name] for name in names for at, side in enumerate(sides)}
    seconds = typical(batches, rounds)
    return [{name: seconds[f"{name} {at}"] for name in names} for at, _ in enumerate(sides)]


def typical(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """Each batch's median round: for waits for a disk, whose luck is part of the cost."""
    return {
        name: statistics.median(seconds) for name, seconds in alternating(batches, rounds).items()
    }
