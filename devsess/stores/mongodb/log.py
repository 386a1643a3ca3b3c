"""
The change log: a header with the number of the last entry, and pages of entries.

A transaction that appends writes the header, so that two which append conflict and one
begins again with the next number: entries are committed in the order of their numbers,
and no reader that has seen one will ever find a lower one new. Readers read the header
with linearizable concern, so that no deposed primary says that nothing was appended.

A position is the log's history, a number, and the tag that was written with that entry: a
backup that was restored and grew again has other tags at the same numbers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from pymongo import DeleteMany, UpdateOne

from devsess.stores import semantics
from devsess.stores.base import ALL, Changes
from devsess.stores.mongodb.errors import EmptiedError

if TYPE_CHECKING:
    from devsess.stores.mongodb.ports import Document, Port

HEADER = "log"
# Entries a page, and how many pages there are at most where nobody purges.
PAGE = 1_000
_PAGES = 20
# An entry is a tag, and "=" with an id, or "*" for all sessions.
_TAG = 8
_ALL = "*"

Position = tuple[str, int, str]


def new_header() -> Document:
    """The values of the header of a new log; its history is unlike any other."""
    return {
        "binds": HEADER,
        "table": "log",
        "history": secrets.token_hex(16),
        "seq": 0,
        "tag": secrets.token_hex(_TAG // 2),
    }


def first_page(tag: str) -> Document:
    """The values of the first page: the entry before the first change."""
    return {"table": "page", "first": 0, "page": 0, "entries": [tag + _ALL]}


def page_key(page: int) -> str:
    """The key of a page."""
    return f"page/{page}"


def appended(header: Mapping[str, Any], ids: Sequence[str | None], tag: str) -> list[Any]:
    """
    The writes that append *ids* behind *header*.

    Of more than a reader is ever given one by one, one entry says that all may have changed.
    """
    if len(ids) > semantics.LOG_READ:
        ids = [None]
    begin = int(header["seq"]) + 1
    entries = [tag + (_ALL if it is None else "=" + it) for it in ids]
    last = begin + len(entries) - 1
    writes: list[Any] = [UpdateOne({"_id": HEADER}, {"$set": {"seq": last, "tag": tag}})]
    for page in range(begin // PAGE, last // PAGE + 1):
        first = max(begin, page * PAGE)
        these = entries[first - begin : (page + 1) * PAGE - begin]
        fresh = {"table": "page", "page": page, "first": first}
        change = {"$push": {"entries": {"$each": these}}, "$setOnInsert": fresh}
        writes.append(UpdateOne({"_id": page_key(page)}, change, upsert=True))
        if first == page * PAGE:
            writes.append(DeleteMany({"table": "page", "page": {"$lte": page - _PAGES}}))
    return writes


def position_of(header: Mapping[str, Any]) -> Position:
    """Where the log stands."""
    return (str(header["history"]), int(header["seq"]), str(header["tag"]))


async def read_header(port: Port) -> Document:
    """
    The header, as it stands now.

    Raises:
        EmptiedError: If there is none.
    """
    found = await port.find({"_id": HEADER}, is_sure=True)
    if not found:
        raise EmptiedError
    return found[0]


def has_lost(header: Mapping[str, Any], position: object) -> bool:
    """Whether the log once was further than it is: *position* is of its history, and ahead."""
    here = position_of(header)
    if not is_position(position) or position[0] != here[0]:
        return False
    return position[1] > here[1] or (position[1] == here[1] and position[2] != here[2])


async def changes_behind(port: Port, header: Mapping[str, Any], position: object) -> Changes:
    """The changes behind *position*, as Store.changes says."""
    here = position_of(header)
    if position == here:
        return Changes(here, ())
    if not is_position(position) or position[0] != here[0]:
        return Changes(here, ALL)
    behind = here[1] - position[1]
    if not 0 < behind <= semantics.LOG_READ:
        return Changes(here, ALL)
    pages = range(position[1] // PAGE, here[1] // PAGE + 1)
    found = await port.find({"_id": {"$in": [page_key(page) for page in pages]}})
    return Changes(here, _named(found, position, here[1]))


def _named(pages: Sequence[Mapping[str, Any]], position: Position, last: int) -> Any:
    entries = {
        int(page["first"]) + place: str(entry)
        for page in pages
        for place, entry in enumerate(page["entries"])
    }
    own = entries.get(position[1], "")
    behind = [entries.get(seq, _ALL * (_TAG + 1)) for seq in range(position[1] + 1, last + 1)]
    if own[:_TAG] != position[2] or any(it[_TAG] == _ALL for it in behind):
        return ALL
    return tuple(dict.fromkeys(it[_TAG + 1 :] for it in behind))


def is_position(position: object) -> TypeGuard[Position]:
    """Whether *position* is one of a log."""
    return isinstance(position, tuple) and len(position) == 3
