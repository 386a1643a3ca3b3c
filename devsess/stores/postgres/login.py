"""A sign-in in one round trip, where it ends nothing and nothing refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.models import EventType
from devsess.stores.postgres import rows
from devsess.stores.postgres.reads import of_live
from devsess.stores.semantics import SEEN_AGAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devsess.stores.base import Insertion

_SESSION = {name: f"%(s_{name})s" for name in rows.SESSION}
_DEVICE = {name: f"%(d_{name})s" for name in rows.DEVICE}
_EVENT = {name: f"%(e_{name})s" for name in rows.EVENT}
_IN_TIME = "%(auth_instant)s::float8 < {0} AND {0} <= %(future_after)s"
_LIVE = f"s.user_id = %(s_user_id)s AND {rows.UNENDED} AND {rows.LIVE}"


def _insert(table: str, columns: Mapping[str, str]) -> str:
    names, values = ", ".join(columns), ", ".join(columns.values())
    return f"INSERT INTO {{s}}.{table} ({names}) SELECT {values} FROM ok"  # noqa: S608


# Writes all or nothing, and says which. Under the account's lock, as a statement of its own behind
# it: so it sees what `writes.insert` would, which decides what this one leaves alone.
PLAIN = (
    "WITH ok AS (SELECT 1 FROM (SELECT ending_number, cut_off FROM {s}.meta LIMIT 1) m"  # noqa: S608
    " LEFT JOIN {s}.accounts a ON a.user_id = %(s_user_id)s"
    " WHERE greatest(m.ending_number, a.ending_number, (SELECT max(e.ending_number)"
    " FROM {s}.erased e WHERE e.digest = ANY(%(digests)s::bytea[]))) <= %(s_ending_number)s"
    " AND %(s_ending_number)s <= (SELECT last_value FROM {s}.numbers)"
    f" AND NOT coalesce({_IN_TIME.format('m.cut_off')}, false)"
    f" AND NOT coalesce({_IN_TIME.format('a.cut_off')}, false)"
    " AND NOT EXISTS (SELECT 1 FROM {s}.devices d WHERE d.user_id = %(s_user_id)s"
    " AND d.id = %(s_device_id)s AND (d.blocked OR d.forgotten))"
    " AND NOT EXISTS (SELECT 1 FROM {s}.sessions o WHERE o.id = %(s_id)s)"
    " AND (NOT %(replaces)s OR NOT EXISTS (SELECT 1 FROM {s}.sessions s"
    f" WHERE {_LIVE} AND s.device_id = %(s_device_id)s))"
    " AND (%(limit)s::int IS NULL OR %(limit)s::int > (SELECT count(*) FROM {s}.sessions s"
    f" WHERE {_LIVE}))),"
    f" device AS ({_insert('devices', _DEVICE)} ON CONFLICT (user_id, id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in SEEN_AGAIN)
    + f"), event AS ({_insert('events', _EVENT)}) {_insert('sessions', _SESSION)} RETURNING 1"
)


def is_plain(insertion: Insertion) -> bool:
    """Whether the event is the one of each sign-in, of which a session has but one."""
    event = insertion.event
    return event.type is EventType.SESSION_CREATED and event.session_id == insertion.row.id


def values_of(insertion: Insertion) -> dict[str, object]:
    """The values of PLAIN."""
    row = insertion.row
    named = {f"s_{name}": rows.column_value(row, name) for name in rows.SESSION}
    named |= {f"d_{name}": getattr(row.device, name) for name in rows.DEVICE}
    named |= {f"e_{name}": rows.event_value(insertion.event, name) for name in rows.EVENT}
    return (
        named
        | of_live(insertion.cutoffs)
        | {
            "digests": [*insertion.digests],
            "auth_instant": insertion.auth_instant,
            "future_after": insertion.cutoffs.future_after,
            "replaces": insertion.replaces,
            "limit": insertion.limit,
        }
    )
