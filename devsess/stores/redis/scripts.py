"""The Lua scripts: each is one transaction of one shard."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from attrs import field, frozen

_FOLDER = files("devsess.stores.redis") / "lua"


@frozen
class Script:
    """
    A script and the digest that a server knows it by.

    Attributes:
        is_read: Whether it may run twice: a read is asked again where its answer was lost.
    """

    text: bytes = field(repr=False)
    digest: str
    is_read: bool


def _text(name: str) -> bytes:
    return (_FOLDER / f"{name}.lua").read_bytes()


@cache
def script(name: str) -> Script:
    """The script *name* of the folder, with what it shares with others before it."""
    is_read = name in _READS
    guard = "guard_read" if is_read else "guard_write"
    shared = ["log"] if name in _ON_THE_LOG else [] if is_read else ["write"]
    shared += ["whole"] if name in _OF_COPIES else []
    parts = [guard, "lib", *shared, name]
    text = b"\n".join(_text(part) for part in parts)
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest(), is_read)


_ON_THE_LOG = frozenset({"changes", "readers", "renew", "season"})
_OF_COPIES = frozenset({"account", "marks", "merge"})
_READS = frozenset(
    {
        "account",
        "ahead",
        "changes",
        "count",
        "cut_off",
        "devices",
        "erased",
        "events",
        "find",
        "get",
        "known_devices",
        "list",
        "live",
        "marks",
        "newest",
        "number",
        "readers",
        "users",
    }
)
