"""The arguments of a store's calls, and their answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import field, frozen

from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


class StoreBusyError(StoreUnavailableError):
    """A call with `wait=False` could not be answered at once; ask again with `wait=True`."""


class PartlyUnavailableError(StoreUnavailableError):
    """The log could not be read whole, as a part of the store is down; a row may be on another."""


class All(Enum):
    """The answer of `changes` when it cannot name single sessions."""

    ALL = "all"


ALL = All.ALL


class Bytes(Protocol):
    """Memory that can be looked at."""

    @property
    def raw(self) -> bytes:
        """A copy of its bytes."""
        ...


@frozen
class SharedMark:
    """
    A mark that can be compared without asking the store, for a while.

    Attributes:
        epoch: Another number for each opening of the database.
        raw: The memory's bytes when the mark was made.
        memory: Every commit changes it.
    """

    epoch: int
    raw: bytes
    memory: Bytes = field(eq=False, repr=False)


@frozen
class Changes:
    """
    The changes behind a position.

    Attributes:
        position: Where the log stands now; opaque, compared for equality only.
        ids: The sessions that changed, or ALL: forget everything.
    """

    position: object
    ids: Collection[str] | All


@frozen
class Insertion:
    """
    A login, as one write.

    Attributes:
        row: The new session, with its device, which is written too. Refused if an
            ending number that binds the account has grown beyond `row.ending_number`, or
            if that was never drawn: a backup was restored, and no ending would cover it.
        event: The event to insert with it: of its type the session has one.
        auth_instant: When the person signed in, at full resolution, where the
            application says so; else None. Refused if it is older than the account's
            or the store's cut-off, unless that is later than `cutoffs.future_after`.
        cutoffs: The instants by which rows count as live.
        limit: Live sessions allowed, this one included, or None.
        evict: End the least recently used to make room, rather than refuse.
        replaces: End this device's own live sessions first.
        digests: Of the account's id, one a key: see `Erasure`.
        limit_event: The event to insert too, before `event`, if sessions are evicted.
        device_event: The event to insert too, after `event`, where there is one; as there.
        items: Written too, each as by `put_item`; one whose version does not fit is not, and
            the sign-in stands.
    """

    row: SessionRow
    event: EventRow
    auth_instant: float | None
    cutoffs: LivenessCutoffs
    limit: int | None = None
    evict: bool = True
    replaces: bool = False
    digests: Sequence[bytes] = ()
    limit_event: EventRow | None = None
    items: Sequence[Item] = ()
    device_event: EventRow | None = None

    @property
    def events(self) -> tuple[EventRow, ...]:
        """The events of the sign-in itself, in this order."""
        return (self.event,) if self.device_event is None else (self.event, self.device_event)


def _items(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(items)


@frozen
class Known:
    """
    The account as a sign-in finds it: the devices to compare, and its ending number.

    Attributes:
        devices: As `known_devices` says.
        ending_number: As `ending_number` gives it, at the same instant or before it.
        items: Those asked for.
    """

    devices: Sequence[DeviceRow]
    ending_number: int
    items: Sequence[Item] = field(default=(), converter=_items)


@frozen
class Inserted:
    """
    It is written.

    Attributes:
        ended: The events of the sessions that made room.
        missed: The kinds of the items that were not written: another call was faster.
    """

    ended: tuple[EventRow, ...] = ()
    missed: tuple[str, ...] = ()


class Refused(Enum):
    """It is not written: an ending came between, or the device of a sign-in is blocked."""

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
    """
    All sessions of a user but *keep*, which takes the new number.

    Also raises the account's number and sets its cut-off; with *compromised*,
    the trust in the user's devices ends too.
    """

    user_id: str
    keep: str | None = None
    compromised: bool = False


@frozen
class OfDevice:
    """
    All sessions of a user's device, which is blocked or forgotten in the same write.

    A blocked device is no longer trusted.
    """

    user_id: str
    device_id: str
    forget: bool = False


@frozen
class Everyone:
    """All sessions there are; raises the store's number and sets its cut-off. The log says ALL."""


Target: TypeAlias = ById | OfUser | OfDevice | Everyone


# The rows that an ending writes itself, at most; of more it writes the number alone.
AT_ONCE = 1_000


@frozen
class Ending:
    """
    An end, as one write.

    Attributes:
        target: Which sessions.
        reason: Why; kept in the row and its event.
        actor: The id of the person or program that asked for it, or None.
        cutoffs: `cutoffs.now` is the instant; every row of the target that is
            not revoked is revoked, those that were live get an event.
        at_once: How many rows an ending of a user's or of all sessions may write
            itself; of more it writes the number alone, and `settle` the rows.
        event: The event of the ending itself, inserted after those of its sessions. Of
            ById only if a live session ended, of OfDevice only if the device is known.
    """

    target: Target
    reason: str
    actor: str | None
    cutoffs: LivenessCutoffs
    at_once: int = AT_ONCE
    event: EventRow | None = None


@frozen
class Ended:
    """
    The answer to an ending.

    Attributes:
        events: One a live session that was written as ended, least recently used first;
            then `Ending.event`, where it was inserted.
        following: The number of the ending, if its rows follow; else None.
    """

    events: tuple[EventRow, ...] = ()
    following: int | None = None


@frozen
class Settled:
    """
    One batch of rows that were covered and are now written.

    Attributes:
        events: One a session that was live when its ending came.
        is_more: Whether rows are still to follow.
    """

    events: tuple[EventRow, ...] = ()
    is_more: bool = False


@frozen
class Erasure:
    """
    The erasure of an account, and the digests that outlive it for a while.

    Attributes:
        user_id: The account.
        digests: Keyed digests of `user_id`, one a key; under each the account's new
            ending number outlives the account, so that no sign-in under way brings it
            back. Under one alone, a process that has another key would not find it.
        until: The instant from which on the digests are forgotten too.
        at: When it is, for the statistics; None where nobody knows, as in a copy.
    """

    user_id: str
    digests: Sequence[bytes] = field(repr=False)
    until: float
    at: float | None = None


@frozen
class Retention:
    """
    The instants of a purge, in seconds since the epoch.

    Attributes:
        now: Deadlines, trust and digests that it has reached are over.
        latest: Later instants were written by a clock that was ahead; *now* takes
            their place. Infinity corrects nothing.
        before: Sessions that ended before it, and events older than it, are deleted.
        devices_before: Devices without a session that were last seen before it are deleted.
        agents_before: Texts of user agents that were last seen before it are deleted, where a
            store keeps them apart.
    """

    now: float
    latest: float
    before: float
    devices_before: float
    agents_before: float


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
        "step_up_after",
        "score",
    }
)
# Those that a memory holds of a session whose tokens go on: a rotation that names one is logged.
HEARD = frozenset({"step_up_after", "score"})
# The columns that `set_back` may name.
CORRECTED = frozenset(
    {
        "created_at",
        "last_seen_at",
        "idle_from",
        "idle_expires_at",
        "absolute_expires_at",
        "auth_time",
        "levels",
    }
)
MUTABLE_DEVICE = frozenset({"name", "trusted_until", "blocked"})

Columns: TypeAlias = Mapping[str, object]
