"""Every token that is not exactly ours is a BadTokenError, and never anything else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsess import BadTokenError, Keys, Policy, SessionManager, TokenExpiredError
from devsess.tokens.issuer import Tokens
from devsess.tokens.keys import generate_pem

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NOW = 1_750_000_000
SID = "s" * 22
KEYS = Keys(SECRET)
TOKENS = Tokens(KEYS, "devsess", "devsess", Policy())
HEADER = {"alg": "HS256", "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": "devsess",
    "aud": "devsess",
    "client_id": "devsess",
    "sub": "ada",
    "sid": SID,
    "jti": "j" * 22,
    "iat": NOW,
    "exp": NOW + 900,
    "auth_time": NOW,
    "amr": ["pwd"],
}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: str, payload: str, secret: str = SECRET) -> str:
    """A token of these very texts, signed with the true key."""
    message = f"{b64(header.encode())}.{b64(payload.encode())}"
    return f"{message}.{b64(hmac.digest(secret.encode(), message.encode(), hashlib.sha256))}"


def token(header: Any = None, **claims: Any) -> str:
    return signed(json.dumps(header or HEADER), json.dumps({**CLAIMS, **claims}))


def without(name: str) -> str:
    claims = {key: value for key, value in CLAIMS.items() if key != name}
    return signed(json.dumps(HEADER), json.dumps(claims))


def resegmented(place: int, change: Any) -> str:
    parts = token().split(".")
    parts[place] = change(parts[place])
    return ".".join(parts)


def other_last(segment: str) -> str:
    """The same bytes in another spelling: bits that no byte takes are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) + 1]


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
KIDS: tuple[Any, ...] = (
    "",
    5,
    None,
    ["x"],
    {},
    "unknown",
    "../../../dev/null",
    "/dev/null",
    "|sleep 10",
    "x' UNION SELECT '1';--",
    "k" * 65,
)
HEADERS: dict[str, Any] = {
    **{f"typ {typ!r}": {**HEADER, "typ": typ} for typ in ("JWT", "dpop+jwt", "", None, 5, ["x"])},
    **{
        f"alg {alg!r}": {**HEADER, "alg": alg}
        for alg in ("none", "None", "NONE", "nOnE", "", "hs256", "RS256", "EdDSA", None, 5, ["x"])
    },
    **{
        f"member {name}": {**HEADER, name: value}
        for name, value in {
            "zip": "DEF",
            "jku": "https://attacker.example/jwks",
            "x5u": "https://attacker.example/x",
            "x5c": ["x"],
            "x5t": "x",
            "jwk": {"kty": "oct", "k": b64(b"t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")},
            "crit": [],
            "b64": False,
            "cty": "JWT",
            "extra": 1,
        }.items()
    },
    **{f"kid {kid!r}": {**HEADER, "kid": kid} for kid in KIDS},
    "no typ": {"alg": "HS256"},
    "no alg": {"typ": "at+jwt"},
    "a list": ["HS256"],
    "a number": 5,
}
ODD: tuple[Any, ...] = (
    *("", None, True, 5, -1, 1.5, [], ["devsess"], {}, "\ud800", "x" * 5000, 10**30),
)
TIMES: tuple[Any, ...] = ("1750000000", True, None, [], {}, -1, 10**30, 10**12, 253402300800)
AMR: tuple[Any, ...] = ("pwd", None, 5, [5], {})
ACR: tuple[Any, ...] = (None, 5, [], {})
GEN: tuple[Any, ...] = (None, True, "1", -1, 1.0, 10**9, float("nan"), [], {})
CASES: dict[str, Any] = {
    "empty": "",
    "dots": "..",
    "one segment": "abc",
    "two segments": "abc.def",
    "four segments": f"{token()}.x",
    "white space": f" {token()}",
    "a newline": f"{token()}\n",
    "padding": resegmented(1, lambda it: it + "="),
    "padded signature": resegmented(2, lambda it: it + "="),
    "no signature": resegmented(2, lambda _: ""),
    "short signature": resegmented(2, lambda it: it[:-4]),
    "other signature": resegmented(2, lambda it: it[::-1]),
    "another spelling of the signature": resegmented(2, other_last),
    "standard alphabet": resegmented(2, lambda it: "+/" + it[2:]),
    "a digit of another script": resegmented(1, lambda it: "\u0661" + it[1:]),
    "another secret": signed(json.dumps(HEADER), json.dumps(CLAIMS), "another " * 9),
    "a blank secret": signed(json.dumps(HEADER), json.dumps(CLAIMS), ""),
    "a member twice in the header": signed(
        '{"alg":"HS256","typ":"at+jwt","typ":"at+jwt"}', json.dumps(CLAIMS)
    ),
    "a member twice": signed(json.dumps(HEADER), json.dumps(CLAIMS)[:-1] + ',"sub":"eve"}'),
    "a member twice, deep": signed(
        json.dumps(HEADER), json.dumps(CLAIMS)[:-1] + ',"x":[{"a":{"b":1,"b":2}}]}'
    ),
    "NaN": signed(json.dumps(HEADER), json.dumps(CLAIMS)[:-1] + ',"x":NaN}'),
    "1e400": signed(
        json.dumps(HEADER),
        json.dumps({**CLAIMS, "exp": 0})[:-1].replace('"exp": 0', '"exp": 1e400') + "}",
    ),
    "endless digits": signed(json.dumps(HEADER), '{"exp":' + "9" * 5000 + "}"),
    "a list": signed(json.dumps(HEADER), "[]"),
    "a text": signed(json.dumps(HEADER), '"x"'),
    "no JSON": signed(json.dumps(HEADER), "{"),
    "two objects": signed(json.dumps(HEADER), json.dumps(CLAIMS) * 2),
    "a byte order mark": signed(json.dumps(HEADER), "\ufeff" + json.dumps(CLAIMS)),
    "long": token(x="x" * 9000),
    "deep in the header": f"{b64(b'[' * 4000)}.{b64(b'{}')}.{b64(b'x' * 32)}",
    "deep in the payload": signed(json.dumps(HEADER), "[" * 5500),
    "from the future": token(iat=NOW + 60),
    "not before": token(nbf=NOW + 60),
    "endless": token(exp=NOW + 400 * 86_400),
    "backwards": token(exp=NOW - 1),
    **{f"header {name}": token(header) for name, header in HEADERS.items()},
    **{f"no {name}": without(name) for name in CLAIMS if name != "amr"},
    **{
        f"{name} is {odd!r:.20}": token(**{name: odd})
        for name in ("iss", "aud", "client_id", "sid")
        for odd in ODD
    },
    **{
        f"{name} is {odd!r:.20}": token(**{name: odd})
        for name in ("sub", "jti")
        for odd in ODD
        if not (isinstance(odd, str) and odd)
    },
    **{
        f"{name} is {odd!r:.20}": token(**{name: odd})
        for name in ("iat", "exp", "auth_time", "nbf")
        for odd in TIMES
    },
    **{f"amr is {odd!r:.20}": token(amr=odd) for odd in AMR},
    **{f"acr is {odd!r:.20}": token(acr=odd) for odd in ACR},
    **{f"gen is {odd!r:.20}": token(gen=odd) for odd in GEN},
    "part of the issuer": token(iss="dev"),
    **{f"not a text: {odd!r}": odd for odd in (None, 5, b"a.b.c", ["a"], object)},
}


def test_the_untouched_token_passes() -> None:
    """The token that all cases are made from is good: each fails for its one difference."""
    claims = TOKENS.access.verify(token(), NOW)
    assert (SID, "ada", NOW) == (claims.session_id, claims.user_id, claims.auth_time)


@pytest.mark.parametrize("generation", [None, 0, 5, 999_999_999])
def test_the_generation_is_read(generation: int | None) -> None:
    """`gen` is a whole number or left out, as it was in older tokens."""
    named = {} if generation is None else {"gen": generation}
    assert generation == TOKENS.access.verify(token(**named), NOW).generation


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_token_is_a_bad_token(name: str) -> None:
    """Every difference is a BadTokenError, whose message quotes neither token nor key."""
    with pytest.raises(BadTokenError) as caught:
        TOKENS.access.verify(CASES[name], NOW)
    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("name", CASES)
def test_a_manager_says_the_same(name: str) -> None:
    """Through the manager's three methods that take tokens, too."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        for take in (
            sessions.validate,
            sessions.refresh,
            lambda it: sessions.step_up(it, amr=("otp",)),
            lambda it: sessions.validate(it, fresh=True),
        ):
            with pytest.raises((BadTokenError, TokenExpiredError)):
                take(CASES[name])


@pytest.mark.parametrize(
    ("claims", "now"),
    [({}, NOW + 905), ({}, NOW + 10**6), ({"exp": NOW + 60}, NOW + 65), ({"exp": NOW}, NOW + 5)],
)
def test_only_a_genuine_token_is_expired(claims: dict[str, Any], now: int) -> None:
    """A good token past its time and the leeway is TokenExpiredError: a refresh will help."""
    with pytest.raises(TokenExpiredError):
        TOKENS.access.verify(token(**claims), now)
    read = TOKENS.access.verify(token(**claims), min(now, NOW + 4))
    assert SID == read.session_id


def test_todays_lifetime_binds_older_tokens() -> None:
    """No token lives longer than today's policy allows, with any `exp`."""
    with pytest.raises(TokenExpiredError):
        TOKENS.access.verify(token(exp=NOW + 86_400), NOW + 906)


def test_length_costs_nothing() -> None:
    """Ten megabytes are refused as fast as ten kilobytes."""

    def cost(text: str) -> float:
        best = 1.0
        for _ in range(200):
            begun = time.perf_counter()
            with pytest.raises(BadTokenError):
                TOKENS.access.verify(text, NOW)
            best = min(best, time.perf_counter() - begun)
        return best

    assert cost("a." * 5_000_000) < 20 * cost("a." * 5_000)


def test_deep_nesting_signed_with_the_true_key() -> None:
    """Nesting as deep as the length allows is refused in our own words, on every Python."""
    for opening in ("[", '{"a":'):
        depth = 5500 // len(opening)
        with pytest.raises(BadTokenError):
            TOKENS.access.verify(signed(json.dumps(HEADER), opening * depth), NOW)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_keys_are_not_confused(alg: Any) -> None:
    """A public key is no HMAC secret, and no algorithm takes another's key."""
    keys = Keys(generate_pem(alg), secret=SECRET)
    tokens = Tokens(keys, "devsess", "devsess", Policy())
    public = json.dumps(keys.jwks()["keys"][0])
    for forged in (
        signed(json.dumps(HEADER), json.dumps(CLAIMS), public),
        signed(json.dumps({**HEADER, "kid": keys.current.kid}), json.dumps(CLAIMS), public),
        token(),
    ):
        with pytest.raises(BadTokenError):
            tokens.access.verify(forged, NOW)
    with pytest.raises(BadTokenError):
        TOKENS.access.verify(minted(tokens), NOW)


def minted(tokens: Tokens) -> str:
    return tokens.access.mint(
        session_id=SID,
        user_id="ada",
        now=NOW,
        expires_at=NOW + 900,
        auth_time=NOW,
        amr=("pwd",),
        acr="aal2",
        generation=7,
        jti="j" * 22,
    )


def test_one_spelling_of_an_ecdsa_signature() -> None:
    """Of (r, s) and (r, n - s), both of which verify, one is ours; each time."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    tokens = Tokens(Keys(generate_pem("ES256"), secret=SECRET), "devsess", "devsess", Policy())
    for _ in range(8):
        genuine = minted(tokens)
        message, _, signature = genuine.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
        assert SID == tokens.access.verify(genuine, NOW).session_id
        with pytest.raises(BadTokenError):
            tokens.access.verify(f"{message}.{b64(other)}", NOW)


@pytest.mark.parametrize("alg", ["HS256", "EdDSA", "ES256"])
def test_any_library_verifies_our_tokens(alg: Any) -> None:
    """A plain JWT of RFC 9068: its members are these, and the key or JWK set verifies it."""
    keys = Keys(SECRET) if alg == "HS256" else Keys(generate_pem(alg), secret=SECRET)
    tokens = Tokens(keys, "devsess", "devsess", Policy())
    found = minted(tokens)
    key: Any = SECRET
    if alg != "HS256":
        key = jwt.PyJWKSet.from_dict(keys.jwks())[keys.current.kid]
    claims = jwt.decode(
        found,
        key,
        algorithms=[alg],
        issuer="devsess",
        audience="devsess",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert {**CLAIMS, "acr": "aal2", "gen": 7} == claims
    expected = {"alg": alg, "typ": "at+jwt", "kid": keys.current.kid}
    assert expected == jwt.get_unverified_header(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*CLAIMS, "nbf", "acr", "gen", "x"]), JSON, max_size=3),
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "x"]), JSON, max_size=1),
    st.integers(-1000, 1000),
)
def test_never_more_lenient_than_pyjwt(
    claims: dict[str, Any], header: dict[str, Any], age: int
) -> None:
    """A token that the strict parser accepts is accepted by jwt.decode with the same settings."""
    now = int(time.time())
    times = {"iat": now - age, "exp": now - age + 900, "auth_time": now - age}
    text = signed(json.dumps({**HEADER, **header}), json.dumps({**CLAIMS, **times, **claims}))
    try:
        TOKENS.access.verify(text, now)
    except (BadTokenError, TokenExpiredError):
        return
    # A second of grace for the oracle's own clock, which has moved on meanwhile.
    jwt.decode(
        text, SECRET, algorithms=["HS256"], issuer="devsess", audience="devsess", leeway=5 + 1
    )
