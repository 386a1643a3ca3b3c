"""Items: one table, written by comparing versions, under the lock of their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import fields

from devsess.stores.items import Item, follows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.postgres.transaction import Rows, Statement

COLUMNS = tuple(it.name for it in fields(Item))
_NAMES = ", ".join(COLUMNS)
_SELECT = f"SELECT {_NAMES} FROM {{s}}.items"  # noqa: S608
OF_KIND = f"{_SELECT} WHERE owner = %s AND kind = %s ORDER BY until DESC, key LIMIT %s"
OF_OWNERS = f"{_SELECT} WHERE owner = ANY(%s::text[]) ORDER BY kind, key"
_OF_ACCOUNT = f"{_SELECT} WHERE owner = %s AND kind = %s AND key = ''"
_THIS = "owner = %(owner)s AND kind = %(kind)s AND key = %(key)s"
_FIND = f"{_SELECT} WHERE {_THIS} FOR UPDATE"
PUT = (
    f"INSERT INTO {{s}}.items ({_NAMES})"  # noqa: S608
    f" VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"
    " ON CONFLICT (owner, kind, key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[3:])
)
# The first version is written where there is none, each other over the one before it: two parts
# of a statement that begins with `ok`, which has a row if anything is to be written.
WRITTEN = (
    f"first AS (INSERT INTO {{s}}.items ({_NAMES})"  # noqa: S608
    " SELECT %(kind)s::text, %(owner)s::text, %(key)s::text, %(body)s::text, %(version)s::bigint,"
    " %(at)s::float8, %(until)s::float8 FROM ok WHERE %(version)s::bigint = 1"
    " ON CONFLICT DO NOTHING RETURNING 1),"
    " following AS (UPDATE {s}.items SET body = %(body)s, version = %(version)s, at = %(at)s,"
    f" until = %(until)s FROM ok WHERE {_THIS} AND version = %(version)s::bigint - 1 RETURNING 1)"
)
IS_WRITTEN = "EXISTS (SELECT 1 FROM first UNION ALL SELECT 1 FROM following)"
_PUT_NEXT = f"WITH ok AS (SELECT 1), {WRITTEN} SELECT {IS_WRITTEN}"
# Only behind an item that this transaction has written.
_TRIM = (
    "DELETE FROM {s}.items WHERE owner = %(owner)s AND kind = %(kind)s AND key IN"  # noqa: S608
    " (SELECT key FROM {s}.items WHERE owner = %(owner)s AND kind = %(kind)s"
    f" AND EXISTS (SELECT 1 FROM {{s}}.items WHERE {_THIS}"
    " AND xmin = pg_current_xact_id()::xid) ORDER BY until DESC, key OFFSET %(most)s)"
)


def of_account(user_id: str, kinds: Sequence[str]) -> list[Statement]:
    """The statements for an account's items of *kinds*, which have no key."""
    return [(_OF_ACCOUNT, (user_id, kind)) for kind in kinds]


def item(values: Sequence[Any]) -> Item:
    """The item of a row."""
    return Item(*values)


def put(new: Item, most: int) -> list[Statement]:
    """The statements of Store.put_item for a checked item; the owner's lock is taken."""
    values = values_of(new)
    return [(_PUT_NEXT, values), (_TRIM, values | {"most": most})]


def values_of(new: Item | None = None) -> dict[str, object]:
    """The values of WRITTEN and PUT; without an item WRITTEN writes nothing."""
    return {name: getattr(new, name, None) for name in COLUMNS}


def finding(items: Sequence[Item]) -> list[Statement]:
    """The statements that find, and hold, those that are in the places of *items*."""
    return [(_FIND, values_of(it)) for it in items]


def parted(items: Sequence[Item], found: Sequence[Rows]) -> tuple[list[Item], list[Item]]:
    """Those of *items* that follow the ones that were *found*, and those that do not."""
    known = [item(values) for rows in found for values in rows]
    there = {(it.owner, it.kind, it.key): it for it in known}
    written, missed = [], []
    for new in items:
        place = new.owner, new.kind, new.key
        if follows(new, there.get(place)):
            there[place] = new
            written.append(new)
        else:
            missed.append(new)
    return written, missed
