"""A sign-in in one round trip, where it ends nothing and nothing refuses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devsess.models import EventType
from devsess.stores.base import Inserted
from devsess.stores.counting import FAILURES, Counts
from devsess.stores.postgres import items, rows
from devsess.stores.postgres.reads import of_live
from devsess.stores.semantics import SEEN_AGAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.base import Insertion

_IN_TIME = "%(auth_instant)s::float8 < {0} AND {0} <= %(future_after)s"
_LIVE = f"s.user_id = %(user_id)s AND s.impersonator IS NULL AND {rows.UNENDED} AND {rows.LIVE}"


def _insert(table: str, columns: Sequence[str], *, kind: str = "record") -> str:
    # As one value: psycopg parses a statement with more than 50 values each time.
    names = ", ".join(columns)
    record = f"json_populate_{kind}(NULL::{{s}}.{table}, %({table})s::json)"
    return f"INSERT INTO {{s}}.{table} ({names}) SELECT {names} FROM ok, {record}"  # noqa: S608


# Writes all or nothing, and says which. Under the account's lock, as a statement of its own behind
# it: so it sees what `writes.insert` would, which decides what this one leaves alone.
PLAIN = (
    "WITH ok AS (SELECT 1 FROM (SELECT ending_number, cut_off FROM {s}.meta LIMIT 1) m"  # noqa: S608
    " LEFT JOIN {s}.accounts a ON a.user_id = %(user_id)s"
    " WHERE greatest(m.ending_number, a.ending_number, (SELECT max(e.ending_number)"
    " FROM {s}.erased e WHERE e.digest = ANY(%(digests)s::bytea[]))) <= %(ending_number)s"
    " AND %(ending_number)s <= (SELECT last_value FROM {s}.numbers)"
    f" AND NOT coalesce({_IN_TIME.format('m.cut_off')}, false)"
    f" AND NOT coalesce({_IN_TIME.format('a.cut_off')}, false)"
    " AND NOT EXISTS (SELECT 1 FROM {s}.devices d WHERE d.user_id = %(user_id)s"
    " AND d.id = %(device_id)s AND (d.blocked OR d.forgotten))"
    " AND NOT EXISTS (SELECT 1 FROM {s}.sessions o WHERE o.id = %(id)s)"
    " AND (NOT %(replaces)s OR NOT EXISTS (SELECT 1 FROM {s}.sessions s"
    f" WHERE {_LIVE} AND s.device_id = %(device_id)s))"
    " AND (%(limit)s::int IS NULL OR %(limit)s::int > (SELECT count(*) FROM {s}.sessions s"
    f" WHERE {_LIVE}))"
    " AND NOT EXISTS (SELECT 1 FROM {s}.items i"
    " WHERE i.owner = %(owner)s AND i.kind = %(kind)s AND i.key <> %(key)s)),"
    f" device AS ({_insert('devices', rows.DEVICE)} ON CONFLICT (user_id, id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in SEEN_AGAIN)
    + f"), event AS ({_insert('events', rows.EVENT, kind='recordset')}), {items.WRITTEN}"
    f" {_insert('sessions', rows.SESSION)} RETURNING {items.IS_WRITTEN}"
)


def is_plain(insertion: Insertion) -> bool:
    """Whether a session has but one of each of its events; and one item at most."""
    are_own = all(it.session_id == insertion.row.id for it in insertion.events)
    is_first = insertion.event.type is EventType.SESSION_CREATED
    are_counted_apart = any(it.kind in FAILURES for it in insertion.items)
    return are_own and is_first and len(insertion.items) <= 1 and not are_counted_apart


def counts_of(insertion: Insertion) -> Counts:
    """The counts of a plain sign-in: there is room for each of its events."""
    counts = Counts()
    counts.began(insertion.row)
    counts.happened(*insertion.events)
    return counts


def answer(insertion: Insertion, *, is_written: bool) -> Inserted:
    """The answer of a sign-in that is done, whose item, if it has one, is written or not."""
    return Inserted(missed=() if is_written else tuple(it.kind for it in insertion.items))


def values_of(insertion: Insertion) -> dict[str, object]:
    """The values of PLAIN."""
    row = insertion.row
    return {
        **of_live(insertion.cutoffs),
        **items.values_of(*insertion.items),
        "id": row.id,
        "user_id": row.user_id,
        "device_id": row.device.id,
        "sessions": _json({name: rows.column_value(row, name) for name in rows.SESSION}),
        "devices": _json({name: getattr(row.device, name) for name in rows.DEVICE}),
        "events": _json(
            [{name: rows.event_value(it, name) for name in rows.EVENT} for it in insertion.events]
        ),
        "ending_number": row.ending_number,
        "digests": [*insertion.digests],
        "auth_instant": insertion.auth_instant,
        "future_after": insertion.cutoffs.future_after,
        "replaces": insertion.replaces,
        "limit": insertion.limit,
    }


def _json(columns: dict[str, object] | list[dict[str, object]]) -> str:
    return json.dumps(columns, ensure_ascii=False, default=_hexadecimal)


def _hexadecimal(value: object) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"there is no column of {type(value).__name__}")
