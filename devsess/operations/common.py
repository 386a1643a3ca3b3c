"""Steps of several operations: find rows, check and correct them, make grants and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess import lifecycle, skew
from devsess._provider import parted
from devsess.errors import (
    BadTokenError,
    DeviceMismatchError,
    InvalidSessionError,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)
from devsess.models import Assessment, Client, EventType, Grant
from devsess.operations._checks import checked_session, checked_user
from devsess.stores.rows import EventRow, SessionRow
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.lifecycle import Standing
    from devsess.models import Notice, Session
    from devsess.operations.operation import Operation
    from devsess.tokens.access import AccessClaims

NOBODY = Client()
# Live sessions that are read at once.
PAGE = 1_000


def grant(
    op: Operation,
    standing: Standing,
    *,
    device_token: str | None = None,
    assessment: Assessment | None = None,
    evicted: tuple[str, ...] = (),
    replayed: bool = False,
    is_new_device: bool = False,
    notice: Notice | None = None,
) -> Grant:
    """The tokens of a session as it stands."""
    row = standing.row
    amr, _ = parted(row.amr)
    expires_at = lifecycle.token_expiry(standing, op.now, op.policy)
    access_token = op.tokens.access.mint(
        session_id=row.id,
        user_id=row.user_id,
        now=op.now,
        expires_at=expires_at,
        auth_time=row.auth_time,
        amr=amr,
        acr=row.acr,
        generation=row.generation,
        jti=op.new_id(),
        actor=row.impersonator[1] if row.impersonator else None,
    )
    return Grant(
        access_token=access_token,
        refresh_token=op.tokens.refresh.mint(row.id, row.generation, row.salt),
        device_token=device_token,
        session=session_view(standing, current=row.id),
        assessment=assessment or Assessment(),
        evicted=evicted,
        replayed=replayed,
        expires_in=max(0, expires_at - int(op.now)),
        is_new_device=is_new_device,
        notice=notice,
    )


def event_of(
    row: SessionRow,
    event_type: EventType,
    now: float,
    *,
    reason: str | None = None,
    actor: str | None = None,
    assessment: Assessment | None = None,
    new_device: bool = False,
    reduced: bool = False,
) -> EventRow:
    """An event about *row*; *reduced*, for an ended session, has the network for an address."""
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
        new_device=new_device,
    )


async def record(op: Operation, event: EventRow) -> None:
    """Write *event* to the history, and hand it to the application."""
    await op.store.add_event(event)
    op.emit(event)


def require_live(op: Operation, row: SessionRow) -> Standing:
    """
    The standing of *row*, which must be live; the use of an ended session is an event.

    Raises:
        SessionRevokedError, SessionExpiredError: As the lifecycle says.
    """
    standing = lifecycle.standing(row, op.now, op.policy)
    try:
        lifecycle.require_live(standing)
    except InvalidSessionError:
        op.emit(event_of(row, EventType.SESSION_USED_AFTER_END, op.now, reason=row.reason))
        raise
    return standing


async def live_session(op: Operation, claims: AccessClaims) -> Standing:
    """
    The standing of the session that a verified access token names.

    Raises:
        SessionNotFoundError: If there is none.
        BadTokenError: If the token names another account than the row.
        SessionRevokedError, SessionExpiredError: As the lifecycle says.
        TokenExpiredError: If a step-up replaced the token.
    """
    return await live_row(op, require_found(await op.store.get(claims.session_id)), claims)


async def live_row(op: Operation, row: SessionRow, claims: AccessClaims) -> Standing:
    """As `live_session`, whose row was read."""
    require_account(row, claims)
    standing = require_live(op, row)
    if row.impersonator is not None:  # or each validation would run two coroutines for nothing
        await require_impersonator(op, row)
    require_latest(row, claims)
    return standing


def require_found(row: SessionRow | None) -> SessionRow:
    """
    The row of a session.

    Raises:
        SessionNotFoundError: If there is none.
    """
    if row is None:
        raise SessionNotFoundError("there is no such session: it was deleted, or never was here")
    return row


def require_account(row: SessionRow, claims: AccessClaims) -> None:
    """
    Check that a token names the account of its session.

    Raises:
        BadTokenError: If it names another one.
    """
    if row.user_id != claims.user_id:
        raise BadTokenError("the token names another account than its session")


def require_latest(row: SessionRow, claims: AccessClaims) -> None:
    """
    Check that a token is of its session's latest authentication.

    Raises:
        TokenExpiredError: If a step-up replaced it.
    """
    if row.auth_time != claims.auth_time:
        message = "a newer sign-in took this token's place: refresh"
        raise TokenExpiredError(message, session_id=row.id)


async def require_impersonator(op: Operation, row: SessionRow) -> None:
    """
    Check that the session that began an impersonation, if *row* is one, is live.

    Raises:
        SessionRevokedError: If it is not.
    """
    if not await has_live_impersonator(op, row):
        raise SessionRevokedError(
            "the session that began this impersonation has ended", reason="impersonator"
        )


async def has_live_impersonator(op: Operation, row: SessionRow) -> bool:
    """Whether *row* is no impersonation, or the session that began it is live."""
    if row.impersonator is None:
        return True
    session_id, user_id = row.impersonator
    begun_by = await op.store.get(session_id)
    if begun_by is None or begun_by.user_id != user_id:
        return False
    return lifecycle.standing(begun_by, op.now, op.policy).is_live


async def corrected(op: Operation, standing: Standing, *, wait: bool = True) -> Standing:
    """
    *standing*; if a clock that was ahead wrote the row, its standing once it is set back.

    A row that was set back within the hour, and is ahead again, is left as it is.

    Raises:
        SessionNotFoundError: If it was deleted meanwhile.
        StoreBusyError: If that cannot be written at once, without *wait*.
    """
    if not standing.written_ahead:
        return standing
    row = standing.row
    if not op.corrections.allow(row.id, skew.ahead_by(row, op.now)):
        return standing
    await set_back(op, row, wait=wait)
    return lifecycle.standing(await own_row(op, row.id, None), op.now, op.policy)


async def set_back(op: Operation, row: SessionRow, *, wait: bool = True) -> bool:
    """
    Set *row* back; False if it has changed since it was read.

    Raises:
        StoreBusyError: If that cannot be written at once, without *wait*.
    """
    read = ("created_at", "last_seen_at", "auth_time")  # a step-up changes the last, always
    expected = {name: getattr(row, name) for name in read}
    changes = skew.set_back(row, op.now, op.policy)
    done = await op.store.set_back(row.id, expected=expected, changes=changes, wait=wait)
    if done:
        op.corrections.note(row.id)
    return done


async def all_live(op: Operation, user_id: str) -> list[SessionRow]:
    """The live sessions of an account, newest sign-in first, however many there are."""
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    page = await op.store.live(user_id, cutoffs=cutoffs, limit=PAGE)
    found = [*page.items]
    while page.next is not None:
        page = await op.store.live(user_id, cutoffs=cutoffs, limit=PAGE, cursor=page.next)
        found += page.items
    return found


async def find_row(
    op: Operation, session_id: str | Session, user_id: str | None
) -> SessionRow | None:
    """
    A session by its id, and by its owner where one is given; None if unknown or foreign.

    Raises:
        TypeError: If *session_id* is neither a text nor a Session, or *user_id* neither a
            text nor None.
    """
    if user_id is not None:
        checked_user(user_id)
    row = await op.store.get(checked_session(session_id))
    return row if row is not None and user_id in (None, row.user_id) else None


async def own_row(op: Operation, session_id: str | Session, user_id: str | None) -> SessionRow:
    """
    As `find_row`.

    Raises:
        SessionNotFoundError: If it is unknown or foreign: the two look alike.
        TypeError: As `find_row`.
    """
    row = await find_row(op, session_id, user_id)
    if row is None:
        raise SessionNotFoundError("there is no such session")
    return row


def presents_own_device(op: Operation, row: SessionRow, client: Client | None) -> bool:
    """
    Whether *client* presents the device token of *row*'s own device.

    Raises:
        DeviceMismatchError: If it presents another device's.
    """
    owns = op.tokens.device.proves(client.device_token, row.device.id) if client else None
    if owns is False:
        raise DeviceMismatchError("this token belongs to another device", session_id=row.id)
    return owns is True
