"""Devices as rows: the sessions of each, what may be said of it, and in which order they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from attrs import frozen

from devsess.web.times import WEEK

if TYPE_CHECKING:
    from devsess.models import Device, Session
    from devsess.web.account.visit import AccountVisit

Tag: TypeAlias = Literal["current", "blocked", "new", "trusted"]

# Icons of the sprite; every other kind of device has the last one's.
ICONS: Final = ("desktop", "phone", "tablet", "tv", "bot", "app")


@frozen
class Row:
    """
    A device, and the live sessions on it.

    Attributes:
        device: The device.
        sessions: Its live sessions, latest activity first.
        tag: The one thing that is said of it beside its name, or None.
        is_current: Whether the request's own session is among them.
        is_asked: Whether its person is asked whether it was them.
    """

    device: Device
    sessions: Sequence[Session]
    tag: Tag | None
    is_current: bool
    is_asked: bool

    @property
    def session(self) -> Session:
        """The session that is shown."""
        return self.sessions[0]

    @property
    def others(self) -> int:
        """How many more there are."""
        return len(self.sessions) - 1

    @property
    def icon(self) -> str:
        """The name of its icon."""
        return icon_of(self.device)

    @property
    def active_at(self) -> datetime:
        """The latest activity."""
        return max(it.last_seen_at for it in self.sessions)


def icon_of(device: Device) -> str:
    """The name of a device's icon."""
    return device.kind if device.kind in ICONS else ICONS[-1]


def gathered(sessions: Iterable[Session], own: Session, visit: AccountVisit) -> list[Row]:
    """One row each device: those to be asked about, then this device, then by activity."""
    on: dict[str, list[Session]] = {}
    for session in sessions:
        on.setdefault(session.device.id, []).append(session)
    rows = [_row(each, own, visit) for each in on.values()]
    return sorted(
        rows, key=lambda it: (not it.is_asked, not it.is_current, -it.active_at.timestamp())
    )


def _row(sessions: list[Session], own: Session, visit: AccountVisit) -> Row:
    asked = [it for it in sessions if is_asked_about(it, own, visit)]
    # The one to be asked about is the one that is shown, else this very session.
    sessions.sort(key=lambda it: (it not in asked, it.id != own.id, -it.last_seen_at.timestamp()))
    device, is_current = sessions[0].device, any(it.id == own.id for it in sessions)
    return Row(device, sessions, tag_of(device, visit, is_current), is_current, bool(asked))


def tag_of(device: Device, visit: AccountVisit, is_current: bool) -> Tag | None:
    """The one tag of a device."""
    if is_current:
        return "current"
    if device.blocked:
        return "blocked"
    if device.trusted_until is not None and device.trusted_until.timestamp() > visit.now:
        return "trusted"
    return "new" if visit.now - device.first_seen_at.timestamp() < WEEK else None


def is_asked_about(session: Session, own: Session, visit: AccountVisit) -> bool:
    """
    Whether a sign-in was unusual enough to ask its account's owner, who has not answered.

    An answer, or a step-up, clears the score. A session is not asked about itself: a thief
    would say yes.
    """
    risk = visit.manager.core.policy.risk
    if risk is None or session.score is None or session.id == own.id:
        return False
    return session.score >= risk.notify_from
