"""What every flow needs beside its arguments, and the checks they share."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field, frozen

from devsess import lifecycle, skew
from devsess.errors import (
    BadTokenError,
    DeviceMismatchError,
    InvalidSessionError,
    SessionNotFoundError,
    TokenExpiredError,
)
from devsess.flows import _ask as ask
from devsess.flows._checks import checked_session, checked_user
from devsess.lifecycle import Deed
from devsess.models import Assessment, Client, EventType, Grant
from devsess.rows import EventRow, SessionRow
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.flows._ask import Flow
    from devsess.keys import Keys
    from devsess.models import Session
    from devsess.policy import Policy
    from devsess.tokens import AccessClaims, Tokens

NOBODY = Client()


@frozen
class Context:
    """
    The unchanging surroundings of a manager's flows.

    Attributes:
        policy: The numbers.
        tokens: Mints and verifies.
        keys: For the digest of an application's fingerprint.
        entropy: Gives that many random bytes.
    """

    policy: Policy
    tokens: Tokens
    keys: Keys
    entropy: Callable[[int], bytes] = field(repr=False)

    def new_id(self) -> str:
        """128 random bits, URL-safe (ASVS 7.2.3, 11.5.1)."""
        text = base64.urlsafe_b64encode(self.entropy(16)).rstrip(b"=").decode()
        # The last character stands for four bits, and is never a dash. In front it
        # keeps a shell from taking an id for an option.
        return text[-1] + text[:-1]

    def fingerprints(self, user_id: str, fingerprint: str | None) -> tuple[bytes, ...]:
        """
        Digests of an application's fingerprint, current key first.

        Keyed, and with the account in it: no two accounts' digests can be matched.
        """
        if not fingerprint:
            return ()
        text = f"{user_id}\0{fingerprint}".encode("utf-8", "surrogatepass")
        return tuple(
            hmac.digest(secret, text, hashlib.sha256) for secret in self.keys.derive("fingerprint")
        )

    def account_digests(self, user_id: str) -> tuple[bytes, ...]:
        """Digests under which an erased account is remembered for a while, current key first."""
        text = user_id.encode("utf-8", "surrogatepass")
        return tuple(
            hmac.digest(secret, text, hashlib.sha256) for secret in self.keys.derive("account")
        )


def grant(
    context: Context,
    now: float,
    row: SessionRow,
    *,
    device_token: str | None = None,
    assessment: Assessment | None = None,
    evicted: tuple[str, ...] = (),
    replayed: bool = False,
    is_new_device: bool = False,
) -> Grant:
    """The tokens of *row* as it stands."""
    expires_at = lifecycle.token_expiry(row, now, context.policy)
    access_token = context.tokens.mint_access(
        session_id=row.id,
        user_id=row.user_id,
        now=now,
        expires_at=expires_at,
        auth_time=row.auth_time,
        amr=row.amr,
        acr=row.acr,
        generation=row.generation,
        jti=context.new_id(),
    )
    return Grant(
        access_token=access_token,
        refresh_token=context.tokens.mint_refresh(row.id, row.generation, row.salt),
        device_token=device_token,
        session=session_view(row, now, context.policy, current=row.id),
        assessment=assessment or Assessment(),
        evicted=evicted,
        replayed=replayed,
        expires_in=max(0, expires_at - int(now)),
        is_new_device=is_new_device,
    )


def event_of(
    row: SessionRow,
    event_type: EventType,
    now: float,
    *,
    reason: str | None = None,
    actor: str | None = None,
    assessment: Assessment | None = None,
    reduced: bool = False,
) -> EventRow:
    """An event about *row*; with its network only if *reduced*, for it has ended."""
    return EventRow(
        type=event_type,
        at=now,
        user_id=row.user_id,
        session_id=row.id,
        device_id=row.device.id,
        ip=row.network if reduced else row.ip,
        network=row.network,
        user_agent=row.user_agent,
        reason=reason,
        actor=actor,
        assessment=assessment,
    )


def record(event: EventRow) -> Flow[None]:
    """Write *event* to the history, and hand it to the application."""
    yield from ask.add_event(event)
    yield from ask.emit(event)


def permitted(context: Context, now: float, row: SessionRow, deed: Deed) -> Flow[None]:
    """
    Check that *deed* may be done to *row*; using an ended one is told to the application.

    Raises:
        SessionRevokedError, SessionExpiredError: As the lifecycle says.
    """
    try:
        lifecycle.permit(row, deed, now, context.policy)
    except InvalidSessionError:
        yield from ask.emit(event_of(row, EventType.SESSION_USED_AFTER_END, now, reason=row.reason))
        raise


def live_row(context: Context, now: float, claims: AccessClaims, deed: Deed) -> Flow[SessionRow]:
    """
    The row that a verified access token speaks for.

    Raises:
        SessionNotFoundError: If there is none.
        BadTokenError: If the token names another account than the row.
        SessionRevokedError, SessionExpiredError: As the lifecycle says.
        TokenExpiredError: If a step-up replaced the token.
    """
    row = yield from ask.get(claims.session_id)
    if row is None:
        raise SessionNotFoundError("there is no such session: it was deleted, or never was here")
    if row.user_id != claims.user_id:
        raise BadTokenError("the token names another account than its session")
    if not lifecycle.permits(row, deed, now, context.policy):
        yield from permitted(context, now, row, deed)
    if row.auth_time != claims.auth_time:
        raise TokenExpiredError("a newer sign-in took this token's place: refresh")
    return row


def corrected(
    context: Context, now: float, row: SessionRow, *, wait: bool = True
) -> Flow[SessionRow]:
    """
    *row*, set back first if a clock that was ahead wrote it.

    Raises:
        SessionNotFoundError: If it was deleted meanwhile.
        StoreBusyError: If that cannot be written at once, without *wait*.
    """
    if not skew.was_ahead(row, now):
        return row
    read = ("created_at", "last_seen_at", "auth_time")  # a step-up changes the last, always
    expected = {name: getattr(row, name) for name in read}
    changes = skew.set_back(row, now, context.policy)
    yield from ask.set_back(row.id, expected=expected, changes=changes, wait=wait)
    return (yield from own_row(row.id, None))


def find_row(session_id: str | Session, user_id: str | None) -> Flow[SessionRow | None]:
    """
    A session by its id, and by its owner where one is given; None if unknown or foreign.

    Raises:
        TypeError: If *session_id* is neither a text nor a Session, or *user_id* neither a
            text nor None.
    """
    if user_id is not None:
        checked_user(user_id)
    row = yield from ask.get(checked_session(session_id))
    return row if row is not None and user_id in (None, row.user_id) else None


def own_row(session_id: str | Session, user_id: str | None) -> Flow[SessionRow]:
    """
    As `find_row`.

    Raises:
        SessionNotFoundError: If it is unknown or foreign: the two look alike.
        TypeError: As `find_row`.
    """
    row = yield from find_row(session_id, user_id)
    if row is None:
        raise SessionNotFoundError("there is no such session")
    return row


def presents_own_device(context: Context, row: SessionRow, client: Client | None) -> bool:
    """
    Whether *client* presents the device token of *row*'s own device.

    Raises:
        DeviceMismatchError: If it presents another device's.
    """
    ring = context.tokens.read_device(client.device_token) if client else ()
    if ring and row.device.id not in ring:
        raise DeviceMismatchError("this token belongs to another device", session_id=row.id)
    return bool(ring)
