"""Impersonation: somebody of the staff acts as a user, seen by all, for an hour at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess import lifecycle, requirement
from devsess.devices.addresses import address
from devsess.devices.recognise import sight
from devsess.errors import LoginDeniedError
from devsess.models import EventType
from devsess.operations._checks import checked_client, checked_text
from devsess.operations._rows import new_device, new_session
from devsess.operations._sign_in import SignIn
from devsess.operations.common import NOBODY, event_of, grant, own_row, require_live
from devsess.requirement import Requirement
from devsess.stores.base import Inserted
from devsess.stores.calls import Insertion
from devsess.views import EMPTY_CLAIMS, session_view

if TYPE_CHECKING:
    from devsess.models import Client, Grant, Session
    from devsess.operations.operation import Operation

# Seconds that it lasts at most, and the greatest age of the sign-in that may begin it.
LONGEST = 3_600.0
FRESH = 3_600.0


async def impersonate(
    op: Operation, user_id: str, by: str | Session, client: Client | None
) -> Grant:
    """
    A session in the name of *user_id* for the user of the session *by* (RFC 8693 §4.1).

    It ends with *by*, and after an hour; it has no refresh and no device token, meets no
    requirement, and teaches nothing. It stands in the user's list and history.

    Raises:
        InvalidSessionError: If *by* is not live.
        LoginDeniedError: If *by* is an impersonation itself, or of the same user; or the
            account was erased or ended meanwhile.
        TypeError, ValueError: If *user_id* cannot be one.
        StepUpRequiredError: If *by* was signed in to more than an hour ago, or needs a step-up.
    """
    who = checked_text(user_id, "user_id")
    sighting = sight(checked_client(client) or NOBODY, op.policy.privacy)
    actor = await own_row(op, by, None)
    standing = require_live(op, actor)
    if actor.impersonator is not None or actor.user_id == who:
        raise LoginDeniedError("an impersonation is begun by somebody else, in their own name")
    requirement.check(Requirement(FRESH), session_view(standing), op.now, op.policy)
    digests = op.account_digests(who)
    number = await op.store.ending_number(who, digests=digests)
    ends_at = min(op.now + LONGEST, standing.idle_deadline, standing.absolute_deadline)
    location = await op.locate(address(client.ip if client else None))
    # In no list, and gone with the session: it is not the user's.
    device = evolve(new_device(op, who, sighting), forgotten=True)
    nothing_proven = SignIn(who, (), None, op.now, False, False, EMPTY_CLAIMS, None)
    row = evolve(
        new_session(op, device, sighting, location, nothing_proven, number=number),
        idle_expires_at=ends_at,
        absolute_expires_at=ends_at,
        impersonator=(actor.id, actor.user_id),
    )
    event = event_of(
        row, EventType.SESSION_CREATED, op.now, reason="impersonation", actor=actor.user_id
    )
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    answer = await op.store.insert(Insertion(row, event, None, cutoffs, digests=digests))
    if not isinstance(answer, Inserted):
        raise LoginDeniedError("the account was ended or erased meanwhile", reason="cut-off")
    op.emit(event)
    given = grant(op, lifecycle.standing(row, op.now, op.policy))
    return evolve(given, refresh_token="")
