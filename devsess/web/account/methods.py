"""How a person proved themselves, in words: "a password and a code", and through whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from devsess.history.words import naming, provider_name
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.web.words import Words

# As `history/words` has them; an empty one says nothing that the others do not.
METHODS: Final[Mapping[str, str]] = {
    "pwd": msg("a password"),
    "otp": msg("a code"),
    "sms": msg("a code by text message"),
    "tel": msg("a phone call"),
    "pin": msg("a PIN"),
    "hwk": msg("a key in hardware"),
    "swk": msg("a key in software"),
    "pop": msg("a key"),
    "sc": msg("a smart card"),
    "fpt": msg("a fingerprint"),
    "face": msg("a face"),
    "iris": msg("an iris"),
    "retina": msg("a retina"),
    "vbm": msg("a voice"),
    "kba": msg("an answer to a question"),
    "wia": msg("Windows"),
    "mca": msg("another channel"),
    "geo": msg("a place"),
    "rba": "",
    "user": "",
    "mfa": "",
    "passkey": msg("a passkey"),
    "webauthn": msg("a passkey"),
    "email": msg("a mail"),
    "recovery": msg("a recovery code"),
}
# Methods that are named; more say no more.
_MOST = 3


def means(words: Words, amr: Iterable[str]) -> Markup | None:
    """Methods (RFC 8176) in words; None where nothing is known."""
    known = [METHODS.get(it, it) for it in naming(amr)]
    names = [it for it in dict.fromkeys(known) if it][:_MOST]
    shown = [words.say(it) if it in METHODS.values() else isolated(it, 32) for it in names]
    if not shown:
        return None
    *first, last = shown
    if not first:
        return last
    return words.say("{first} and {last}", first=words.listed(first), last=last)


def through(provider: str | None) -> Markup | None:
    """The name of a sign-in provider, which its application or customer has given."""
    return isolated(provider_name(provider), 32) if provider else None
