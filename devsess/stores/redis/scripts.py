"""The Lua scripts: each is one transaction of one shard."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from attrs import field, frozen

from devsess.stores.redis import counts

_FOLDER = files("devsess.stores.redis") / "lua"


@frozen
class Script:
    """
    A script and the digest that a server knows it by.

    Attributes:
        is_read: Whether it may run twice: a read is asked again where its answer was lost.
        is_kept: Whether it must be on the disk where that is asked for: what it writes is
            missed after a crash, unlike the activity of a session and the register of readers.
    """

    text: bytes = field(repr=False)
    digest: str
    is_read: bool
    is_kept: bool


def _text(name: str) -> bytes:
    return (_FOLDER / f"{name}.lua").read_bytes()


@cache
def script(name: str) -> Script:
    """The script *name* of the folder, with what it shares with others before it."""
    is_read = name in _READS
    guard = "guard_read" if is_read else "guard_write"
    shared = ["lib"] if is_read else ["lib", "counts", "write"]
    shared = ["log"] if name in _ON_THE_LOG else shared
    shared += ["of_items"] if name in _OF_ITEMS else []
    shared += ["copies"] if name in _OF_COPIES else []
    shared += ["of_search"] if name in _OF_SEARCH else []
    parts = [_text(part) for part in (guard, "base", *shared, name)]
    text = b"\n".join([counts.law(), *parts] if "counts" in shared else parts)
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    return Script(text, digest, is_read, is_kept=not is_read and name not in _FLEETING)


_ON_THE_LOG = frozenset({"changes", "readers", "renew", "season"})
# "covered" writes nothing, and shares a part with those that write.
_FLEETING = frozenset({"about", "covered", "expel", "leave", "renew", "season", "touch"})
_OF_COPIES = frozenset({"account", "adopt", "marks", "merge"})
_OF_ITEMS = frozenset({"erase", "insert", "items", "merge", "purge", "put_item"})
_OF_SEARCH = frozenset({"count_found", "search"})
_READS = frozenset(
    {
        "account",
        "acts",
        "ahead",
        "changes",
        "count",
        "count_found",
        "counted",
        "cut_off",
        "devices",
        "erased",
        "events",
        "find",
        "get",
        "items",
        "known_devices",
        "list",
        "live",
        "marks",
        "newest",
        "number",
        "poll",
        "queue",
        "readers",
        "search",
        "sums",
        "there",
        "users",
    }
)
