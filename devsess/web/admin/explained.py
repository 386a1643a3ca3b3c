"""What `explain_session` says, in words: the points of a sign-in, and each check of its session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from markupsafe import Markup

from devsess.explanation import Outcome
from devsess.models import Decision
from devsess.web.account.methods import means, through
from devsess.web.account.sentences import SIGNALS
from devsess.web.admin.saying import number, reason_words
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.explanation import Check
    from devsess.web.admin.visit import AdminVisit

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
    begins = say("Every sum begins with {n} points.", n=base) if base else ""
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
    return Said(verdict, style, PASSED[check.name](visit, check.data))


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
    provider = through(data["provider"])
    if provider is None:
        return visit.words.say("Latest proof {at}, by {methods}", at=at, methods=methods)
    return visit.words.say(
        "Latest proof {at}, by {methods}, through {provider}",
        at=at,
        methods=methods,
        provider=provider,
    )


def _device(visit: AdminVisit, data: Mapping[str, Any]) -> Markup:
    say = visit.words.say
    if data["bound"]:
        return say("Only its own device may renew its tokens")
    return say(
        "Its device has not shown its own token yet: any device may renew the session’s tokens"
    )


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


PASSED: Final[Mapping[str, Callable[[AdminVisit, Mapping[str, Any]], Markup]]] = {
    "session": _session,
    "liveness": _liveness,
    "impersonation": _impersonation,
    "authentication": _authentication,
    "device": _device,
    "staleness": _staleness,
    "step_up": _step_up,
}
