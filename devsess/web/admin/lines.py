"""An account's history as an operator reads it: as its owner does, but about somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from devsess.models import Decision, EventType
from devsess.stores.rows import EVICTED
from devsess.web.account import sentences
from devsess.web.account.lines import Line, facts_of, failed
from devsess.web.account.sentences import Verdict
from devsess.web.admin import explained
from devsess.web.admin.search_box import cidr
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.history.entries import HistoryEntry
    from devsess.models import Event
    from devsess.web.admin.visit import AdminVisit

# Where the owner's page says "you".
TITLES: Final[Mapping[tuple[EventType, str], str]] = {
    (EventType.SESSION_CREATED, "impersonation"): msg("Staff signed in in the user’s name"),
    (EventType.SESSION_REVOKED, EVICTED): msg("Signed out: the account had reached its limit"),
    (EventType.LIMIT_EXCEEDED, "limit"): msg("A sign-in reached the account’s limit"),
    (EventType.LIMIT_EXCEEDED, ""): msg("A sign-in reached the account’s limit"),
    (EventType.STEP_UP_ASKED, "disowned"): msg(
        "A second proof was asked for: a sign-in was not the owner’s"
    ),
    (EventType.NOTICE, ""): msg("The owner was asked about a sign-in"),
    (EventType.NOTICE_CONFIRMED, ""): msg("A sign-in was confirmed as the owner’s"),
    (EventType.NOTICE_DISOWNED, ""): msg("A sign-in was said not to be the owner’s"),
    (EventType.SIGN_IN_HELD, ""): msg("A sign-in waited for approval"),
    (EventType.NEW_DEVICE, ""): msg("A device is new to the account"),
}
ANSWERS: Final[Mapping[EventType, Verdict]] = {
    EventType.NOTICE_CONFIRMED: Verdict(msg("It was them"), "good"),
    EventType.NOTICE_DISOWNED: Verdict(msg("It was not them"), "bad"),
}


def lines(visit: AdminVisit, entries: Iterable[HistoryEntry]) -> list[Line]:
    """Entries, newest first, as lines."""
    answers: dict[str | None, Verdict] = {}
    found = []
    for entry in entries:
        event = entry.event
        if event is None:
            found.append(failed(visit.words, entry, lambda it: cidr(it) or it))
            continue
        if event.type in ANSWERS:
            answers.setdefault(event.session_id, ANSWERS[event.type])
        found.append(_line(visit, entry, event, answers))
    return found


def _line(
    visit: AdminVisit,
    entry: HistoryEntry,
    event: Event,
    answers: Mapping[str | None, Verdict],
) -> Line:
    is_sign_in = event.type is EventType.SESSION_CREATED
    return Line(
        entry.at,
        _title(visit, event),
        facts_of(visit.words, entry, event, entry.place, event.ip),
        answers.get(event.session_id) if is_sign_in else None,
        _unusual(visit, event),
        event.session_id,
    )


def _title(visit: AdminVisit, event: Event) -> Markup:
    known = TITLES.get((event.type, event.reason or ""))
    return visit.words.say(known) if known else sentences.title(visit.words, event)


def _unusual(visit: AdminVisit, event: Event) -> Markup | None:
    """The signs that were unusual; said of the sign-in, and not again of the device new with it."""
    found = event.assessment
    if found is None or found.decision is Decision.ALLOW or event.type is EventType.NEW_DEVICE:
        return None
    said = [explained.signal_words(visit, it) for it in found.to_dict()["signals"]]
    return visit.words.listed(dict.fromkeys(said)) or None
