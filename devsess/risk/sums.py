"""An assessment as a sum that a person can check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devsess.models import Assessment


def base_of(found: Assessment) -> int:
    """The points at which the sum began."""
    return found.score - sum(it.weight for it in found.signals)


def added_up(found: Assessment) -> str:
    """Such as "+20 unknown device, +15 hosting network, -50 base = -15: allow"."""
    base = base_of(found)
    if not found.signals and not base:
        return f"nothing was evaluated: {found.decision.value.replace('_', ' ')}"
    parts = [f"{it.weight:+d} {it.message}" for it in found.signals]
    decision = found.decision.value.replace("_", " ")
    return f"{', '.join([*parts, f'{base:+d} base'])} = {found.score}: {decision}"
