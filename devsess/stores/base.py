"""
The storage protocol and its contract.

Each call is one atomic deed: it happens whole or not at all, and other
processes see it whole or not at all. Stores have no clock and judge nothing:
instants come as arguments, and a row past its deadlines is returned like any
other. Four words mean the same in every method:

- *unknown*: there is no such row. The answer is None, empty, or nothing done.
- *expired*: a row past its deadlines. It is returned; the caller judges.
- *malformed* (an id with strange characters, a mangled cursor): as unknown;
  a mangled cursor raises ValueError.
- *broken* (locked, full, unreachable, corrupt): `StoreUnavailableError`, and
  nothing was written.

A revoked row is never changed again. There is no blind save: every write names
what it expects or applies to live rows only.

The change log. Deeds that must take effect at once append the session's id to
it, in the same transaction: end, replace, evict, update, put_device, erase.
Touches, rotations and plain logins do not.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import field, frozen

from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, Horizon
    from devsess.models import Page
    from devsess.rows import DeviceRow, EventRow, SessionRow


class StoreBusyError(StoreUnavailableError):
    """A call with `wait=False` could not be answered at once; ask again with `wait=True`."""


class All(Enum):
    """The answer of `changes` when it cannot name single sessions."""

    ALL = "all"


ALL = All.ALL


class Bytes(Protocol):
    """Memory that can be looked at."""

    @property
    def raw(self) -> bytes:
        """What it holds now."""
        ...


@frozen
class SharedMark:
    """
    A mark that can be compared without asking the store, for a while.

    Attributes:
        epoch: Tells openings of the database apart.
        raw: What the memory held.
        memory: What every commit changes.
    """

    epoch: int
    raw: bytes
    memory: Bytes = field(eq=False, repr=False)


@frozen
class Changes:
    """
    What changed behind a position.

    Attributes:
        position: Where the log stands now; opaque, compared for equality only.
        ids: The sessions that changed, or ALL: forget everything.
    """

    position: object
    ids: Collection[str] | All


@frozen
class Insertion:
    """
    A login, as one deed.

    Attributes:
        row: The new session, with its device, which is written too.
        event: The event to keep with it.
        auth_instant: When the person signed in, at full resolution: older than
            the account's or the store's cut-off is refused.
        horizon: What counts as live.
        limit: Live sessions allowed, this one included, or None.
        evict: End the least recently used to make room, rather than refuse.
        replaces: End this device's own live sessions first.
    """

    row: SessionRow
    event: EventRow
    auth_instant: float
    horizon: Horizon
    limit: int | None = None
    evict: bool = True
    replaces: bool = False


@frozen
class Inserted:
    """It is written; `ended` are the events of the sessions that made room."""

    ended: tuple[EventRow, ...] = ()


class Refused(Enum):
    """It is not written: the sign-in is older than a cut-off, or its device is blocked."""

    CUT_OFF = "cut-off"
    BLOCKED = "device-blocked"


@frozen
class Full:
    """It is not written: these live sessions fill the limit, least recently used first."""

    rows: tuple[SessionRow, ...]


InsertAnswer: TypeAlias = Inserted | Refused | Full


@frozen
class ById:
    """One session; with *user_id*, only if it is that user's."""

    session_id: str
    user_id: str | None = None


@frozen
class OfUser:
    """All sessions of a user but *keep*; also sets the account's cut-off to the deed's instant."""

    user_id: str
    keep: str | None = None


@frozen
class OfDevice:
    """All sessions of a user's device, which is blocked or forgotten in the same deed."""

    user_id: str
    device_id: str
    forget: bool = False


@frozen
class Everyone:
    """All sessions there are; also sets the store's cut-off. The log answers ALL behind it."""


Target: TypeAlias = ById | OfUser | OfDevice | Everyone


@frozen
class Ending:
    """
    An end, as one deed.

    Attributes:
        target: Which sessions.
        reason: Why; kept in the row and its event.
        actor: Who, or None.
        horizon: `horizon.now` is the instant; every row of the target that is
            not revoked is revoked, those that were live get an event.
    """

    target: Target
    reason: str
    actor: str | None
    horizon: Horizon


# The columns that `rotate` and `update` may name.
MUTABLE = frozenset(
    {
        "ip",
        "network",
        "user_agent",
        "location",
        "last_seen_at",
        "idle_from",
        "idle_expires_at",
        "auth_time",
        "amr",
        "acr",
        "claims",
        "generation",
        "rotated_at",
        "rotated_by",
        "bound",
        "previous_generation",
        "presented",
        "levels",
    }
)
MUTABLE_DEVICE = frozenset({"name", "trusted_until", "blocked"})

Columns: TypeAlias = Mapping[str, object]


class Store(Protocol):
    """A blocking store. Safe to use from many threads."""

    @property
    def mark_in_use(self) -> str:
        """What `mark` compares, in a word, for those who look after it."""
        ...

    def mark(self) -> object:
        """
        A value that differs whenever the log may have grown since it was last read.

        Cheap: it is read on every validation, or, if it is a SharedMark, its
        memory is, and the store is asked twice a second. Raises StoreBusyError
        where it cannot be told at once.
        """
        ...

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        """
        What the log holds behind *position*.

        ALL for a position of None, of another database, ahead of the log, or
        below the oldest entry kept.
        """
        ...

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        """The session, whatever its state, or None."""
        ...

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        """
        A number for the row's whole content, device included: another once any of it changes.

        Cheaper than `get`, for those who have seen the row before. None for an
        unknown or revoked row, and from a store that has no stamps.
        """
        ...

    def list(self, user_id: str) -> builtins.list[SessionRow]:
        """All rows of a user, whatever their state; latest activity first, then by id."""
        ...

    def insert(self, insertion: Insertion) -> InsertAnswer:
        """Write a session, its device and its event; see Insertion for what may refuse it."""
        ...

    def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """
        Move an unrevoked row's activity forward, and bind it if *bound*; whether it was there.

        If *presented* is the row's generation, the row is marked so. Need not
        survive a power loss. No column moves back.
        """
        ...

    def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """
        Raise an unrevoked row's generation by one and apply *changes*.

        None, and nothing done, unless the row has the expected generation.
        Activity columns move only forward.
        """
        ...

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """Apply *changes* to an unrevoked row in which all *expected* hold, and log it; or None."""
        ...

    def end(self, ending: Ending) -> Sequence[EventRow]:
        """
        Revoke, log, reduce addresses to networks; the events it kept, one a session ended.

        A device named by OfDevice is blocked or forgotten also where it has no
        session.
        """
        ...

    def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """A user's devices that are not forgotten; latest sign-in first, then by id."""
        ...

    def known_devices(
        self, user_id: str, *, ids: Sequence[str], fingerprints: Sequence[bytes]
    ) -> builtins.list[DeviceRow]:
        """Of `devices`, in its order: those with these ids or fingerprints, and the latest few."""
        ...

    def put_device(
        self, user_id: str, device_id: str, *, changes: Columns, event: EventRow
    ) -> DeviceRow | None:
        """Change a device that is not forgotten, log its unrevoked sessions; None if unknown."""
        ...

    def add_event(self, event: EventRow) -> None:
        """Keep an event."""
        ...

    def events(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """A user's events, newest first, in the order they were kept."""
        ...

    def purge(self, *, now: float, before: float, devices_before: float, limit: int) -> int:
        """
        One bounded batch of cleaning; rows deleted or reduced, 0 when nothing is left to do.

        Unrevoked rows whose written deadlines have passed at *now* are marked
        as ended at that deadline with reason `EXPIRED` and lose their address.
        Sessions that ended before *before* and events older than it are
        deleted; the networks of their devices too, unless a sign-in since then
        says otherwise. Devices without a session are deleted that were forgotten,
        or last seen before *devices_before* and neither blocked, trusted nor named.
        """
        ...

    def erase(self, user_id: str) -> int:
        """Delete everything about a user, and log the sessions; rows deleted."""
        ...

    def migrate(self) -> builtins.list[str]:
        """Bring the schema up to date; the names of the steps taken."""
        ...

    def close(self) -> None:
        """Release everything; closing twice is fine."""
        ...


class AsyncStore(Protocol):
    """`Store`, awaited, for stores behind a network; see there. It has no mark and no stamps."""

    async def changes(self, position: object) -> Changes: ...
    async def get(self, session_id: str) -> SessionRow | None: ...
    async def list(self, user_id: str) -> builtins.list[SessionRow]: ...
    async def insert(self, insertion: Insertion) -> InsertAnswer: ...
    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool: ...
    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None: ...
    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None: ...
    async def end(self, ending: Ending) -> Sequence[EventRow]: ...
    async def devices(self, user_id: str) -> builtins.list[DeviceRow]: ...
    async def known_devices(
        self, user_id: str, *, ids: Sequence[str], fingerprints: Sequence[bytes]
    ) -> builtins.list[DeviceRow]: ...
    async def put_device(
        self, user_id: str, device_id: str, *, changes: Columns, event: EventRow
    ) -> DeviceRow | None: ...
    async def add_event(self, event: EventRow) -> None: ...
    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]: ...
    async def purge(
        self, *, now: float, before: float, devices_before: float, limit: int
    ) -> int: ...
    async def erase(self, user_id: str) -> int: ...
    async def migrate(self) -> builtins.list[str]: ...
    async def close(self) -> None: ...
