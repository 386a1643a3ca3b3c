"""The history as lines, with the owner's answers beside the sign-ins that they were about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from markupsafe import Markup

from devsess.models import Decision, EventType
from devsess.web.account import sentences
from devsess.web.account.methods import means, through
from devsess.web.account.sentences import UNANSWERED, Verdict
from devsess.web.words import isolated

if TYPE_CHECKING:
    from devsess.history.entries import HistoryEntry
    from devsess.models import Event
    from devsess.web.account.visit import AccountVisit
    from devsess.web.words import Words

# Networks of failed sign-ins that are named; the rest are counted.
_NETWORKS = 3


@frozen
class Line:
    """
    A line of the history.

    Attributes:
        at: When.
        title: The event in words.
        facts: Device, place, methods, and the person who did it where it was another.
        verdict: The owner's answer about a sign-in, or that there is none; or None.
        unusual: The signs that were unusual, or None.
        session_id: Of which session; for operators.
    """

    at: datetime
    title: Markup
    facts: Sequence[Markup]
    verdict: Verdict | None = None
    unusual: Markup | None = None
    session_id: str | None = None


def lines(visit: AccountVisit, entries: Iterable[HistoryEntry]) -> list[Line]:
    """Entries, newest first, as lines."""
    answers: dict[str, Verdict] = {}
    found = []
    for entry in entries:
        event = entry.event
        if event is None:
            found.append(failed(visit.words, entry))
            continue
        answer = sentences.verdict(event)
        if answer is not None and event.session_id is not None:
            # The latest, which comes first here: a "yes" never follows a "no".
            answers.setdefault(event.session_id, answer)
        found.append(_line(visit, entry, event, _verdict(visit, entry, event, answers)))
    return found


def _line(visit: AccountVisit, entry: HistoryEntry, event: Event, verdict: Verdict | None) -> Line:
    words = visit.words
    facts = facts_of(words, entry, event, entry.place)
    unusual = sentences.unusual(words, event)
    return Line(entry.at, sentences.title(words, event), facts, verdict, unusual)


def facts_of(words: Words, entry: HistoryEntry, event: Event, *where: str | None) -> list[Markup]:
    """The device, the places and addresses *where* it was, the methods, and another's name."""
    facts = [words.label(entry.device)] if entry.device else []
    facts += [isolated(it) for it in where if it]
    method = means(words, entry.amr)
    facts += [words.say("with {methods}", methods=method)] if method else []
    provider = through(entry.provider)
    facts += [words.say("through {provider}", provider=provider)] if provider else []
    if event.actor is not None and event.actor != event.user_id:
        facts.append(words.say("by {actor}", actor=isolated(event.actor)))
    return facts


def failed(words: Words, entry: HistoryEntry, written: Callable[[str], str] = str) -> Line:
    """The line of failed sign-ins, whose networks stand there as *written*."""
    networks = entry.networks
    facts = [isolated(written(it)) for it in networks[:_NETWORKS]]
    more = len(networks) - _NETWORKS
    if more > 0:
        facts.append(words.plural("{n} more network", "{n} more networks", more))
    return Line(entry.at, sentences.failures(words, entry.count), facts)


def _verdict(
    visit: AccountVisit, entry: HistoryEntry, event: Event, answers: Mapping[str, Verdict]
) -> Verdict | None:
    """The answer about a sign-in that was unusual; answers on a newer page are not looked for."""
    if event.type is not EventType.SESSION_CREATED or event.session_id is None:
        return None
    if event.session_id in answers:
        return answers[event.session_id]
    is_open = entry.is_in_question and event.session_id != visit.session.id
    is_unusual = event.assessment is not None and event.assessment.decision is not Decision.ALLOW
    return UNANSWERED if is_open and is_unusual else None
