"""
The register of the readers that answer from memory, within one transaction.

    leases          the latest beat, the longest lease, and the history that is seasoned
    reader/ID       the position that a reader has applied, and its beat

The log's history is the store's name: a server that starts again has an empty dict, and
another name. A transaction sees one instant, so a reader is registered and reads
the log at the same one: an ending comes before it, and is read, or after it, and finds the reader.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from devsess.stores.capabilities import Behind, Renewal
from dict_store import log

if TYPE_CHECKING:
    from dict_store.tables import Tables


async def renew(tables: Tables, reader: str, position: object, lease: float) -> Renewal:
    """See SupportsLeases.renew."""
    changes = await log.changes(tables, position)
    numbers = await _numbers(tables)
    beat = numbers["last_beat"] + 1
    _put_numbers(tables, numbers | {"last_beat": beat, "lease": max(lease, numbers["lease"])})
    applied = position if await log.is_known(tables, position) else None
    tables.put(_key(reader), json.dumps({"position": applied, "beat": beat}))
    return Renewal(changes, await _history(tables))


async def leave(tables: Tables, reader: str) -> None:
    """See SupportsLeases.leave."""
    if await tables.get(_key(reader)) is not None:
        tables.put(_key(reader), None)


async def readers_behind(tables: Tables, position: object) -> Behind:
    """See SupportsLeases.readers_behind."""
    numbers, history = await _numbers(tables), await _history(tables)
    readers = {key: json.loads(text) for key, text in (await tables.scan("reader/")).items()}
    beats = {
        key.partition("/")[2]: found["beat"]
        for key, found in readers.items()
        if not log.has_reached(found["position"], position, history)
    }
    return Behind(beats, history, numbers["seasoned"] == history, numbers["lease"])


async def expel(tables: Tables, reader: str, beat: int) -> None:
    """See SupportsLeases.expel."""
    text = await tables.get(_key(reader))
    if text is not None and json.loads(text)["beat"] == beat:
        tables.put(_key(reader), None)


async def season(tables: Tables, history: str) -> None:
    """See SupportsLeases.season."""
    if history == await _history(tables):
        _put_numbers(tables, await _numbers(tables) | {"seasoned": history})


async def _history(tables: Tables) -> str:
    history: str = (await tables.meta())["name"]
    return history


async def _numbers(tables: Tables) -> dict[str, Any]:
    text = await tables.get("leases")
    found: dict[str, Any] = (
        json.loads(text) if text else {"last_beat": 0, "lease": 0.0, "seasoned": None}
    )
    return found


def _put_numbers(tables: Tables, numbers: dict[str, Any]) -> None:
    tables.put("leases", json.dumps(numbers))


def _key(reader: str) -> str:
    return f"reader/{reader}"
