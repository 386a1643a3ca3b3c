"""The forms in which keys are given, and the purposes for which secrets are derived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

KeySource: TypeAlias = str | bytes | Mapping[str, Any]
Purpose: TypeAlias = Literal[
    "refresh", "device", "fingerprint", "account", "notice", "held", "ending", "ticket"
]

# RFC 7518 §3.2: at least as long as the hash.
MIN_SECRET = 32
HOW_TO = "make a good one with: devsess keys new"
