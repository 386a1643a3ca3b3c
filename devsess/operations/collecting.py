"""Collect a held sign-in: the waiting browser gets its session, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess import holding, lifecycle
from devsess.errors import (
    BadTokenError,
    DeviceMismatchError,
    LoginDeniedError,
    SignInHeldError,
    TokenExpiredError,
)
from devsess.holding import State
from devsess.operations import assessing
from devsess.operations._checks import checked_client, checked_text
from devsess.operations._sign_in import SignIn
from devsess.operations.common import NOBODY
from devsess.operations.holding import cut_off, expired, is_cut_off, of_id, stands
from devsess.operations.login import enter, look

if TYPE_CHECKING:
    from devsess.holding import Held
    from devsess.models import Client, Grant
    from devsess.operations._sign_in import Seen
    from devsess.operations.holding import Kept
    from devsess.operations.operation import Operation
    from devsess.tokens.pending import PendingClaims


async def collect(op: Operation, pending_token: str, client: Client | None) -> Grant:
    """
    The session of a held sign-in that was approved, as `login` would have given it.

    Raises:
        BadTokenError: If *pending_token* is not genuine.
        DeviceMismatchError: If *client* is not the one that was approved; it may still come.
        LoginDeniedError: If it was refused, all sessions were ended, or the device is blocked.
        SessionLimitError: If the limit is reached: end a session, and collect again.
        SignInHeldError: If it still waits.
        TokenExpiredError: If its time is over, it was collected, or others took its place.
    """
    client = checked_client(client) or NOBODY
    claims = op.tokens.pending.parse(pending_token)
    kept = await _genuine(op, claims)
    await _require_approval(op, kept)
    limit = op.policy.limit_for(claims.user_id, client)
    seen = await look(op, claims.user_id, client)
    if not _is_same(kept.held, seen):
        raise DeviceMismatchError("another client began this sign-in: collect it from there")
    weighed = assessing.weigh_approved(op, claims.user_id, seen.facts, seen.habits)
    sign_in = _sign_in(claims.user_id, kept.held)
    try:
        return await enter(op, sign_in, seen, weighed, limit=limit, held=kept)
    except ValueError:  # there is a session of its id
        raise _collected() from None


def _collected() -> TokenExpiredError:
    return TokenExpiredError("this sign-in was collected already")


async def _genuine(op: Operation, claims: PendingClaims) -> Kept:
    """The held sign-in of a token, once its secret is verified."""
    try:
        checked_text(claims.user_id, "user_id")
    except ValueError:
        raise BadTokenError("the token is no pending token") from None
    kept = await of_id(op, claims.user_id, claims.id)
    if kept is None:
        raise TokenExpiredError("this sign-in is held no more, or never was")
    if not op.tokens.pending.is_genuine(claims, kept.held.digest):
        raise BadTokenError("the token is not a pending token of ours")
    return kept


async def _require_approval(op: Operation, kept: Kept) -> None:
    state, expires_at = kept.held.state, lifecycle.instant(kept.item.until)
    if state is State.COLLECTED:
        raise _collected()
    if state is State.REFUSED:
        raise LoginDeniedError("the sign-in was refused from another device", reason="refused")
    if kept.is_over(op.now):
        op.emit(expired(op, kept))
        raise TokenExpiredError(
            f"the sign-in was held until {expires_at:%Y-%m-%d %H:%M:%S} UTC", expired_at=expires_at
        )
    if await is_cut_off(op, kept.item.owner, kept):
        raise cut_off()
    if not await stands(op, kept):
        raise SignInHeldError(
            "this sign-in still waits to be approved",
            code=holding.shown(kept.held.code),
            expires_at=expires_at,
        )


def _is_same(held: Held, seen: Seen) -> bool:
    traits = seen.sighting.traits
    return holding.is_same_client(held, traits.os, traits.browser, seen.device.id, seen.location)


def _sign_in(user_id: str, held: Held) -> SignIn:
    """As it was given to `login`: an approval proves nothing about the person who waits."""
    return SignIn(
        user_id,
        held.amr,
        held.acr,
        held.auth_instant,
        held.is_dated,
        held.persistent,
        held.claims,
        held.lifetime,
    )
