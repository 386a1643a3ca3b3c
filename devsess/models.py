"""
The records a user of devsess meets. All are frozen; every instant is aware UTC.

The same records as a store keeps them are in `stores/rows.py`; `views.py` turns those into these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from devsess._assessment import Assessment as Assessment
from devsess._assessment import Decision as Decision
from devsess._assessment import Notice as Notice
from devsess._assessment import Signal as Signal
from devsess._client import UNKNOWN as UNKNOWN
from devsess._client import Client as Client
from devsess._client import Kind as Kind
from devsess._events import Event as Event
from devsess._events import EventType as EventType
from devsess._frozen import NOTHING
from devsess._instants import iso as iso
from devsess._later import FilledLater
from devsess._location import Location as Location

T = TypeVar("T")


@frozen
class Device:
    """
    A browser or app that an account signs in from.

    Attributes:
        id: Random, and known to this account only.
        label: The name for people: "Chrome on macOS", "Pixel 9 Pro · Chrome".
        kind: desktop, phone, tablet, tv, bot, app or unknown.
        os: Operating system, "unknown" where it did not say.
        browser: Browser or program, "unknown" where it did not say.
        first_seen_at: First sign-in.
        last_seen_at: Latest sign-in.
        trusted_until: End of the trust given to it, or None.
        blocked: Whether it is refused at login.
        name: The name its user gave it, or None.
        resembles: Id of a known device that left the same traces, or None.
    """

    id: str
    label: str
    kind: Kind
    os: str
    browser: str
    first_seen_at: datetime
    last_seen_at: datetime
    trusted_until: datetime | None = None
    blocked: bool = False
    name: str | None = None
    resembles: str | None = None

    def __str__(self) -> str:
        return self.name or self.label

    def to_dict(self) -> dict[str, Any]:
        """This device as JSON types."""
        return {
            "id": self.id,
            "label": self.label,
            "name": self.name,
            "kind": self.kind,
            "os": self.os,
            "browser": self.browser,
            "firstSeenAt": iso(self.first_seen_at),
            "lastSeenAt": iso(self.last_seen_at),
            "trustedUntil": iso(self.trusted_until),
            "blocked": self.blocked,
        }


@frozen
class Session(FilledLater):
    """
    One sign-in, from one device, until it expires or is revoked.

    Attributes:
        id: Names the session to `revoke`; no secret.
        user_id: The account.
        device: Where it was signed in.
        ip: The address at login or latest refresh; the network once it ended.
        user_agent: As the client sent it, cut at 512 characters.
        location: Where the address is, if a locator was given and knew.
        created_at: Login.
        last_seen_at: Latest activity, to within the policy's touch interval.
        expires_at: Its deadline: idle or absolute, whichever comes first.
        absolute_expires_at: The deadline that nothing moves.
        auth_time: When the person last proved themselves, in whole seconds.
        amr: How they did then (RFC 8176).
        acr: The authentication context reached then, or None.
        persistent: Whether its cookies outlive the browser.
        revoked_at: When it was revoked, or None.
        revoke_reason: Why it was revoked, or None.
        is_active: Neither revoked nor past its deadline when it was read.
        is_current: Whether its id is the `current` that was given to `list`.
        claims: The application's data; read-only.
        is_bound: Whether its device's token was presented with it: from then on a
            refresh needs that token, and so does ending other sessions with it.
        levels: Each context reached so far, and when it last was, the latest
            last; at most eight, read-only.
        generation: How often its tokens were renewed; tokens of a lower one are not
            the newest.
        step_up_after: Since when a step-up is due, because the account looked unusual or
            its owner said so; None if none is. `require` refuses until then.
        score: The most points that its sign-in, or a refresh since, was assessed with;
            None where nothing was assessed, or a step-up answered for it.
        impersonator: User id of the person who acts as this session's user, or None.
        provider: The sign-in provider that authenticated the person, such as "google", or None.
    """

    id: str
    user_id: str
    device: Device
    ip: str | None
    user_agent: str | None
    location: Location | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str | None
    persistent: bool
    revoked_at: datetime | None = None
    revoke_reason: str | None = None
    is_active: bool = True
    is_current: bool = False
    claims: Mapping[str, Any] = field(default=NOTHING, hash=False)
    is_bound: bool = False
    levels: Mapping[str, datetime] = field(default=NOTHING, hash=False)
    generation: int = field(default=0, eq=False, repr=False)
    step_up_after: datetime | None = None
    score: int | None = None
    impersonator: str | None = None
    provider: str | None = None

    @property
    def revoked(self) -> bool:
        """Whether it was ended before its time."""
        return self.revoked_at is not None

    def to_dict(self) -> dict[str, Any]:
        """The published shape, as JSON types; null where the policy's privacy keeps nothing."""
        return {
            "sessionId": self.id,
            "userId": self.user_id,
            "ip": self.ip,
            "userAgent": self.user_agent,
            "device": str(self.device),
            "location": str(self.location or "") or None,
            "createdAt": iso(self.created_at),
            "lastSeenAt": iso(self.last_seen_at),
            "expiresAt": iso(self.expires_at),
            "revoked": self.revoked,
            "deviceId": self.device.id,
            "kind": self.device.kind,
            "os": self.device.os,
            "browser": self.device.browser,
            "authTime": iso(self.auth_time),
            "amr": list(self.amr),
            "acr": self.acr,
            "provider": self.provider,
            "persistent": self.persistent,
            "current": self.is_current,
            "impersonator": self.impersonator,
        }


@frozen
class Grant:
    """
    The tokens that a login, refresh or step-up gives out, and their session.

    Attributes:
        access_token: For every request; a JWT (RFC 9068).
        refresh_token: For `refresh`; each is good once.
        device_token: Names this browser or app at the next login; from login only.
        session: The session the tokens belong to.
        assessment: How unusual the request was.
        evicted: Ids of sessions that had to end for this one.
        replayed: Whether a refresh gave the successor it had given before.
        expires_in: Seconds until the access token expires (RFC 6749 §5.1).
        is_new_device: Whether a login came from a device that this account did not
            know: worth a mail to its user.
        notice: The question to send to the account's owner, where a login was unusual.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    device_token: str | None = field(repr=False)
    session: Session
    assessment: Assessment = field(factory=Assessment)
    evicted: tuple[str, ...] = ()
    replayed: bool = False
    expires_in: int = 0
    is_new_device: bool = False
    notice: Notice | None = None


@frozen
class Page(Generic[T]):
    """
    A part of a longer list.

    Attributes:
        items: This part.
        next: Opaque cursor of the next part, or None at the end.
    """

    items: tuple[T, ...] = field(converter=tuple)
    next: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
