"""Tokens at their edges: lengths, instants, keys that were current once, the size of ids."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from devsess import BadTokenError, Client, Keys, Policy, SessionManager
from devsess.flows import Context
from devsess.stores.memory import MemoryStore
from devsess.tokens import MAX_HEADER_LENGTH, Tokens

OLD = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NEW = "Zb5nM1wYc8LqT3vRk6HfX9sPd2GjU7aEo4i"
NOW = 1_750_000_000
LEEWAY = 5


def tokens(*secrets: str) -> Tokens:
    return Tokens(Keys(*secrets), "devsess", "devsess", Policy(leeway=LEEWAY))


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: str, **claims: Any) -> str:
    """A good access token with this very header, and with *claims* in place of its own."""
    standard = {
        "iss": "devsess",
        "aud": "devsess",
        "client_id": "devsess",
        "sub": "ada",
        "sid": "s" * 22,
        "jti": "j" * 22,
        "iat": NOW,
        "exp": NOW + 900,
        "auth_time": NOW,
    }
    message = f"{b64(header.encode())}.{b64(json.dumps({**standard, **claims}).encode())}"
    return f"{message}.{b64(hmac.digest(OLD.encode(), message.encode(), hashlib.sha256))}"


HEADER = json.dumps({"alg": "HS256", "typ": "at+jwt"})


def accepts(token: str, now: float = NOW) -> bool:
    try:
        tokens(OLD).verify_access(token, now)
    except BadTokenError:
        return False
    return True


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(("ahead", "expected"), [(0, True), (LEEWAY, True), (LEEWAY + 1, False)])
def test_leeway_is_inclusive(claim: str, ahead: int, expected: bool) -> None:
    """A clock that is ahead by the leeway is excused, and by a second more it is not."""
    times = {claim: NOW + ahead, "exp": NOW + 900}

    assert expected == accepts(signed(HEADER, **times))


@pytest.mark.parametrize(("length", "expected"), [(512, True), (514, False), (2048, False)])
def test_a_header_has_its_length(length: int, expected: bool) -> None:
    """A header of 512 characters is read; a longer one, whatever it holds, is not."""
    header = HEADER[:-1] + " " * (length * 3 // 4 - len(HEADER)) + "}"
    token = signed(header)

    assert 512 == MAX_HEADER_LENGTH
    assert length == len(token.partition(".")[0])
    assert expected == accepts(token)


@pytest.mark.parametrize("age", [1, 2])
def test_device_tokens_of_a_previous_key(age: int) -> None:
    """A browser is known by a token of any key that is still listed, and of no other."""
    ring = ("d" * 22, "e" * 22)
    between = ["Qh4xJ9tBn2VsK7mWf5DyR8cLp3GzA6uEi1o"] * (age - 1)
    given = tokens(OLD).mint_device(ring)

    assert ring == tokens(NEW, *between, OLD).read_device(given)
    assert () == tokens(NEW, *between).read_device(given)


def test_a_device_is_known_through_a_rotation_of_keys() -> None:
    """After a new key no sign-in from a known browser makes another device."""
    store = MemoryStore()
    first = SessionManager(store, keys=OLD).login("ada")
    after = SessionManager(store, keys=[NEW, OLD])
    second = after.login("ada", Client(device_token=first.device_token))

    assert first.session.device.id == second.session.device.id
    assert 1 == len(after.devices("ada"))


def test_an_id_is_128_random_bits() -> None:
    """Each bit of an id comes from the source of entropy (ASVS 7.2.3, 11.5.1)."""
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return bytes(range(size))

    found = Context(Policy(), tokens(OLD), Keys(OLD), entropy).new_id()

    assert [16] == asked
    assert sorted(b64(bytes(range(16)))) == sorted(found)


def test_every_id_that_is_handed_out_is_one() -> None:
    """Sessions, devices and access tokens are named by 128 bits, anew each time."""
    with SessionManager("memory://", keys=OLD) as sessions:
        grants = [sessions.login("ada") for _ in range(3)]
    claims = [
        json.loads(base64.urlsafe_b64decode(grant.access_token.split(".")[1] + "=="))
        for grant in grants
    ]
    ids = [name for said in claims for name in (said["sid"], said["jti"])]
    ids += [grant.session.device.id for grant in grants]

    assert 9 == len(set(ids))
    assert {22} == {len(name) for name in ids}
