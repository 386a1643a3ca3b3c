"""LAW: how fresh, strong and usual a session must be for what `require` guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from devsess import lifecycle, strength
from devsess.errors import ConfigurationError, StepUpRequiredError
from devsess.policy import Span, seconds

if TYPE_CHECKING:
    from devsess.models import Session
    from devsess.policy import Policy


def _age(span: Span | None) -> float | None:
    try:
        return None if span is None else seconds(span)
    except ConfigurationError as error:
        raise TypeError(f"max_auth_age: {error}") from error


def _text(acr: str | None) -> str | None:
    if acr is not None and not isinstance(acr, str):
        raise TypeError(f"acr must be a text, not {acr!r}")
    return acr


def _truth(holds: bool) -> bool:
    if not isinstance(holds, bool):
        raise TypeError(f"trusted_device must be True or False, not {holds!r}")
    return holds


def _points(below: int | None) -> int | None:
    if below is not None and (isinstance(below, bool) or not isinstance(below, int)):
        raise TypeError(f"risk_below must be a number of points, not {below!r}")
    return below


@frozen
class Requirement:
    """
    The arguments of `require`; a wrong one fails here rather than at each request.

    Attributes:
        max_auth_age: Seconds since the sign-in, or None for any.
        acr: The authentication context, or None for any.
        trusted_device: Whether the session's device must be trusted.
        risk_below: Points that the session's score must be below, or None for any.

    Raises:
        TypeError: If an argument is of the wrong kind.
    """

    max_auth_age: float | None = field(default=None, converter=_age)
    acr: str | None = field(default=None, converter=_text)
    trusted_device: bool = field(default=False, converter=_truth)
    risk_below: int | None = field(default=None, converter=_points)

    @property
    def asks(self) -> bool:
        """Whether a live session alone is not enough."""
        asks = self.max_auth_age is not None or self.acr is not None or self.trusted_device
        return asks or self.risk_below is not None


# Asks for a live session alone, as most views do.
NOTHING = Requirement()


def check(needed: Requirement, session: Session, now: float, policy: Policy) -> None:
    """
    Check that *session* meets what is *needed*, and any step-up that was asked of it.

    Nobody proves anything in another's name: an impersonation meets no requirement.

    Raises:
        StepUpRequiredError: If it does not.
    """
    if needed.asks:
        check_is_user(session)
    elif session.step_up_after is None:
        return
    if session.step_up_after is not None or needed.max_auth_age is not None or needed.acr:
        _check_strength(needed, session, now, policy)
    if needed.trusted_device and not _is_on_trusted_device(session, now):
        raise StepUpRequiredError("this needs a trusted device: have the user trust this one")
    below, score = needed.risk_below, session.score
    if below is not None and score is not None and score >= below:
        raise StepUpRequiredError(
            f"the session has {score} points of risk, and this needs less than {below}: step up",
            acr_values=strength.demanded(policy),
        )


def _is_on_trusted_device(session: Session, now: float) -> bool:
    until = session.device.trusted_until
    return lifecycle.is_trusted(None if until is None else until.timestamp(), now)


def check_is_user(session: Session) -> None:
    """
    Check that *session* is its user's own, and no impersonation.

    Raises:
        StepUpRequiredError: If somebody else acts in the user's name.
    """
    if session.impersonator is not None:
        raise StepUpRequiredError("this needs the user, and somebody else acts in their name")


def _check_strength(needed: Requirement, session: Session, now: float, policy: Policy) -> None:
    latest = session.auth_time.timestamp()
    levels = {acr: at.timestamp() for acr, at in session.levels.items()}
    if session.step_up_after is not None:
        demand = session.step_up_after.timestamp()
        strength.require_step_up(demand, latest, levels, policy)
    strength.require_strength(
        latest, levels, now, policy, max_auth_age=needed.max_auth_age, required_acr=needed.acr
    )
