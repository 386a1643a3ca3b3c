"""Mutants that change nothing anybody could see, and why: by file, then place and change."""

from __future__ import annotations

EQUIVALENTS: dict[str, dict[tuple[str, str], str]] = {}
