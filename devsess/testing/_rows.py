"""Rows to test stores with: by default a session of user-1 at a round instant."""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from devsess import skew
from devsess.lifecycle import Activity, LivenessCutoffs
from devsess.models import EventType, Location
from devsess.stores.base import ALL, ById, Ending, Erasure, Insertion, OfUser
from devsess.stores.calls import Retention
from devsess.stores.rows import DeviceRow, EventRow, SessionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from devsess.stores.base import AsyncStore, Changes
    from devsess.stores.calls import Columns, Target

E = TypeVar("E", bound=Exception)
S = TypeVar("S", bound="AsyncStore")

T0 = 1_750_000_000.0
HOUR = 3_600.0
DAY = 24 * HOUR


def device_row(**columns: Any) -> DeviceRow:
    """A device."""
    standard = DeviceRow(
        id="device-1",
        user_id="user-1",
        label="Chrome on macOS",
        kind="desktop",
        os="macOS",
        browser="Chrome",
        first_seen_at=T0,
        last_seen_at=T0,
        network="102.89.77.0/24",
    )
    return evolve(standard, **columns)


def session_row(session_id: str = "s1", *, user_id: str = "user-1", **columns: Any) -> SessionRow:
    """A live session; `device` may be an id."""
    device = columns.pop("device", "device-1")
    if isinstance(device, str):
        device = device_row(id=device, user_id=user_id)
    standard = SessionRow(
        id=session_id,
        user_id=user_id,
        device=device,
        ip="102.89.77.21",
        network="102.89.77.0/24",
        user_agent="Mozilla/5.0 (Macintosh)",
        location=None,
        created_at=T0,
        last_seen_at=T0,
        idle_from=T0,
        idle_expires_at=T0 + 14 * DAY,
        absolute_expires_at=T0 + 30 * DAY,
        auth_time=int(T0),
        amr=("pwd",),
        acr=None,
        persistent=False,
        claims="{}",
        salt=b"0123456789abcdef",
    )
    return evolve(standard, **columns)


def full_row(session_id: str = "s1") -> SessionRow:
    """A session in which every column has a value worth keeping, beyond ASCII too."""
    device = device_row(
        id="d-ключ",
        label="Pixel 9 Pro · Chrome",
        kind="phone",
        trusted_until=T0 + 0.125,
        name="тётин телефон 📱",
        fingerprint=b"\x00\xff digest",
        resembles="device-0",
    )
    return session_row(
        session_id,
        device=device,
        ip="2001:db8:1:2::3",
        network="2001:db8:1::/48",
        user_agent="Mozilla/5.0 “ünïcode” 漢字",
        location=Location(
            "Québec",
            "Канада",
            46.8122999,
            -71.2145,
            20.5,
            region="Québec (région)",
            country_code="CA",
            time_zone="America/Toronto",
            asn=4_294_967_295,
            organisation="Организация № 1",
            is_hosting=False,
        ),
        created_at=T0 + 0.1,
        last_seen_at=T0 + 0.2,
        idle_from=T0 + 0.3,
        idle_expires_at=T0 + DAY + 0.4,
        absolute_expires_at=T0 + 2 * DAY + 0.5,
        amr=("pwd", "otp", "日本"),
        acr="aal2",
        persistent=True,
        claims='{"role":"админ","quote":"\\"\'"}',
        salt=b"\x00\x01\xfe\xff",
        generation=7,
        rotated_at=T0 + 0.6,
        rotated_by="step_up",
        bound=True,
        previous_generation=4,
        presented=True,
        levels=(("urn:ступень", int(T0) - 9), ("aal1", int(T0) - 3)),
        step_up_after=int(T0) + 4,
        score=-35,
        impersonator=("s-вышестоящая", "admin"),
    )


def event_row(kind: EventType = EventType.SESSION_CREATED, **columns: Any) -> EventRow:
    """An event of session s1."""
    standard = EventRow(
        type=kind,
        at=T0,
        user_id="user-1",
        session_id="s1",
        device_id="device-1",
        ip="102.89.77.21",
        network="102.89.77.0/24",
        user_agent="Mozilla/5.0 (Macintosh)",
    )
    return evolve(standard, **columns)


def cutoffs(now: float = T0, **columns: float) -> LivenessCutoffs:
    """Cutoffs at *now* under the default policy."""
    return evolve(LivenessCutoffs(now, now - 14 * DAY, now - 30 * DAY, now + 5), **columns)


# Under these cutoffs every row of `past_deadlines` is dead.
DEADLINES = cutoffs(T0 + 1, idle_after=T0 - 8, created_after=T0 - 9)


def past_deadlines() -> list[SessionRow]:
    """Sessions that are each past one deadline: of the row, or of the policy."""
    return [
        session_row("idle", idle_expires_at=T0 + 1),
        session_row("absolute", absolute_expires_at=T0 + 1),
        session_row("idles-long", idle_from=T0 - 8),
        session_row("created-long-ago", created_at=T0 - 9),
    ]


def login(row: SessionRow, **columns: Any) -> Insertion:
    """The sign-in that writes *row*."""
    event = event_row(
        at=row.created_at,
        user_id=row.user_id,
        session_id=row.id,
        device_id=row.device.id,
        ip=row.ip,
        network=row.network,
    )
    at = cutoffs(row.created_at)
    exceeded = evolve(event, type=EventType.LIMIT_EXCEEDED, session_id=None, reason="limit")
    standard = Insertion(row, event, auth_instant=None, cutoffs=at, limit_event=exceeded)
    return evolve(standard, **columns)


def ending(target: Target, now: float = T0 + 1, **columns: Any) -> Ending:
    """The end of *target*."""
    standard = Ending(target=target, reason="lost", actor="admin", cutoffs=cutoffs(now))
    return evolve(standard, **columns)


def activity(at: float) -> Activity:
    """The columns that an activity at *at* writes."""
    return Activity(at, at, at + 14 * DAY)


UPDATED = event_row(EventType.SESSION_UPDATED, at=T0 + 1)


async def sign_in(store: AsyncStore, *rows: SessionRow) -> None:
    """Write sessions."""
    for row in rows:
        await store.insert(login(row))


async def sign_in_again(store: AsyncStore, row: SessionRow, **columns: Any) -> object:
    """The answer to a sign-in that begins now: under the numbers that there are."""
    digests = columns.get("digests", ())
    number = await store.ending_number(row.user_id, digests=digests)
    return await store.insert(login(evolve(row, ending_number=number), **columns))


def retention(now: float = T0, before: float = T0 - 1, **instants: float) -> Retention:
    """A purge at *now* of everything older than *before*; clocks may differ by CLOCKS_APART."""
    standard = Retention(now, skew.latest(now), before, before, before)
    return evolve(standard, **instants)


def erasure(user_id: str = "user-1", until: float = T0 + DAY) -> Erasure:
    """The erasure of an account."""
    digests = [key + b" digest of " + user_id.encode("utf-8", "replace") for key in (b"1", b"2")]
    return Erasure(user_id, digests, until)


async def update(
    store: AsyncStore, session_id: str, changes: Columns, expected: Columns | None = None
) -> SessionRow | None:
    """Update a session, expecting nothing but that it lives."""
    return await store.update(session_id, expected=expected or {}, changes=changes, event=UPDATED)


async def end_one(store: AsyncStore, session_id: str, now: float = T0 + 1) -> None:
    """Revoke a session."""
    await store.end(ending(ById(session_id), now))


async def end_all(store: AsyncStore, user_id: str, now: float) -> None:
    """Revoke all sessions of a user."""
    await store.end(ending(OfUser(user_id), now))


async def changed_since(store: AsyncStore, position: object) -> set[str] | str:
    """The ids that the log names behind *position*; "all" if it names none."""
    changes: Changes = await store.changes(position)
    return "all" if changes.ids is ALL else set(changes.ids)


async def log_position(store: AsyncStore) -> object:
    """Where the log stands."""
    return (await store.changes(None)).position


async def raises(kind: type[E], call: Coroutine[Any, Any, object]) -> E:
    """The error of *kind* that *call* raises."""
    try:
        await call
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def with_a_store(
    test: Callable[[Any, S], Coroutine[Any, Any, None]],
) -> Callable[[Any], None]:
    """Turn a coroutine that takes a store into a plain test over a new, empty one."""

    async def scenario(self: Any) -> None:
        store = self.make_store()
        try:
            await test(self, store)
        finally:
            await store.close()

    @wraps(test)
    def run(self: Any) -> None:
        asyncio.run(scenario(self))

    # Test runners look through it and would want a fixture for `store`.
    del run.__wrapped__
    return run
