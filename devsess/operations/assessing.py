"""Risk at a sign-in and at a refresh: the facts, the assessment, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from devsess import lifecycle, strength
from devsess.devices.recognise import traits
from devsess.errors import StepUpRequiredError, StoreUnavailableError
from devsess.models import Assessment, Decision, EventType
from devsess.operations import habits
from devsess.operations._kinds import FAILURES, PROFILE
from devsess.risk import failures
from devsess.risk import profile as profiles
from devsess.risk.assess import assess
from devsess.risk.facts import Facts, Proof
from devsess.risk.notices import is_notified
from devsess.risk.refreshes import assess_refresh, taught
from devsess.risk.remarks import REMARKS, unlike
from devsess.stores.rows import EventRow

if TYPE_CHECKING:
    from devsess.devices.recognise import Sighting
    from devsess.models import Client, Location
    from devsess.operations.habits import Habits, Teach
    from devsess.operations.operation import Operation
    from devsess.risk.profile import Profile
    from devsess.risk_policy import Risk
    from devsess.stores.calls import Known
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, SessionRow


def kinds(op: Operation) -> tuple[str, ...]:
    """The items that a sign-in reads."""
    return () if op.policy.risk is None else (PROFILE, FAILURES)


def _failures(items: Sequence[Item], now: float) -> int:
    """The account's failed sign-ins of the last hour among *items*."""
    found = next((it for it in items if it.kind == FAILURES), None)
    return failures.within_an_hour(failures.load(found.body), "", now) if found else 0


def facts(
    op: Operation,
    account: Known,
    device: DeviceRow,
    sighting: Sighting,
    location: Location | None,
    *,
    known: bool,
    failed_accounts: int | None,
) -> Facts:
    """The facts of a sign-in: no more of its address than the policy's privacy keeps."""
    return Facts(
        at=op.now,
        proof=_proof(device, op.now) if known else Proof.NONE,
        network=sighting.network,
        location=location,
        os=sighting.traits.os,
        browser=sighting.traits.browser,
        kind=sighting.traits.kind,
        failures=_failures(account.items, op.now),
        failed_accounts=failed_accounts,
        new_devices=0 if known else _new_devices(account.devices, device, op.now),
    )


def _new_devices(devices: Sequence[DeviceRow], new: DeviceRow, now: float) -> int:
    """The unlike devices that were new in the last 24 hours, and *new* among them."""
    recent = [it for it in devices if now - profiles.DAY < it.first_seen_at <= now]
    return unlike([*recent, new])


def _proof(device: DeviceRow, now: float) -> Proof:
    if device.blocked:
        return Proof.BLOCKED
    return Proof.TRUSTED if lifecycle.is_trusted(device.trusted_until, now) else Proof.KNOWN


@frozen
class Weighed:
    """
    A sign-in or refresh, assessed.

    Attributes:
        assessment: How unusual it is.
        items: The profile after it, to be written with it.
        teach: Makes that profile from the one before.
        is_noticed: Whether the owner is notified, by the profile before.
        notifies: The same by another profile; None where nobody is.
        score: For its session's row; None where nothing was assessed, or the sign-in was
            itself as strong as a step-up.
        is_held: Whether it must be approved before more than that is written.
    """

    assessment: Assessment
    items: tuple[Item, ...]
    teach: Teach
    is_noticed: bool = False
    score: int | None = None
    notifies: Callable[[Profile | None], bool] | None = None
    is_held: bool = False


def assessed(op: Operation, shown: Facts, known: Habits) -> Assessment:
    """The assessment of *shown*; an empty one where risk is off."""
    risk = op.policy.risk
    return Assessment() if risk is None else assess(shown, known.profile, risk)


def weigh(op: Operation, user_id: str, shown: Facts, known: Habits, acr: str | None) -> Weighed:
    """
    Assess a sign-in that reaches *acr*.

    Raises:
        StepUpRequiredError: If the policy enforces a step-up that *acr* does not satisfy.
    """
    risk = op.policy.risk
    if risk is None:
        return Weighed(Assessment(), (), _unchanged)
    found = assessed(op, shown, known)
    is_strong = risk.acr is not None and strength.meets(acr, op.policy)
    if risk.mode == "enforce" and found.decision is Decision.STEP_UP and not is_strong:
        if risk.hold_from is not None and found.score >= risk.hold_from:
            return Weighed(found, (), _unchanged, is_held=True)
        op.emit(_challenged(op, user_id, shown, found))
        raise _step_up(op, found)
    confirmed = shown.is_proven or is_strong

    def is_noticed(profile: Profile | None) -> bool:
        return _is_noticed(found, profile, risk, op.now)

    def teach(profile: Profile) -> Profile:
        after = profiles.learned(profile, shown, confirmed=confirmed)
        return profiles.noticed(after, op.now) if is_noticed(profile) else after

    score = found.score if _is_scored(found) and not is_strong else None
    items = habits.taught(op, user_id, known, teach)
    return Weighed(found, items, teach, is_noticed(known.profile), score, is_noticed)


def weigh_approved(op: Operation, user_id: str, shown: Facts, known: Habits) -> Weighed:
    """Assess a sign-in that was held and approved: it teaches as one that its owner confirmed."""
    if op.policy.risk is None:
        return Weighed(Assessment(), (), _unchanged)
    found = assessed(op, shown, known)

    def teach(profile: Profile) -> Profile:
        return profiles.learned(profile, shown, confirmed=True)

    score = found.score if _is_scored(found) else None
    return Weighed(found, habits.taught(op, user_id, known, teach), teach, score=score)


def _is_scored(found: Assessment) -> bool:
    return any(it.kind not in REMARKS for it in found.signals)


def _challenged(op: Operation, user_id: str, shown: Facts, found: Assessment) -> EventRow:
    """Handed to the application alone: a refused sign-in writes nothing."""
    return EventRow(
        type=EventType.LOGIN_CHALLENGED,
        at=op.now,
        user_id=user_id,
        ip=shown.network,
        network=shown.network,
        assessment=found,
    )


def _step_up(op: Operation, found: Assessment) -> StepUpRequiredError:
    needed = strength.demanded(op.policy)
    return StepUpRequiredError(
        f"this sign-in is unusual for the account: it needs {', '.join(needed)}",
        acr_values=needed,
        assessment=found,
    )


def _is_noticed(found: Assessment, profile: Profile | None, risk: Risk, now: float) -> bool:
    return profile is not None and is_notified(found, profile, risk, now)


async def weigh_refresh(
    op: Operation, row: SessionRow, client: Client, changes: dict[str, object], *, owns: bool
) -> Weighed | None:
    """
    Assess a refresh of *row* by another network or program; None where risk is off.

    Args:
        changes: The columns of the client that the refresh changes.
        owns: Whether the session's own device token came with it.
    """
    risk = op.policy.risk
    if risk is None:
        return None
    known = await habits.read(op, row.user_id)
    shown = _facts_of_refresh(op, row, client, changes, owns=owns)
    found = assess_refresh(shown, known.profile, risk)
    score = found.score if found.signals else None
    if not owns or found.decision is not Decision.ALLOW or not known.version:
        return Weighed(found, (), _unchanged, score=score)

    def teach(profile: Profile) -> Profile:
        return taught(profile, shown, risk)

    return Weighed(found, habits.taught(op, row.user_id, known, teach), teach, score=score)


def _facts_of_refresh(
    op: Operation, row: SessionRow, client: Client, changes: dict[str, object], *, owns: bool
) -> Facts:
    seen = traits(client)
    location: Location | None = changes.get("location", row.location)  # type: ignore[assignment]
    network: str | None = changes.get("network", row.network)  # type: ignore[assignment]
    return Facts(
        at=op.now,
        proof=_proof(row.device, op.now) if owns else Proof.NONE,
        network=network,
        location=location,
        os=seen.os,
        browser=seen.browser,
        kind=seen.kind,
        session_os=row.device.os,
    )


async def learn_again(op: Operation, user_id: str, weighed: Weighed) -> bool:
    """
    As `habits.learn`, where others wrote the profile during a sign-in: whether to notify its owner.

    They may have been notified of those: the profile that is written counts, so that sign-ins at
    the same moment do not each take themselves for the first of the day.
    """
    asked = [weighed.is_noticed]

    def teach(profile: Profile) -> Profile:
        asked.append(weighed.notifies is not None and weighed.notifies(profile))
        return weighed.teach(profile)

    tries = habits.TRIES_AT_LENGTH if weighed.is_noticed else habits.TRIES
    with suppress(StoreUnavailableError):
        await habits.rewrite(op, user_id, teach, tries)
    return asked[-1]


def _unchanged(profile: Profile) -> Profile:
    return profile
