"""The checks of an access token one by one, as `AccessTokens.identify` makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from devsess._frozen import NOTHING
from devsess._text import clean_text
from devsess.errors import InvalidSessionError
from devsess.lifecycle import instant
from devsess.models import iso
from devsess.tokens.access import AccessClaims, AccessTokens, check_names, split
from devsess.tokens.segments import json_object
from devsess.tokens.text import bad

if TYPE_CHECKING:
    from collections.abc import Mapping

# In the order of a verification; a name each, for people and programs.
STAGES = ("token", "signature", "content", "issuer", "audience", "claims", "times")
# Characters of a claim that are shown.
SHOWN = 64


@frozen
class Stage:
    """
    One check of a token.

    Attributes:
        message: A sentence with the numbers; empty where it failed.
        data: The numbers, as JSON types; nothing that helps to make a token.
        error: Why it failed, or None.
    """

    message: str = ""
    data: Mapping[str, Any] = field(default=NOTHING)
    error: InvalidSessionError | None = None


class Inspection:
    """
    A token under examination; nothing of it is in a stage but claims of one that is signed.

    Args:
        access: Knows keys, issuer, audience and leeway.
        token: The token.
        now: Seconds since the epoch.

    Attributes:
        claims: Those of a token that passed every stage.
    """

    def __init__(self, access: AccessTokens, token: str, now: float) -> None:
        self.claims: AccessClaims | None = None
        self._access = access
        self._token = token
        self._now = now
        self._parts = ("", "", "")
        self._content: dict[str, Any] = {}

    def stages(self) -> Iterator[Stage]:
        """Each stage, in the order of STAGES, up to the first that fails."""
        checks = (
            *(self._form, self._signature, self._read, self._issuer, self._audience),
            *(self._names, self._times),
        )
        for check in checks:
            stage = _made(check)
            yield stage
            if stage.error is not None:
                return

    def _form(self) -> tuple[str, dict[str, Any]]:
        self._parts = split(self._token)
        length = len(self._token)
        return f"The token is a signed JWT of {length:,} characters.", {"characters": length}

    def _signature(self) -> tuple[str, dict[str, Any]]:
        key = self._access.signer(*self._parts)
        if key is None:
            bad("is not signed by a key of ours")
        data = {"kid": key.kid, "alg": key.alg, "current": self._access.is_current(key)}
        which = "the current one" if data["current"] else "an older one"
        return f"It is signed with {key.alg} by key {key.kid}, {which}.", data

    def _read(self) -> tuple[str, dict[str, Any]]:
        self._content = json_object(self._parts[1])
        count = len(self._content)
        return f"It holds {count} claims.", {"claims": count}

    def _issuer(self) -> tuple[str, dict[str, Any]]:
        self._access.check_issuer(self._content)
        issuer = self._access.issuer
        return f"Its issuer is {issuer}.", {"issuer": issuer}

    def _audience(self) -> tuple[str, dict[str, Any]]:
        self._access.check_audience(self._content)
        audience = self._access.audience
        return f"Its audience is {audience}.", {"audience": audience}

    def _names(self) -> tuple[str, dict[str, Any]]:
        check_names(self._content)
        user, session = _shown(self._content["sub"]), self._content["sid"]
        generation = self._content.get("gen")
        data = {"userId": user, "sessionId": session, "generation": generation}
        return f"It speaks for user {user} and session {session}.", data

    def _times(self) -> tuple[str, dict[str, Any]]:
        claims = self._access.claims(self._content, self._now)
        self._access.check_expiry(claims, self._now)
        self.claims = claims
        left = claims.expires_at - self._now
        until = instant(claims.expires_at)
        said = f"for {left:,.0f} more seconds" if left > 0 else "within the leeway alone"
        return (
            f"It is valid until {until:%Y-%m-%d %H:%M:%S} UTC, {said}.",
            {
                "issuedAt": iso(instant(int(self._content["iat"]))),
                "expiresAt": iso(until),
                "secondsLeft": round(left, 3),
                "leeway": self._access.leeway,
            },
        )


def _made(check: Callable[[], tuple[str, dict[str, Any]]]) -> Stage:
    try:
        message, data = check()
    except InvalidSessionError as error:
        return Stage(error=error)
    return Stage(message, data)


def _shown(text: str) -> str:
    return clean_text(text, SHOWN) or ""
