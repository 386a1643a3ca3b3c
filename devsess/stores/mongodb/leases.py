"""
The register of readers that answer from memory; see `SupportsLeases`.

A reader is a document, with the position that it has applied. It is written with the word
of a majority before the log is read, and the log is read with linearizable concern: an
ending that is committed later finds the reader, and one that is not in the answer is later.

The history changes where a reader shows that the log was further than it is (a backup was
restored), and where the collection was emptied. A failover loses nothing that a
majority has taken.
"""

from __future__ import annotations

import math
import secrets
import time
from typing import TYPE_CHECKING, Any

from pymongo import DeleteOne, UpdateOne

from devsess.errors import StoreUnavailableError
from devsess.stores.capabilities import Behind, Renewal
from devsess.stores.mongodb import log
from devsess.stores.mongodb.errors import EmptiedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devsess.stores.mongodb.ports import Document, Port

# Times that a longer lease is written before a renewal fails.
_TRIES = 3
# Seconds between two questions of one `wait`.
_PAUSE = 0.02
# A document beside the header, which only changes of the log write: they alone wake.
_LEASES = "leases"
_NOTES = {"table": "leases", "binds": log.HEADER}
_BOTH = {"_id": {"$in": [log.HEADER, _LEASES]}}


def _key(reader: str) -> str:
    return f"reader/{reader}"


async def renew(port: Port, reader: str, position: object, lease: float) -> Renewal:
    """See SupportsLeases.renew."""
    history, seq, tag = position if log.is_position(position) else ("", -1, "")
    # A number that nobody has had: a counter would begin again after `leave`.
    beat = secrets.randbits(62)
    values = {
        "table": "reader",
        "binds": log.HEADER,
        "reader": reader,
        "beat": beat,
        "history": history,
        "seq": seq,
        "tag": tag,
    }
    for _ in range(_TRIES):
        await port.write([UpdateOne({"_id": _key(reader)}, {"$set": values}, upsert=True)])
        header, noted = await _read(port)
        if log.has_lost(header, position):
            header = await _begin_history(port, header)
        if float(noted.get("lease", 0.0)) >= lease:
            changes = await log.changes_behind(port, header, position)
            return Renewal(changes, str(header["history"]))
        # Before the lease is granted: an ending that finds no reader waits for the longest.
        longest = {"$max": {"lease": float(lease)}, "$set": _NOTES}
        await port.write([UpdateOne({"_id": _LEASES}, longest, upsert=True)])
    raise StoreUnavailableError("the length of the lease could not be written")


async def _read(port: Port) -> tuple[Document, Document]:
    """The log's header, and what is noted of leases."""
    found = {it["_id"]: it for it in await port.find(_BOTH, is_sure=True)}
    if log.HEADER not in found:
        raise EmptiedError
    return found[log.HEADER], found.get(_LEASES, {})


async def _begin_history(port: Port, header: Document) -> Document:
    """Give the log a new name; once, also where several readers have found out."""
    fresh = {"$set": {"history": secrets.token_hex(16)}}
    await port.change_one({"_id": log.HEADER, "history": header["history"]}, fresh)
    return await log.read_header(port)


async def leave(port: Port, reader: str) -> None:
    """See SupportsLeases.leave."""
    await port.write([DeleteOne({"_id": _key(reader)})])


async def expel(port: Port, reader: str, beat: int) -> None:
    """See SupportsLeases.expel."""
    await port.write([DeleteOne({"_id": _key(reader), "beat": beat})])


async def readers_behind(port: Port, position: object) -> Behind:
    """See SupportsLeases.readers_behind."""
    found = await port.find({"binds": log.HEADER}, is_sure=True)
    header = next((it for it in found if it.get("table") == "log"), None)
    if header is None:
        raise EmptiedError
    here = log.position_of(header)
    readers = [it for it in found if it.get("table") == "reader"]
    beats = {str(it["reader"]): int(it["beat"]) for it in readers if _is_behind(it, position, here)}
    noted: Mapping[str, Any] = next((it for it in found if it.get("table") == "leases"), {})
    is_seasoned = noted.get("seasoned") == header["history"]
    return Behind(beats, here[0], is_seasoned, float(noted.get("lease", 0.0)))


def _is_behind(reader: Mapping[str, Any], position: object, here: log.Position) -> bool:
    history, seq = (str(reader["history"]), int(reader["seq"]))
    wanted = position[1] if log.is_position(position) and position[0] == here[0] else math.inf
    if history != here[0] or seq < wanted:
        return True
    # It names an entry that the log does not have: a backup was restored.
    return seq > here[1] or (seq == here[1] and reader["tag"] != here[2])


async def season(port: Port, history: str) -> None:
    """See SupportsLeases.season; should the history change meanwhile, it notes the old one."""
    header, _ = await _read(port)
    if header["history"] == history:
        seasoned = {"$set": {"seasoned": history, **_NOTES}}
        await port.write([UpdateOne({"_id": _LEASES}, seasoned, upsert=True)])


async def wait(port: Port, seconds: float) -> None:
    """See SupportsLeases.wait; a change stream of the log's header alone."""
    deadline = time.monotonic() + seconds
    one = seconds / max(1, math.ceil(seconds / (port.timeout / 2)))
    while True:
        with port.within(port.timeout + one):
            if await port.next_change(log.HEADER, one):
                return
        left = deadline - time.monotonic()
        if left <= 0:
            return
        await port.pause(min(left, _PAUSE))  # should the server have answered at once
