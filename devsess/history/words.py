"""
The words for people: one line each event, reason, method and signal that devsess writes.

A test compares the tables with the code that writes. What is in none of them, since a newer
devsess or the application wrote it, is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devsess.models import Decision, EventType
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED

# In the places of {device}, {method}, {place} and {actor} stand " on Chrome on macOS",
# " with a password through Google", ", from Lagos, Nigeria" and " by support-7", or nothing.
EVENTS: Final[Mapping[EventType, str]] = {
    EventType.SESSION_CREATED: "Signed in{method}{place}{device}",
    EventType.SESSION_RENEWED: "The session went on{place}{device}",
    EventType.SESSION_EXTENDED: "The session{device} was extended",
    EventType.SESSION_MOVED: "The session{device} was seen on another network",
    EventType.SESSION_UPDATED: "The application changed the data of the session{device}",
    EventType.SESSION_STEPPED_UP: "Confirmed the sign-in{method}{place}{device}",
    EventType.SESSION_REVOKED: "The session{device} was ended{actor}",
    EventType.SESSION_USED_AFTER_END: "The session{device} was used after it had ended",
    EventType.TOKEN_REISSUED: "The tokens of the session{device} were issued again: an answer"
    " had been lost",
    EventType.TOKEN_REUSED: "An old token of the session{device} was used again",
    EventType.TOKEN_FROM_FUTURE: "A token that is newer than the session{device} was used",
    EventType.LIMIT_EXCEEDED: "A sign-in{device} reached the account's limit of sessions",
    EventType.LOGIN_DENIED: "A sign-in{place}{device} was refused",
    EventType.LOGIN_FAILED: "A sign-in failed{place}{device}",
    EventType.LOGIN_CHALLENGED: "A sign-in{place}{device} was stopped until a second proof",
    EventType.STEP_UP_ASKED: "A second proof was asked for in the session{device}",
    EventType.NOTICE: "The owner was asked about the sign-in{place}{device}",
    EventType.NOTICE_CONFIRMED: "The owner confirmed the sign-in{place}{device}",
    EventType.NOTICE_DISOWNED: "The owner said that the sign-in{device} was somebody else's",
    EventType.SIGN_IN_HELD: "A sign-in{place}{device} waited to be approved",
    EventType.SIGN_IN_APPROVED: "A waiting sign-in{place} was approved{actor}",
    EventType.SIGN_IN_REFUSED: "A waiting sign-in{place} was refused{actor}",
    EventType.SIGN_IN_EXPIRED: "Nobody approved a waiting sign-in{place} in time",
    EventType.NEW_DEVICE: "A device is new to the account: {name}",
    EventType.DEVICE_RENAMED: "A device was renamed{actor}: {name}",
    EventType.DEVICE_TRUSTED: "A device was trusted{actor}: {name}",
    EventType.DEVICE_BLOCKED: "A device was blocked{actor}: {name}",
    EventType.DEVICE_UNBLOCKED: "A device was unblocked{actor}: {name}",
    EventType.DEVICE_FORGOTTEN: "A device was removed{actor}: {name}",
}

# The reasons that devsess writes with them. They come behind the sentence, or, beginning with a
# capital letter, take its place; an empty one says nothing that the sentence does not.
REASONS: Final[Mapping[EventType, Mapping[str, str]]] = {
    EventType.SESSION_CREATED: {
        "impersonation": "Impersonation{actor}{place}{device}",
        "approved": "after it had been approved",
    },
    EventType.SESSION_REVOKED: {
        REPLACED: "since its device signed in again",
        EVICTED: "since the account had reached its limit of sessions",
        EXPIRED: "since its time was over",
        "logout": "Signed out{device}",
        "signed out by its user": "Signed out from another session{device}",
        "impersonator": "since the session that began it had ended",
        "undeliverable": "since its tokens could not be delivered",
        "revoked": "",
        "foreign-device": "since its token was used on another device",
        "refused": "since the sign-in was refused",
        "late": "since a token was used again after its successor",
        "stale": "since an old token was used again",
        "device-blocked": "since the device was blocked",
        "device-forgotten": "since the device was removed",
        "disowned": "since its sign-in was somebody else's",
    },
    EventType.NOTICE_CONFIRMED: {"judged": "The sign-in{place}{device} was confirmed{actor}"},
    EventType.NOTICE_DISOWNED: {
        "judged": "The sign-in{device} was found to be somebody else's{actor}"
    },
    EventType.TOKEN_REUSED: {
        "foreign-device": "on another device",
        "late": "after its successor",
        "stale": "after several successors",
    },
    EventType.TOKEN_FROM_FUTURE: {"restored backup?": "perhaps a backup was restored"},
    EventType.LIMIT_EXCEEDED: {"limit": ""},
    EventType.LOGIN_DENIED: {
        "cut-off": "since all sessions had just been ended",
        "device-blocked": "since the device is blocked",
    },
    EventType.STEP_UP_ASKED: {
        "refresh": "since the session moved",
        "disowned": "since the owner said that a sign-in was somebody else's",
        "judged": "since a sign-in was found to be somebody else's",
    },
    EventType.DEVICE_TRUSTED: {"trust-ended": "A device is no longer trusted{actor}: {name}"},
}

# Authentication methods (RFC 8176), and those that applications name beside them. An empty
# one says nothing that the others do not.
METHODS: Final[Mapping[str, str]] = {
    "pwd": "a password",
    "otp": "a code",
    "sms": "a code by text message",
    "tel": "a phone call",
    "pin": "a PIN",
    "hwk": "a key in hardware",
    "swk": "a key in software",
    "pop": "a key",
    "sc": "a smart card",
    "fpt": "a fingerprint",
    "face": "a face",
    "iris": "an iris",
    "retina": "a retina",
    "vbm": "a voice",
    "kba": "an answer to a question",
    "wia": "Windows",
    "mca": "another channel",
    "geo": "a place",
    "rba": "",
    "user": "",
    "mfa": "",
    "passkey": "a passkey",
    "webauthn": "a passkey",
    "email": "a mail",
    "recovery": "a recovery code",
}

# A passkey is a key: beside its name the registered words for a key say nothing more.
_PASSKEYS, _KEYS = frozenset({"passkey", "webauthn"}), frozenset({"hwk", "swk", "pop"})


def naming(amr: Iterable[str]) -> list[str]:
    """The methods of *amr* that are named, each once."""
    each = list(dict.fromkeys(amr))
    return each if _PASSKEYS.isdisjoint(each) else [it for it in each if it not in _KEYS]


# Names of sign-in providers as their makers spell them; others are shown as the application did.
PROVIDERS: Final[Mapping[str, str]] = {
    "amazon": "Amazon",
    "apple": "Apple",
    "auth0": "Auth0",
    "bitbucket": "Bitbucket",
    "discord": "Discord",
    "facebook": "Facebook",
    "github": "GitHub",
    "gitlab": "GitLab",
    "google": "Google",
    "keycloak": "Keycloak",
    "linkedin": "LinkedIn",
    "microsoft": "Microsoft",
    "okta": "Okta",
    "orcid": "ORCID",
    "slack": "Slack",
}


def provider_name(provider: str) -> str:
    """The name by which people know *provider*."""
    return PROVIDERS.get(provider.lower(), provider)


# In the places in braces stand the numbers of the signal.
SIGNALS: Final[Mapping[str, str]] = {
    "new_device": "new device",
    "trusted_device": "trusted device",
    "new_network": "new network",
    "hosting": "hosting or VPN network",
    "new_country": "new country",
    "new_agent": "new browser or system",
    "settled_account": "unlike the {sign_ins} sign-ins before",
    "failures": "{failures} failed sign-ins right before",
    "velocity": "a network that failed on {accounts} accounts or more in an hour",
    "impossible_travel": "{km:,} km from the place before in too short a time",
    "automation": "an automated client",
    "changed_system": "{to} in place of {from}",
    "device_burst": "{devices} new devices in 24 hours",
    "dormant": "no sign-in for {days} days",
    "changed_agent": "new browser or system on a known device",
    "foreign_device": "another browser or system than the session began with",
    "blocked_device": "blocked device",
}

VERDICTS: Final[Mapping[Decision, str]] = {
    Decision.ALLOW: "{what}",
    Decision.NOTIFY: "{what}: unusual for this account",
    Decision.STEP_UP: "{what}: unusual enough to ask for a second proof",
    Decision.DENY: "{what}: refused",
}
