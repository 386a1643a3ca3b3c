"""Items: one table, written by comparing versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import astuple, fields

from devsess.stores import items
from devsess.stores.counting import Counts
from devsess.stores.items import Item
from devsess.stores.sqlite import statistics
from devsess.stores.sqlite.checks import is_text
from devsess.stores.sqlite.damage import Shape

if TYPE_CHECKING:
    import sqlite3

_SHAPE = Shape([it.name for it in fields(Item)])
_COLUMNS = ", ".join(it.name for it in fields(Item))
_SELECT = f"SELECT {_COLUMNS} FROM items"  # noqa: S608
OF_KIND = f"{_SELECT} WHERE owner = ? AND kind = ? ORDER BY until DESC, key LIMIT ?"
_BEYOND = f"{OF_KIND.removesuffix('?')}-1 OFFSET ?"
OF_OWNER = f"{_SELECT} WHERE owner = ? ORDER BY kind, key"
_ONE = f"{_SELECT} WHERE owner = ? AND kind = ? AND key = ?"
_PUT = f"INSERT OR REPLACE INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_DELETE = "DELETE FROM items WHERE owner = ? AND kind = ? AND key = ?"
_DELETE_OLD = (
    "DELETE FROM items WHERE (owner, kind, key) IN"
    " (SELECT owner, kind, key FROM items WHERE until <= ? LIMIT ?)"
)


def of_account(user_id: str, kinds: Sequence[str]) -> tuple[str, tuple[object, ...]]:
    """The statement that selects an account's items of *kinds*, which have no key."""
    places = ", ".join("?" * len(kinds))
    return f"{_SELECT} WHERE owner = ? AND kind IN ({places}) AND key = ''", (user_id, *kinds)


def item(values: Sequence[Any]) -> Item:
    """
    The item of a row.

    Raises:
        DamagedError: If it was never written so.
    """
    _SHAPE.check(values)
    return Item(*values)


def put(db: sqlite3.Cursor, new: Item, most: int = 1) -> bool:
    """See Store.put_item."""
    counts = Counts()
    is_put = put_counted(db, counts, new, most)
    statistics.add(db, counts)
    return is_put


def put_counted(db: sqlite3.Cursor, counts: Counts, new: Item, most: int = 1) -> bool:
    """As `put`, in *counts*, which are still to be added."""
    items.check(new)
    if not is_text(new.kind, new.owner, new.key, new.body):
        return False
    found = db.execute(_ONE, [new.owner, new.kind, new.key]).fetchall()
    if not items.follows(new, item(found[0]) if found else None):
        return False
    write(db, [new])
    counts.put(new.kind, new.at, new.until)
    for it in map(item, db.execute(_BEYOND, [new.owner, new.kind, most]).fetchall()):
        db.execute(_DELETE, [it.owner, it.kind, it.key])
    return True


def write(db: sqlite3.Cursor, new: Sequence[Item]) -> None:
    """Write items, whatever is there."""
    db.executemany(_PUT, [astuple(it) for it in new])


def purge(db: sqlite3.Cursor, now: float, limit: int) -> int:
    """Delete at most *limit* that are over."""
    return db.execute(_DELETE_OLD, [now, limit]).rowcount
