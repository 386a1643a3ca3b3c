"""Between the records of `devsess.stores.rows` and the columns of the tables."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from attrs import fields

from devsess.stores import as_json
from devsess.stores.items import Item
from devsess.stores.rows import DeviceRow, EventRow, SessionRow
from devsess.stores.semantics import Covering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

# Kept as JSON: nothing is found by them.
_AS_JSON = ("location", "amr", "levels", "impersonator", "assessment")
# The ends of what every database's number can be.
_MOST = 1e300

SESSION = tuple(it.name for it in fields(SessionRow) if it.name != "device")
DEVICE = tuple(it.name for it in fields(DeviceRow))
_OF_DEVICE = {name: f"d_{name}" for name in DEVICE}
EVENT = tuple(it.name for it in fields(EventRow))
ITEM = tuple(it.name for it in fields(Item))
COVERING = tuple(it.name for it in fields(Covering))
# Texts that rows are found by, and so are no longer than an index allows.
LONGEST = 255


def is_storable(text: str) -> bool:
    """Whether a row can be found by *text* at all."""
    if len(text) > LONGEST or "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def finite(number: float) -> float:
    """*number*, or one beyond every instant in the place of an infinite one."""
    return min(max(number, -_MOST), _MOST) if math.isinf(number) else number


def session_values(row: SessionRow) -> dict[str, Any]:
    """The columns of a session."""
    plain = _values(row)
    return plain | {"device_id": plain.pop("device")}


def device_values(row: DeviceRow) -> dict[str, Any]:
    """The columns of a device."""
    return _values(row)


def event_values(row: EventRow) -> dict[str, Any]:
    """The columns of an event, but for its place."""
    plain = _values(row)
    return {name: plain[name] for name in EVENT}


def item_values(item: Item) -> dict[str, Any]:
    """The columns of an item."""
    return {name: getattr(item, name) for name in ITEM}


def covering_values(by: Covering) -> dict[str, Any]:
    """The columns of an ending whose rows follow."""
    plain = {name: getattr(by, name) for name in COVERING}
    spans = {name: finite(plain[name]) for name in ("at", "idle_after", "created_after")}
    return plain | spans


def session_row(found: Row[Any]) -> SessionRow:
    """The session of a row with the columns of its device behind its own, named `d_...`."""
    columns = found._mapping
    plain = _plain(columns, SESSION)
    device = {name: columns[label] for name, label in _OF_DEVICE.items()}
    return as_json.session_from(plain | {"device": device["id"]}, as_json.device_from(device))


def device_row(found: Row[Any]) -> DeviceRow:
    """The device of a row."""
    return as_json.device_from(_plain(found._mapping, DEVICE))


def event_row(found: Row[Any]) -> EventRow:
    """The event of a row."""
    return as_json.event_from(_plain(found._mapping, EVENT))


def item_row(found: Row[Any]) -> Item:
    """The item of a row."""
    return as_json.item_from(_plain(found._mapping, ITEM))


def covering_row(found: Row[Any]) -> Covering:
    """The ending of a row."""
    return Covering(**_plain(found._mapping, COVERING))


def _values(row: SessionRow | DeviceRow | EventRow) -> dict[str, Any]:
    plain = as_json.as_plain(row)
    for name in _AS_JSON:
        if plain.get(name) is not None:
            plain[name] = json.dumps(plain[name])
    return plain


def _plain(found: Mapping[Any, Any], names: tuple[str, ...]) -> dict[str, Any]:
    plain = {name: found[name] for name in names}
    for name in _AS_JSON:
        if plain.get(name) is not None:
            plain[name] = _loaded(plain[name])
    return plain


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise as_json.UnreadableRowError(f"this is no JSON that devsess wrote: {error}") from error
