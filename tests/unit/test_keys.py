"""Keys: the ones that are taken, the parts derived from them, and their rotation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from devsess import BadTokenError, Client, ConfigurationError, Keys, SessionManager
from devsess.stores.memory import MemoryStore
from devsess.tokens.keys import generate_pem, generate_secret

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
OTHER = "Wn5cTz8JkV2hQy7MdR4xLs9PbG6fXa3KoE0"


def pem(key: Any) -> str:
    """A private key of any kind as PEM."""
    text: str = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return text


def public_pem(private: str) -> str:
    key = serialization.load_pem_private_key(private.encode(), None).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def jwk(alg: str, /, **members: Any) -> dict[str, Any]:
    """A private key as JWK, with further members."""
    if alg == "EdDSA":
        made = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    else:
        made = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return {**made, **members}


ED, ES = generate_pem("EdDSA"), generate_pem("ES256")
REFUSED: dict[str, Any] = {
    "31 bytes": "k" * 31,
    "empty": "",
    "a number": 5,
    "none": None,
    "lone surrogates": "\ud800" * 40,
    "RSA": pem(rsa.generate_private_key(65537, 2048)),
    "P-384": pem(ec.generate_private_key(ec.SECP384R1())),
    "Ed448": pem(ed448.Ed448PrivateKey.generate()),
    "broken PEM": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
    "a public key": public_pem(ED),
    "an OpenSSH key": "ssh-ed25519 " + "A" * 68,
    "a JWK as text": json.dumps(jwk("EdDSA")),
    "a JWK of a secret": {"kty": "oct", "k": "A" * 43},
    "a JWK for encryption": jwk("EdDSA", use="enc"),
    "a JWK not for signing": jwk("ES256", key_ops=["encrypt"]),
    "a JWK for verifying": jwk("ES256", key_ops=["verify"]),
    "a JWK for nothing at all": jwk("ES256", key_ops=None),
    "a JWK for a number": jwk("ES256", key_ops=5),
    "a JWK for a text": jwk("ES256", key_ops="sign"),
    "a JWK for a mapping": jwk("ES256", key_ops={"sign": True}),
    "a JWK for no use": jwk("ES256", use=None),
    "a JWK of no algorithm": jwk("ES256", alg=None),
    "a JWK of no kind": jwk("ES256", kty=None),
    "a JWK without its private half": jwk("EdDSA", d=None),
    "a JWK of numbers": jwk("EdDSA", x=5),
    "a JWK of another algorithm": jwk("ES256", alg="EdDSA"),
    "a JWK with a member missing": {"kty": "OKP", "crv": "Ed25519", "d": "A" * 43},
    "a JWK off the curve": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_key_that_cannot_work_is_refused(name: str) -> None:
    """A weak secret is refused when it is given, without being quoted."""
    with pytest.raises(ConfigurationError) as caught:
        Keys(REFUSED[name], secret=SECRET)
    given = REFUSED[name]
    if isinstance(given, str) and given:
        assert given not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_error_of_a_weak_secret_names_the_remedy() -> None:
    """The message says how to make a good one."""
    with pytest.raises(ConfigurationError, match="devsess keys new"):
        Keys("hunter2")
    with pytest.raises(ConfigurationError, match="devsess keys new"):
        Keys(ED, secret="hunter2")
    with pytest.raises(ConfigurationError, match="secret="):
        Keys(ED)
    with pytest.raises(ConfigurationError):
        Keys(SECRET, ED)
    with pytest.raises(ConfigurationError):
        Keys(ED, secret=[])


@pytest.mark.parametrize(
    ("source", "alg"),
    [
        (SECRET, "HS256"),
        (SECRET.encode(), "HS256"),
        pytest.param(generate_secret(), "HS256", id="one that was made"),
        (ED, "EdDSA"),
        (ED.encode(), "EdDSA"),
        (ES, "ES256"),
        (jwk("EdDSA"), "EdDSA"),
        (jwk("EdDSA", alg="Ed25519", use="sig"), "EdDSA"),
        (jwk("ES256", alg="ES256", key_ops=["sign", "verify"]), "ES256"),
    ],
)
def test_a_key_signs_and_verifies(source: Any, alg: str) -> None:
    """Each form of key is pinned to its one algorithm, and its signatures verify."""
    key = Keys(source, secret=SECRET).current
    assert alg == key.alg
    signature = key.sign(b"message")
    assert key.verify(b"message", signature)
    assert not key.verify(b"massage", signature)
    assert not key.verify(b"message", b"")
    assert not key.verify(b"message", signature[:-1])


def test_a_list_is_current_first() -> None:
    """A manager takes a key, a list or Keys; the first signs and all verify."""
    keys = Keys.of([SECRET, OTHER])
    assert Keys(SECRET).current.kid == keys.current.kid
    assert [Keys(SECRET).current.kid, Keys(OTHER).current.kid] == [key.kid for key in keys.all()]
    assert keys is Keys.of(keys)
    assert 1 == len(Keys(SECRET, SECRET).all())
    nothing: list[Any] = [None, 5, []]
    for wrong in nothing:
        with pytest.raises(ConfigurationError):
            Keys.of(wrong)


def test_derived_secrets_are_apart() -> None:
    """Each purpose and each key has its own secret, none of them the key itself."""
    found = [
        secret
        for keys in (Keys(SECRET, OTHER), Keys(ED, secret=[generate_secret(), generate_secret()]))
        for purpose in ("refresh", "device", "fingerprint")
        for secret in keys.derive(purpose)
    ]
    assert 12 == len({*found, SECRET.encode(), OTHER.encode()}) - 2
    assert {32} == {len(secret) for secret in found}


def test_only_public_halves_are_published() -> None:
    """The set holds each asymmetric key's public members, and nothing of a secret."""
    keys = Keys(ED, ES, SECRET, secret=OTHER)
    found = keys.jwks()["keys"]
    assert ["EdDSA", "ES256"] == [key["alg"] for key in found]
    allowed = {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert all(key.keys() <= allowed and key["use"] == "sig" for key in found)
    assert {"keys": []} == Keys(SECRET).jwks()


def test_no_repr_shows_a_key() -> None:
    """Neither the secret nor the PEM is in any repr."""
    for keys in (Keys(SECRET), Keys(ED, secret=SECRET)):
        shown = f"{keys!r} {keys.current!r}"
        assert SECRET not in shown
        assert "PRIVATE" not in shown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Keys(SECRET), Keys(OTHER, SECRET)),
        (Keys(ED, secret=SECRET), Keys(ES, ED, secret=SECRET)),
        (Keys(ED, secret=SECRET), Keys(ED, secret=[OTHER, SECRET])),
        (Keys(SECRET), Keys(ED, SECRET, secret=[OTHER, SECRET])),
        (Keys(ED, secret=SECRET), Keys(ES, public_pem(ED), secret=SECRET)),
    ],
)
def test_a_rotation_signs_nobody_out(old: Keys, new: Keys) -> None:
    """Access, refresh and device tokens and fingerprints of the old keys are good with the new."""
    store = MemoryStore()
    client = Client(fingerprint="f")
    before, after = SessionManager(store, keys=old), SessionManager(store, keys=new)
    grant = before.login("ada", client)
    own = Client(device_token=grant.device_token)
    assert grant.session.id == after.validate(grant.access_token, own).id
    renewed = after.refresh(grant.refresh_token, own)
    assert grant.session.id == after.validate(renewed.access_token).id
    assert grant.session.device.id == after.login("ada", client).session.device.id
    third = SessionManager(store, keys=Keys(generate_secret()))
    for token in (grant.access_token, renewed.access_token):
        with pytest.raises(BadTokenError):
            third.validate(token)
    with pytest.raises(BadTokenError):
        third.refresh(renewed.refresh_token)
