"""
The sentences of the history, as its owner reads them: a title each event, its reason and verdict.

Reasons are free text: those that devsess writes are translated, others shown isolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import frozen
from markupsafe import Markup

from devsess.models import Decision, EventType
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.models import Event, Signal
    from devsess.web.words import Words

TITLES: Final[Mapping[EventType, str]] = {
    EventType.SESSION_CREATED: msg("Signed in"),
    EventType.SESSION_RENEWED: msg("The sign-in was renewed"),
    EventType.SESSION_EXTENDED: msg("The sign-in was extended"),
    EventType.SESSION_MOVED: msg("Seen on another network"),
    EventType.SESSION_UPDATED: msg("The application changed the data of the sign-in"),
    EventType.SESSION_STEPPED_UP: msg("Confirmed by a second proof"),
    EventType.SESSION_REVOKED: msg("Signed out"),
    EventType.SESSION_USED_AFTER_END: msg("Used after it was signed out"),
    EventType.TOKEN_REISSUED: msg("The sign-in was renewed once more: an answer had been lost"),
    EventType.TOKEN_REUSED: msg("An old token of the sign-in was used again"),
    EventType.TOKEN_FROM_FUTURE: msg("A token from the future was used"),
    EventType.LIMIT_EXCEEDED: msg("A sign-in reached the limit of your account"),
    EventType.LOGIN_DENIED: msg("A sign-in was refused"),
    EventType.LOGIN_FAILED: msg("A sign-in failed"),
    EventType.LOGIN_CHALLENGED: msg("A sign-in was stopped until a second proof"),
    EventType.STEP_UP_ASKED: msg("A second proof was asked for"),
    EventType.NOTICE: msg("You were asked about a sign-in"),
    EventType.NOTICE_CONFIRMED: msg("You confirmed a sign-in"),
    EventType.NOTICE_DISOWNED: msg("You said that a sign-in was not you"),
    EventType.SIGN_IN_HELD: msg("A sign-in waited for your approval"),
    EventType.SIGN_IN_APPROVED: msg("A waiting sign-in was approved"),
    EventType.SIGN_IN_REFUSED: msg("A waiting sign-in was refused"),
    EventType.SIGN_IN_EXPIRED: msg("A waiting sign-in was not approved in time"),
    EventType.NEW_DEVICE: msg("A device is new to your account"),
    EventType.DEVICE_RENAMED: msg("A device was renamed"),
    EventType.DEVICE_TRUSTED: msg("A device was trusted"),
    EventType.DEVICE_BLOCKED: msg("A device was blocked"),
    EventType.DEVICE_UNBLOCKED: msg("A device was unblocked"),
    EventType.DEVICE_FORGOTTEN: msg("A device was removed"),
}

# The reason where an operator answered, and not the owner.
JUDGED: Final = "judged"

# With these reasons the title is another one.
REASONS: Final[Mapping[EventType, Mapping[str, str]]] = {
    EventType.SESSION_CREATED: {
        "impersonation": msg("Staff signed in as you"),
        "approved": msg("Signed in after approval from another device"),
    },
    EventType.SESSION_REVOKED: {
        REPLACED: msg("Signed out: the device signed in again"),
        EVICTED: msg("Signed out: your account had reached its limit"),
        EXPIRED: msg("Signed out: the time was over"),
        "logout": msg("Signed out"),
        "signed out by its user": msg("Signed out from another device"),
        "ended by staff": msg("Signed out by staff"),
        "impersonator": msg("Signed out: the staff’s own sign-in had ended"),
        "undeliverable": msg("Signed out: the sign-in could not be completed"),
        "revoked": msg("Signed out"),
        "foreign-device": msg("Signed out: the sign-in was used on another device"),
        "refused": msg("Signed out: the sign-in was refused"),
        "late": msg("Signed out: an old token was used again"),
        "stale": msg("Signed out: an old token was used again"),
        "device-blocked": msg("Signed out: the device was blocked"),
        "device-forgotten": msg("Signed out: the device was removed"),
        "disowned": msg("Signed out: the sign-in was not yours"),
    },
    EventType.NOTICE_CONFIRMED: {JUDGED: msg("Staff confirmed a sign-in")},
    EventType.NOTICE_DISOWNED: {JUDGED: msg("Staff said that a sign-in was not you")},
    EventType.TOKEN_REUSED: {
        "foreign-device": msg("A token of the sign-in was used on another device"),
        "late": msg("An old token of the sign-in was used again"),
        "stale": msg("An old token of the sign-in was used again"),
    },
    EventType.TOKEN_FROM_FUTURE: {
        "restored backup?": msg("A token from the future was used; perhaps a backup was restored"),
    },
    EventType.LIMIT_EXCEEDED: {"limit": msg("A sign-in reached the limit of your account")},
    EventType.LOGIN_DENIED: {
        "cut-off": msg("A sign-in was refused: all devices had just been signed out"),
        "device-blocked": msg("A sign-in was refused: the device is blocked"),
    },
    EventType.STEP_UP_ASKED: {
        "refresh": msg("A second proof was asked for: the device or network had changed"),
        "disowned": msg("A second proof was asked for: you had said that a sign-in was not you"),
        JUDGED: msg("A second proof was asked for: staff had said that a sign-in was not you"),
    },
    EventType.DEVICE_TRUSTED: {"trust-ended": msg("A device is no longer trusted")},
}

NEW_DEVICE = msg("Signed in from a new device")

# The signs that were unusual; in braces stand the numbers of the signal.
SIGNALS: Final[Mapping[str, str]] = {
    "new_device": msg("new device"),
    "trusted_device": msg("trusted device"),
    "new_network": msg("new network"),
    "hosting": msg("network of a data centre or VPN"),
    "new_country": msg("new country"),
    "new_agent": msg("new browser or system"),
    "settled_account": msg("unlike your earlier sign-ins"),
    "failures": msg("failed attempts right before"),
    "velocity": msg("network with failed attempts on many accounts"),
    "impossible_travel": msg("too far from the place before"),
    "automation": msg("automated program"),
    "changed_system": msg("another system than before"),
    "device_burst": msg("many new devices within a day"),
    "dormant": msg("first sign-in for a long time"),
    "changed_agent": msg("another browser or system on a known device"),
    "foreign_device": msg("another browser or system than at the sign-in"),
    "blocked_device": msg("blocked device"),
}


@frozen
class Verdict:
    """
    The answer to "Was this you?".

    Attributes:
        text: A message.
        colour: "good", "warn" or "bad".
    """

    text: str
    colour: str


CONFIRMED = Verdict(msg("You confirmed it was you"), "good")
DISOWNED = Verdict(msg("You said it was not you"), "bad")
CONFIRMED_BY_STAFF = Verdict(msg("Staff confirmed it was you"), "good")
DISOWNED_BY_STAFF = Verdict(msg("Staff said it was not you"), "bad")
UNANSWERED = Verdict(msg("Not confirmed yet"), "warn")


def verdict(event: Event) -> Verdict | None:
    """The answer that an event gives about its session, or None."""
    by_staff = event.reason == JUDGED
    if event.type is EventType.NOTICE_CONFIRMED:
        return CONFIRMED_BY_STAFF if by_staff else CONFIRMED
    if event.type is EventType.NOTICE_DISOWNED:
        return DISOWNED_BY_STAFF if by_staff else DISOWNED
    return None


def title(words: Words, event: Event) -> Markup:
    """The event in words."""
    reason = event.reason or ""
    known = REASONS.get(event.type, {}).get(reason)
    if known:
        return words.say(known)
    if event.type is EventType.SESSION_CREATED and event.is_new_device:
        return words.say(NEW_DEVICE)
    said = TITLES.get(event.type)
    plain = isolated(event.type.replace("_", " ")) if said is None else words.say(said)
    if not reason:
        return plain
    return words.say("{what}: {reason}", what=plain, reason=isolated(reason))


def failures(words: Words, count: int) -> Markup:
    """Failed sign-ins, whose counts end at a hundred."""
    if count >= 100:
        return words.plural(
            "At least {n} failed attempt to sign in",
            "At least {n} failed attempts to sign in",
            count,
        )
    return words.plural("{n} failed attempt to sign in", "{n} failed attempts to sign in", count)


def unusual(words: Words, event: Event) -> Markup | None:
    """The signs about it that were unusual, or None."""
    found = event.assessment
    if found is None or found.decision is Decision.ALLOW:
        return None
    said = [_phrase(words, it) for it in found.signals]
    return words.listed(dict.fromkeys(said)) or None


def _phrase(words: Words, signal: Signal) -> Markup:
    known = SIGNALS.get(signal.kind)
    return words.say(known) if known else isolated(signal.message or signal.kind)
