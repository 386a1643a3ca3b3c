"""The steps that make a collection the store's: additive, in order, safe at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from devsess.errors import StoreUnavailableError
from devsess.stores import searching
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import log, statistics

if TYPE_CHECKING:
    from devsess.stores.mongodb.ports import Document, Port

_KEY = "schema"

# Each index holds only documents of its kind. A row that is not written as ended has `open`,
# a written one `revoked_at`, and those that endings and lists find have `owner`.
_OPEN = {"open": True}
_EVENT = {"table": "event"}
_SESSION = {"table": "session"}
_COUNTS = {"counts": {"$exists": True}}
_DEVICE = {"table": "device"}


def _index(name: str, *columns: str, where: dict[str, Any] | None = None) -> IndexModel:
    keys = [(it.lstrip("-"), DESCENDING if it.startswith("-") else ASCENDING) for it in columns]
    partial = {"sparse": True} if where is None else {"partialFilterExpression": where}
    return IndexModel(keys, name=f"devsess_{name}", **partial)


_INDEXES = (
    _index("binds", "binds"),
    _index("owned", "owner", "table", "-created_at", "-id", where={"owner": {"$exists": True}}),
    _index("seen", "owner", "-last_seen_at", "id", where=_DEVICE),
    _index("fingerprints", "owner", "fingerprint", where=_DEVICE),
    _index("used", "device_key"),
    _index("covered", "ending_number", "user_id", "device", "id", where=_OPEN),
    _index("deadlines", "-idle_expires_at", "id", where=_OPEN),
    _index("ended", "revoked_at"),
    _index("history", "user_id", "-place", where=_EVENT),
    _index("places", "-place", where=_EVENT),
    _index("events", "session_id", where=_EVENT),
    _index("old", "at", where=_EVENT),
    _index("alike", "alike"),
    _index("pages", "page"),
    _index("pending", "pending"),
    _index("erased", "until"),
    IndexModel([("dies_at", ASCENDING)], name="devsess_ttl", expireAfterSeconds=0, sparse=True),
)


async def _documents(port: Port) -> None:
    """The store's own documents: each only if it is not there, so that two may do it at once."""
    header = log.new_header()
    mark = {"binds": docs.MARK, "table": "mark", "number": 0, "last_number": 0, "cut_off": None}
    made = {docs.MARK: mark, log.HEADER: header}
    made |= {it: {"table": "gate", "last": 0} for it in docs.ALL_GATES}
    await port.write(
        [UpdateOne({"_id": key}, {"$setOnInsert": it}, upsert=True) for key, it in made.items()]
    )
    first = log.first_page((await log.read_header(port))["tag"])
    await port.write([UpdateOne({"_id": "page/0"}, {"$setOnInsert": first}, upsert=True)])


async def _indexes(port: Port) -> None:
    await port.create_indexes(_INDEXES)


async def _item_index(port: Port) -> None:
    await port.create_indexes([_index("items", "item.until", where={"table": "item"})])


# Documents of one request.
_AT_ONCE = 1_000


async def _gates_of_events(port: Port) -> None:
    """Each event names its gate, so that those behind a place at one gate are found at once."""
    await port.create_indexes([_index("polled", "gate", "place", where=_EVENT)])
    without = {"table": "event", "gate": {"$exists": False}}
    while found := await port.find(without, limit=_AT_ONCE, fields={"place": 1}):
        gates = [(it["_id"], docs.gate_of(int(it["place"]))) for it in found]
        await port.write([UpdateOne({"_id": key}, {"$set": {"gate": it}}) for key, it in gates])


async def _search(port: Port) -> None:
    """Sessions are found by sign-in, those to review by their points, and operators' events."""
    newest = ("-created_at", "-id")
    await port.create_indexes(
        [
            _index("newest", *newest, where=_SESSION),
            _index("networks", "network", *newest, where=_SESSION),
            _index("devices", "device", *newest, where=_SESSION),
            _index("queue", "-queued", *newest, where={"queued": {"$exists": True}}),
            _index("acts", "act", "-place", where={"act": True}),
        ]
    )
    await _each(port, "session", _queued)
    await _each(port, "event", _marked_act)


async def _each(port: Port, table: str, change_of: Callable[[Document], UpdateOne | None]) -> None:
    """Carry out the changes of a table's documents, page by page in the order of their keys."""
    keys = {"$gt": f"{table}/", "$lt": f"{table}0"}
    while found := await port.find({"_id": keys}, sort=[("_id", ASCENDING)], limit=_AT_ONCE):
        if changes := [*filter(None, map(change_of, found))]:
            await port.write(changes)
        keys["$gt"] = found[-1]["_id"]


def _queued(session: Document) -> UpdateOne | None:
    score = session.get("score")
    if score is None:
        return None
    # Only as it was read: another process may end it, or change its points.
    as_read = {"_id": session["_id"], "open": True, "score": score}
    return UpdateOne(as_read, {"$set": {"queued": score}})


def _marked_act(event: Document) -> UpdateOne | None:
    is_act = searching.is_act(docs.event_from(event))
    return UpdateOne({"_id": event["_id"]}, {"$set": {"act": True}}) if is_act else None


async def _statistics(port: Port) -> None:
    """Count the rows that were written before, some in each transaction."""
    await port.create_indexes([_index("counts", "counts", "span", where=_COUNTS)])
    await statistics.adopt(port)


async def _order_of_open_sessions_and_devices(port: Port) -> None:
    """
    Pages of an account's open sessions pass over none that ended, and purges go on behind a device.

    The devices had indexes without an order, `stale` and `forgotten`; no question needs them now.
    """
    forgotten = {"table": "device", "forgotten": True}
    await port.create_indexes(
        [
            _index("open", "owner", "-created_at", "-id", where=_OPEN),
            _index("needless", "last_seen_at", "owner", "id", where=_DEVICE),
            _index("needless_forgotten", "owner", "id", where=forgotten),
        ]
    )


async def _open_to_accounts(port: Port) -> None:
    """Count the accounts by how many sessions are open to them, some in each transaction."""
    await statistics.adopt_open(port)


STEPS: dict[str, Callable[[Port], Awaitable[None]]] = {
    "0001_indexes": _indexes,
    "0002_documents": _documents,
    "0003_items": _item_index,
    "0004_gates_of_events": _gates_of_events,
    "0005_search": _search,
    "0006_statistics": _statistics,
    "0007_open_to_accounts": _open_to_accounts,
    "0008_order_of_open_sessions_and_devices": _order_of_open_sessions_and_devices,
}


async def pending(port: Port) -> list[str]:
    """
    The steps that the collection still needs; all of them where it was emptied.

    Raises:
        StoreUnavailableError: If it has taken steps that this version does not know.
    """
    found = await port.find({"_id": {"$in": [_KEY, docs.MARK, log.HEADER]}})
    if len(found) < 3:
        return [*STEPS]
    taken = next(it["taken"] for it in found if it["_id"] == _KEY)
    unknown = sorted(set(taken) - STEPS.keys())
    if unknown:
        raise StoreUnavailableError(
            f"the collection was made by a newer devsess (it has {', '.join(unknown)}): "
            "upgrade devsess"
        )
    return [name for name in STEPS if name not in taken]


async def migrate(port: Port) -> list[str]:
    """Take the steps that are pending; their names. A step that was taken twice does no harm."""
    names = await pending(port)
    for name in names:
        await STEPS[name](port)
        taken = {"$addToSet": {"taken": name}, "$setOnInsert": {"table": "schema"}}
        await port.write([UpdateOne({"_id": _KEY}, taken, upsert=True)])
    return names
