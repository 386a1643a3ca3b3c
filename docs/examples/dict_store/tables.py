"""
The store's tables as keys of the dict, within one transaction.

    meta                  the numbers of the store, and the endings whose rows follow
    account/USER          the account's ending number and cut-off
    erased/DIGEST         the ending number of an erased account, and until when it is kept
    session/ID  device/USER/ID  event/PLACE        a row each
    alike/TYPE/USER/ID    how many events of a type the history has of a session
    item/OWNER/KIND/KEY   an item
    log/PLACE             the id of a session that changed, or null for all
    leases  reader/ID     the register of readers, see the module `leases`

A real database has indexes where this one scans.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import asdict, evolve

from devsess.errors import StoreUnavailableError
from devsess.stores import as_json, items, semantics
from devsess.stores.rows import DeviceRow, EventRow, SessionRow
from devsess.stores.semantics import Covering

if TYPE_CHECKING:
    from devsess.stores.items import Item
    from dict_store.ports import Port

# Of a new store; its log begins at place 0, before the first entry.
EMPTY = {
    "number": 0,
    "cut_off": None,
    "last_number": 0,
    "pending": (),
    "last_event": 0,
    "last_change": 0,
    "first_change": 0,
}


class MovedError(Exception):
    """Another transaction was faster: nothing is written, begin again."""


class Tables:
    """The reads of one transaction, all at one version, and its writes until it commits."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._version: int | None = None
        self._known: dict[str, str | None] = {}
        self._changes: dict[str, str | None] = {}

    # Keys.

    async def _ask(self, *request: object) -> Any:
        version, found = await self._port.ask(*request)
        if self._version not in (None, version):
            raise MovedError
        self._version = version
        return found

    async def get(self, key: str) -> str | None:
        """The text of *key*, as this transaction sees it."""
        if key not in self._known:
            [self._known[key]] = await self._ask("get", key)
        return self._known[key]

    async def scan(self, prefix: str) -> dict[str, str]:
        """All keys that begin with *prefix*, in order."""
        found = await self._ask("scan", prefix) | {
            key: text for key, text in self._changes.items() if key.startswith(prefix)
        }
        return {key: found[key] for key in sorted(found) if found[key] is not None}

    def put(self, key: str, text: str | None) -> None:
        """Write *text* when the transaction ends; None deletes."""
        self._known[key] = self._changes[key] = text

    async def commit(self) -> None:
        """
        Write all that was put.

        Raises:
            MovedError: If anything was written since the first read.
        """
        if self._changes and not await self._port.ask("swap", self._version, self._changes):
            raise MovedError

    # The store's own numbers.

    async def meta(self) -> dict[str, Any]:
        """The numbers of the store, to be changed and then put; a new store is named first."""
        text = await self.get("meta")
        if text is None:
            self.put_meta(EMPTY | {"name": secrets.token_hex(16)})
        found: dict[str, Any] = json.loads(await self.get("meta") or "")
        return found

    def put_meta(self, meta: dict[str, Any]) -> None:
        """Write the numbers."""
        self.put("meta", json.dumps(meta))

    async def pending(self) -> list[Covering]:
        """The endings whose rows follow, oldest first."""
        return [Covering(*values) for values in (await self.meta())["pending"]]

    async def put_pending(self, pending: Sequence[Covering]) -> None:
        """Write the endings whose rows follow."""
        values = [list(asdict(each).values()) for each in pending]
        self.put_meta(await self.meta() | {"pending": values})

    # Rows.

    async def device(self, user_id: str, device_id: str) -> DeviceRow | None:
        """A device, forgotten or not."""
        text = await self.get(device_key(user_id, device_id))
        return None if text is None else as_json.load_device(text)

    async def all_devices(self, user_id: str | None = None) -> list[DeviceRow]:
        """The devices of a user, or of all."""
        prefix = "device/" if user_id is None else f"device/{quoted(user_id)}/"
        return [as_json.load_device(text) for text in (await self.scan(prefix)).values()]

    def put_device(self, row: DeviceRow) -> None:
        """Write a device."""
        self.put(device_key(row.user_id, row.id), as_json.dump(row))

    def delete_device(self, row: DeviceRow) -> None:
        """Delete a device."""
        self.put(device_key(row.user_id, row.id), None)

    async def stored(self, session_id: str) -> SessionRow | None:
        """A session as it is written."""
        text = await self.get(session_key(session_id))
        return None if text is None else await self._session(text)

    async def _session(self, text: str) -> SessionRow:
        user_id, device_id = as_json.owner_in(text)
        device = await self.device(user_id, device_id)
        if device is None:
            raise StoreUnavailableError("a session has lost its device; restore a backup")
        return as_json.load_session(text, device)

    async def all_stored(self, user_id: str | None = None) -> list[SessionRow]:
        """The sessions of a user, or of all, as they are written."""
        devices = {(it.user_id, it.id): it for it in await self.all_devices(user_id)}
        found = {text: as_json.owner_in(text) for text in (await self.scan("session/")).values()}
        return [
            as_json.load_session(text, devices[owner])
            for text, owner in found.items()
            if user_id in (None, owner[0])
        ]

    async def as_read(self, row: SessionRow) -> SessionRow:
        """*row* as readers see it: ended, if an ending covers it."""
        by = semantics.first_covering(row, await self.pending())
        return semantics.as_covered(row, by) if by else row

    async def session(self, session_id: str) -> SessionRow | None:
        """A session as readers see it."""
        row = await self.stored(session_id)
        return row and await self.as_read(row)

    async def unrevoked(self, session_id: str) -> SessionRow | None:
        """A session that has not ended."""
        row = await self.session(session_id)
        return row if row is not None and row.revoked_at is None else None

    async def sessions(self, user_id: str | None = None) -> list[SessionRow]:
        """The sessions of a user, or of all, as readers see them."""
        return [await self.as_read(row) for row in await self.all_stored(user_id)]

    def put_session(self, row: SessionRow) -> None:
        """Write a session."""
        self.put(session_key(row.id), as_json.dump(row))

    def delete_session(self, row: SessionRow) -> None:
        """Delete a session."""
        self.put(session_key(row.id), None)

    async def items(self, owner: str, kind: str | None = None) -> list[Item]:
        """The items of an owner, of one kind or of all: those that last longest first."""
        prefix = f"item/{quoted(owner)}/" + ("" if kind is None else f"{quoted(kind)}/")
        return items.in_order(map(as_json.load_item, (await self.scan(prefix)).values()))

    async def account_items(self, user_id: str, kinds: Sequence[str]) -> list[Item]:
        """The items of a user of these kinds that have no key."""
        found = [await self.get(item_key(user_id, kind)) for kind in kinds]
        return [as_json.load_item(text) for text in found if text is not None]

    async def put_item(self, item: Item, most: int = 1) -> bool:
        """Write an item if the one that is there has the version before it; whether it did."""
        items.check(item)
        text = await self.get(item_key(item.owner, item.kind, item.key))
        if not items.follows(item, None if text is None else as_json.load_item(text)):
            return False
        self.write_item(item)
        for each in items.superfluous(await self.items(item.owner, item.kind), most):
            self.delete_item(each)
        return True

    def write_item(self, item: Item) -> None:
        """Write an item, whatever is there."""
        self.put(item_key(item.owner, item.kind, item.key), as_json.dump(item))

    def delete_item(self, item: Item) -> None:
        """Delete an item."""
        self.put(item_key(item.owner, item.kind, item.key), None)

    # The log, the history and the ends.

    async def append_change(self, session_id: str | None) -> None:
        """Append to the log; None stands for all sessions."""
        meta = await self.meta()
        meta["last_change"] += 1
        self.put(entry_key(meta["last_change"]), json.dumps(session_id))
        self.put_meta(meta)

    async def is_full(self, event: EventRow) -> bool:
        """Whether the history has as many events of this kind as it may."""
        return int(await self.get(_alike(event)) or 0) >= semantics.EVENTS_EACH

    async def insert_event(self, event: EventRow) -> None:
        """Append to the history, unless it is full."""
        if await self.is_full(event):
            return
        meta = await self.meta()
        meta["last_event"] += 1
        self.put(f"event/{place(meta['last_event'])}", as_json.dump(event))
        self.put(_alike(event), str(int(await self.get(_alike(event)) or 0) + 1))
        self.put_meta(meta)

    async def events(self, user_id: str | None = None) -> dict[int, EventRow]:
        """The events of a user, or of all, by place."""
        found = {key: as_json.load_event(it) for key, it in (await self.scan("event/")).items()}
        return {
            int(key.partition("/")[2]): event
            for key, event in found.items()
            if user_id in (None, event.user_id)
        }

    async def delete_event(self, at: int, event: EventRow) -> None:
        """Delete an event."""
        self.put(f"event/{place(at)}", None)
        left = int(await self.get(_alike(event)) or 1) - 1
        self.put(_alike(event), str(left) if left else None)

    async def end_session(
        self, row: SessionRow, at: float, reason: str, actor: str | None
    ) -> EventRow:
        """Write *row* as ended, reduce its addresses, and give its event."""
        self.put_session(semantics.ended(row, at, reason, actor))
        for number, event in (await self.events(row.user_id)).items():
            if event.session_id == row.id and event.ip != event.network:
                reduced = as_json.dump(evolve(event, ip=event.network))
                self.put(f"event/{place(number)}", reduced)
        return semantics.end_event_of(row, at, reason, actor)


def quoted(text: str) -> str:
    """*text* as a part of a key, for any characters."""
    return quote(text, safe="", errors="surrogatepass")


def place(number: int) -> str:
    """A number that sorts as text."""
    return f"{number:020}"


def entry_key(seq: int) -> str:
    """The key of an entry of the log."""
    return f"log/{place(seq)}"


def session_key(session_id: str) -> str:
    """The key of a session."""
    return f"session/{quoted(session_id)}"


def device_key(user_id: str, device_id: str) -> str:
    """The key of a device."""
    return f"device/{quoted(user_id)}/{quoted(device_id)}"


def item_key(owner: str, kind: str, key: str = "") -> str:
    """The key of an item."""
    return f"item/{quoted(owner)}/{quoted(kind)}/{quoted(key)}"


def _alike(event: EventRow) -> str:
    # Of a session, or, where none is named, of an account.
    whose = f"session/{event.session_id}" if event.session_id else f"account/{event.user_id}"
    return f"alike/{event.type.value}/{quoted(whose)}"
