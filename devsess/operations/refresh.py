"""Exchange a refresh token, by the table of `rotation.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import lifecycle, rotation, strength
from devsess._app import without_app
from devsess._client import MAX_USER_AGENT
from devsess._text import clean_text
from devsess.devices.addresses import address
from devsess.devices.recognise import same_family, sight, traits
from devsess.errors import (
    BadTokenError,
    RefreshTokenReusedError,
    SessionNotFoundError,
    TokenExpiredError,
)
from devsess.models import Assessment, Decision, EventType, Signal
from devsess.operations import assessing, habits
from devsess.operations._checks import checked_client
from devsess.operations.common import corrected, event_of, grant, record, require_live
from devsess.rotation import Bearer, Verdict
from devsess.stores.base import ById, Ending

if TYPE_CHECKING:
    from devsess.models import Client, Grant
    from devsess.operations.assessing import Weighed
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow
    from devsess.tokens.refresh import RefreshClaims

_FOREIGN = Assessment(
    signals=(
        Signal(
            kind="foreign_device",
            weight=0,
            message="another browser or system than the session began with",
        ),
    )
)


@frozen
class Presented:
    """A refresh token's claims, its bearer, and their meaning for the row as read."""

    claims: RefreshClaims
    client: Client | None
    bearer: Bearer
    owns: bool


async def refresh(
    op: Operation, refresh_token: str, client: Client | None, *, touch: bool = True
) -> Grant:
    """
    The next tokens of a session, by the law of `rotation.VERDICTS`; with *touch*, also activity.

    Raises:
        BadTokenError: If the token is not ours, or newer than the row.
        SessionNotFoundError, SessionRevokedError, SessionExpiredError: As for validate.
        TokenExpiredError: If a step-up took its place.
        TypeError: If *client* is no Client.
        RefreshTokenReusedError: If it came back when it should not; the session was ended.
    """
    checked_client(client)
    claims = op.tokens.refresh.parse(refresh_token)
    while True:
        row = await op.store.get(claims.session_id)
        if row is None:
            raise SessionNotFoundError("there is no such session: it was deleted, or never was")
        op.tokens.refresh.verify(claims, row.salt)
        if row.impersonator is not None:
            raise BadTokenError("an impersonation has no refresh token")
        standing = require_live(op, row)
        if (await corrected(op, standing)) is not standing:
            continue  # read again, and judge again: it may have ended meanwhile
        presented = _presented(op, row, claims, client)
        verdict = _verdict(op, row, presented)
        if verdict is Verdict.CONVERGE:
            return grant(op, standing, replayed=True)
        if verdict not in rotation.SUCCESSIONS:
            raise await _refused(op, row, verdict)
        rotated = await _rotate(op, row, presented, verdict, touch=touch)
        if rotated is not None:
            return rotated
        # Another request was faster: the row names it, and the law decides again.


def _presented(
    op: Operation, row: SessionRow, claims: RefreshClaims, client: Client | None
) -> Presented:
    owns = op.tokens.device.proves(client.device_token, row.device.id) if client else None
    if client is None or owns:
        bearer = Bearer.SAME
    elif row.bound:
        bearer = Bearer.FOREIGN_BOUND
    elif owns is None and _looks_same(row, client):
        bearer = Bearer.SAME
    else:
        bearer = Bearer.FOREIGN_UNBOUND
    return Presented(claims, client, bearer, owns is True)


def _looks_same(row: SessionRow, client: Client) -> bool:
    """Without a device token: whether the user agents are equal, or at least their families."""
    agent = without_app(clean_text(client.user_agent, MAX_USER_AGENT))
    if agent == without_app(row.user_agent) and (agent or not client.headers):
        return True
    return same_family(traits(client), row.device.os, row.device.browser)


def _verdict(op: Operation, row: SessionRow, presented: Presented) -> Verdict:
    age = rotation.age_of(
        presented.claims.generation,
        row,
        in_grace=lifecycle.within_grace(row, op.now, op.policy),
    )
    return rotation.judge(age, presented.bearer)


async def _rotate(
    op: Operation,
    row: SessionRow,
    presented: Presented,
    verdict: Verdict,
    *,
    touch: bool,
) -> Grant | None:
    """The successor; None where another rotation came first."""
    reissued = verdict is Verdict.REISSUE
    changes: dict[str, object] = {
        **rotation.succession(row, "refresh", op.now, keeps_previous=reissued),
        "bound": row.bound or presented.owns,
    }
    if touch:
        changes |= lifecycle.columns(lifecycle.activity(row, op.now, op.policy))
    is_foreign, weighed = verdict is Verdict.ROTATE_WITH_SIGNAL, None
    if presented.client is not None:
        moved = await _whereabouts(op, row, presented.client)
        changes |= {} if is_foreign else moved
        if _differs(row, moved):
            weighed = await assessing.weigh_refresh(
                op, row, presented.client, moved, owns=presented.owns
            )
    assessment = _FOREIGN if is_foreign else Assessment()
    if weighed is not None:
        found = weighed.assessment
        assessment = evolve(found, signals=(*assessment.signals, *found.signals))
        changes |= _consequences(op, row, weighed)
    kind = EventType.TOKEN_REISSUED if reissued else EventType.SESSION_RENEWED
    event = event_of(row, kind, op.now, assessment=assessment)
    kept = reissued or _differs(row, changes) or assessment.signals
    rotated = await op.store.rotate(
        row.id,
        expected_generation=row.generation,
        changes=changes,
        event=event if kept else None,
    )
    if rotated is None:
        return None
    op.emit(event)
    if "step_up_after" in changes:
        asked = EventType.STEP_UP_ASKED
        await record(op, event_of(rotated, asked, op.now, reason="refresh", assessment=assessment))
    if weighed is not None and weighed.items:
        await habits.learn(op, row.user_id, weighed.teach, weighed.items)
    return grant(op, lifecycle.standing(rotated, op.now, op.policy), assessment=assessment)


def _consequences(op: Operation, row: SessionRow, weighed: Weighed) -> dict[str, object]:
    """
    The columns that an assessment writes: its score, and under "enforce" a demand.

    Points are never taken away: a session that began far away could be refreshed from nearby.
    """
    risk, found, changes = op.policy.risk, weighed.assessment, dict[str, object]()
    score = weighed.score
    if score is not None and (row.score is None or score > row.score):
        changes["score"] = score
    if risk is not None and risk.mode == "enforce" and found.decision is Decision.STEP_UP:
        changes["step_up_after"] = strength.demand(row, op.now)
    return changes


async def _whereabouts(op: Operation, row: SessionRow, client: Client) -> dict[str, object]:
    """Where the session is now; a column that the client did not give stays as it was."""
    changes: dict[str, object] = {}
    sighting = sight(client, op.policy.privacy)
    agent = sighting.user_agent
    if agent and agent not in (row.user_agent, without_app(row.user_agent)):
        changes["user_agent"] = agent
    if sighting.ip and sighting.ip != row.ip:
        location = await op.locate(address(client.ip))
        changes |= {"ip": sighting.ip, "network": sighting.network, "location": location}
    return changes


def _differs(row: SessionRow, changes: dict[str, object]) -> bool:
    """Whether the history keeps the renewal: the network or the program is another one."""
    return "user_agent" in changes or changes.get("network", row.network) != row.network


async def _refused(
    op: Operation, row: SessionRow, verdict: Verdict
) -> BadTokenError | TokenExpiredError | RefreshTokenReusedError:
    if verdict is Verdict.EXPIRED:
        message = "a step-up took this refresh token's place"
        return TokenExpiredError(message, session_id=row.id)
    if verdict is Verdict.UNKNOWN:
        event = event_of(row, EventType.TOKEN_FROM_FUTURE, op.now, reason="restored backup?")
        await record(op, event)
        return BadTokenError("the refresh token is newer than its session: was a backup restored?")
    reuse, cutoffs = rotation.REUSES[verdict], lifecycle.cutoffs(op.now, op.policy)
    event = event_of(row, EventType.TOKEN_REUSED, op.now, reason=reuse, reduced=True)
    ended = await op.store.end(Ending(ById(row.id), reuse, None, cutoffs, event=event))
    op.emit(*ended.events)
    return RefreshTokenReusedError(
        f"the refresh token was used again ({reuse}): its session was ended",
        reuse=reuse,
        session_id=row.id,
    )
