"""Text that others wrote, made safe to keep, to log and to print."""

from __future__ import annotations

import re

# C0, DEL and C1; bidirectional controls; line and paragraph separators. They
# forge lines in logs and turn text around in terminals.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def clean_text(value: str | None, limit: int) -> str | None:
    """
    The first *limit* characters of *value*, safe to log and to print; None if nothing is left.

    Control characters, bidirectional controls and line separators are removed,
    lone surrogates replaced. Cut first: a huge header costs no more than a short one.

    Raises:
        TypeError: If *value* is neither text nor None.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"text must be a str or None, not {type(value).__name__}")
    text = value[:limit]
    if not text.isprintable():  # nor is any character of those two
        text = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))
    return text.strip() or None
