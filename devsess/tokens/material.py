"""Makes keys that sign out of secrets, PEM and JWK. Loads PyJWT and cryptography."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.algorithms import Algorithm, get_default_algorithms

from devsess.errors import ConfigurationError
from devsess.tokens.shapes import mistaken, public_forms
from devsess.tokens.sources import HOW_TO, MIN_SECRET, Purpose
from devsess.tokens.strength import is_guessable
from devsess.tokens.text import KeyedHash, base64url

# Order of the P-256 group (FIPS 186-5). (r, s) and (r, n - s) both verify; one is refused.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_ALGORITHMS = get_default_algorithms()
_PUBLIC_MEMBERS = {"EdDSA": ("crv", "kty", "x"), "ES256": ("crv", "kty", "x", "y")}


@frozen(eq=False)
class Key:
    """
    One key for access tokens, pinned to one algorithm.

    Attributes:
        alg: "HS256", "EdDSA" or "ES256".
        kid: Names it in a token's header; reveals nothing of a secret.
        public: Its public half as a JWK, or None for HS256.
    """

    alg: str
    kid: str
    public: Mapping[str, str] | None
    _algorithm: Algorithm = field(repr=False)
    _signing: Any = field(repr=False)
    _verifying: Any = field(repr=False)
    _hash: KeyedHash | None = field(default=None, repr=False)  # HS256's, which is verified most

    @property
    def can_sign(self) -> bool:
        """Whether it is more than a public key."""
        return self._signing is not None

    def sign(self, message: bytes) -> bytes:
        """The signature of *message*; of ES256's two, the one with the smaller s."""
        signature = self._algorithm.sign(message, self._signing)
        if self.alg == "ES256" and not _is_low(signature):
            s = _P256_ORDER - int.from_bytes(signature[32:], "big")
            return signature[:32] + s.to_bytes(32, "big")
        return signature

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether *signature* is the one spelling that `sign` gives out (RFC 8725 §3.3)."""
        if self._hash is not None:
            return hmac.compare_digest(self._hash.digest(message), signature)
        if self.alg == "ES256" and not (len(signature) == 64 and _is_low(signature)):
            return False
        return bool(self._algorithm.verify(message, self._verifying, signature))


def _is_low(signature: bytes) -> bool:
    return int.from_bytes(signature[32:], "big") <= _P256_ORDER // 2


def new_pem(alg: Literal["EdDSA", "ES256"]) -> str:
    """See keys.generate_pem."""
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey = (
        ed25519.Ed25519PrivateKey.generate()
        if alg == "EdDSA"
        else ec.generate_private_key(ec.SECP256R1())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def load(source: object) -> tuple[Key, bytes | None]:
    """
    The key, and the secret it consists of if it is one.

    Raises:
        ConfigurationError: If it is weak, or cannot be read.
    """
    if isinstance(source, Mapping):
        return _asymmetric(_from_jwk(source)), None
    secret = _octets(source)
    if secret.lstrip().startswith(b"-----BEGIN"):
        return _asymmetric(_from_pem(secret)), None
    _check_secret(secret, "key")
    algorithm = _ALGORITHMS["HS256"]
    try:
        prepared = algorithm.prepare_key(secret)
    except Exception:  # noqa: BLE001 - whatever it is, it may quote the key
        raise ConfigurationError(f"the key cannot be used as a secret; {HOW_TO}") from None
    kid = base64url(derive(secret, "kid")[:12])
    return Key("HS256", kid, None, algorithm, prepared, prepared, KeyedHash(prepared)), secret


def _from_pem(pem: bytes) -> object:
    read: Callable[[bytes], object] = serialization.load_pem_public_key
    if b"PRIVATE" in pem:
        read = _load_private
    try:
        return read(pem)
    except Exception:  # noqa: BLE001 - whatever it is, it may quote the key
        raise ConfigurationError(
            "the PEM key cannot be read: give an unencrypted Ed25519 or P-256 key; "
            "make one with: devsess keys new --alg EdDSA"
        ) from None


def _load_private(pem: bytes) -> object:
    return serialization.load_pem_private_key(pem, password=None)


def _from_jwk(jwk: Mapping[str, Any]) -> object:
    kinds = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}
    alg = kinds.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    if alg is None:
        raise ConfigurationError("a JWK must be an Ed25519 or P-256 key (kty OKP or EC)")
    if jwk.get("alg", alg) not in (alg, "Ed25519" if alg == "EdDSA" else alg):
        raise ConfigurationError(f"the JWK says alg {jwk['alg']!r}, but its curve is for {alg}")
    wanted = "sign" if "d" in jwk else "verify"
    allowed = jwk.get("key_ops", [wanted])
    if not isinstance(allowed, (list, tuple)):
        raise ConfigurationError("the JWK's key_ops must be a list of texts (RFC 7517 §4.3)")
    if jwk.get("use", "sig") != "sig" or wanted not in allowed:
        raise ConfigurationError(f"the JWK is not meant to {wanted}: see its use and key_ops")
    try:
        return _ALGORITHMS[alg].from_jwk(json.dumps(dict(jwk)))
    except Exception:  # noqa: BLE001 - whatever it is, it may quote the key
        raise ConfigurationError("the JWK cannot be read: a member is missing or wrong") from None


def _asymmetric(key: object) -> Key:
    private = isinstance(key, (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey))
    public = key.public_key() if private else key  # type: ignore[attr-defined]
    if isinstance(public, ed25519.Ed25519PublicKey):
        alg = "EdDSA"
    elif isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1":
        alg = "ES256"
    else:
        raise ConfigurationError("an asymmetric key must be Ed25519 or P-256")
    algorithm = _ALGORITHMS[alg]
    jwk = algorithm.to_jwk(public, as_dict=True)
    required = {name: str(jwk[name]) for name in _PUBLIC_MEMBERS[alg]}
    kid = _thumbprint(required)
    members = {**required, "kid": kid, "alg": alg, "use": "sig"}
    return Key(alg, kid, members, algorithm, key if private else None, public)


def _thumbprint(required: Mapping[str, str]) -> str:
    """RFC 7638 §3: SHA-256 over the required members, sorted, without white space."""
    text = json.dumps(dict(required), sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())


def roots(secret: str | bytes | Sequence[str | bytes], beside: Sequence[Key]) -> list[bytes]:
    """
    The secrets that others are derived from, current first.

    Args:
        secret: One or several.
        beside: The keys that sign and verify; their public halves are no secrets.

    Raises:
        ConfigurationError: If there is none, or one that is weak.
    """
    given = [secret] if isinstance(secret, (str, bytes)) else secret
    if not isinstance(given, Sequence) or not given:
        raise ConfigurationError(f"secret must be a str, bytes, or a list of them; {HOW_TO}")
    found = [_octets(one) for one in given]
    known = {form for key in beside if key.public for form in public_forms(key.public)}
    for one in found:
        _check_secret(one, "secret")
        if one.strip() in known or one in known:
            raise ConfigurationError(f"the secret is the public half of a key; {HOW_TO}")
    return found


def _check_secret(secret: bytes, name: str) -> None:
    """
    Check that *secret* can be one.

    Raises:
        ConfigurationError: If it is short, a thing of another kind, or made up by a person.
    """
    if len(secret) < MIN_SECRET:
        raise ConfigurationError(
            f"the {name} has {len(secret)} bytes and needs {MIN_SECRET} or more; {HOW_TO}"
        )
    thing = mistaken(secret)
    if thing is not None:
        raise ConfigurationError(f"the {name} looks like {thing}; {HOW_TO}")
    if is_guessable(secret):
        raise ConfigurationError(
            f"the {name} can be guessed: it has words, repeats, runs or few characters; {HOW_TO}"
        )


def _octets(source: object) -> bytes:
    if isinstance(source, str):
        try:
            return source.encode()
        except UnicodeEncodeError:
            raise ConfigurationError(f"a key must be valid Unicode; {HOW_TO}") from None
    if isinstance(source, bytes):
        return source
    raise ConfigurationError(
        f"a key must be a str, bytes or a JWK mapping, not {type(source).__name__}; {HOW_TO}"
    )


def derive(root: bytes, purpose: Purpose | Literal["kid"]) -> bytes:
    """A secret of 32 bytes for one *purpose* (HKDF-SHA256, RFC 5869)."""
    info = f"devsess {purpose} v1".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)
