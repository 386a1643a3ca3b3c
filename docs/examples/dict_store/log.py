"""The change log. A position is the name of the store and the place of the latest entry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeGuard

from devsess.stores import semantics
from devsess.stores.base import ALL, Changes
from dict_store.tables import entry_key

if TYPE_CHECKING:
    from dict_store.tables import Tables


async def changes(tables: Tables, position: object) -> Changes:
    """See Store.changes."""
    meta = await tables.meta()
    here = (meta["name"], meta["last_change"])
    if not _is_position(position) or not await is_known(tables, position):
        return Changes(here, ALL)
    behind = range(position[1] + 1, here[1] + 1)
    if len(behind) > semantics.LOG_READ:
        return Changes(here, ALL)
    found = [json.loads(await tables.get(entry_key(seq)) or "null") for seq in behind]
    return Changes(here, ALL if None in found else tuple(dict.fromkeys(found)))


async def is_known(tables: Tables, position: object) -> bool:
    """Whether all entries behind *position* are there."""
    meta = await tables.meta()
    return (
        _is_position(position)
        and position[0] == meta["name"]
        and meta["first_change"] <= position[1] <= meta["last_change"]
    )


def has_reached(applied: object, position: object, history: str) -> bool:
    """Whether a reader that has *applied* so much has applied all changes up to *position*."""
    return (
        _is_position(applied)
        and _is_position(position)
        and applied[0] == position[0] == history
        and applied[1] >= position[1]
    )


def next_key(position: object) -> str | None:
    """The key that appears when the log grows beyond *position*."""
    return entry_key(position[1] + 1) if _is_position(position) else None


def _is_position(value: object) -> TypeGuard[tuple[str, int]]:
    return isinstance(value, (tuple, list)) and len(value) == 2
