"""Devices as rows: the sessions of each, what may be said of it, and in which order they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from attrs import evolve, frozen
from markupsafe import Markup

from devsess.risk.notices import is_in_question
from devsess.web.times import WEEK
from devsess.web.words import isolated

if TYPE_CHECKING:
    from devsess.models import Device, Session
    from devsess.web.account.visit import AccountVisit
    from devsess.web.words import Words

Tag: TypeAlias = Literal["current", "blocked", "unanswered", "new", "trusted"]

# Questions that stand on the overview at a time.
MOST_ASKED = 3
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
        asked: The sign-in that its person is asked about, or None.
        is_card: Whether the question stands on the overview, before all rows.
    """

    device: Device
    sessions: Sequence[Session]
    tag: Tag | None
    is_current: bool
    asked: Session | None
    is_card: bool = False

    @property
    def session(self) -> Session:
        """The session that is shown."""
        return self.sessions[0]

    @property
    def staff(self) -> str | None:
        """The one who acts in the person's name, on a device that has no page; or None."""
        return self.session.impersonator

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


def named(words: Words, device: Device) -> Markup:
    """The name that its user gave it, else its label."""
    return isolated(device.name) if device.name else words.label(device.label)


def icon_of(device: Device) -> str:
    """The name of a device's icon."""
    return device.kind if device.kind in ICONS else ICONS[-1]


def gathered(sessions: Iterable[Session], own: Session, visit: AccountVisit) -> list[Row]:
    """
    One row each device: those to be asked about, then this device, then by activity.

    Only the latest questions stand before all rows: many would push the rest out of sight.
    """
    on: dict[str, list[Session]] = {}
    for session in sessions:
        on.setdefault(session.device.id, []).append(session)
    rows = [_row(each, own, visit) for each in on.values()]
    open_questions = sorted((it for it in rows if it.asked), key=_asked_at, reverse=True)
    cards = {it.device.id for it in open_questions[:MOST_ASKED]}
    rows = [evolve(it, is_card=it.device.id in cards) for it in rows]
    return sorted(
        rows, key=lambda it: (not it.is_card, not it.is_current, -it.active_at.timestamp())
    )


def _asked_at(row: Row) -> float:
    return row.asked.created_at.timestamp() if row.asked else 0.0


def _row(sessions: list[Session], own: Session, visit: AccountVisit) -> Row:
    asked = next((it for it in sessions if is_asked_about(it, own, visit)), None)
    # The one to be asked about is the one that is shown, else this very session.
    sessions.sort(key=lambda it: (it is not asked, it.id != own.id, -it.last_seen_at.timestamp()))
    device, is_current = sessions[0].device, any(it.id == own.id for it in sessions)
    tag = tag_of(device, visit, is_current)
    if asked is not None and tag in ("new", None):
        tag = "unanswered"
    return Row(device, sessions, tag, is_current, asked)


def tag_of(device: Device, visit: AccountVisit, is_current: bool) -> Tag | None:
    """The one tag of a device."""
    if is_current:
        return "current"
    if device.blocked:
        return "blocked"
    if visit.is_trusted(device):
        return "trusted"
    return "new" if visit.now - device.first_seen_at.timestamp() < WEEK else None


def is_asked_about(session: Session, own: Session, visit: AccountVisit) -> bool:
    """
    Whether a sign-in was unusual enough to ask its account's owner, who has not answered.

    An answer, or a step-up, clears the score. A session is not asked about itself: a thief
    would say yes.
    """
    is_other = session.id != own.id and session.impersonator is None
    return is_other and is_in_question(session.score, visit.manager.core.policy)


@frozen
class SignedOut:
    """
    A device without a live session.

    Attributes:
        device: The device.
        tag: The one thing that is said of it beside its name, or None.
        icon: The name of its icon.
    """

    device: Device
    tag: Tag | None
    icon: str


# The latest devices, of which the overview lists those that are signed out.
LATEST = 50


async def signed_out(visit: AccountVisit, rows: Iterable[Row]) -> list[SignedOut]:
    """The account's other devices, the latest first; *rows* are all that are signed in."""
    signed_in = {it.device.id for it in rows}
    devices = await visit.manager.devices(visit.user_id, limit=LATEST)
    return [
        SignedOut(it, _tag_signed_out(it, visit), icon_of(it))
        for it in devices
        if it.id not in signed_in
    ]


def _tag_signed_out(device: Device, visit: AccountVisit) -> Tag | None:
    """That it is new is no news where it is signed out already."""
    tag = tag_of(device, visit, is_current=False)
    return None if tag == "new" else tag
