"""
The rows of a store: the same facts as `models.py`, as plain numbers and strings.

Instants are seconds since the epoch. Nothing in a row lets its reader act as
the user: refresh and device tokens are keyed by secrets that no store sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from devsess.models import Assessment, EventType, Kind, Location, Notice

RotatedBy = Literal["refresh", "step_up"]
Levels: TypeAlias = tuple[tuple[str, int], ...]
Impersonator: TypeAlias = tuple[str, str]

# Rows are read by the thousand, and only the memory store keeps them: without slots
# a frozen class of this size is made in half the time.

# Reasons that a store writes by itself: on a device's own session at its next
# sign-in, on one that made room, and on one whose time ran out (by purge).
REPLACED = "replaced"
EVICTED = "evicted"
EXPIRED = "expired"


@frozen(slots=False)
class DeviceRow:
    """
    A device of one account.

    Attributes:
        fingerprint: Keyed digest of the application's own name for it, or None.
        network: Network (/24, /48) of the latest login; evidence, never proof.
        resembles: Id of the known device whose traces it shares, or None.
        forgotten: Removed by its user; kept only while sessions name it.
        Others as in `models.Device`.
    """

    id: str
    user_id: str
    label: str
    kind: Kind
    os: str
    browser: str
    first_seen_at: float
    last_seen_at: float
    trusted_until: float | None = None
    blocked: bool = False
    name: str | None = None
    fingerprint: bytes | None = field(default=None, repr=False)
    network: str | None = None
    resembles: str | None = None
    forgotten: bool = False


@frozen(slots=False)
class SessionRow:
    """
    A session, with its device as it stands when read.

    Attributes:
        network: Takes the place of `ip` when the session has ended.
        idle_from: Instant the idle timeout is counted from; a touch sets it to
            now, an extension moves it ahead.
        idle_expires_at: The idle deadline as written; never after the absolute one.
        auth_time: Of the latest sign-in or step-up, as are `amr` and `acr`; whole
            seconds, as in the JWT.
        amr: The methods, and behind them the sign-in provider: see `_provider`.
        claims: JSON text of an object.
        generation: Counts rotations of the refresh token.
        rotated_at: When the generation last rose, or None.
        rotated_by: The operation that raised it, or None.
        salt: Random part of this session's refresh-token key.
        bound: Whether its own device token has been presented with it.
        previous_generation: The generation whose token the current one succeeds, or
            None before the first rotation. A reissue leaves it as it is, and so does a
            step-up within the grace period of a refresh.
        presented: Whether a token of the current generation has come back.
        levels: Each `acr` reached before the latest event, and the whole second at
            which it last was.
        ending_number: The number under which it was inserted, of its account or
            of the store, whichever is higher; once either has a higher one, the
            session has ended.
        step_up_after: Whole second of the latest demand for a step-up that none has met.
        score: Of the latest assessment, of the sign-in or of a refresh; None without any,
            and once a step-up answered for it.
        impersonator: Ids of the session and the user that act as this session's user, or
            None. Such a session is beside every limit.
        Others as in `models.Session`.
    """

    id: str
    user_id: str
    device: DeviceRow
    ip: str | None
    network: str | None
    user_agent: str | None
    location: Location | None
    created_at: float
    last_seen_at: float
    idle_from: float
    idle_expires_at: float
    absolute_expires_at: float
    auth_time: int
    amr: tuple[str, ...]
    acr: str | None
    persistent: bool
    claims: str
    salt: bytes = field(repr=False)
    generation: int = 0
    rotated_at: float | None = None
    rotated_by: RotatedBy | None = None
    bound: bool = False
    revoked_at: float | None = None
    reason: str | None = None
    actor: str | None = None
    previous_generation: int | None = None
    presented: bool = False
    levels: Levels = ()
    ending_number: int = 0
    step_up_after: int | None = None
    score: int | None = None
    impersonator: Impersonator | None = None


@frozen(slots=False)
class ActivityRow:
    """
    The columns of an unrevoked session that a touch or a rotation changes, and those they hang on.

    The log names neither. Attributes as in SessionRow.
    """

    created_at: float
    last_seen_at: float
    idle_from: float
    idle_expires_at: float
    absolute_expires_at: float
    generation: int
    previous_generation: int | None
    presented: bool
    bound: bool


@frozen
class EventRow:
    """An event as kept; `network` takes the place of `ip` when its session has ended."""

    type: EventType
    at: float
    user_id: str
    session_id: str | None = None
    device_id: str | None = None
    ip: str | None = None
    network: str | None = None
    user_agent: str | None = None
    reason: str | None = None
    actor: str | None = None
    assessment: Assessment | None = None
    new_device: bool = False


@frozen
class NoticeRow(EventRow):
    """The event of a notice; no store keeps it, for its tokens answer for the owner."""

    notice: Notice | None = field(default=None, repr=False)
