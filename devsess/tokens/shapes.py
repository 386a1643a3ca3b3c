"""Things mistaken for a secret: keys of other kinds, and paths or addresses of one."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

# Random bytes, hexadecimal digits and base64 match none of these; other random
# characters match one less than once in a hundred million times.
_KEY = "a key of another kind: as a key give a PEM or JWK, as a secret a random one"
_PATH = "a path: give the file's content"
_UNFILLED = "a placeholder that nothing was put into"
_SHAPES = {
    rb"----[- ]BEGIN ": _KEY,
    rb"\A(ssh|ecdsa-sha2|sk-ssh|sk-ecdsa)-[\w@.-]+\s": _KEY,
    rb"\APuTTY-User-Key-File": _KEY,
    rb"\ALS0tLS1CRUdJTi": "a PEM key in base64: decode it",
    rb"\AeyJ[\w-]+\.[\w-]+\.[\w-]*\Z": "a token, which others have seen",
    rb"\A[A-Za-z]:[\\/][\w.\\/ -]+\Z": _PATH,
    rb"\A(~|\.\.?)/[\w./ -]+\Z": _PATH,
    rb"\A[\w./~ -]+\.(pem|key|pub|crt|cer|der|p8|p12|pfx|jwks?|json|txt|secret|env|conf|ya?ml"
    rb"|toml|ini)\Z": _PATH,
    rb"\A(file|https?|env|vault|op|aws|gcp|secret|sqlite|postgres(ql)?|rediss?)://": (
        "an address: give what is found there"
    ),
    rb"\A\$\{?[A-Z_][A-Z0-9_]+\}?\Z": _UNFILLED,
    rb"\A(\{\{[\w .-]+\}\}|<[\w -]+>|%\(\w+\)s)\Z": _UNFILLED,
}
_PATTERNS = [(re.compile(pattern), thing) for pattern, thing in _SHAPES.items()]
_URL_SAFE = str.maketrans("+/", "-_")
# Curves by the length of an uncompressed point.
_POINTS: Mapping[int, ec.EllipticCurve] = {
    65: ec.SECP256R1(),
    97: ec.SECP384R1(),
    133: ec.SECP521R1(),
}


def mistaken(secret: bytes) -> str | None:
    """The name of the thing that *secret* is instead of a secret; None if it may be one."""
    text = secret.strip()
    for pattern, thing in _PATTERNS:
        if pattern.search(text):
            return thing
    if _is_json(text):
        return "JSON: give a JWK as a mapping (json.loads)"
    return _KEY if any(_is_key(raw) for raw in _readings(text, secret)) else None


def public_forms(public: Mapping[str, str]) -> set[bytes]:
    """The bare forms of a JWK's public key, which anybody may know."""
    raw = [_decoded(public["x"])]
    if "y" in public:
        y = _decoded(public["y"])
        raw += [bytes([2 + (y[-1] & 1)]) + raw[0], raw[0] + y]
    forms = {form for it in raw for form in (it, it.hex().encode(), it.hex().upper().encode())}
    for it in raw:
        for encoded in (base64.b64encode(it), base64.urlsafe_b64encode(it)):
            forms |= {encoded, encoded.rstrip(b"=")}
    return forms


def _decoded(text: str) -> bytes:
    text = text.rstrip("=")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _is_json(text: bytes) -> bool:
    if text[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _readings(text: bytes, secret: bytes) -> Iterator[bytes]:
    """The bytes themselves, and those that they spell in base64 and hexadecimal digits."""
    yield secret
    joined = b"".join(text.split()).replace(b":", b"")
    if re.fullmatch(rb"([0-9A-Fa-f]{2})+", joined):
        yield bytes.fromhex(joined.decode())
    if re.fullmatch(rb"[MB][\w+/-]+=*", joined):  # the byte 0x30 or 0x04 comes first
        with suppress(binascii.Error):
            yield _decoded(joined.decode().translate(_URL_SAFE))


def _is_key(raw: bytes) -> bool:
    """Whether these are a key's or certificate's DER, or a point on a curve (SEC 1 §2.3.3)."""
    if raw[:1] == b"\x04" and len(raw) in _POINTS:
        return _reads(lambda: ec.EllipticCurvePublicKey.from_encoded_point(_POINTS[len(raw)], raw))
    return raw[:1] == b"\x30" and any(
        _reads(read)
        for read in (
            lambda: serialization.load_der_public_key(raw),
            lambda: serialization.load_der_private_key(raw, password=None),
            lambda: x509.load_der_x509_certificate(raw),
        )
    )


def _reads(read: Callable[[], object]) -> bool:
    try:
        read()
    except (ValueError, UnsupportedAlgorithm):
        return False
    except TypeError:  # a private key under a passphrase
        return True
    return True
