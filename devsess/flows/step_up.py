"""Prove oneself again: the same session, a newer `auth_time`, older tokens end (RFC 9470)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devsess import lifecycle, rotation
from devsess.flows import _ask as ask
from devsess.flows._checks import checked_amr, checked_text
from devsess.flows.context import (
    Context,
    corrected,
    event_of,
    grant,
    live_row,
    presents_own_device,
)
from devsess.lifecycle import Deed
from devsess.models import EventType
from devsess.rotation import Verdict

if TYPE_CHECKING:
    from devsess.flows._ask import Flow
    from devsess.models import Client, Grant
    from devsess.tokens import AccessClaims


def step_up(
    context: Context,
    now: float,
    claims: AccessClaims,
    client: Client | None,
    *,
    amr: Sequence[str],
    acr: str | None,
) -> Flow[Grant]:
    """
    Make a newer authentication the session's latest; the levels reached before stay as they were.

    Raises:
        InvalidSessionError: As for validate, always read from the store.
        TypeError, ValueError: If *amr* or *acr* cannot be kept.
    """
    methods = checked_amr(amr)
    context_class = None if acr is None else checked_text(acr, "acr")
    while True:
        row = yield from live_row(context, now, claims, Deed.STEP_UP)
        row = yield from corrected(context, now, row)
        owns = presents_own_device(context, row, client)
        changes: dict[str, object] = {
            "auth_time": lifecycle.step_up_time(row, now),
            "amr": methods,
            "acr": context_class,
            "levels": lifecycle.levels_before(row, context_class, now),
            "generation": row.generation + 1,
            **rotation.succession(row, "step_up", now, Verdict.ROTATE),
            "bound": row.bound or owns,
            **lifecycle.columns(lifecycle.activity(row, now, context.policy)),
        }
        event = event_of(row, EventType.SESSION_STEPPED_UP, now)
        expected = {"auth_time": row.auth_time, "generation": row.generation}
        raised = yield from ask.update(row.id, expected=expected, changes=changes, event=event)
        if raised is not None:
            yield from ask.emit(event)
            return grant(context, now, raised)
