"""Which secrets are refused as made up or mistaken, and that chance makes none of them."""

from __future__ import annotations

import base64
import itertools
import json
import random
import string
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from devsess import ConfigurationError, Keys
from devsess.tokens import strength
from devsess.tokens.keys import generate_pem, generate_secret

if TYPE_CHECKING:
    from collections.abc import Callable

MADE_UP = [
    "a" * 32,
    "0" * 64,
    "01" * 16,
    "password" * 4,
    "P@ssw0rd" * 4,
    "deadbeef" * 4,
    "mysecretkey" * 3,
    "changeme-" * 4,
    "0123456789abcdef" * 2,
    "12345678901234567890123456789012",
    "98765432109876543210987654321098",
    "abcdefghijklmnopqrstuvwxyz012345",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "01101110010101101011001010110100",
    "11111111-1111-1111-1111-111111111111",
    "dev-secret-key-change-in-production",
    "django-insecure-change-me-in-production",
    "your-256-bit-secret-must-be-at-least-32-bytes",
    "my-super-secret-jwt-signing-key-2024",
    "ThisIsASecretKeyForMyApplication123!",
    "S3cr3tK3yF0rJwtS1gn1ngInPr0duct10n",
    "supersecretkeythatnobodywillguess",
    "correct-horse-battery-staple-correct",
    "the quick brown fox jumps over the lazy dog",
    "in the beginning god created the heaven",
    "mein-geheimes-passwort-fuer-die-anwendung",
    "el-secreto-de-la-aplicacion-en-produccion",
    "a secret of the tests, long enough",
    "пароль" * 6,
    " " * 40,
    bytes(32),
    bytes(range(32)),
    b"\xff" * 64,
    "a" * 100_000,
]

ED, ES = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
DER = {
    "Ed25519": ED.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    ),
    "P-256": ES.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    ),
    "RSA": rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1),
    "private": ED.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ),
    "encrypted": ES.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    ),
    "point": ES.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    ),
}
PEM = generate_pem("EdDSA")
JWK = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(ED.private_bytes_raw())}
MISTAKEN: dict[str, Any] = {
    **{f"{name} DER": raw for name, raw in DER.items()},
    **{f"{name} in base64": base64.b64encode(raw) for name, raw in DER.items()},
    **{f"{name} in base64url": base64.urlsafe_b64encode(raw) for name, raw in DER.items()},
    **{f"{name} in lines": base64.encodebytes(raw) for name, raw in DER.items()},
    **{f"{name} in hexadecimal": raw.hex() for name, raw in DER.items()},
    **{f"{name} in pairs": raw.hex(":").upper() for name, raw in DER.items()},
    "OpenSSH": ED.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    ),
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
    "PEM behind a word": f"key: {PEM}",
    "PEM in base64": base64.b64encode(PEM.encode()),
    "JWK as text": json.dumps({**JWK, "x": "A" * 43}),
    "JWK set as text": json.dumps({"keys": []}) + " " * 32,
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI1In0.c2lnbmF0dXJlIG9mIHRoaXM",
    "absolute path": "/etc/pki/x7Kq/devsess-Zr9XwLm4NbY8.pem",
    "path without a suffix": "/run/secrets/devsess_signing_key_current",
    "relative path": "./x7Kq/devsess-Zr9XwLm4NbY8sHd5JfC3",
    "path at home": "~/x7Kq/devsess-Zr9XwLm4NbY8sHd5JfC3",
    "path above": "../x7Kq/devsess-Zr9XwLm4NbY8sHd5JfC3",
    "Windows path": r"C:\Users\ada\x7Kq\devsess-Zr9XwLm4NbY8.key",
    "address": "vault://x7Kq/devsess-Zr9XwLm4NbY8sHd5JfC3",
    "variable": "${DEVSESS_X7KQ_ZR9XWLM4NBY8SHD5JFC3}",
    "template": "{{ x7Kq.devsess_Zr9XwLm4NbY8sHd5JfC3 }}",
    "placeholder": "<x7Kq devsess Zr9XwLm4NbY8sHd5JfC3>",
}


def octets(secret: str | bytes) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret


def refusal(**arguments: Any) -> str:
    """The message of the refusal; it must not quote the secret."""
    with pytest.raises(ConfigurationError) as caught:
        Keys(**arguments)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize("secret", MADE_UP, ids=lambda it: repr(it)[:40])
def test_a_made_up_secret_is_refused(secret: str | bytes) -> None:
    """Wherever a secret is given, with the command that makes a good one, and without a quote."""
    for message in (
        refusal(current=secret),
        refusal(current=PEM, secret=secret),
        refusal(current=PEM, secret=[generate_secret(), secret]),
    ):
        assert "devsess keys new" in message
        assert str(secret) not in message


@pytest.mark.parametrize("name", MISTAKEN)
def test_keys_of_other_kinds_are_refused(name: str) -> None:
    """Keys of other kinds, and paths to one, with the command that makes a good one."""
    secret = MISTAKEN[name]
    for message in (refusal(current=secret), refusal(current=PEM, secret=secret)):
        assert "devsess keys new" in message
        assert str(secret) not in message


def test_a_private_key_is_no_secret_beside_itself() -> None:
    """A PEM key keys nothing but access tokens."""
    assert "devsess keys new" in refusal(current=PEM, secret=PEM)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_the_public_half_is_no_secret(alg: Any) -> None:
    """Bare bytes have no mark of a key, but the JWK set publishes these."""
    private = generate_pem(alg)
    members = Keys(private, secret=generate_secret()).jwks()["keys"][0]
    x = base64.urlsafe_b64decode(members["x"] + "=")
    y = base64.urlsafe_b64decode(members["y"] + "=") if "y" in members else b""
    point = bytes([2 + (y[-1] & 1)]) + x if y else x
    for raw in {x, x + y, point}:
        for form in (raw, raw.hex(), raw.hex().upper(), base64.b64encode(raw)):
            assert "public half" in refusal(current=private, secret=form)
    assert "public half" in refusal(current=private, secret=members["x"])


@pytest.mark.parametrize("secret", [5, None, [], {}, {"kty": "oct"}, b"", [5], object()])
def test_a_secret_is_text_or_bytes(secret: Any) -> None:
    """A secret of another type is a ConfigurationError, not an error of later code."""
    with pytest.raises(ConfigurationError, match="devsess keys new"):
        Keys(PEM, secret=secret)


ALNUM = string.ascii_letters + string.digits
KINDS: dict[str, Callable[[random.Random], str | bytes]] = {
    "token_bytes": lambda chance: chance.randbytes(32),
    "token_hex(16)": lambda chance: chance.randbytes(16).hex(),
    "token_hex": lambda chance: chance.randbytes(32).hex(),
    "token_urlsafe(24)": lambda chance: urlsafe(chance.randbytes(24)),
    "token_urlsafe": lambda chance: urlsafe(chance.randbytes(32)),
    "devsess keys new": lambda chance: generate_secret(chance.randbytes),
    "base64 of 24": lambda chance: base64.b64encode(chance.randbytes(24)),
    "base64": lambda chance: base64.b64encode(chance.randbytes(32)),
    "openssl rand -base64 64": lambda chance: base64.encodebytes(chance.randbytes(64)),
    "openssl rand -hex 16": lambda chance: chance.randbytes(16).hex() + "\n",
    "base32": lambda chance: base64.b32encode(chance.randbytes(20)),
    "uuid4": lambda chance: str(uuid.UUID(bytes=chance.randbytes(16), version=4)),
    "uuid4().hex": lambda chance: uuid.UUID(bytes=chance.randbytes(16), version=4).hex,
    "letters and digits": lambda chance: "".join(chance.choices(ALNUM, k=32)),
    "digits": lambda chance: "".join(chance.choices(string.digits, k=40)),
    "Django's": lambda chance: "".join(
        chance.choices("abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", k=50)
    ),
}


def urlsafe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**64))
@settings(deadline=None)
def test_a_random_key_is_taken(kind: str, seed: int) -> None:
    """No generator's key is refused; a million of each of six kinds were tried by hand."""
    secret = KINDS[kind](random.Random(seed))

    assert Keys(secret).current.can_sign
    assert Keys(PEM, secret=secret).current.can_sign


@pytest.mark.parametrize(
    ("characters", "length"), [(string.digits, 4), (string.ascii_lowercase, 3), ("aB-", 7)]
)
def test_few_texts_have_short_descriptions(characters: str, length: int) -> None:
    """Both ways to describe a text are codes: their shares of all texts add up to one at most."""
    texts = ["".join(it) for it in itertools.product(characters, repeat=length)]
    for bits in (strength._by_counts, strength._by_habits):
        size = len(characters)

        assert sum(2 ** -bits(text, size) for text in texts) <= 1.000_001


def test_the_words_are_no_key_of_ours() -> None:
    """All words in a row are guessable, and none stands there twice."""
    assert strength.is_guessable(" ".join(strength._WORDS[:12]).encode())
    assert len(set(strength._WORDS)) == len(strength._WORDS)
