"""
The only file that knows the insides of tokens: JWT claims, refresh and device tokens.

An access token is a JWT of RFC 9068, read by one strict parser, to the law of
RFC 8725 and 7515: what is not expected is refused, and the signature is
verified before its payload is read. Refresh and device tokens are no JWTs, so
that no kind can ever be taken for another (RFC 8725 §3.12).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import field, frozen

from devsess.errors import BadTokenError, ConfigurationError, TokenExpiredError
from devsess.lifecycle import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.policy import Policy
    from devsess.tokens.keys import Keys
    from devsess.tokens.material import Key

# Measured before anything else is done with a token, be it a dict lookup.
MAX_TOKEN_LENGTH = 8192
MAX_HEADER_LENGTH = 512
# The last second that a datetime can hold, and the longest life a token may claim.
LAST_SECOND = 253_402_300_799
LONGEST_LIFE = 366 * 86_400
# The nine digits that a refresh token has for its generation.
LAST_GENERATION = 999_999_999

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_REFRESH = re.compile(
    r"ds1r\.([A-Za-z0-9_-]{16,64})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})", re.ASCII
)
_DEVICE = re.compile(
    r"ds1d\.([A-Za-z0-9_-]{16,64}(?:~[A-Za-z0-9_-]{16,64}){0,4})\.([A-Za-z0-9_-]{43})", re.ASCII
)
_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})
# What the last character of a segment may be, by length modulo 4: the others
# leave bits set that no byte takes, a second spelling of the same bytes.
_ANY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_LAST: tuple[frozenset[str], ...] = (
    _ANY,
    frozenset(),
    frozenset("AQgw"),
    frozenset("AEIMQUYcgkosw048"),
)


@frozen
class AccessClaims:
    """
    What a verified access token says.

    Attributes:
        session_id: `sid`.
        user_id: `sub`.
        auth_time: Whole seconds, as in the row it was minted from.
        expires_at: `exp`, or `iat` and the policy's lifetime if that is earlier.
        generation: `gen`: the row's when it was minted; None where it does not say.
    """

    session_id: str
    user_id: str
    auth_time: int
    expires_at: float
    generation: int | None = None


@frozen
class RefreshClaims:
    """What a refresh token says; to be believed once its MAC is verified."""

    session_id: str
    generation: int
    mac: str = field(repr=False)


class Tokens:
    """
    Mints and verifies every token of one issuer and audience.

    Raises:
        ConfigurationError: If issuer or audience is empty or no text.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str, policy: Policy) -> None:
        for name, value in (("issuer", issuer), ("audience", audience)):
            if not isinstance(value, str) or not value:
                raise ConfigurationError(f"{name} must be a text that is not empty")
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._lifetime = policy.access_lifetime
        self._leeway = policy.leeway
        # Nearly every header that comes back is one of our own: it needs no parsing.
        self._headers = {_header(key): key for key in keys.all()}
        self._header = _header(keys.current)

    def mint_access(
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
    ) -> str:
        """
        An access token (RFC 9068 §2.2).

        `client_id` is the audience, for we know no other. `gen` is a claim of
        our own: the generation of the refresh token that goes out beside it.
        """
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": self._audience,
            "client_id": self._audience,
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
        message = f"{self._header}.{_segment(claims)}"
        return f"{message}.{_base64(self._keys.current.sign(message.encode()))}"

    def verify_access(self, token: str, now: float) -> AccessClaims:
        """
        What *token* says, if it is a genuine access token of ours and *now* within its time.

        Raises:
            BadTokenError: If it is anything else; the message never quotes it.
            TokenExpiredError: If only its time is over.
        """
        claims = self.identify(token, now)
        if claims.expires_at <= now - self._leeway:
            expired_at = instant(claims.expires_at)
            raise TokenExpiredError(
                f"the access token expired at {expired_at:%Y-%m-%d %H:%M:%S} UTC: refresh",
                expired_at=expired_at,
            )
        return claims

    def identify(self, token: str, now: float) -> AccessClaims:
        """
        What a genuine access token of ours says, also when its time is over: it lets nobody in.

        Raises:
            BadTokenError: As `verify_access`.
        """
        check_length(token)
        parts = _COMPACT.fullmatch(token)
        if parts is None:
            _bad("is no signed JWT")
        header, payload, signature = parts.groups()
        for segment in (payload, signature):
            _check_spelling(segment)
        message, signed = f"{header}.{payload}".encode(), _bytes(signature)
        own = self._headers.get(header)
        if not (own.verify(message, signed) if own else self._is_ours(header, message, signed)):
            _bad("is not signed by a key of ours")
        return self._read(_json(payload), now)

    def _is_ours(self, header: str, message: bytes, signature: bytes) -> bool:
        return any(key.verify(message, signature) for key in self._keys_for(header))

    def _keys_for(self, header: str) -> Sequence[Key]:
        """The keys that a header we did not write allows: by `kid`, or all of its algorithm."""
        if len(header) > MAX_HEADER_LENGTH:
            _bad("has a header that is too long")
        _check_spelling(header)
        members = _json(header)
        if not members.keys() <= _HEADER_MEMBERS:
            _bad("has header members that are not expected")
        kind, kid = members.get("typ"), members.get("kid")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            _bad("is no access token: typ must be at+jwt")
        if kid is None and "kid" not in members:
            keys = self._keys.all()
        elif isinstance(kid, str) and _KID.fullmatch(kid):
            named = self._keys.find(kid)
            keys = (named,) if named else ()
        else:
            _bad("has a malformed kid")
        return [key for key in keys if key.alg == members.get("alg")]

    def _read(self, claims: dict[str, Any], now: float) -> AccessClaims:
        if claims.get("iss") != self._issuer:
            _bad("has another issuer")
        if claims.get("aud") != self._audience or claims.get("client_id") != self._audience:
            _bad("is for another audience")
        for name in ("sub", "jti"):
            if not isinstance(claims.get(name), str) or not claims[name]:
                _bad(f"has no {name}")
        session_id = claims.get("sid")
        if not isinstance(session_id, str) or not _ID.fullmatch(session_id):
            _bad("has no sid")
        _check_context(claims)
        issued_at, expires_at = _second(claims, "iat"), _second(claims, "exp")
        auth_time = _second(claims, "auth_time")
        self._check_times(issued_at, expires_at, claims, now)
        effective = min(expires_at, issued_at + self._lifetime)
        return AccessClaims(session_id, claims["sub"], auth_time, effective, _generation(claims))

    def _check_times(
        self, issued_at: int, expires_at: int, claims: dict[str, Any], now: float
    ) -> None:
        latest = now + self._leeway
        if issued_at > latest or ("nbf" in claims and _second(claims, "nbf") > latest):
            _bad("is not valid yet")
        if not 0 <= expires_at - issued_at <= LONGEST_LIFE:
            _bad("claims an absurd life")

    def mint_refresh(self, session_id: str, generation: int, salt: bytes) -> str:
        """A refresh token: session, generation and a MAC; nothing of it is stored."""
        text = f"ds1r.{session_id}.{generation}"
        return f"{text}.{self._refresh_mac(self._keys.derive('refresh')[0], text, salt)}"

    def parse_refresh(self, token: str) -> RefreshClaims:
        """
        What *token* says; to be believed once `verify_refresh` did.

        Raises:
            BadTokenError: If it is no refresh token.
        """
        check_length(token)
        found = _REFRESH.fullmatch(token)
        if found is None:
            _bad("is no refresh token")
        return RefreshClaims(found[1], int(found[2]), found[3])

    def verify_refresh(self, claims: RefreshClaims, salt: bytes) -> None:
        """
        Check that we minted it for the row that has *salt* (RFC 9700 §4.14.2).

        Raises:
            BadTokenError: If we did not.
        """
        text = f"ds1r.{claims.session_id}.{claims.generation}"
        macs = [self._refresh_mac(key, text, salt) for key in self._keys.derive("refresh")]
        if not any(hmac.compare_digest(mac, claims.mac) for mac in macs):
            _bad("is not a refresh token of ours")

    def _refresh_mac(self, key: bytes, text: str, salt: bytes) -> str:
        # With issuer and audience: two applications on one store and key stay apart.
        return _mac(key, salt, self._issuer.encode(), self._audience.encode(), text.encode())

    def mint_device(self, device_ids: Sequence[str]) -> str:
        """A device token: the ids on a browser's key ring, and a MAC."""
        text = f"ds1d.{'~'.join(device_ids)}"
        return f"{text}.{_mac(self._keys.derive('device')[0], text.encode())}"

    def read_device(self, token: str | None) -> tuple[str, ...]:
        """
        The device ids on the key ring, or none.

        What is not genuine is as if it was not sent: an old cookie must not
        keep anyone from signing in.
        """
        if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH:
            return ()
        found = _DEVICE.fullmatch(token)
        if found is None:
            return ()
        text = f"ds1d.{found[1]}".encode()
        macs = [_mac(key, text) for key in self._keys.derive("device")]
        if not any(hmac.compare_digest(mac, found[2]) for mac in macs):
            return ()
        return tuple(found[1].split("~"))


def check_length(token: object) -> None:
    """
    Refuse what is no text, or too long to look at.

    Raises:
        BadTokenError: If it is.
    """
    if not isinstance(token, str):
        _bad(f"must be a str, not {type(token).__name__}")
    if len(token) > MAX_TOKEN_LENGTH:
        _bad(f"is longer than {MAX_TOKEN_LENGTH} characters")


def _bad(why: str) -> NoReturn:
    raise BadTokenError(f"the token {why}")


def _check_spelling(segment: str) -> None:
    if segment[-1] not in _LAST[len(segment) % 4]:
        _bad("is not canonical base64url")


def _check_context(claims: dict[str, Any]) -> None:
    amr, acr = claims.get("amr", []), claims.get("acr", "")
    if not isinstance(amr, list) or [name for name in amr if not isinstance(name, str)]:
        _bad("has a malformed amr")
    if not isinstance(acr, str):
        _bad("has a malformed acr")


def _generation(claims: dict[str, Any]) -> int | None:
    generation = claims.get("gen")
    if "gen" not in claims or (type(generation) is int and 0 <= generation <= LAST_GENERATION):
        return generation
    _bad("has a malformed gen")


def _second(claims: dict[str, Any], name: str) -> int:
    """A NumericDate (RFC 7519 §2) as whole second; text, booleans and absurd ones are refused."""
    value: Any = claims.get(name)
    if type(value) not in (int, float) or not 0 <= value <= LAST_SECOND:
        _bad(f"has no usable {name}")
    second: int = math.floor(value)
    return second


def _json(segment: str) -> dict[str, Any]:
    """The JSON object in *segment*; no member twice, at any depth (RFC 8725 §2.6)."""
    try:
        text = _bytes(segment).decode()
        members, end = _DECODER.raw_decode(text)
    # Deep nesting exhausts the recursion limit, on some versions as a MemoryError.
    except (ValueError, RecursionError, MemoryError):
        members, text, end = None, "", 0
    if not isinstance(members, dict) or end != len(text):
        _bad("holds no JSON object that can be read")
    return members


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse)


def _header(key: Key) -> str:
    return _segment({"alg": key.alg, "kid": key.kid, "typ": "at+jwt"})


def _segment(members: dict[str, Any]) -> str:
    return _base64(json.dumps(members, separators=(",", ":")).encode())


def _bytes(segment: str) -> bytes:
    # As base64.urlsafe_b64decode, at half its cost; the alphabet was checked before.
    return binascii.a2b_base64(segment.replace("-", "+").replace("_", "/") + "==")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mac(key: bytes, *parts: bytes) -> str:
    """HMAC-SHA256 over *parts*, each with its length, so that no two lists of parts are equal."""
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return _base64(hmac.digest(key, framed, hashlib.sha256))
