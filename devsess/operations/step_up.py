"""Authenticate again: the same session, a newer `auth_time`, older tokens end (RFC 9470)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devsess import lifecycle, rotation, strength
from devsess.errors import StepUpRequiredError
from devsess.models import EventType
from devsess.operations._checks import checked_amr, checked_client, checked_proof, checked_text
from devsess.operations.common import (
    corrected,
    event_of,
    grant,
    live_session,
    presents_own_device,
)

if TYPE_CHECKING:
    from devsess.models import Client, Grant
    from devsess.operations.operation import Operation


async def step_up(
    op: Operation,
    access_token: str,
    client: Client | None,
    *,
    amr: Sequence[str],
    acr: str | None,
    provider: str | None,
) -> Grant:
    """
    Make a newer authentication the session's latest; the levels reached before stay.

    Raises:
        InvalidSessionError: As for validate, always read from the store.
        StepUpRequiredError: If it is an impersonation.
        TypeError, ValueError: If *amr*, *acr* or *provider* cannot be kept.
    """
    checked_client(client)
    claims = op.tokens.access.verify(access_token, op.now)
    proof = checked_proof(checked_amr(amr), provider)
    context_class = None if acr is None else checked_text(acr, "acr")
    while True:
        row = (await corrected(op, await live_session(op, claims))).row
        if row.impersonator is not None:
            raise StepUpRequiredError("nobody steps up in another's name: sign in as yourself")
        owns = presents_own_device(op, row, client)
        in_grace = lifecycle.within_grace(row, op.now, op.policy)
        overtakes = rotation.overtakes(row, in_grace=in_grace)
        changes: dict[str, object] = {
            "auth_time": lifecycle.step_up_time(row, op.now),
            "amr": proof,
            "acr": context_class,
            "levels": lifecycle.levels_before(row, context_class, op.now),
            "generation": row.generation + 1,
            **rotation.succession(row, "step_up", op.now, keeps_previous=overtakes),
            "bound": row.bound or owns,
            **lifecycle.columns(lifecycle.activity(row, op.now, op.policy)),
        }
        if strength.meets(context_class, op.policy):
            changes |= {"step_up_after": None, "score": None}
        event = event_of(row, EventType.SESSION_STEPPED_UP, op.now)
        expected = {"auth_time": row.auth_time, "generation": row.generation}
        raised = await op.store.update(row.id, expected=expected, changes=changes, event=event)
        if raised is not None:
            op.emit(event)
            return grant(op, lifecycle.standing(raised, op.now, op.policy))
