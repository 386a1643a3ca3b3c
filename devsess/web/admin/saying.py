"""The words of the operators' pages in their language: reasons, acts, days, spans and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from devsess._client import UNKNOWN
from devsess.models import EventType
from devsess.risk.notices import is_in_question
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.web.account.rows import icon_of
from devsess.web.admin.search_box import cidr
from devsess.web.times import DAY, HOUR, MONTHS
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.web.admin.acts import Line
    from devsess.web.admin.visit import AdminVisit

# The reasons that devsess writes. Others are the application's, and are shown as they are.
REASONS: Final[Mapping[str, str]] = {
    REPLACED: msg("replaced by a new sign-in"),
    EVICTED: msg("made room for a new sign-in"),
    EXPIRED: msg("timed out"),
    "logout": msg("signed out"),
    "signed out by its user": msg("signed out by its user"),
    "revoked": msg("ended"),
    "impersonator": msg("impersonation over"),
    "undeliverable": msg("tokens not delivered"),
    "foreign-device": msg("token used on another device"),
    "late": msg("token used twice"),
    "stale": msg("old token used"),
    "refused": msg("sign-in refused"),
    "device-blocked": msg("device blocked"),
    "device-forgotten": msg("device removed"),
    "impersonation": msg("impersonation"),
    "disowned": msg("not the owner’s sign-in"),
    "erased": msg("account erased"),
    "ended by staff": msg("ended by staff"),
}
# Acts on accounts, as the log says them before their count.
ACTS: Final[Mapping[EventType, str]] = {
    EventType.SESSION_REVOKED: msg("Sessions ended"),
    EventType.SESSION_CREATED: msg("Impersonations begun"),
    EventType.DEVICE_BLOCKED: msg("Devices blocked"),
    EventType.DEVICE_UNBLOCKED: msg("Devices let in again"),
    EventType.DEVICE_TRUSTED: msg("Trust in devices changed"),
    EventType.DEVICE_RENAMED: msg("Devices renamed"),
    EventType.DEVICE_FORGOTTEN: msg("Devices removed"),
    EventType.NOTICE_CONFIRMED: msg("Sign-ins confirmed as the owner’s"),
    EventType.NOTICE_DISOWNED: msg("Sign-ins marked as attacks"),
    EventType.STEP_UP_ASKED: msg("Second proofs asked for"),
    EventType.SIGN_IN_APPROVED: msg("Waiting sign-ins approved"),
    EventType.SIGN_IN_REFUSED: msg("Waiting sign-ins refused"),
}
KINDS: Final[Mapping[str, str]] = {
    "all": msg("All devices"),
    "desktop": msg("Computer"),
    "phone": msg("Phone"),
    "tablet": msg("Tablet"),
    "tv": msg("Television"),
    "bot": msg("Program"),
    "app": msg("App"),
    "unknown": msg("Unknown device"),
}


def context(visit: AdminVisit) -> dict[str, object]:
    """The functions that templates of these pages call."""
    return {
        "reason_words": partial(reason_words, visit),
        "act_words": partial(act_words, visit),
        "is_trusted": visit.is_trusted,
        "network_text": lambda ip: cidr(ip) or ip,
        "day_words": partial(day_words, visit),
        "kind_words": partial(kind_words, visit),
        "number": visit.words.number,
        "is_in_question": lambda score: is_in_question(score, visit.manager.core.policy),
        "known": partial(known, visit),
        "icon_of": icon_of,
    }


def reason_words(visit: AdminVisit, reason: str | None) -> Markup:
    """A known reason in the page's language, another as it is, isolated."""
    if not reason:
        return visit.words.say("ended")
    return visit.words.say(REASONS[reason]) if reason in REASONS else isolated(reason)


def act_words(visit: AdminVisit, line: Line) -> Markup:
    """The act of a line of the log."""
    known = ACTS.get(line.type)
    what = visit.words.say(known) if known else isolated(line.type.replace("_", " "))
    return Markup("{}: {}").format(what, number(visit, len(line.events)))


def day_words(visit: AdminVisit, on: date) -> Markup:
    """A day of the pages' time zone, such as "14 November 2026"."""
    month = visit.words.of("month", MONTHS[on.month - 1])
    return visit.words.say("{day} {month} {year}", day=on.day, month=month, year=str(on.year))


def kind_words(visit: AdminVisit, kind: str) -> Markup:
    """A kind of device."""
    return visit.words.say(KINDS.get(kind, KINDS["unknown"]))


def known(visit: AdminVisit, name: str) -> Markup:
    """The name of a browser or system; the word for one that is not known is translated."""
    return visit.words.say("unknown") if name == UNKNOWN else isolated(name)


def number(visit: AdminVisit, n: int) -> str:
    """A number with its thousands parted, as the page's language does it."""
    return visit.words.number(n)


def span_words(visit: AdminVisit, seconds: float) -> str:
    """A span in the unit that fits: minutes, hours or days."""
    plural = visit.words.plural
    if seconds < HOUR:
        return plural("{n} minute", "{n} minutes", max(1, round(seconds / 60)))
    if seconds < 2 * DAY:
        return plural("{n} hour", "{n} hours", round(seconds / HOUR))
    return plural("{n} day", "{n} days", round(seconds / DAY))
