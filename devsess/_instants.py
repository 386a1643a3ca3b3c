"""Instants as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def iso(instant: datetime | None) -> str | None:
    """*instant* as RFC 3339 in UTC, to the second."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ") if instant else None
