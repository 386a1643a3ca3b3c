"""Figures from many rounds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from devsess.tuning.timing import Batch, alternating


def best(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """
    Each batch's best round: its cost when nothing else is in its way.

    Each runs once before, so that repeated tokens have been seen.
    """
    for batch in batches.values():
        batch()
    return {name: min(seconds) for name, seconds in alternating(batches, rounds).items()}


def typical(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """Each batch's median round: for waits for a disk, whose luck is part of the cost."""
    return {
        name: statistics.median(seconds) for name, seconds in alternating(batches, rounds).items()
    }
