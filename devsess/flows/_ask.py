"""
What a flow may ask for, each with its answer's type.

Named after the store's methods, with the same arguments; `emit` and `locate`
are answered by the manager. A driver answers a call with whatever performing
it returned, so the one cast a call needs stands here, beside its name.
"""

from __future__ import annotations

import builtins
from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from attrs import field, frozen

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, Horizon
    from devsess.models import Location, Page
    from devsess.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.base import (
        Changes,
        Columns,
        Ended,
        Ending,
        Erasure,
        InsertAnswer,
        Insertion,
        Refused,
        Retention,
        Settled,
    )

T = TypeVar("T")

_NO_KWARGS: Mapping[str, object] = MappingProxyType({})


@frozen
class Call:
    """One thing a flow asks for: a method's name and its arguments, which may be tokens."""

    name: str
    args: tuple[object, ...] = field(default=(), repr=False)
    kwargs: Mapping[str, object] = field(default=_NO_KWARGS, repr=False)


Flow: TypeAlias = Generator[Call, object, T]


def mark() -> Flow[object]:
    return (yield Call("mark"))


def changes(position: object) -> Flow[Changes]:
    return cast("Changes", (yield Call("changes", (position,))))


def get(session_id: str) -> Flow[SessionRow | None]:
    return cast("SessionRow | None", (yield Call("get", (session_id,))))


def stamp(session_id: str) -> Flow[int | None]:
    return cast("int | None", (yield Call("stamp", (session_id,))))


def list_rows(user_id: str) -> Flow[builtins.list[SessionRow]]:
    return cast("builtins.list[SessionRow]", (yield Call("list", (user_id,))))


def insert(insertion: Insertion) -> Flow[InsertAnswer]:
    return cast("InsertAnswer", (yield Call("insert", (insertion,))))


def touch(session_id: str, activity: Activity, *, bound: bool, presented: int | None) -> Flow[bool]:
    arguments = {"bound": bound, "presented": presented}
    return cast("bool", (yield Call("touch", (session_id, activity), arguments)))


def rotate(
    session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
) -> Flow[SessionRow | None]:
    arguments = {"expected_generation": expected_generation, "changes": changes, "event": event}
    return cast("SessionRow | None", (yield Call("rotate", (session_id,), arguments)))


def update(
    session_id: str, *, expected: Columns, changes: Columns, event: EventRow
) -> Flow[SessionRow | None]:
    arguments = {"expected": expected, "changes": changes, "event": event}
    return cast("SessionRow | None", (yield Call("update", (session_id,), arguments)))


def live(
    user_id: str, *, horizon: Horizon, limit: int, cursor: str | None
) -> Flow[Page[SessionRow]]:
    arguments = {"horizon": horizon, "limit": limit, "cursor": cursor}
    return cast("Page[SessionRow]", (yield Call("live", (user_id,), arguments)))


def cut_off(user_id: str) -> Flow[float | None]:
    return cast("float | None", (yield Call("cut_off", (user_id,))))


def ending_number(user_id: str, digests: Sequence[bytes]) -> Flow[int]:
    return cast("int", (yield Call("ending_number", (user_id,), {"digests": digests})))


def ahead(*, after: float, limit: int) -> Flow[builtins.list[SessionRow]]:
    arguments = {"after": after, "limit": limit}
    return cast("builtins.list[SessionRow]", (yield Call("ahead", (), arguments)))


def set_back(session_id: str, *, expected: Columns, changes: Columns, wait: bool) -> Flow[bool]:
    arguments = {"expected": expected, "changes": changes, "wait": wait}
    return cast("bool", (yield Call("set_back", (session_id,), arguments)))


def end(ending: Ending) -> Flow[Ended]:
    return cast("Ended", (yield Call("end", (ending,))))


def covered(number: int, *, limit: int, cursor: str | None) -> Flow[Page[str]]:
    arguments = {"limit": limit, "cursor": cursor}
    return cast("Page[str]", (yield Call("covered", (number,), arguments)))


def settle(*, limit: int, own: int | None, before: float) -> Flow[Settled]:
    arguments = {"limit": limit, "own": own, "before": before}
    return cast("Settled", (yield Call("settle", (), arguments)))


def devices(user_id: str) -> Flow[builtins.list[DeviceRow]]:
    return cast("builtins.list[DeviceRow]", (yield Call("devices", (user_id,))))


def known_devices(
    user_id: str, ids: Sequence[str], fingerprints: Sequence[bytes]
) -> Flow[builtins.list[DeviceRow]]:
    arguments = {"ids": ids, "fingerprints": fingerprints}
    return cast("builtins.list[DeviceRow]", (yield Call("known_devices", (user_id,), arguments)))


def put_device(
    user_id: str, device_id: str, *, changes: Columns, event: EventRow, number: int | None
) -> Flow[DeviceRow | Refused | None]:
    arguments = {"changes": changes, "event": event, "number": number}
    call = Call("put_device", (user_id, device_id), arguments)
    return cast("DeviceRow | Refused | None", (yield call))


def add_event(event: EventRow) -> Flow[None]:
    yield Call("add_event", (event,))


def events(user_id: str, *, limit: int, cursor: str | None) -> Flow[Page[EventRow]]:
    arguments = {"limit": limit, "cursor": cursor}
    return cast("Page[EventRow]", (yield Call("events", (user_id,), arguments)))


def purge(retention: Retention, limit: int) -> Flow[int]:
    return cast("int", (yield Call("purge", (retention,), {"limit": limit})))


def erase(erasure: Erasure) -> Flow[int]:
    return cast("int", (yield Call("erase", (erasure,))))


def migrate() -> Flow[builtins.list[str]]:
    return cast("builtins.list[str]", (yield Call("migrate")))


def locate(ip: str | None) -> Flow[Location | None]:
    """The place of *ip*; asked only where there is an address."""
    return cast("Location | None", (yield Call("locate", (ip,)))) if ip else None


def emit(*happened: EventRow) -> Flow[None]:
    """Hand events to the application, once the operation is over."""
    for event in happened:
        yield Call("emit", (event,))


def pause() -> Flow[None]:
    """Let others write, for as long as the last call kept them waiting."""
    yield Call("pause")
