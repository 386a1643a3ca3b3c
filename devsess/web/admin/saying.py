"""The words of the operators' pages: reasons, acts, checks and signals, in the page's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from markupsafe import Markup

from devsess._client import UNKNOWN
from devsess.explanation import Outcome
from devsess.models import Decision, EventType
from devsess.risk.notices import is_in_question
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.web.account.methods import means
from devsess.web.account.rows import icon_of
from devsess.web.account.sentences import SIGNALS
from devsess.web.admin.asked import cidr
from devsess.web.times import MONTHS
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.explanation import Check
    from devsess.models import Device
    from devsess.web.admin.searching import Line
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
# The signals whose numbers an operator wants; the others have the words of the owner's page.
COUNTED: Final[Mapping[str, str]] = {
    "settled_account": msg("unlike the {sign_ins} sign-ins before"),
    "failures": msg("{failures} failed sign-ins right before"),
    "velocity": msg("a network that failed on {accounts} accounts or more in an hour"),
    "impossible_travel": msg("{km} km from the place before in too short a time"),
    "changed_system": msg("{to} in place of {from}"),
    "device_burst": msg("{devices} new devices in 24 hours"),
    "dormant": msg("no sign-in for {days} days"),
}
# Rules by their names, where the words of what they find would not do.
RULES: Final[Mapping[str, str]] = {
    "impossible_travel": msg("impossible travel"),
    "settled_account": msg("unlike earlier sign-ins"),
}
DECISIONS: Final[Mapping[str, str]] = {
    Decision.ALLOW: msg("Not unusual: {n} points"),
    Decision.NOTIFY: msg("Unusual, {n} points: enough to ask its owner"),
    Decision.STEP_UP: msg("Unusual, {n} points: enough to ask for a second proof"),
    Decision.DENY: msg("Unusual, {n} points: enough to refuse it"),
}


@frozen
class Said:
    """
    One check in words.

    Attributes:
        verdict: "passes", "refuses" or "not reached".
        style: The class of its tag.
        words: The finding.
    """

    verdict: Markup
    style: str
    words: Markup


@frozen
class Weighed:
    """
    An assessment in words.

    Attributes:
        title: The decision and the points.
        signals: The signs that were unusual, each with its points.
        base: The beginning of the sum, or "".
        not_evaluated: The rules that lacked data, or "".
    """

    title: Markup
    signals: tuple[Weight, ...]
    base: Markup | str
    not_evaluated: Markup


@frozen
class Weight:
    """One unusual thing, and its points."""

    words: Markup
    points: str


def context(visit: AdminVisit) -> dict[str, object]:
    """The functions that templates of these pages call."""
    return {
        "reason_words": lambda reason: reason_words(visit, reason),
        "act_words": lambda line: act_words(visit, line),
        "is_trusted": lambda device: is_trusted(visit, device),
        "network_text": lambda ip: cidr(ip) or ip,
        "day_words": lambda on: day_words(visit, on),
        "kind_words": lambda kind: kind_words(visit, kind),
        "number": lambda n: number(visit, n),
        "is_in_question": lambda score: is_in_question(score, visit.manager.core.policy),
        "known": lambda name: known(visit, name),
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


def is_trusted(visit: AdminVisit, device: Device) -> bool:
    """Whether a device is trusted now."""
    return device.trusted_until is not None and device.trusted_until.timestamp() > visit.now


def weighed(visit: AdminVisit, found: Mapping[str, Any] | None) -> Weighed | None:
    """An assessment, as `explain` has it, in words; None if there is none."""
    if not found:
        return None
    say = visit.words.say
    title = say(DECISIONS.get(found["decision"], DECISIONS[Decision.ALLOW]), n=found["score"])
    signals = tuple(
        Weight(signal_words(visit, it), _signed(it["weight"])) for it in found["signals"]
    )
    base = found["score"] - sum(it["weight"] for it in found["signals"])
    begins = say("Every sum begins with {n} points.", n=_signed(base)) if base else ""
    rules = visit.words.listed(dict.fromkeys(_rule(visit, it) for it in found["notEvaluated"]))
    return Weighed(title, signals, begins, rules)


def _rule(visit: AdminVisit, name: str) -> Markup:
    known = RULES.get(name) or SIGNALS.get(name)
    return visit.words.say(known) if known else isolated(name.replace("_", " "))


def _signed(points: int) -> str:
    """Such as "+20" or "−50"."""
    return f"{points:+d}".replace("-", "\N{MINUS SIGN}")


def signal_words(visit: AdminVisit, signal: Mapping[str, Any]) -> Markup:
    """A signal in words; one that lacks its numbers, or is not known, by its own message."""
    kind, data = signal["kind"], dict(signal["data"])
    try:
        if kind in COUNTED:
            shown = {name: _shown(visit, it) for name, it in data.items()}
            return visit.words.say(COUNTED[kind], **shown)
        return visit.words.say(SIGNALS[kind])
    except KeyError:
        return isolated(signal["message"])


def _shown(visit: AdminVisit, value: object) -> object:
    return number(visit, value) if type(value) is int else isolated(value)


def checked(visit: AdminVisit, checks: Sequence[Check]) -> list[Said]:
    """Every check of a session in words."""
    return [_said(visit, it) for it in checks if it.name != "risk"]


def _said(visit: AdminVisit, check: Check) -> Said:
    say = visit.words.say
    if check.outcome is Outcome.NOT_REACHED:
        return Said(say("not reached"), "", _subject(visit, check.name))
    if check.outcome is Outcome.FAILED:
        return Said(say("refuses"), "bad", _refused(visit, check))
    style, verdict = (
        ("warn", say("refuses in part")) if check.data.get("due") else ("good", say("passes"))
    )
    return Said(verdict, style, _PASSED[check.name](visit, check.data))


def _subject(visit: AdminVisit, name: str) -> Markup:
    return visit.words.say(SUBJECTS.get(name, name))


SUBJECTS: Final[Mapping[str, str]] = {
    "session": msg("The session is in the store"),
    "liveness": msg("It has not ended"),
    "impersonation": msg("Impersonation"),
    "authentication": msg("Latest proof"),
    "device": msg("Device"),
    "staleness": msg("How current the answer is"),
    "step_up": msg("Second proof"),
}


def _refused(visit: AdminVisit, check: Check) -> Markup:
    say, data = visit.words.say, check.data
    if check.name == "impersonation":
        return say("The session that began the impersonation has ended")
    if data.get("state") == "revoked":
        return say(
            "It was ended on {at}: {reason}",
            at=_instant(visit, data.get("endedAt")),
            reason=reason_words(visit, data.get("reason")),
        )
    if data.get("state") == "absolute":
        at = _instant(visit, data.get("absoluteDeadline"))
        return say("Its absolute lifetime was over on {at}", at=at)
    if data.get("state") == "idle":
        return say("It was idle for too long on {at}", at=_instant(visit, data.get("idleDeadline")))
    return isolated(check.message, 200)


def _instant(visit: AdminVisit, text: object) -> Markup:
    if not isinstance(text, str):
        return Markup("–")
    at = datetime.fromisoformat(text).astimezone(UTC)
    return visit.times.instant(at)


def _session(visit: AdminVisit, _: Mapping[str, Any]) -> Markup:
    return visit.words.say("The session is in the store")


def _liveness(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    return visit.words.say(
        "It has not ended: without activity it lives until {idle}, at most until {absolute}",
        idle=_instant(visit, data["idleDeadline"]),
        absolute=_instant(visit, data["absoluteDeadline"]),
    )


def _impersonation(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    if data["impersonator"] is None:
        return visit.words.say("Nobody acts in the user’s name")
    return visit.words.say("{user} acts in the user’s name", user=isolated(data["impersonator"]))


def _authentication(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    at, methods = _instant(visit, data["authTime"]), means(visit.words, data["amr"]) or "–"
    return visit.words.say("Latest proof {at}, by {methods}", at=at, methods=methods)


def _device(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    say = visit.words.say
    if data["bound"]:
        return say("Only its own device may renew its tokens")
    return say("Its device has not shown its own token yet: any may renew its tokens")


def _staleness(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    seconds = data["maxStaleness"]
    if data["way"] == "acknowledged" or not seconds:
        return visit.words.say("An ending is in force at once")
    return visit.words.say("An ending is in force after at most {n} s", n=f"{seconds:g}")


def _step_up(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    say = visit.words.say
    if data["due"]:
        at = _instant(visit, data["stepUpAfter"])
        return say("A second proof is due since {at}: what needs one is refused", at=at)
    if data["stepUpAfter"]:
        return say("The second proof that was asked for was given")
    return say("No second proof is due")


_PASSED: Final[Mapping[str, Callable[[AdminVisit, Mapping[str, Any]], Markup]]] = {
    "session": _session,
    "liveness": _liveness,
    "impersonation": _impersonation,
    "authentication": _authentication,
    "device": _device,
    "staleness": _staleness,
    "step_up": _step_up,
}
