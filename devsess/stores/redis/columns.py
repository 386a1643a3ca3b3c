"""Rows as the fields of hashes, and back: each column is a JSON text of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import NOTHING, evolve, fields

from devsess.models import Location
from devsess.stores import as_json, searching, semantics
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.redis import counts
from devsess.stores.rows import DeviceRow, EventRow, SessionRow

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs

Text = str | bytes

# Columns of these types compare as numbers, whichever type of number the caller has.
_FLOATS = frozenset(it.name for it in fields(SessionRow) if "float" in str(it.type))
# Ids, which a hash keeps beside the columns, and the columns that scripts compare.
_OWNERS = ("id", "user_id", "device")
_ALWAYS = ("generation", "ending_number")
_KEPT = [it.name for it in fields(SessionRow) if it.name not in _OWNERS]

# To ask which columns of a device may change.
_ANY_DEVICE = DeviceRow("", "", "", "unknown", "", "", 0.0, 0.0)


_encoder = json.JSONEncoder(separators=(",", ":")).encode


def encode(value: object) -> str:
    """*value* as JSON text."""
    if value is None:
        return "null"
    return repr(value) if type(value) is float else _encoder(value)


def raw(text: str) -> bytes:
    """*text* as bytes of a key or an id, for any characters."""
    return text.encode("utf-8", "surrogatepass")


def unraw(data: bytes) -> str:
    """The text that `raw` made *data* of."""
    return data.decode("utf-8", "surrogatepass")


def instant(seconds: float) -> str:
    """*seconds* as a number that Lua and the scores of sorted sets read; infinity too."""
    return repr(min(max(seconds, -1e308), 1e308))


def cutoffs(at: LivenessCutoffs) -> list[Text]:
    """The arguments that say which rows are live."""
    return [*map(instant, (at.now, at.idle_after, at.created_after, at.future_after))]


def some(values: Sequence[Text]) -> list[Text]:
    """A list as arguments: its length, then its items."""
    return [str(len(values)), *values]


def text_of(name: str, value: object) -> str:
    """The text of a session's column."""
    if isinstance(value, Location):
        value = as_json.location_values(value)
    elif isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    elif name in _FLOATS and type(value) is int:
        value = float(value)
    return encode(value)


_DEFAULT_TEXTS = {
    it.name: "null" if it.default is NOTHING else text_of(it.name, it.default)
    for it in fields(SessionRow)
}


def default_of(name: str) -> str:
    """The text that stands for a column which a hash lacks."""
    return _DEFAULT_TEXTS[name]


def of_session(row: SessionRow) -> list[Text]:
    """The fields of *row*'s hash, but for the ids of its user and device."""
    who = encode({"id": row.id, "user_id": row.user_id, "device": row.device.id})
    found: list[Text] = ["who", who[1:-1]]
    for name in _KEPT:
        text = text_of(name, getattr(row, name))
        if text != _DEFAULT_TEXTS[name] or name in _ALWAYS:
            found += [name, text]
    return found


def of_device(row: DeviceRow, names: Iterable[str] = ()) -> list[Text]:
    """The fields of *row*'s hash, or some of them."""
    plain = as_json.as_plain(row)
    return [text for name in names or plain for text in (name, encode(plain[name]))]


def of_device_changes(changes: Mapping[str, object]) -> list[Text]:
    """
    Changed columns of a device.

    Raises:
        ValueError: If one is not one that may change.
    """
    semantics.changed_device(_ANY_DEVICE, changes)
    return [text for name, value in changes.items() for text in (name, encode(value))]


def of_changes(changes: Mapping[str, object]) -> list[Text]:
    """Changed columns of a session."""
    return [text for name, value in changes.items() for text in (name, text_of(name, value))]


def of_expected(expected: Mapping[str, object]) -> list[Text]:
    """Expected columns of a session: name, text, and the text of one that the hash lacks."""
    return [
        text
        for name, value in expected.items()
        for text in (name, text_of(name, value), default_of(name))
    ]


def of_event(event: EventRow | None) -> list[Text]:
    """An event as arguments; its address is kept apart, so that it can be dropped."""
    if event is None:
        return ["0"]
    has_address = event.ip is not None and event.ip != event.network
    session = ["0", ""] if event.session_id is None else ["1", raw(event.session_id)]
    return [
        "1",
        raw(event.user_id),
        *session,
        event.type.value,
        instant(event.at),
        encode({**as_json.as_plain(event), "ip": event.network}),
        encode(event.ip) if has_address else "",
        "1" if searching.is_act(event) else "0",
        counts.of_event(event),
    ]


def pairs(flat: Sequence[bytes]) -> dict[str, bytes]:
    """The fields of a hash."""
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def device(flat: Sequence[bytes]) -> DeviceRow:
    """
    The device that `of_device` wrote.

    Raises:
        UnreadableRowError: If it is damaged.
    """
    columns = pairs(flat)
    columns.pop("uses", None)
    return as_json.load_device(_object(columns))


def session(shown: Sequence[Any], of: DeviceRow) -> SessionRow:
    """
    The session of one answer, with its device: ended, where an ending covers it.

    Raises:
        UnreadableRowError: If it is damaged.
    """
    flat, covering = shown
    columns = pairs(flat)
    who = columns.pop("who", b'"id":null')
    for name in ("user", "dev"):
        columns.pop(name, None)
    text = _object(columns)
    try:
        plain = json.loads(f"{text[:-1]},{who.decode()}}}")
    except ValueError as error:
        raise UnreadableRowError("there is a column that is no JSON text") from error
    row = as_json.session_from({**_NULLS, **plain}, of)
    if not covering:
        return row
    at, reason, actor = (json.loads(it) for it in covering)
    return semantics.ended(row, float(at), reason, actor)


def owner(shown: Sequence[Any]) -> tuple[str, str]:
    """The ids of the user and the device of the session in one answer."""
    columns = pairs(shown[0])
    return unraw(columns["user"]), unraw(columns["dev"])


# Columns without a default of their own.
_NULLS = dict.fromkeys(it.name for it in fields(SessionRow) if it.default is NOTHING)


def event(text: bytes, ip: bytes = b"", at: bytes = b"") -> EventRow:
    """
    The event of one answer, whether Python or a script wrote it.

    Raises:
        UnreadableRowError: If it is damaged.
    """
    try:
        plain = json.loads(text)
        of = plain.get("of")
        if of is None:
            row = as_json.load_event(text.decode())
        else:
            said = (plain["network"], plain["user_agent"], plain["at"])
            known = (of["id"], of["user_id"], of["device"], *said)
            row = semantics.end_event(*known, plain["reason"], plain["actor"])
        changed = {name: json.loads(it) for name, it in (("ip", ip), ("at", at)) if it}
        return evolve(row, **changed) if changed else row
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UnreadableRowError(f"this is no event that devsess wrote: {error}") from error


def _object(columns: Mapping[str, bytes]) -> str:
    try:
        return "{" + ",".join(f'"{name}":{it.decode()}' for name, it in columns.items()) + "}"
    except UnicodeDecodeError as error:
        raise UnreadableRowError("there is a column that is no text") from error
