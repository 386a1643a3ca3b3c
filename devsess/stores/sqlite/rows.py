"""
Between the rows of `devsess.stores.rows` and the columns of the SQLite tables.

A session and a device have an id, by which callers name them, and a key, by which the file does.
OF_DEVICE goes from a device's id to its key, WITH_DEVICE from the key to the device. SQLite gives a
key again once its row is deleted. So no key leaves the store, but in the places up to which an
ending is written or read; and of a device that a key leads to, account and id are compared too.
"""

from __future__ import annotations

import json
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.models import EventType
from devsess.stores.as_json import (
    impersonator_from,
    load_assessment,
    location_from,
    location_values,
)
from devsess.stores.calls import MUTABLE
from devsess.stores.interning import intern
from devsess.stores.rows import ActivityRow, DeviceRow, EventRow, SessionRow
from devsess.stores.sqlite.damage import (
    DamagedError,
    Shape,
    check_object,
    damaged_if_unreadable,
    is_second,
    names,
)
from devsess.stores.sqlite.one_row import select_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.models import Location
    from devsess.stores.rows import Levels

Values: TypeAlias = "Sequence[Any]"

DEVICE = (
    "id",
    "user_id",
    "label",
    "kind",
    "os",
    "browser",
    "first_seen_at",
    "last_seen_at",
    "trusted_until",
    "blocked",
    "name",
    "fingerprint",
    "network",
    "resembles",
    "forgotten",
)
# The columns of a session but for the key of its device, which is joined; the user agent is a
# number of `agents` here.
SESSION = (
    "id",
    "user_id",
    "device_id",
    "ip",
    "network",
    "agent_id",
    "location",
    "created_at",
    "last_seen_at",
    "idle_from",
    "idle_expires_at",
    "absolute_expires_at",
    "auth_time",
    "amr",
    "acr",
    "persistent",
    "claims",
    "salt",
    "generation",
    "rotated_at",
    "rotated_by",
    "bound",
    "revoked_at",
    "reason",
    "actor",
    "previous_generation",
    "presented",
    "levels",
    "ending_number",
    "step_up_after",
    "score",
    "impersonator",
)
_SHARED = ("user_id", "device_id")
EVENT = (
    "type",
    "at",
    "user_id",
    "session_id",
    "device_id",
    "ip",
    "network",
    "agent_id",
    "reason",
    "actor",
    "assessment",
    "new_device",
)

# Columns that device and session share are read once.
ELSEWHERE = {"agent_id": "a.user_agent"}
# A covered session reads as it will be written. A row that was written before any
# ending has none joined.
_COVERED = {
    "ip": "iif(n.number IS NULL, s.ip, s.network)",
    "revoked_at": "coalesce(s.revoked_at, n.at)",
    "reason": "coalesce(s.reason, n.reason)",
    "actor": "coalesce(s.actor, n.actor)",
}
COVERS = "n.number > s.ending_number AND (n.user_id IS NULL OR n.user_id = s.user_id)"
# The first ending that covers a session.
FIRST = f"(SELECT min(n.number) FROM endings n WHERE {COVERS})"  # noqa: S608
# Of a session that has not ended: neither written nor covered.
UNENDED = f"s.revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM endings n WHERE {COVERS})"  # noqa: S608
# Of no other device than the session's own. Not a condition of the join, with which SQLite sorts.
DEVICE_ID = "iif(d.id = s.device_id, d.id, NULL)"
_JOINED = ", ".join(
    [DEVICE_ID, "s.user_id"]
    + [f"d.{name}" for name in DEVICE[2:]]
    + [(ELSEWHERE | _COVERED).get(name, f"s.{name}") for name in SESSION if name not in _SHARED]
)
SELECT_DEVICE = f"SELECT {', '.join(DEVICE)} FROM devices"  # noqa: S608
_KNOWN = f"{SELECT_DEVICE} WHERE user_id = ? AND forgotten = 0"
SELECT_DEVICES = f"{_KNOWN} ORDER BY last_seen_at DESC, id"
WITH_DEVICE = (
    "FROM sessions s LEFT JOIN devices d ON d.key = s.device_key AND d.user_id = s.user_id"
)
WHOLE = f"{WITH_DEVICE} LEFT JOIN agents a ON a.id = s.agent_id"
# The sessions of a device, by the ids of its account and its own.
OF_DEVICE = (
    "(s.user_id, s.device_key) = (SELECT user_id, key FROM devices WHERE user_id = ? AND id = ?)"
)
_FROM = f"{WHOLE} LEFT JOIN endings n ON s.revoked_at IS NULL AND n.number = {FIRST}"
SELECT_SESSION = f"SELECT {_JOINED} {_FROM}"
# As they are written, whether an ending covers them or not: for copies.
SELECT_STORED = (
    f"SELECT {DEVICE_ID}, s.user_id, "
    + ", ".join(f"d.{name}" for name in DEVICE[2:])
    + ", "
    + ", ".join(ELSEWHERE.get(name, f"s.{name}") for name in SESSION if name not in _SHARED)
    + f" {WHOLE} WHERE s.user_id = ? ORDER BY s.id"
)
SELECT_STORED_EVENTS = (
    f"SELECT {', '.join(ELSEWHERE.get(name, f'e.{name}') for name in EVENT)}"  # noqa: S608
    " FROM events e LEFT JOIN agents a ON a.id = e.agent_id WHERE e.user_id = ? ORDER BY e.seq"
)
# All that can change in a live session and its device: fewer columns, and two joins fewer.
_CHANGING = (*sorted(MUTABLE - {"user_agent"}), "agent_id")
SELECT_STAMP = select_one(
    ", ".join([*(f"s.{name}" for name in _CHANGING), DEVICE_ID, *(f"d.{it}" for it in DEVICE[2:])]),
    f"{WITH_DEVICE} WHERE s.id = ? AND {UNENDED}",
)
ACTIVITY = (
    *("created_at", "last_seen_at", "idle_from", "idle_expires_at", "absolute_expires_at"),
    *("generation", "previous_generation", "presented", "bound"),
)
# With the number that UNENDED compares: one that is none would be above any ending's.
_ACTIVITY = (*ACTIVITY, "ending_number")
SELECT_ACTIVITY = select_one(", ".join(_ACTIVITY), f"FROM sessions s WHERE s.id = ? AND {UNENDED}")
# An event of a covered session shows the network only, as the session does.
_REDUCED = (
    "iif(EXISTS (SELECT 1 FROM endings n CROSS JOIN sessions s ON s.id = e.session_id"  # noqa: S608
    f" AND s.revoked_at IS NULL AND {COVERS}), e.network, e.ip)"
)
SELECT_EVENT = (
    "SELECT e.seq, "  # noqa: S608
    + ", ".join((ELSEWHERE | {"ip": _REDUCED}).get(name, f"e.{name}") for name in EVENT)
    + " FROM events e LEFT JOIN agents a ON a.id = e.agent_id"
)
GET = select_one(_JOINED, f"{_FROM} WHERE s.id = ?")
LIST = f"{SELECT_SESSION} WHERE s.user_id = ? ORDER BY s.last_seen_at DESC, s.id"
POLL = f"{SELECT_EVENT} WHERE e.seq > ? AND e.seq < 1 << 53 ORDER BY e.seq LIMIT ?"
# Their places alone.
POLLED = "SELECT seq FROM events WHERE seq > ? AND seq < 1 << 53 ORDER BY seq LIMIT ?"
EVENTS = f"{SELECT_EVENT} WHERE e.user_id = ? AND e.seq < ? ORDER BY e.seq DESC LIMIT ?"


def through(index: str, statement: str) -> str:
    """*statement* with the index named by which it goes through the sessions."""
    return statement.replace("FROM sessions s", f"FROM sessions s INDEXED BY {index}", 1)


def insert_into(table: str, columns: Sequence[str]) -> str:
    """The statement that writes one row."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


def known_devices(
    user_id: str, latest: int, ids: Sequence[str], fingerprints: Sequence[bytes]
) -> tuple[str, list[object]]:
    """
    The statement, with its values, for a user's latest devices and those asked for.

    Each part has an index: a program that signs in every minute has devices by the thousand.
    Those of the last two are named, or all of the user's devices would be looked at.
    """
    parts = [f"SELECT * FROM ({SELECT_DEVICES} LIMIT ?)"]  # noqa: S608
    values: list[object] = [user_id, latest]
    by_id = _KNOWN.replace("devices", "devices INDEXED BY devices_id")
    by_print = _KNOWN.replace("devices", "devices INDEXED BY devices_fingerprint")
    wanted = ((f"{by_id} AND id", ids), (f"{by_print} AND fingerprint", fingerprints))
    for condition, among in wanted:
        if among:
            parts.append(f"{condition} IN ({', '.join('?' * len(among))})")
            values += [user_id, *among]
    return f"{' UNION '.join(parts)} ORDER BY last_seen_at DESC, id", values


# The second value is the account's id, the third the device's.
INSERT_SESSION = insert_into("sessions", (*SESSION, "device_key")).replace(
    ", ?)", ", (SELECT key FROM devices WHERE user_id = ?2 AND id = ?3))", 1
)
# The highest place that an event has, or had: an odd number that was written by hand is none.
LAST_EVENT = (
    "SELECT max(last_event, (SELECT coalesce(max(seq), 0) FROM events WHERE seq < 1 << 53))"
    " FROM meta"
)
INSERT_EVENT = insert_into("events", ("seq", *EVENT)).replace("?", f"(1 + ({LAST_EVENT}))", 1)
# Sessions name its key, which it keeps.
PUT_DEVICE = (
    insert_into("devices", DEVICE)
    + " ON CONFLICT (id, user_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in DEVICE[2:])
)


# All at once, and then those that are no attribute of a row: one by one, each costs a call.
_session_columns = attrgetter(
    *({"device_id": "device.id", "agent_id": "user_agent"}.get(name, name) for name in SESSION)
)
_MADE = [
    (SESSION.index(name), name)
    for name in ("agent_id", "location", "amr", "levels", "impersonator")
]
# One encoder for all texts: `json.dumps` would make another each time.
_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_DEVICE_SHAPE = Shape(DEVICE)
_SESSION_SHAPE = Shape(
    ["device_id", "user_id", *DEVICE[2:], *(name for name in SESSION if name not in _SHARED)]
)
_ACTIVITY_SHAPE = Shape(_ACTIVITY)
_EVENT_SHAPE = Shape(EVENT, missing=("device_id",))


@damaged_if_unreadable
def device_row(values: Values) -> DeviceRow:
    """A device from the columns DEVICE."""
    _DEVICE_SHAPE.check(values)
    v = list(values)
    v[9], v[14] = v[9] == 1, v[14] == 1
    return DeviceRow(*v)


def device_values(row: DeviceRow) -> Values:
    """The columns DEVICE of *row*."""
    return [getattr(row, name) for name in DEVICE]


@damaged_if_unreadable
def session_row(values: Values) -> SessionRow:
    """A session from a row of SELECT_SESSION; positional, since each validation may pass here."""
    _SESSION_SHAPE.check(values)
    v = list(values)
    if v[29] != "{}":
        check_object(v[29])
    v[9], v[14] = v[9] == 1, v[14] == 1
    v[19] = None if v[19] is None else location_of(v[19])
    v[26] = names(v[26])
    v[28], v[34], v[39] = v[28] == 1, v[34] == 1, v[39] == 1
    v[40] = () if v[40] == "[]" else levels_of(v[40])
    v[44] = None if v[44] is None else impersonator_from(json.loads(v[44]))
    # Sessions by the thousand share these few; a cached one must not have its own copies.
    v[2], v[3], v[4], v[5] = intern(v[2]), intern(v[3]), intern(v[4]), intern(v[5])
    if v[18] is not None:
        v[18] = intern(v[18])
    return SessionRow(v[15], v[1], DeviceRow(*v[:15]), *v[16:])


@damaged_if_unreadable
def activity_row(values: Values) -> ActivityRow:
    """The activity in a row of SELECT_ACTIVITY."""
    _ACTIVITY_SHAPE.check(values)
    *v, _ = values
    v[7], v[8] = v[7] == 1, v[8] == 1
    return ActivityRow(*v)


def stamp(values: Values) -> int:
    """The stamp of a row of SELECT_STAMP: 64 bits, under another key in every process."""
    return hash(tuple(values))


def session_values(row: SessionRow, agent_id: int | None) -> Values:
    """The columns SESSION of *row*."""
    values = list(_session_columns(row))
    for place, name in _MADE:
        values[place] = column_value(row, name, agent_id)
    return values


def column_value(row: SessionRow, column: str, agent_id: int | None) -> object:
    """The value of a column of SESSION for *row*."""
    if column == "device_id":
        return row.device.id
    if column == "agent_id":
        return agent_id
    if column == "location":
        return None if row.location is None else _text(location_values(row.location))
    if column in ("amr", "levels"):
        return _text(getattr(row, column))
    if column == "impersonator":
        return row.impersonator and _text(row.impersonator)
    return getattr(row, column)


@damaged_if_unreadable
def event_row(values: Values) -> EventRow:
    """An event from a row of SELECT_EVENT without its number."""
    _EVENT_SHAPE.check(values)
    v = list(values)
    v[0] = EventType(v[0])
    v[10] = None if v[10] is None else load_assessment(json.loads(v[10]))
    v[11] = v[11] == 1
    return EventRow(*v)


@damaged_if_unreadable
def last_event(found: Sequence[Values]) -> int:
    """The answer of LAST_EVENT."""
    [[place]] = found
    if type(place) is not int:
        raise DamagedError("there is no place of an event where one should be")
    return place


def event_values(row: EventRow, agent_id: int | None) -> Values:
    """The columns EVENT of *row*."""
    assessment = None if row.assessment is None else _text(row.assessment.to_dict())
    return [
        row.type.value,
        *(row.at, row.user_id, row.session_id, row.device_id, row.ip, row.network),
        *(agent_id, row.reason, row.actor, assessment, row.new_device),
    ]


def levels_of(text: str) -> Levels:
    """
    The levels that a row keeps as JSON.

    Raises:
        DamagedError, ValueError: If *text* holds none.
    """
    levels = tuple((acr, at) for acr, at in json.loads(text))
    if not all(type(acr) is str and is_second(at) for acr, at in levels):
        raise DamagedError("there are no levels where they should be")
    return levels


@lru_cache(maxsize=1024)
def location_of(text: str) -> Location:
    """The place that a row keeps as JSON; a damaged one is any of the errors in DAMAGE."""
    return location_from(json.loads(text))
