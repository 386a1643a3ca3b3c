"""
Rows as documents of one collection, and back.

    session/ID  device/USER/ID  event/PLACE          a row each, by column
    item/KIND/OWNER/KEY        an item, whole
    account/USER  mark         the ending number and cut-off of an account, and of the store
    pending/NUMBER             an ending whose rows follow
    erased/DIGEST              the ending number of an erased account
    open/USER                  how many sessions are open to an account; none has 0
    gate/N                     written by each transaction of the accounts that pass it
    log  page/N  reader/ID     see `log` and `leases`
    schema                     the steps that were taken

All are in one collection, so that a transaction writes them with one request. `binds` is
what an ending binds: sign-ins find marks, accounts and endings by it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields

from devsess.stores import as_json, searching
from devsess.stores.mongodb.ports import Document
from devsess.stores.rows import DeviceRow, EventRow, SessionRow
from devsess.stores.semantics import Covering

if TYPE_CHECKING:
    from datetime import datetime

    from devsess.stores.items import Item

# Of an ending of everyone, and of what each transaction of an account writes.
MARK = "mark"
GATES = 64
ALL_GATES = [f"gate/{it}" for it in range(GATES)]
# Events that a transaction may write under one number of its gates.
PLACES = 2_048

# Finds the endings whose rows follow.
PENDING = {"pending": True}

# The server itself deletes what no purge has: rows so long after the end of their absolute
# lifetime or of their own, and events after they were written. Longer than the default policy
# keeps them.
TTL_MARGIN = timedelta(days=400)
_LONGEST = 10_000 * 86_400.0
# Before every instant.
_EVER = -1e308

_SESSION = tuple(each.name for each in fields(SessionRow) if each.name != "device")
_DEVICE = tuple(each.name for each in fields(DeviceRow))
_EVENT = tuple(each.name for each in fields(EventRow))
_COVERING = tuple(each.name for each in fields(Covering))
_FLAGS = ("bound", "presented", "persistent")
_END = ("revoked_at", "reason", "actor")

# Ending needs no label, and must not fail where a device is lost.
_NOBODYS = DeviceRow("", "", "", "unknown", "", "", 0.0, 0.0)


def is_text(*texts: str) -> bool:
    """Whether they can be in a document at all: a lone surrogate cannot."""
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Keys.


def session_key(session_id: str) -> str:
    """The key of a session."""
    return f"session/{session_id}"


def device_key(user_id: str, device_id: str) -> str:
    """The key of a device; the length parts the two ids."""
    return f"device/{len(user_id)}/{user_id}/{device_id}"


def item_key(item: Item) -> str:
    """The key of an item."""
    return _item_key(item.kind, item.owner, item.key)


def keyless_item(kind: str, owner: str) -> str:
    """The key of an item that has none of its own."""
    return _item_key(kind, owner, "")


def _item_key(kind: str, owner: str, key: str) -> str:
    return f"item/{len(kind)}/{kind}/{len(owner)}/{owner}/{key}"


def account_key(user_id: str | None) -> str:
    """The key of an account's mark, or of the store's."""
    return MARK if user_id is None else f"account/{user_id}"


def open_document(user_id: str, sessions: int) -> Document:
    """How many sessions are open to an account."""
    return {"_id": open_key(user_id), "table": "open", "user_id": user_id, "sessions": sessions}


def open_key(user_id: str) -> str:
    """The key of the number of an account's open sessions."""
    return f"open/{user_id}"


def erased_key(digest: bytes) -> str:
    """The key of an erased account's number."""
    return f"erased/{digest.hex()}"


def gate_key(user_id: str) -> str:
    """The key of the gate that an account passes."""
    return f"gate/{gate_number(user_id)}"


def gate_number(user_id: str) -> int:
    """The number of the gate that an account passes."""
    return zlib.crc32(user_id.encode()) % GATES


def place(user_id: str, first: int, number: int) -> int:
    """
    The place in the history of an account's event, the transaction's *number*-th.

    In the order of *first*, which the gate has given to nobody else, then of the gates.
    """
    return ((first + number // PLACES) * GATES + gate_number(user_id)) * PLACES + number % PLACES


def last_place(gate: int, last: int) -> int:
    """The highest place that a gate can have given when its number was *last*."""
    return (last * GATES + gate) * PLACES + PLACES - 1


def gate_of(place: int) -> int:
    """The gate that has given *place*."""
    return place // PLACES % GATES


def bound_by(user_id: str, digests: Sequence[bytes] = ()) -> Document:
    """Finds all that endings have written about an account."""
    return {"binds": {"$in": [MARK, account_key(user_id), *map(erased_key, digests)]}}


# Rows.


def session_document(row: SessionRow) -> Document:
    """*row* as a document; `open` unless it is written as ended, `queued` too if it has points."""
    plain = as_json.as_plain(row)
    if row.revoked_at is None:
        plain = {name: it for name, it in plain.items() if name not in _END} | {"open": True}
        plain |= {} if row.score is None else {"queued": row.score}
    return plain | {
        "_id": session_key(row.id),
        "table": "session",
        "owner": account_key(row.user_id),
        "device_key": device_key(row.user_id, row.device.id),
    }


def session_values(row: SessionRow, names: Iterable[str]) -> Document:
    """The columns *names* of *row*, as `session_document` has them."""
    document = session_document(row)
    values = {name: document[name] for name in names}
    return values | ({"queued": row.score} if "score" in values else {})


def ended_values(at: float, reason: str, actor: str | None) -> Document:
    """The change that writes sessions as ended; without its address a row has its network."""
    return {
        "$set": {"revoked_at": at, "reason": reason, "actor": actor},
        "$unset": {"open": "", "ip": "", "queued": ""},
    }


def session_from(document: Mapping[str, Any], device: DeviceRow | None = None) -> SessionRow:
    """The row of a session, with its *device* or a stand-in of that id."""
    plain = _columns(document, _SESSION)
    # Of the servers that only speak the protocol some give a number back.
    plain |= {name: bool(plain[name]) for name in _FLAGS if plain.get(name) in (0, 1)}
    return as_json.session_from(plain, device or _stand_in(document))


def _stand_in(document: Mapping[str, Any]) -> DeviceRow:
    plain = as_json.as_plain(_NOBODYS)
    ids = {"id": document.get("device"), "user_id": document.get("user_id")}
    return as_json.device_from(plain | ids)


def device_document(row: DeviceRow) -> Document:
    """*row* as a document."""
    return as_json.as_plain(row) | {
        "_id": device_key(row.user_id, row.id),
        "table": "device",
        "owner": account_key(row.user_id),
    }


def device_from(document: Mapping[str, Any]) -> DeviceRow:
    """The row of a device."""
    return as_json.device_from({name: document[name] for name in _DEVICE if name in document})


def fingerprint(digest: bytes) -> str:
    """A device's fingerprint, as its document has it."""
    return str(as_json.as_plain(evolve(_NOBODYS, fingerprint=digest))["fingerprint"])


def event_document(row: EventRow, place: int) -> Document:
    """*row* as a document; `alike` is what the history keeps so many of, `act` an operator's."""
    return as_json.as_plain(row) | {
        "_id": f"event/{place}",
        "table": "event",
        "place": place,
        "gate": gate_of(place),
        "alike": alike(row),
        "counted": True,
        **({"act": True} if searching.is_act(row) else {}),
    }


def alike(row: EventRow) -> str:
    """Of a session, or, where none is named, of an account."""
    whose = f"session/{row.session_id}" if row.session_id else f"account/{row.user_id}"
    return f"{row.type.value}/{whose}"


def event_from(document: Mapping[str, Any]) -> EventRow:
    """The row of an event."""
    return as_json.event_from(_columns(document, _EVENT))


def item_document(item: Item) -> Document:
    """*item* as a document; it is an account's if its owner is."""
    return {
        "_id": item_key(item),
        "table": "item",
        "owner": account_key(item.owner),
        "user_id": item.owner,
        "item": as_json.as_plain(item),
    }


def item_from(document: Mapping[str, Any]) -> Item:
    """The item that `item_document` gave."""
    return as_json.item_from(document["item"])


def _columns(document: Mapping[str, Any], names: Sequence[str]) -> Document:
    plain = {name: document[name] for name in names if name in document}
    return plain if "ip" in plain else plain | {"ip": plain.get("network")}


def dies_at(begin: datetime, seconds: float) -> datetime:
    """When the server deletes what lives for so many seconds from *begin*, by its own clock."""
    return begin + timedelta(seconds=min(max(seconds, 0.0), _LONGEST)) + TTL_MARGIN


# Endings.


def mark_document(user_id: str, number: int, cut_off: float | None) -> Document:
    """The latest ending of an account, as a document."""
    key = account_key(user_id)
    values = {"number": number, "cut_off": cut_off, "user_id": user_id}
    return {"_id": key, "binds": key, "table": "mark", **values}


def erased_document(digest: bytes, number: int, until: float) -> Document:
    """The number of an erased account, as a document."""
    key = erased_key(digest)
    return {"_id": key, "binds": key, "table": "erased", "number": number, "until": until}


def pending_document(by: Covering) -> Document:
    """An ending whose rows follow, as a document."""
    # Of the servers that only speak the protocol one knows no infinity.
    bounds = {name: max(getattr(by, name), _EVER) for name in ("idle_after", "created_after")}
    values = {name: getattr(by, name) for name in _COVERING}
    return (
        values
        | bounds
        | {
            "_id": f"pending/{by.number}",
            "table": "pending",
            "pending": True,
            "binds": account_key(by.user_id),
        }
    )


def covering_from(document: Mapping[str, Any]) -> Covering:
    """The ending that `pending_document` gave."""
    return Covering(**{name: document[name] for name in _COVERING})
