"""
Access tokens: JWTs of RFC 9068, minted here and read by one strict parser.

It follows RFC 8725 and 7515: everything unexpected is refused, and the signature
is verified before the payload is read. A payload that is written exactly as `mint` writes
one is recognised before it is parsed (`own.py`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess.errors import TokenExpiredError
from devsess.lifecycle import instant
from devsess.tokens.own import OwnPayloads
from devsess.tokens.refresh import LAST_GENERATION
from devsess.tokens.segments import check_spelling, json_object, octets, segment
from devsess.tokens.text import bad, base64url, check_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.policy import Policy
    from devsess.tokens.keys import Keys
    from devsess.tokens.material import Key
    from devsess.tokens.own import Found

MAX_HEADER_LENGTH = 512
# The last second that a datetime can hold, and the longest life a token may claim.
LAST_SECOND = 253_402_300_799
LONGEST_LIFE = 366 * 86_400

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_NO_OTHERS: dict[str, Any] = {}
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})


# Without slots it is made in half the time, as every token that is verified has one.
@frozen(slots=False)
class AccessClaims:
    """
    The content of a verified access token.

    Attributes:
        session_id: `sid`.
        user_id: `sub`.
        auth_time: Whole seconds, as in the row it was minted from.
        expires_at: `exp`, or `iat` and the policy's lifetime if that is earlier.
        generation: `gen`: the row's when it was minted; None if it has none.
        is_acting: Whether it has `act`: somebody else acts in the user's name.
    """

    session_id: str
    user_id: str
    auth_time: int
    expires_at: float
    generation: int | None = None
    is_acting: bool = False


class AccessTokens:
    """
    Mints and verifies the access tokens of one issuer and audience.

    Attributes:
        issuer, audience: `iss` and `aud`.
        leeway: Seconds of skew granted to their instants.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str, policy: Policy) -> None:
        self._keys = keys
        self.issuer = issuer
        self.audience = audience
        self._lifetime = policy.access_lifetime
        self.leeway = policy.leeway
        # Nearly every header that comes back is one of our own: it needs no parsing.
        self._headers = {_header(key): key for key in keys.all()}
        self._header = _header(keys.current)
        self._own = OwnPayloads(issuer, audience)

    def is_current(self, key: Key) -> bool:
        """Whether *key* is the one that signs."""
        return key is self._keys.current

    def mint(
        self,
        *,
        session_id: str,
        user_id: str,
        now: float,
        expires_at: int,
        auth_time: int,
        amr: Sequence[str],
        acr: str | None,
        generation: int,
        jti: str,
        actor: str | None = None,
    ) -> str:
        """
        An access token (RFC 9068 §2.2).

        `client_id` is the audience, for no other client is known. `gen` is a claim of
        our own: the generation of the refresh token that goes out beside it. *actor* is
        the user who acts in the name of *user_id* (RFC 8693 §4.1).
        """
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "client_id": self.audience,
            "sub": user_id,
            "sid": session_id,
            "jti": jti,
            "iat": math.floor(now),
            "exp": expires_at,
            "auth_time": auth_time,
            "amr": list(amr),
            "gen": generation,
        }
        if acr is not None:
            claims["acr"] = acr
        if actor is not None:
            claims["act"] = {"sub": actor}
        message = f"{self._header}.{segment(claims)}"
        return f"{message}.{base64url(self._keys.current.sign(message.encode()))}"

    def verify(self, token: str, now: float) -> AccessClaims:
        """
        The content of *token*: a genuine access token of ours, not expired at *now*.

        Raises:
            BadTokenError: If it is anything else; the message never quotes it.
            TokenExpiredError: If it has expired, and nothing else is wrong.
        """
        claims = self.identify(token, now)
        self.check_expiry(claims, now)
        return claims

    def identify(self, token: str, now: float) -> AccessClaims:
        """
        The content of a genuine access token of ours, expired or not: it lets nobody in.

        Raises:
            BadTokenError: As `verify`.
        """
        header, payload, signature = split(token)
        if self.signer(header, payload, signature) is None:
            bad("is not signed by a key of ours")
        own = self._own.read(octets(payload))
        if own is not None:
            return self._own_claims(own, now)
        content = json_object(payload)
        self.check_issuer(content)
        self.check_audience(content)
        check_names(content)
        return self.claims(content, now)

    def signer(self, header: str, payload: str, signature: str) -> Key | None:
        """
        The key of ours that made *signature*, or None.

        Raises:
            BadTokenError: If the header is none that an access token may have.
        """
        message, signed = f"{header}.{payload}".encode(), octets(signature)
        own = self._headers.get(header)
        if own is not None:
            return own if own.verify(message, signed) else None
        return next((key for key in self._keys_for(header) if key.verify(message, signed)), None)

    def _keys_for(self, header: str) -> Sequence[Key]:
        """The keys that a header we did not write allows: by `kid`, or all of its algorithm."""
        if len(header) > MAX_HEADER_LENGTH:
            bad("has a header that is too long")
        check_spelling(header)
        members = json_object(header)
        if not members.keys() <= _HEADER_MEMBERS:
            bad("has header members that are not expected")
        kind, kid = members.get("typ"), members.get("kid")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            bad("is no access token: typ must be at+jwt")
        if kid is None and "kid" not in members:
            keys = self._keys.all()
        elif isinstance(kid, str) and _KID.fullmatch(kid):
            named = self._keys.find(kid)
            keys = (named,) if named else ()
        else:
            bad("has a malformed kid")
        return [key for key in keys if key.alg == members.get("alg")]

    def check_issuer(self, content: dict[str, Any]) -> None:
        """
        Check `iss`.

        Raises:
            BadTokenError: If it is another's.
        """
        if content.get("iss") != self.issuer:
            bad("has another issuer")

    def check_audience(self, content: dict[str, Any]) -> None:
        """
        Check `aud` and `client_id`.

        Raises:
            BadTokenError: If they are another's.
        """
        if content.get("aud") != self.audience or content.get("client_id") != self.audience:
            bad("is for another audience")

    def claims(self, content: dict[str, Any], now: float) -> AccessClaims:
        """
        The claims of a token that has been checked, but for its expiry.

        Raises:
            BadTokenError: If it is not valid yet, or its instants are absurd.
        """
        issued_at, expires_at = _second(content, "iat"), _second(content, "exp")
        auth_time = _second(content, "auth_time")
        self._check_times(issued_at, expires_at, content, now)
        effective = min(expires_at, issued_at + self._lifetime)
        return AccessClaims(
            content["sid"],
            content["sub"],
            auth_time,
            effective,
            content.get("gen"),
            "act" in content,
        )

    def _own_claims(self, found: Found, now: float) -> AccessClaims:
        """As `claims`, of a payload that was recognised."""
        user_id, session_id, issued, expires, auth_time, generation, act = found
        issued_at, expires_at = int(issued), int(expires)
        self._check_times(issued_at, expires_at, _NO_OTHERS, now)
        return AccessClaims(
            session_id.decode(),
            user_id.decode(),
            int(auth_time),
            min(expires_at, issued_at + self._lifetime),
            int(generation),
            act is not None,
        )

    def check_expiry(self, claims: AccessClaims, now: float) -> None:
        """
        Check that a token is not over.

        Raises:
            TokenExpiredError: If it is.
        """
        if claims.expires_at <= now - self.leeway:
            expired_at = instant(claims.expires_at)
            raise TokenExpiredError(
                f"the access token expired at {expired_at:%Y-%m-%d %H:%M:%S} UTC: refresh",
                expired_at=expired_at,
            )

    def _check_times(
        self, issued_at: int, expires_at: int, claims: dict[str, Any], now: float
    ) -> None:
        latest = now + self.leeway
        if issued_at > latest or ("nbf" in claims and _second(claims, "nbf") > latest):
            bad("is not valid yet")
        if not 0 <= expires_at - issued_at <= LONGEST_LIFE:
            bad("claims an absurd life")


def split(token: str) -> tuple[str, str, str]:
    """
    Header, payload and signature of *token*, as they are written.

    Raises:
        BadTokenError: If it is no signed JWT in the one spelling that it has.
    """
    check_length(token)
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        bad("is no signed JWT")
    header, payload, signature = parts.groups()
    for text in (payload, signature):
        check_spelling(text)
    return header, payload, signature


def check_names(content: dict[str, Any]) -> None:
    """
    Check each claim that is no instant.

    Raises:
        BadTokenError: If one is missing or malformed.
    """
    for name in ("sub", "jti"):
        if not isinstance(content.get(name), str) or not content[name]:
            bad(f"has no {name}")
    session_id = content.get("sid")
    if not isinstance(session_id, str) or not _ID.fullmatch(session_id):
        bad("has no sid")
    _check_context(content)
    _check_generation(content)


def _check_context(claims: dict[str, Any]) -> None:
    amr, acr = claims.get("amr", []), claims.get("acr", "")
    if not isinstance(amr, list) or [name for name in amr if not isinstance(name, str)]:
        bad("has a malformed amr")
    if not isinstance(acr, str):
        bad("has a malformed acr")


def _check_generation(claims: dict[str, Any]) -> None:
    generation = claims.get("gen")
    if "gen" in claims and not (type(generation) is int and 0 <= generation <= LAST_GENERATION):
        bad("has a malformed gen")


def _second(claims: dict[str, Any], name: str) -> int:
    """A NumericDate (RFC 7519 §2) as whole second; text, booleans and absurd ones are refused."""
    value: Any = claims.get(name)
    if type(value) not in (int, float) or not 0 <= value <= LAST_SECOND:
        bad(f"has no usable {name}")
    second: int = math.floor(value)
    return second


def _header(key: Key) -> str:
    return segment({"alg": key.alg, "kid": key.kid, "typ": "at+jwt"})
