"""An event as a sentence: what happened, how, from where, on what, and what was unusual."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen

from devsess.history.words import EVENTS, METHODS, REASONS, SIGNALS, VERDICTS, naming, provider_name
from devsess.models import Decision, EventType

if TYPE_CHECKING:
    from devsess.models import Assessment, Event, Signal

IMPERSONATION = "impersonation"
HOUR = timedelta(hours=1)
# Of a refresh this says nothing: it is weighed as if no device had been proven.
_REFRESHED: Final = frozenset({"new_device"})
# The events of a refresh that may have an assessment.
OF_REFRESHES: Final = frozenset(
    {EventType.SESSION_RENEWED, EventType.TOKEN_REISSUED, EventType.STEP_UP_ASKED}
)


@frozen
class About:
    """
    What is known of an event beside the event.

    Attributes:
        place: Where its address is, such as "Lagos, Nigeria", or None.
        device: The name or label of its device, or None.
        amr: The methods (RFC 8176) of the authentication that it is about.
        provider: The sign-in provider that authenticated the person, such as "google", or None.
    """

    place: str | None = None
    device: str | None = None
    amr: Sequence[str] = ()
    provider: str | None = None


@frozen
class Failed:
    """
    Failed sign-ins from one network in one hour.

    Attributes:
        at: The latest.
        hour: The beginning of the hour.
        count: At least so many, where *is_more*.
        network: Or None.
    """

    at: datetime
    hour: datetime
    count: int
    network: str | None
    is_more: bool = False


def text(event: Event, about: About) -> str:
    """An event in words, and all that was unusual about it."""
    said = [_happened(event, about), verdict(event)]
    return " ".join(it for it in said if it)


def method(amr: Sequence[str]) -> str | None:
    """Such as "a password and a code"; None where nothing is known."""
    known = [METHODS.get(it, it) for it in naming(amr)]
    return joined([it for it in dict.fromkeys(known) if it]) or None


def proof(amr: Sequence[str], provider: str | None) -> str:
    """Such as "with a passkey through Google"; empty where nothing is known."""
    by = method(amr)
    through = f"through {provider_name(provider)}" if provider else None
    return " ".join(it for it in (f"with {by}" if by else None, through) if it)


def verdict(event: Event) -> str | None:
    """All that was unusual about it, and how unusual that is; None where nothing was."""
    found = event.assessment
    unusual = _unusual(event, found) if found else []
    if event.is_new_device and SIGNALS["new_device"] not in unusual:
        unusual = [SIGNALS["new_device"], *unusual]
    if not unusual:
        return None
    decision = found.decision if found else Decision.ALLOW
    return _sentence(VERDICTS[decision].format(what=", ".join(unusual)))


def is_impersonation(event: Event) -> bool:
    """Whether it is the sign-in of somebody of the staff in the user's name."""
    return event.type is EventType.SESSION_CREATED and event.reason == IMPERSONATION


def failures(rows: Sequence[Failed]) -> str:
    """Such as "At least 104 sign-ins failed within 3 hours, from 102.89.77.0."."""
    count = sum(it.count for it in rows)
    hours = (max(it.hour for it in rows) - min(it.hour for it in rows)) // HOUR + 1
    many = "A sign-in" if count == 1 else f"{count:,} sign-ins"
    if any(it.is_more for it in rows):
        many = f"At least {many}"
    within = "" if count == 1 else " within an hour" if hours == 1 else f" within {hours:,} hours"
    return f"{many} failed{within}{_from_networks(networks(rows))}."


def networks(rows: Sequence[Failed]) -> tuple[str, ...]:
    """Those of *rows*, each once, the one of the most failures first."""
    counts: dict[str, int] = {}
    for it in rows:
        if it.network is not None:
            counts[it.network] = counts.get(it.network, 0) + it.count
    return tuple(sorted(counts, key=lambda it: (-counts[it], it)))


def joined(parts: Sequence[str]) -> str:
    """Such as "a, b and c"."""
    *first, last = parts or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _from_networks(found: Sequence[str]) -> str:
    if not found:
        return ""
    first, *rest = found
    others = "another network" if len(rest) == 1 else f"{len(rest)} other networks"
    return f", from {joined([first, others] if rest else [first])}"


def _happened(event: Event, about: About) -> str:
    how, place = proof(about.amr, about.provider), f", from {about.place}" if about.place else ""
    words = {
        "place": place,
        "method": f" {how}" if how else "",
        "actor": _by(event),
        "name": about.device or "one that is no longer known",
    }
    known = REASONS.get(event.type, {}).get(event.reason or "")
    sentence = known if known and known[0].isupper() else EVENTS.get(event.type) or _unknown(event)
    # A comma before the device where a place, which has commas of its own, comes before it.
    comma = "," if place and "{place}" in sentence else ""
    said = sentence.format(**words, device=f"{comma} on {about.device}" if about.device else "")
    return f"{said}{_why(event.reason, known) if sentence is not known else ''}."


def _by(event: Event) -> str:
    if event.actor is None:
        return ""
    return " by the owner" if event.actor == event.user_id else f" by {event.actor}"


def _why(reason: str | None, known: str | None) -> str:
    """The reason behind a sentence: as the table has it, or the application's own after a colon."""
    if known is None:
        return f": {reason.rstrip('.')}" if reason else ""
    return f", {known}" if known else ""


def _unknown(event: Event) -> str:
    """A type that no table has, by its own name."""
    name = event.type.replace("_", " ").replace("{", "").replace("}", "")
    return f"{name[:1].upper()}{name[1:]}{{place}}{{device}}{{actor}}"


def _unusual(event: Event, found: Assessment) -> list[str]:
    silent = _REFRESHED if event.type in OF_REFRESHES else frozenset()
    return [*dict.fromkeys(_phrase(it) for it in found.signals if it.kind not in silent)]


def _phrase(signal: Signal) -> str:
    """The words for a signal; its own message where there are none, or a number is missing."""
    try:
        return SIGNALS[signal.kind].format_map(signal.data)
    except (KeyError, ValueError, TypeError):
        return signal.message.rstrip(".") or signal.kind


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}."
