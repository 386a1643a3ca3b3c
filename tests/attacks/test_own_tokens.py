"""Tokens that are recognised by their bytes: no other claims than the strict parser reads."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_forged_tokens import (
    ACR,
    AMR,
    CLAIMS,
    GEN,
    JSON,
    KEYS,
    NOW,
    ODD,
    SECRET,
    SID,
    TIMES,
    TOKENS,
    b64,
    minted,
)

from devsess import BadTokenError, Keys, Policy, TokenExpiredError
from devsess.tokens import access, segments
from devsess.tokens.issuer import Tokens
from devsess.tokens.keys import generate_pem
from devsess.tokens.text import KeyedHash

OWN = {**CLAIMS, "gen": 3}
HEADER = minted(TOKENS).partition(".")[0]
FORM = TOKENS.access._own._form
# The same, without recognising anything: the law.
STRICT = Tokens(KEYS, "devsess", "devsess", Policy())
STRICT.access._own._form = re.compile(rb"(?!)")


def signed(payload: bytes) -> str:
    """A token of this very payload, under the header of our own tokens and the true key."""
    message = f"{HEADER}.{b64(payload)}"
    return f"{message}.{b64(hmac.digest(SECRET.encode(), message.encode(), hashlib.sha256))}"


def bare(claims: dict[str, Any]) -> bytes:
    """*claims* as `mint` spells them."""
    return json.dumps(claims, separators=(",", ":")).encode()


def outcome(tokens: Tokens, text: str, now: float = NOW) -> object:
    """The claims of *text*, or the kind and message of its refusal."""
    try:
        return tokens.access.verify(text, now)
    except (BadTokenError, TokenExpiredError) as error:
        return type(error), str(error)


@pytest.fixture
def unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(access, "json_object", refuse)


MINTED: dict[str, Any] = {
    "session_id": SID,
    "user_id": "ada",
    "now": NOW + 0.5,
    "expires_at": NOW + 900,
    "auth_time": NOW - 5,
    "amr": ("pwd",),
    "acr": None,
    "generation": 7,
    "jti": "j" * 22,
}
PLAIN: tuple[dict[str, Any], ...] = (
    {},
    {"acr": "aal2"},
    {"actor": "eve"},
    {"acr": "aal2", "actor": "eve"},
    {"amr": ()},
    {"amr": ("pwd", "otp")},
    {"amr": ("",)},
    {"generation": 0},
    {"generation": 999_999_999},
    {"now": 0.0, "expires_at": 900, "auth_time": 0},
    {"user_id": "a b~!#[]{}:,"},
    {"session_id": "-_" * 32},
)


@pytest.mark.usefixtures("unparsed")
@pytest.mark.parametrize("given_", PLAIN)
@pytest.mark.parametrize("alg", ["HS256", "EdDSA", "ES256"])
def test_what_is_minted_is_recognised(given_: dict[str, Any], alg: Any) -> None:
    """With any key: its claims are those that it was minted with, and nothing is parsed."""
    keys = KEYS if alg == "HS256" else Keys(generate_pem(alg), secret=SECRET)
    tokens = Tokens(keys, "https://shop.example", "api (v1)", Policy())
    said = {**MINTED, **given_}
    found = tokens.access.verify(tokens.access.mint(**said), said["now"])
    expected = (said["session_id"], said["user_id"], said["auth_time"], said["expires_at"])
    assert expected == (found.session_id, found.user_id, found.auth_time, found.expires_at)
    assert (said["generation"], "actor" in said) == (found.generation, found.is_acting)


@pytest.mark.parametrize("user_id", ['a"b', "a\\b", "ünal", "a\x7fb", "\u2028", "\U0001f600", "\n"])
def test_a_text_with_an_escape_is_parsed(user_id: str) -> None:
    """A text that JSON spells with an escape is read by the strict parser, and by nothing else."""
    text = TOKENS.access.mint(**{**MINTED, "user_id": user_id})
    assert user_id == TOKENS.access.verify(text, NOW).user_id
    assert FORM.fullmatch(segments.octets(text.split(".")[1])) is None


@pytest.mark.parametrize("name", ["issuer", "audience"])
@pytest.mark.parametrize("odd", ["a.c", "a+", "x" * 300, 'a"b', "ünal", "(?!)"])
def test_an_odd_issuer_is_itself_alone(name: str, odd: str) -> None:
    """Neither issuer nor audience is read as a pattern."""
    said = {"issuer": "devsess", "audience": "devsess", name: odd}
    tokens = Tokens(KEYS, said["issuer"], said["audience"], Policy())
    assert SID == tokens.access.verify(tokens.access.mint(**MINTED), NOW).session_id
    said[name] = odd.replace(".", "b").replace("+", "a").replace("(?!)", "")
    other = Tokens(KEYS, said["issuer"] or "x", said["audience"] or "x", Policy())
    if said[name] != odd:
        with pytest.raises(BadTokenError):
            tokens.access.verify(other.access.mint(**MINTED), NOW)


SPELT: dict[str, Any] = {
    **{
        f"{name} is {odd!r:.20}": bare({**OWN, name: odd})
        for names, odds in (
            (("iss", "aud", "client_id", "sid", "sub", "jti"), ODD),
            (("iat", "exp", "auth_time", "nbf"), (*TIMES, 1e10, 99_999_999_999, 100_000_000_000)),
            (("amr",), AMR),
            (("acr",), ACR),
            (("gen",), (*GEN, 999_999_999, 1_000_000_000)),
            (("act",), (None, {"sub": "eve"}, {"sub": 5}, "eve")),
        )
        for name in names
        for odd in odds
    },
    **{f"no {name}": bare({k: v for k, v in OWN.items() if k != name}) for name in OWN},
    **{f"{name} twice": bare(OWN)[:-1] + b"," + bare({name: OWN[name]})[1:] for name in OWN},
    **{
        f"{name} spelt {odd!r}": bare({**OWN, name: "?"}).replace(b'"?"', odd)
        for name in ("iat", "exp", "auth_time", "gen")
        for odd in (b"007", b"-0", b"1e3", b"1.0", b"+5", b"", b" 5", b"\xd9\xa3", b'"5"')
    },
    "from the future": bare({**OWN, "iat": NOW + 6}),
    "just not from the future": bare({**OWN, "iat": NOW + 5}),
    "endless": bare({**OWN, "exp": NOW + 367 * 86_400}),
    "backwards": bare({**OWN, "exp": NOW - 1}),
    "over": bare({**OWN, "iat": NOW - 900, "exp": NOW - 5}),
    "not over": bare({**OWN, "iat": NOW - 900, "exp": NOW - 4}),
    "longer than the policy": bare({**OWN, "iat": NOW - 905, "exp": NOW + 86_400}),
    "another order": bare(dict(reversed(OWN.items()))),
    "one more": bare({**OWN, "x": 1}),
    "white space": json.dumps(OWN).encode(),
    "a line more": bare(OWN) + b"\n",
    "a line before": b"\n" + bare(OWN),
    "two": bare(OWN) * 2,
    "no bracket": bare(OWN)[:-1],
    "a byte that is no text": bare(OWN).replace(b"ada", b"a\xffa"),
    "a letter of two bytes": bare(OWN).replace(b"ada", "ünal".encode()),
    "a control character": bare(OWN).replace(b"ada", b"a\ta"),
    "DEL": bare(OWN).replace(b"ada", b"a\x7fa"),
    "an escape": bare(OWN).replace(b"ada", b"\\u0061da"),
    "an escaped quote": bare(OWN).replace(b"ada", b'ada\\",\\"x\\":\\"'),
    "a name with an escape": bare(OWN).replace(b'"sub"', b'"s\\u0075b"'),
    "a short sid": bare({**OWN, "sid": "s" * 15}),
    "a long sid": bare({**OWN, "sid": "s" * 65}),
    "an odd sid": bare({**OWN, "sid": "s" * 21 + "."}),
    "a comma in amr": bare(OWN).replace(b'["pwd"]', b'["pwd",]'),
}


@pytest.mark.parametrize("name", SPELT)
def test_both_ways_say_the_same(name: str) -> None:
    """Of each spelling, under our own header and the true key: the same claims or refusal."""
    text = signed(SPELT[name])
    assert outcome(STRICT, text) == outcome(TOKENS, text)


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(st.from_regex(FORM, fullmatch=True), st.integers(0, 10**11))
def test_whatever_is_recognised_is_accepted_by_the_parser(payload: bytes, now: int) -> None:
    """Any payload of the form, at any time: equal claims, or the same refusal of its instants."""
    text = signed(payload)
    assert outcome(STRICT, text, now) == outcome(TOKENS, text, now)


PIECES = (
    st.sampled_from(
        [*b'"\\,:{}[]0179-+. e\x00\x7f\xc3'],
    ).map(lambda it: bytes([it]))
    | st.binary(max_size=3)
    | st.sampled_from([b'"sub":"eve",', b'"gen":9'])
)


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(
    st.sampled_from([bare(OWN), bare({**OWN, "acr": "aal2", "act": {"sub": "eve"}})]),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), PIECES), min_size=1, max_size=3),
)
def test_a_changed_payload_is_read_alike(
    payload: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    """A good payload with bytes put in, taken out or changed: the same claims or refusal."""
    for place, taken, put in changes:
        payload = payload[:place] + put + payload[place + taken :]
    text = signed(payload)
    assert outcome(STRICT, text) == outcome(TOKENS, text)


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["sub", "jti", "acr"]), st.text(max_size=9), max_size=2),
    st.dictionaries(st.sampled_from(["iat", "exp", "gen", "x"]), JSON, max_size=1),
    st.integers(-1000, 1000),
)
def test_a_recognised_token_is_accepted_by_pyjwt(
    texts: dict[str, str], others: dict[str, Any], age: int
) -> None:
    """As the strict parser: a token that is accepted in our own spelling, jwt.decode accepts."""
    now = int(time.time())
    times = {"iat": now - age, "exp": now - age + 900, "auth_time": now - age}
    text = signed(bare({**OWN, **times, **texts, **others}))
    try:
        found = TOKENS.access.verify(text, now)
    except (BadTokenError, TokenExpiredError):
        return
    read = jwt.decode(
        text, SECRET, algorithms=["HS256"], issuer="devsess", audience="devsess", leeway=5 + 1
    )
    assert (read["sid"], read["sub"], read["gen"]) == (
        (found.session_id, found.user_id, found.generation)
    )


@pytest.mark.usefixtures("unparsed")
@pytest.mark.parametrize("place", range(0, 43, 7))
def test_the_signature_comes_first(place: int) -> None:
    """Of a token that is not signed by us nothing is read, however well it is spelt."""
    message, _, signature = signed(bare(OWN)).rpartition(".")
    other = "A" if signature[place] != "A" else "E"
    forged = f"{message}.{signature[:place]}{other}{signature[place + 1 :]}"
    read: list[bytes] = []
    tokens = Tokens(KEYS, "devsess", "devsess", Policy())
    tokens.access._own.read = read.append  # type: ignore[method-assign, assignment]
    with pytest.raises(BadTokenError, match="signed"):
        tokens.access.verify(forged, NOW)
    assert [] == read


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 128, 200])
@pytest.mark.parametrize("message", [b"", b"x", b"y" * 1000])
def test_a_keyed_hash_is_the_mac(length: int, message: bytes) -> None:
    """The standard library's HMAC, for a key of any length, again and again."""
    key = bytes(range(length))
    keyed = KeyedHash(key)
    expected = hmac.digest(key, message, hashlib.sha256)
    assert [expected] * 2 == [keyed.digest(message) for _ in range(2)]
