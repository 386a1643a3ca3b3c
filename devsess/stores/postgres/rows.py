"""Between the rows of `devsess.stores.rows` and the columns of the tables."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.errors import StoreUnavailableError
from devsess.models import EventType
from devsess.stores.as_json import load_assessment, location_from, location_values
from devsess.stores.interning import intern
from devsess.stores.rows import DeviceRow, EventRow, SessionRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.models import Location
    from devsess.stores.rows import Impersonator, Levels

Values: TypeAlias = "Sequence[Any]"

# By the order of the records' own columns.
DEVICE = (
    *("id", "user_id", "label", "kind", "os", "browser", "first_seen_at", "last_seen_at"),
    *("trusted_until", "blocked", "name", "fingerprint", "network", "resembles", "forgotten"),
)
# Of a session but for its device, which is joined.
SESSION = (
    *("id", "user_id", "device_id", "ip", "network", "user_agent", "location", "created_at"),
    *("last_seen_at", "idle_from", "idle_expires_at", "absolute_expires_at", "auth_time", "amr"),
    *("acr", "persistent", "claims", "salt", "generation", "rotated_at", "rotated_by", "bound"),
    *("revoked_at", "reason", "actor", "previous_generation", "presented", "levels"),
    *("ending_number", "step_up_after", "score", "impersonator"),
)
EVENT = (
    *("type", "at", "user_id", "session_id", "device_id", "ip", "network", "user_agent"),
    *("reason", "actor", "assessment", "new_device"),
)
_EVENT_TYPES = ("text", "float8", *["text"] * 9, "boolean")

COVERS = "n.number > s.ending_number AND (n.user_id IS NULL OR n.user_id = s.user_id)"
# Of a session that has not ended: neither written nor covered.
UNENDED = f"s.revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM {{s}}.endings n WHERE {COVERS})"  # noqa: S608
# Says the same as lifecycle.counts_as_live of a session that has not ended.
LIVE = (
    "s.idle_expires_at > %(now)s AND s.absolute_expires_at > %(now)s"
    " AND s.idle_from > %(idle_after)s AND s.created_at > %(created_after)s"
)
# A covered session reads as it will be written, by the first ending that covers it.
_COVERED = {
    "ip": "CASE WHEN n.number IS NULL THEN s.ip ELSE s.network END",
    "revoked_at": "coalesce(s.revoked_at, n.at)",
    "reason": "coalesce(s.reason, n.reason)",
    "actor": "coalesce(s.actor, n.actor)",
}
_COLUMNS = ", ".join(
    ["s.device_id", "s.user_id", *(f"d.{name}" for name in DEVICE[2:]), "s.id"]
    + [_COVERED.get(name, f"s.{name}") for name in SESSION[3:]]
)
SELECT_SESSION = (
    f"SELECT {_COLUMNS} FROM {{s}}.sessions s"  # noqa: S608
    " LEFT JOIN {s}.devices d ON d.user_id = s.user_id AND d.id = s.device_id"
    " LEFT JOIN LATERAL (SELECT n.number, n.at, n.reason, n.actor FROM {s}.endings n"
    f" WHERE s.revoked_at IS NULL AND {COVERS} ORDER BY n.number LIMIT 1) n ON true"
)
# The same of one that no ending covers, in two thirds of the time; and whether one may cover it.
SELECT_UNCOVERED = (
    f"SELECT {', '.join(['s.device_id', 's.user_id', *(f'd.{it}' for it in DEVICE[2:]), 's.id'])},"  # noqa: S608
    f" {', '.join(f's.{it}' for it in SESSION[3:])},"
    " coalesce((SELECT max(number) FROM {s}.endings), 0) > s.ending_number"
    " FROM {s}.sessions s"
    " LEFT JOIN {s}.devices d ON d.user_id = s.user_id AND d.id = s.device_id"
)
SELECT_DEVICE = f"SELECT {', '.join(DEVICE)} FROM {{s}}.devices"  # noqa: S608
# An event of a covered session gives away no more than the session does. A value, not EXISTS: that
# the server may answer by looking up all sessions that have not ended.
_REDUCED = (
    "CASE WHEN (SELECT true FROM {s}.sessions s"  # noqa: S608
    f" WHERE s.id = e.session_id AND s.revoked_at IS NULL AND NOT ({UNENDED}))"
    " THEN e.network ELSE e.ip END"
)
SELECT_EVENT = (
    "SELECT e.seq, "  # noqa: S608
    + ", ".join({"ip": _REDUCED}.get(name, f"e.{name}") for name in EVENT)
    + " FROM {s}.events e"
)

INSERT_DEVICE = (
    f"INSERT INTO {{s}}.devices ({', '.join(DEVICE)})"  # noqa: S608
    f" VALUES ({', '.join(['%s'] * len(DEVICE))}) ON CONFLICT (user_id, id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in DEVICE[2:])
)
INSERT_SESSION = (
    f"INSERT INTO {{s}}.sessions ({', '.join(SESSION)})"  # noqa: S608
    f" VALUES ({', '.join(['%s'] * len(SESSION))})"
)
# The history keeps so many of a type and session, or, without one, of a type and account.
_IS_FULL = (
    "CASE WHEN e.session_id IS NULL THEN EXISTS (SELECT 1 FROM {s}.events o"
    " WHERE o.user_id = e.user_id AND o.type = e.type AND o.session_id IS NULL OFFSET 999)"
    " ELSE EXISTS (SELECT 1 FROM {s}.events o"
    " WHERE o.session_id = e.session_id AND o.type = e.type OFFSET 999) END"
)
IS_FULL = (
    f"SELECT {_IS_FULL} FROM (VALUES (%s::text, %s::text, %s::text))"  # noqa: S608
    " AS e (type, user_id, session_id)"
)
INSERT_EVENTS = (
    f"INSERT INTO {{s}}.events ({', '.join(EVENT)})"  # noqa: S608
    f" SELECT {', '.join(f'e.{name}' for name in EVENT)}"
    f" FROM unnest({', '.join(f'%s::{it}[]' for it in _EVENT_TYPES)})"
    f" WITH ORDINALITY AS e ({', '.join(EVENT)}, place) WHERE NOT {_IS_FULL} ORDER BY e.place"
)


def session_row(values: Values) -> SessionRow:
    """
    A session from a row of SELECT_SESSION; positional, since each validation may pass here.

    Raises:
        StoreUnavailableError: If its device is lost, or a text in it cannot be read.
    """
    v = list(values)
    if v[2] is None:
        raise StoreUnavailableError("the database is damaged: a session has no device")
    v[19] = v[19] and _location(v[19])
    v[26] = tuple(v[26])
    v[40] = () if v[40] == "[]" else _levels(v[40])
    v[44] = None if v[44] is None else _impersonator(v[44])
    # Sessions by the thousand share these few; a cached one must not have its own copies.
    v[2], v[3], v[4], v[5] = intern(v[2]), intern(v[3]), intern(v[4]), intern(v[5])
    if v[18] is not None:
        v[18] = intern(v[18])
    return SessionRow(v[15], v[1], DeviceRow(*v[:15]), *v[16:])


def device_row(values: Values) -> DeviceRow:
    """A device from the columns DEVICE."""
    return DeviceRow(*values)


def device_values(row: DeviceRow) -> list[object]:
    """The columns DEVICE of *row*."""
    return [getattr(row, name) for name in DEVICE]


def session_values(row: SessionRow) -> list[object]:
    """The columns SESSION of *row*."""
    return [column_value(row, name) for name in SESSION]


def column_value(row: SessionRow, column: str) -> object:
    """The value of a column of SESSION for *row*."""
    if column == "device_id":
        return row.device.id
    if column == "location":
        return None if row.location is None else _text(location_values(row.location))
    if column == "levels":
        return _text(row.levels)
    value = getattr(row, column)
    return list(value) if isinstance(value, tuple) else value


def event_row(values: Values) -> EventRow:
    """
    An event from a row of SELECT_EVENT without its number.

    Raises:
        StoreUnavailableError: If a text in it cannot be read.
    """
    v = list(values)
    try:
        v[0] = EventType(v[0])
        v[10] = None if v[10] is None else load_assessment(json.loads(v[10]))
    except (ValueError, TypeError, LookupError) as error:
        raise _damaged("an event") from error
    return EventRow(*v)


def event_columns(events: Sequence[EventRow]) -> list[list[object]]:
    """The values of INSERT_EVENTS."""
    return [[event_value(event, name) for event in events] for name in EVENT]


def event_value(event: EventRow, column: str) -> object:
    """The value of a column of EVENT for *event*."""
    if column == "type":
        return event.type.value
    if column == "assessment":
        return None if event.assessment is None else _text(event.assessment.to_dict())
    return getattr(event, column)


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _levels(text: str) -> Levels:
    try:
        levels = tuple((acr, at) for acr, at in json.loads(text))
    except (ValueError, TypeError) as error:
        raise _damaged("a session's levels") from error
    if not all(type(acr) is str and type(at) is int for acr, at in levels):
        raise _damaged("a session's levels")
    return levels


def _impersonator(texts: list[Any]) -> Impersonator:
    if [str, str] != [type(it) for it in texts]:
        raise _damaged("a session's impersonator")
    session_id, user_id = texts
    return session_id, user_id


@lru_cache(maxsize=1024)
def _location(text: str) -> Location:
    try:
        return location_from(json.loads(text))
    except (ValueError, TypeError) as error:
        raise _damaged("a session's location") from error


def _damaged(what: str) -> StoreUnavailableError:
    return StoreUnavailableError(f"the database is damaged: {what} cannot be read")
