"""The sentence of `explain` for each check, and its numbers as JSON types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from devsess import lifecycle, strength
from devsess._provider import parted
from devsess.errors import StepUpRequiredError
from devsess.history.sentences import OF_REFRESHES
from devsess.lifecycle import instant
from devsess.models import iso
from devsess.risk.sums import added_up, base_of

if TYPE_CHECKING:
    from devsess.lifecycle import Standing
    from devsess.models import Client
    from devsess.policy import Policy
    from devsess.stores.rows import EventRow, SessionRow

Said: TypeAlias = tuple[str, dict[str, Any]]


def session(row: SessionRow) -> Said:
    """The session is in the store."""
    data = {
        "sessionId": row.id,
        "createdAt": _iso(row.created_at),
        "lastSeenAt": _iso(row.last_seen_at),
    }
    return f"Session {row.id} is in the store, since {_utc(row.created_at)}.", data


def account(row: SessionRow) -> Said:
    """It is of the token's account."""
    return f"It is a session of user {row.user_id}.", {"userId": row.user_id}


def liveness(standing: Standing, now: float) -> Said:
    """It has not ended."""
    idle, absolute = standing.idle_deadline, standing.absolute_deadline
    clock = "absolute" if absolute <= idle else "idle"
    said = f"It lives until {_utc(idle)}, for {idle - now:,.0f} more seconds: the {clock} deadline."
    return said, deadlines(standing)


def deadlines(standing: Standing) -> dict[str, Any]:
    """The instants of a session, live or ended."""
    row = standing.row
    return {
        "state": standing.state.value,
        "idleDeadline": _iso(standing.idle_deadline),
        "absoluteDeadline": _iso(standing.absolute_deadline),
        "endedAt": _iso(row.revoked_at),
        "reason": row.reason,
    }


def impersonation(row: SessionRow) -> Said:
    """The session that began it, if it is one, lives."""
    if row.impersonator is None:
        return "Nobody acts in the user's name.", {"impersonator": None}
    session_id, user_id = row.impersonator
    said = f"User {user_id} acts in the user's name; session {session_id}, which began it, lives."
    return said, {"impersonator": user_id, "sessionId": session_id}


def authentication(row: SessionRow, now: float) -> Said:
    """The token is of the latest sign-in or step-up."""
    said, data = _proven(row, now)
    return f"It is of the session's latest authentication, {said}.", data


def proof(row: SessionRow, now: float) -> Said:
    """The latest sign-in or step-up of the session."""
    said, data = _proven(row, now)
    return f"The session's latest authentication was {said}.", data


def _proven(row: SessionRow, now: float) -> Said:
    amr, provider = parted(row.amr)
    by = ", ".join(amr) or "no method that is known"
    through = f", through {provider}" if provider else ""
    level = f", level {row.acr}" if row.acr else ""
    age = max(0.0, now - row.auth_time)
    said = f"{_utc(row.auth_time)}, {age:,.0f} seconds ago, by {by}{through}{level}"
    data = {
        "authTime": _iso(row.auth_time),
        "ageSeconds": round(age, 3),
        "amr": list(amr),
        "provider": provider,
        "acr": row.acr,
    }
    return said, data


def device(row: SessionRow, client: Client | None, *, owns: bool) -> Said:
    """No other device's token came with it."""
    if client is None:
        said = "No request was given, so no device was compared"
    elif owns:
        said = f"The request presents the token of the session's own device, {row.device.label}"
    else:
        said = "The request presents no device's token, and a validation needs none"
    bound = "only its own device may refresh" if row.bound else "any device may refresh"
    data = {"deviceId": row.device.id, "bound": row.bound, "presented": owns}
    return f"{said}; the session is {'' if row.bound else 'not '}bound: {bound}.", data


def staleness(policy: Policy, way: str) -> Said:
    """How late a validation may learn of an ending."""
    span = policy.max_staleness
    data = {"way": way, "maxStaleness": span, "cacheSize": policy.cache_size}
    if way == "acknowledged":
        said = f"Memory answers under a lease of {policy.lease:g} s, for which an ending waits"
        return f"{said}: a validation is not behind.", {**data, "lease": policy.lease}
    if not span or not policy.cache_size:
        return "Each validation asks the store: it is not behind.", {**data, "maxStaleness": 0}
    return f"Memory may answer, and be {span:g} s behind an ending; this explanation is not.", data


def step_up(row: SessionRow, policy: Policy) -> Said:
    """Whether `require` refuses until a step-up."""
    data: dict[str, Any] = {"stepUpAfter": _iso(row.step_up_after), "due": False}
    if row.step_up_after is None:
        return "No step-up is due.", data
    needed = strength.demanded(policy)
    try:
        levels = lifecycle.levels_reached(row)
        strength.require_step_up(row.step_up_after, row.auth_time, levels, policy)
    except StepUpRequiredError:
        to = f" to {', '.join(needed)}" if needed else ""
        said = f"A step-up{to} is due since {_utc(row.step_up_after)}"
        due = {**data, "due": True, "acrValues": list(needed)}
        return f"{said}: `validate` passes, `require` refuses.", due
    return f"The step-up asked for at {_utc(row.step_up_after)} has taken place.", data


def risk(event: EventRow | None, policy: Policy) -> Said:
    """The latest assessment as a sum."""
    if event is None or event.assessment is None:
        off = ": risk is off" if policy.risk is None else ""
        return f"No assessment is in the history of this session{off}.", {"assessment": None}
    found = event.assessment
    base = base_of(found)
    data = {"at": _iso(event.at), "base": base, "assessment": found.to_dict()}
    what = "a refresh" if event.type in OF_REFRESHES else "the sign-in"
    return f"Assessed at {what}, {_utc(event.at)}: {added_up(found)}.", data


def _utc(at: float) -> str:
    return f"{instant(at):%Y-%m-%d %H:%M:%S} UTC"


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(instant(at))
