"""
LAW: the caller of an endpoint, or of a page, may decide on the account's sessions and devices.

A thief with a stolen cookie, or with a password that was stolen an hour ago, looks like the
owner. So each decision needs the session's own device, a recent authentication, and the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.errors import DeviceMismatchError
from devsess.requirement import Requirement

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.models import Session

# The reason of a session that its user ended from another one.
SIGNED_OUT = "signed out by its user"


async def may_decide(exchange: Exchange, caller: Session) -> None:
    """
    Check that the user decides on their own device, recently signed in (ASVS 7.5.2).

    Raises:
        DeviceMismatchError: If the session is bound and its device's token is not there.
        StepUpRequiredError: If the sign-in is too old, or it is an impersonation.
    """
    # The row is read: the cache does not learn that another process saw the device token.
    found = await exchange.sessions.get(caller.id)
    proves, presented = exchange.core.tokens.device.proves, exchange.client.device_token
    if found is not None and found.is_bound and not proves(presented, found.device.id):
        raise DeviceMismatchError("this needs the session's device token", session_id=caller.id)
    exchange.require(Requirement(exchange.settings.recent_auth), by_user=True)


async def may_end(exchange: Exchange, caller: Session, ends: str | None = None) -> None:
    """
    Check that the user may end other sessions: as `may_decide`, from no young session.

    Args:
        exchange: The request.
        caller: Its session.
        ends: Id of the session that it is to end; None stands for all others.

    Raises:
        DeviceMismatchError: If the session is bound and its device's token is not there.
        StepUpRequiredError: If the sign-in is too old, the session too young, or it is an
            impersonation.
    """
    await may_decide(exchange, caller)
    await exchange.require_seniority(ends=ends, ends_others=ends is None)
