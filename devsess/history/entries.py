"""The entries of a login history, as an application shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess.history import sentences
from devsess.history.sentences import About, Failed
from devsess.history.words import provider_name
from devsess.models import EventType, iso

if TYPE_CHECKING:
    from devsess.models import Event


@frozen
class HistoryEntry:
    """
    One line of an account's login history.

    Attributes:
        at: When; of failed sign-ins, the latest.
        text: What happened, in English.
        type: The kind of event.
        place: Such as "Lagos, Nigeria", or None.
        device: Its name or label, or None.
        method: How the person proved themselves: "a password and a code", or None.
        verdict: What was unusual, and what that means, or None.
        count: Failed sign-ins, at least so many where it is 100 or more; else 1.
        since: Of failed sign-ins, the hour in which the first was; else None.
        networks: Of failed sign-ins, where they came from.
        is_impersonation: Whether somebody of the staff acted as the user.
        event: What it was made of; None for failed sign-ins, which are counted alone.
        amr: The methods (RFC 8176) behind *method*.
        provider: The sign-in provider, by the name that people know: "Google", or None.
        is_in_question: Whether it is a sign-in that was unusual, whose session lives and whose
            owner has not answered for it.
    """

    at: datetime
    text: str
    type: EventType
    place: str | None = None
    device: str | None = None
    method: str | None = None
    verdict: str | None = None
    count: int = 1
    since: datetime | None = None
    networks: tuple[str, ...] = ()
    is_impersonation: bool = False
    event: Event | None = None
    amr: tuple[str, ...] = ()
    provider: str | None = None
    is_in_question: bool = False

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """This entry as JSON types."""
        return {
            "at": iso(self.at),
            "text": self.text,
            "type": self.type.value,
            "place": self.place,
            "device": self.device,
            "method": self.method,
            "provider": self.provider,
            "verdict": self.verdict,
            "count": self.count,
            "since": iso(self.since),
            "networks": list(self.networks),
            "isImpersonation": self.is_impersonation,
            "event": self.event.to_dict() if self.event else None,
        }


def entry(event: Event, about: About, *, is_in_question: bool = False) -> HistoryEntry:
    """The entry of *event*."""
    return HistoryEntry(
        at=event.at,
        text=sentences.text(event, about),
        type=event.type,
        place=about.place,
        device=about.device,
        method=sentences.method(about.amr),
        verdict=sentences.verdict(event),
        is_impersonation=sentences.is_impersonation(event),
        event=event,
        amr=tuple(about.amr),
        provider=provider_name(about.provider) if about.provider else None,
        is_in_question=is_in_question,
    )


def failed(counts: Iterable[Failed]) -> HistoryEntry:
    """One entry for some hours and networks of failed sign-ins, of which there are some."""
    rows = list(counts)
    return HistoryEntry(
        at=max(it.at for it in rows),
        text=sentences.failures(rows),
        type=EventType.LOGIN_FAILED,
        count=sum(it.count for it in rows),
        since=min(it.hour for it in rows),
        networks=sentences.networks(rows),
    )
