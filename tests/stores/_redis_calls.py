"""Each call of a store, and those of them that write what a crash must not lose."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from devsess.stores.base import ById, Everyone, OfDevice, OfUser
from devsess.stores.items import Item
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, session_row

Work = Callable[[RedisStore], Coroutine[Any, Any, object]]

ITEM = Item("profile", "user-1", "", "{}", 1, T0, T0 + 1)

CALLS: dict[str, Work] = {
    "changes": lambda store: store.changes(None),
    "get": lambda store: store.get("s1"),
    "list": lambda store: store.list("user-1"),
    "live": lambda store: store.live("user-1", cutoffs=rows.cutoffs(), limit=5),
    "cut_off": lambda store: store.cut_off("user-1"),
    "insert": lambda store: store.insert(rows.login(session_row("s2"))),
    "touch": lambda store: store.touch("s1", rows.activity(T0), bound=True),
    "rotate": lambda store: store.rotate("s1", expected_generation=0, changes={}, event=None),
    "update": lambda store: rows.update(store, "s1", {"claims": "{}"}),
    "ending_number": lambda store: store.ending_number("user-1"),
    "ahead": lambda store: store.ahead(after=T0, limit=5),
    "newest_instants": lambda store: store.newest_instants(limit=5),
    "set_back": lambda store: store.set_back("s1", expected={}, changes={}),
    "end one": lambda store: store.end(rows.ending(ById("s1"))),
    "end of user": lambda store: store.end(rows.ending(OfUser("user-1"))),
    "end of device": lambda store: store.end(rows.ending(OfDevice("user-1", "device-1"))),
    "end everyone": lambda store: store.end(rows.ending(Everyone())),
    "covered": lambda store: store.covered(1, limit=5),
    "settle": lambda store: store.settle(limit=5),
    "devices": lambda store: store.devices("user-1"),
    "known_devices": lambda store: store.known_devices("user-1", ids=(), fingerprints=()),
    "put_device": lambda store: store.put_device(
        "user-1", "device-1", changes={"name": "x"}, event=rows.UPDATED
    ),
    "add_event": lambda store: store.add_event(rows.UPDATED),
    "events": lambda store: store.events("user-1", limit=5),
    "items": lambda store: store.items("profile", "user-1", limit=5),
    "put_item": lambda store: store.put_item(ITEM),
    "purge": lambda store: store.purge(rows.retention(), limit=5),
    "erase": lambda store: store.erase(rows.erasure()),
    "renew": lambda store: store.renew("reader", None, lease=2.0),
    "leave": lambda store: store.leave("reader"),
    "readers_behind": lambda store: store.readers_behind(None),
    "expel": lambda store: store.expel("reader", 1),
    "season": lambda store: store.season("history"),
}

KEPT = {
    *("insert", "rotate", "update", "set_back", "put_device", "put_item", "add_event"),
    *("end one", "end of user", "end of device", "end everyone", "settle", "purge", "erase"),
}
