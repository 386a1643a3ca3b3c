"""What the store reads of sessions: whole rows, each with its device and what endings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve
from pymongo import DESCENDING

from devsess.errors import StoreUnavailableError
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking

if TYPE_CHECKING:
    from devsess.stores.mongodb.marks import Marks
    from devsess.stores.mongodb.ports import Document
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


def session_pipeline(collection: str, session_id: str) -> list[Document]:
    """
    Finds a session, with its device and all that binds it, in one request.

    The endings are read after the session. Should an ending that covers it be settled in
    between, `Marks.as_read` finds a number without an ending, and it is read again.
    """
    return [
        {"$match": {"_id": docs.session_key(session_id)}},
        _lookup(collection, "device_key", "_id", "devices"),
        _lookup(collection, "owner", "binds", "marks"),
        {"$unionWith": {"coll": collection, "pipeline": [{"$match": {"binds": docs.MARK}}]}},
    ]


def _lookup(collection: str, local: str, foreign: str, name: str) -> Document:
    return {
        "$lookup": {
            "from": collection,
            "localField": local,
            "foreignField": foreign,
            "as": name,
        }
    }


def session_in(found: Sequence[Mapping[str, Any]]) -> SessionRow | None:
    """The row that `session_pipeline` finds, as it reads; None if there is none."""
    sessions = [it for it in found if it.get("table") == "session"]
    bound = [it for it in found if it.get("table") != "session"]
    if not sessions:
        marking.marks_from(bound)
        return None
    [session] = sessions
    marks = marking.marks_from([*bound, *session["marks"]])
    devices = [docs.device_from(it) for it in session["devices"]]
    return marks.as_read(docs.session_from(session, with_device(session, devices)))


def newest_pipeline(collection: str, where: Document, limit: int) -> list[Document]:
    """
    Finds so many sessions, the newest sign-ins, each with its device, which is read after it.

    The device is unwound: of the servers that only speak the protocol one gives a list as text.
    """
    return [
        {"$match": where},
        {"$sort": {"created_at": DESCENDING, "id": DESCENDING}},
        {"$limit": limit},
        _lookup(collection, "device_key", "_id", "found_device"),
        {"$unwind": {"path": "$found_device", "preserveNullAndEmptyArrays": True}},
    ]


def newest_in(found: Sequence[Document]) -> list[Document]:
    """The documents that `newest_pipeline` finds, among others, in its order."""
    sessions = [it for it in found if it.get("table") == "session"]
    return sorted(sessions, key=lambda it: (it["created_at"], it["id"]), reverse=True)


def joined(session: Mapping[str, Any]) -> SessionRow:
    """
    The row of a document that `newest_pipeline` finds, as it is written.

    Raises:
        StoreUnavailableError: If its device is lost.
    """
    device = session.get("found_device")
    devices = [] if device is None else [docs.device_from(device)]
    return docs.session_from(session, with_device(session, devices))


def with_device(session: Mapping[str, Any], devices: Sequence[DeviceRow]) -> DeviceRow:
    """
    The device of *session* among *devices*.

    Raises:
        StoreUnavailableError: If it is lost.
    """
    for device in devices:
        if device.id == session.get("device"):
            return device
    raise StoreUnavailableError("a session has lost its device; restore a backup")


def account_pipeline(
    collection: str, user_id: str, digests: Sequence[bytes], *others: Sequence[Document]
) -> list[Document]:
    """
    Finds all that binds an account, and then what *others* find, in one request.

    The endings are read first: one that is settled in between has written its rows by then.
    """
    return [
        {"$match": docs.bound_by(user_id, digests)},
        *({"$unionWith": {"coll": collection, "pipeline": list(it)}} for it in others),
    ]


def sessions_in(found: Sequence[Mapping[str, Any]], marks: Marks) -> list[SessionRow]:
    """The sessions among *found*, as they read, with their devices that are there too."""
    devices = {it["id"]: docs.device_from(it) for it in found if it.get("table") == "device"}
    rows = [it for it in found if it.get("table") == "session"]
    return [marks.as_read(docs.session_from(it, _of(devices, it["device"]))) for it in rows]


def _of(devices: Mapping[str, DeviceRow], device_id: str) -> DeviceRow:
    return with_device({"device": device_id}, [*filter(None, [devices.get(device_id)])])


def devices_in(found: Sequence[Mapping[str, Any]]) -> list[DeviceRow]:
    """The devices among *found*: the latest sign-in first, then by id; each once."""
    rows = {it["id"]: docs.device_from(it) for it in found if it.get("table") == "device"}
    kept = [row for row in rows.values() if not row.forgotten]
    return sorted(kept, key=lambda row: (-row.last_seen_at, row.id))


def reduced(event: EventRow) -> EventRow:
    """*event* as it reads once its session has ended."""
    return evolve(event, ip=event.network)
