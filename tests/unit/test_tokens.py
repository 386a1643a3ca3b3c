"""Tokens at their edges: lengths, instants, keys that were current once, the size of ids."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from contextlib import nullcontext
from typing import Any

import pytest
from _play import at
from attrs import evolve

from devsess import BadTokenError, Client, ConfigurationError, Keys, Policy, SessionManager
from devsess.stores.memory import MemoryStore
from devsess.tokens.access import LAST_SECOND, LONGEST_LIFE, MAX_HEADER_LENGTH
from devsess.tokens.device import names_device
from devsess.tokens.issuer import Tokens
from devsess.tokens.segments import check_spelling
from devsess.tokens.text import MAX_TOKEN_LENGTH

OLD = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NEW = "Zb5nM1wYc8LqT3vRk6HfX9sPd2GjU7aEo4i"
NOW = 1_750_000_000
LEEWAY = 5
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


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
    payload = json.dumps({**standard, **claims}).encode()
    return with_signature(f"{b64(header.encode())}.{b64(payload)}")


def with_signature(message: str) -> str:
    return f"{message}.{b64(hmac.digest(OLD.encode(), message.encode(), hashlib.sha256))}"


HEADER = json.dumps({"alg": "HS256", "typ": "at+jwt"})


def accepts(token: str, now: float = NOW) -> bool:
    try:
        tokens(OLD).access.verify(token, now)
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
    """A header of 512 characters is read; no longer one is."""
    header = HEADER[:-1] + " " * (length * 3 // 4 - len(HEADER)) + "}"
    token = signed(header)

    assert 512 == MAX_HEADER_LENGTH
    assert length == len(token.partition(".")[0])
    assert expected == accepts(token)


@pytest.mark.parametrize("named", [("issuer", ""), ("issuer", None), ("audience", b"api")])
def test_an_issuer_is_a_text(named: tuple[str, Any]) -> None:
    """Issuer and audience are texts that are not empty; the message says which is not."""
    said = {"issuer": "devsess", "audience": "devsess", **dict([named])}
    with pytest.raises(ConfigurationError, match=f"^{named[0]} must"):
        Tokens(Keys(OLD), said["issuer"], said["audience"], Policy())


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
@pytest.mark.parametrize(("kid", "expected"), [(Keys(OLD).current.kid, True), ("other", False)])
def test_a_header_may_be_spelt_otherwise(typ: str, kid: str, expected: bool) -> None:
    """Members in another order, and every spelling of the type; the named key decides."""
    assert expected == accepts(signed(json.dumps({"typ": typ, "kid": kid, "alg": "HS256"})))


def test_a_header_has_one_spelling_in_base64() -> None:
    """Bits that no byte takes are refused in the header too, signed or not."""
    token = signed(HEADER.replace("}", " }"))
    assert accepts(token)
    segment, payload, _ = token.split(".")
    other = segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) + 1]
    assert not accepts(with_signature(f"{other}.{payload}"))


@pytest.mark.parametrize("start", ["", "A", "AA", "AAA"])
@pytest.mark.parametrize("last", ALPHABET)
def test_a_segment_ends_where_its_bytes_end(start: str, last: str) -> None:
    """A last character is refused unless its bytes, written again, give the same text."""
    text = start + last
    canonical = bool(start) and b64(base64.urlsafe_b64decode(text + "==")) == text

    with nullcontext() if canonical else pytest.raises(BadTokenError):
        check_spelling(text)


@pytest.mark.parametrize(("length", "expected"), [(8192, True), (8193, False)])
def test_a_token_has_its_length(length: int, expected: bool) -> None:
    """A token of 8,192 characters is read; no longer one is."""
    missing = math.ceil((length - len(signed(HEADER, sub="ada"))) * 3 / 4)
    token = signed(HEADER, sub="ada" + "a" * missing)

    assert 8192 == MAX_TOKEN_LENGTH
    assert length == len(token)
    assert expected == accepts(token)


@pytest.mark.parametrize(
    ("claims", "now", "expected"),
    [
        ({"iat": 0, "exp": 900, "auth_time": 0}, 0, True),
        ({"iat": LAST_SECOND - 900, "exp": LAST_SECOND}, LAST_SECOND - 900, True),
        ({"iat": LAST_SECOND - 900, "exp": LAST_SECOND + 1}, LAST_SECOND - 900, False),
        ({"exp": NOW + LONGEST_LIFE}, NOW, True),
        ({"exp": NOW + LONGEST_LIFE + 1}, NOW, False),
    ],
)
def test_instants_have_their_bounds(claims: dict[str, int], now: int, expected: bool) -> None:
    """The first and the last second that can be written are instants; no life is endless."""
    assert expected == accepts(signed(HEADER, **{"auth_time": 0, **claims}), now)


@pytest.mark.parametrize("age", [1, 2])
def test_device_tokens_of_a_previous_key(age: int) -> None:
    """A browser is known by a token of any key that is still listed, and of no other."""
    ring = ("d" * 22, "e" * 22)
    between = ["Qh4xJ9tBn2VsK7mWf5DyR8cLp3GzA6uEi1o"] * (age - 1)
    given = tokens(OLD).device.mint(ring)

    assert ring == tokens(NEW, *between, OLD).device.read(given)
    assert () == tokens(NEW, *between).device.read(given)


OWN, OTHER = "d" * 22, "e" * 22


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (tokens(NEW).device.mint([OWN]), True),
        (tokens(NEW).device.mint([OTHER, OWN]), True),
        (tokens(NEW).device.mint([OTHER]), False),
        (tokens(OLD).device.mint([OWN]), None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_device_token_proves(token: str | None, expected: bool | None) -> None:
    """True for a device on its ring, False for any other, None without a genuine token."""
    assert expected is tokens(NEW).device.proves(token, OWN)


@pytest.mark.parametrize("ring", [[OWN], [OTHER, OWN], [OWN, OTHER], [OTHER]])
def test_a_token_names_the_devices_on_its_ring_and_no_other(ring: list[str]) -> None:
    """Whichever key it was made with; a part of an id is none."""
    for key in (NEW, OLD):
        token = tokens(key).device.mint(ring)
        named = [
            it for it in (OWN, OTHER, OWN[1:], OWN[:-1], "", "ds1d") if names_device(token, it)
        ]
        assert sorted(ring) == sorted(named)


@pytest.mark.parametrize("other", [None, "", "garbage", 5, b"ds1d." + OWN.encode()])
def test_what_is_no_device_token_names_none(other: Any) -> None:
    """Not even where it is no text."""
    assert not names_device(other, OWN)


@pytest.mark.parametrize(("length", "expected"), [(8192, True), (8193, False)])
def test_a_token_that_is_too_long_is_not_looked_at(length: int, expected: bool) -> None:
    """As no token is."""
    assert expected is names_device(f"ds1d.{OWN}.".ljust(length, "A"), OWN)


def test_a_device_is_known_through_a_rotation_of_keys() -> None:
    """After a new key no sign-in from a known browser makes another device."""
    store = MemoryStore()
    first = SessionManager(store, keys=OLD).login("ada")
    after = SessionManager(store, keys=[NEW, OLD])
    second = after.login("ada", Client(device_token=first.device_token))

    assert first.session.device.id == second.session.device.id
    assert 1 == len(after.devices("ada"))


def test_tokens_outlive_an_upgrade() -> None:
    """A token of an earlier version is good under the same key."""
    at_rest = tokens(OLD)
    refresh = f"ds1r.{'s' * 22}.7.yzEyxjRIja1fS-QHUBDnJ76cnroavC_9L9YLoI-RNM0"
    device = f"ds1d.{'d' * 22}~{'e' * 22}.ZY7bhhYxvjZsD-dIluEj4I-dzSmm6fdjhMD9HZUo5uE"

    assert refresh == at_rest.refresh.mint("s" * 22, 7, b"0123456789abcdef")
    assert device == at_rest.device.mint(["d" * 22, "e" * 22])


@pytest.mark.parametrize("actor", [None, "support-7"])
def test_a_token_says_that_somebody_else_acts(actor: str | None) -> None:
    """By the claim `act` (RFC 8693 §4.1): its reader must not take it for the user's own."""
    context: dict[str, Any] = {"auth_time": int(NOW), "amr": ("pwd",), "acr": None}
    times: dict[str, Any] = {"now": NOW, "expires_at": int(NOW) + 60}
    names: dict[str, Any] = {"session_id": "s" * 22, "user_id": "ada", "jti": "j" * 22}
    token = tokens(OLD).access.mint(**names, **times, **context, generation=0, actor=actor)

    assert (actor is not None) == tokens(OLD).access.identify(token, NOW).is_acting


def test_an_id_is_128_random_bits() -> None:
    """Each bit of an id comes from the source of entropy (ASVS 7.2.3, 11.5.1)."""
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return bytes(range(size))

    found = evolve(at(0.0), entropy=entropy).new_id()

    assert [16] == asked
    assert sorted(b64(bytes(range(16)))) == sorted(found)


def test_every_id_that_is_handed_out_is_one() -> None:
    """The ids of sessions, devices and access tokens are 128 random bits, new each time."""
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
