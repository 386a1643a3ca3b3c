"""LAW: what is stored of a held sign-in, its code, its room, and the client that collects it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from devsess import BadTokenError, ConfigurationError, Location, Policy, Risk, holding
from devsess.holding import Held, State
from devsess.stores.items import MAX_BODY
from devsess.testing._rows import T0
from devsess.tokens.issuer import Tokens
from devsess.tokens.keys import Keys
from devsess.tokens.pending import PendingClaims, PendingTokens
from devsess.tokens.text import base64url

OLD = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NEW = "Zb5nM1wYc8LqT3vRk6HfX9sPd2GjU7aEo4i"
HELD = Held(
    code="BCDFGH",
    digest="d" * 43,
    number=3,
    at=T0,
    auth_instant=T0 - 0.5,
    is_dated=True,
    device_id="d1",
    label="Chrome on macOS",
    os="macOS",
    browser="Chrome",
    network="102.89.77.0",
    place="Lagos, Nigeria",
    country_code="NG",
    asn=37148,
    amr=("pwd", "ключ"),
    acr=None,
    persistent=True,
    claims='{"a":1}',
)


@pytest.mark.parametrize("state", State)
def test_a_held_sign_in_reads_as_written(state: State) -> None:
    """In each state, with all of its parts; of the secret the digest alone."""
    held = evolve(HELD, state=state, approved_by="s1")
    again = holding.load(holding.dump(held))

    assert held == again
    assert (tuple, State) == (type(again.amr), type(again.state))
    assert held.digest not in repr(held)
    assert state.is_open is (state in (State.WAITING, State.APPROVED))


def test_the_longest_arguments_fit_an_item() -> None:
    """Of any letters: each takes as much room as it has characters."""
    longest = evolve(HELD, amr=("𝕏" * 255,) * 16, claims='{"a":"' + "b" * 1016 + '"}')

    assert len(holding.dump(longest)) < MAX_BODY


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        ('{"version":1}', "damaged"),
        ('{"version":2}', "version 2; this is 1"),
        (json.dumps({**json.loads(holding.dump(HELD)), "state": "lost"}), "damaged"),
        ("[" * 9_000, "damaged"),
    ],
)
def test_another_body_is_refused(body: str, said: str) -> None:
    """Of a newer devsess, or damaged: it is read whole, or not at all."""
    with pytest.raises(ValueError, match=said):
        holding.load(body)


def test_a_code_is_short_and_read_in_any_way() -> None:
    """Six letters without vowels, in two groups; typed in any case, with any marks."""
    code = holding.new_code(bytes(range(8)), ())

    assert 6 == len(code)
    assert {*code} <= {*holding.LETTERS}
    assert not {*holding.LETTERS} & {*"AEIOUY"}
    assert (code[:3], code[3:]) == tuple(holding.shown(code).split("-"))
    for typed in (holding.shown(code), code.lower(), f" {code[:2]} {code[2:]}. "):
        assert code == holding.read_code(typed)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "BBBBBB"), (1, "CBBBBB"), (20, "BCBBBB"), (20**6 - 1, "ZZZZZZ"), (20**6, "BBBBBB")],
)
def test_a_code_comes_from_the_random_bytes(number: int, expected: str) -> None:
    """Each is as likely as any other."""
    assert expected == holding.new_code(number.to_bytes(8), ())


def test_no_two_codes_are_equal() -> None:
    """The next one is taken in the place of one that is shown already."""
    assert "CBBBBB" == holding.new_code(bytes(8), {"BBBBBB"})
    assert "DBBBBB" == holding.new_code(bytes(8), {"BBBBBB", "CBBBBB"})


def _there(*found: tuple[State, str | None, float]) -> list[Held]:
    return [evolve(HELD, state=state, network=network, at=at) for state, network, at in found]


W, A, R, C = State.WAITING, State.APPROVED, State.REFUSED, State.COLLECTED

# Those that are there, the network of a new one, and the place of the one that goes.
ROOM: list[tuple[list[Held], str | None, int | None]] = [
    ([], "x", None),
    (_there((W, "x", 1), (W, "x", 2)), "x", None),
    (_there((W, "y", 1), (W, "x", 3), (W, "x", 2)), "x", 2),
    (_there((W, "y", 2), (W, "y", 1), (W, "z", 3)), "x", 1),
    (_there((W, "x", 1), (R, "y", 2), (W, "x", 3)), "x", 1),
    (_there((W, "x", 1), (C, "y", 3), (R, "y", 2)), "x", 2),
    (_there((A, "y", 1), (W, "x", 2), (W, "y", 3)), "x", 1),
    (_there((W, None, 2), (W, "y", 1), (W, "y", 3)), None, 1),
]


@pytest.mark.parametrize(("there", "network", "expected"), ROOM)
def test_room_is_made_by_the_one_that_asks_for_it(
    there: list[Held], network: str | None, expected: int | None
) -> None:
    """A decided one goes first, then one from the same network, then the oldest."""
    assert expected == holding.to_drop(there, network)


PLACE = Location(country_code="NG", asn=37148)
ABROAD = Location(country_code="FR", asn=37148)
OTHER = Location(country_code="NG", asn=1)

# The changes to the held sign-in, the client that collects, and whether it is the same.
CLIENTS: list[tuple[dict[str, Any], tuple[str, str, str, Location | None], bool]] = [
    ({}, ("macOS", "Chrome", "d1", PLACE), True),
    ({}, ("macOS", "Chrome", "d1", None), True),
    ({}, ("macOS", "Chrome", "d1", Location()), True),
    ({}, ("Windows", "Chrome", "d1", PLACE), False),
    ({}, ("macOS", "Firefox", "d1", PLACE), False),
    ({}, ("macOS", "Chrome", "d2", PLACE), False),
    ({"device_id": None}, ("macOS", "Chrome", "d9", PLACE), True),
    ({}, ("macOS", "Chrome", "d1", ABROAD), False),
    ({}, ("macOS", "Chrome", "d1", OTHER), False),
    ({"asn": None}, ("macOS", "Chrome", "d1", OTHER), True),
    ({"country_code": None}, ("macOS", "Chrome", "d1", ABROAD), True),
    ({"asn": None}, ("macOS", "Chrome", "d1", ABROAD), False),
    ({}, ("macOS", "Chrome", "d1", Location(asn=37148)), True),
    ({}, ("macOS", "Chrome", "d1", Location(country_code="FR")), False),
]


@pytest.mark.parametrize(("columns", "client", "expected"), CLIENTS)
def test_the_client_is_the_one_that_was_approved(
    columns: dict[str, Any], client: tuple[str, str, str, Location | None], expected: bool
) -> None:
    """System, browser and known device; provider and country where both are known."""
    assert expected is holding.is_same_client(evolve(HELD, **columns), *client)


CLAIMS = PendingClaims("h-0123456789abcdef", "ünï𝕏", "s" * 43)
PENDING = PendingTokens(Keys(OLD), "devsess", "devsess")


def test_a_pending_token_reads_as_minted() -> None:
    """For any account; its repr shows no secret, and the digest is not the secret."""
    for user_id in ("a", "𝕏" * 255, '"\\' * 127):
        claims = evolve(CLAIMS, user_id=user_id)
        assert claims == PENDING.parse(PENDING.mint(claims))
    body = base64url('["h-0123456789abcdef","ünï𝕏"]'.encode())
    assert f"ds1h.{body}.{CLAIMS.secret}" == PENDING.mint(CLAIMS)
    assert CLAIMS.secret not in repr(CLAIMS)
    assert CLAIMS.secret not in PENDING.digest(CLAIMS)


@pytest.mark.parametrize(
    "other",
    [
        evolve(CLAIMS, secret="t" * 43),
        evolve(CLAIMS, id="h-another"),
    ],
)
def test_another_secret_is_not_genuine(other: PendingClaims) -> None:
    """The digest is of this secret, for this held sign-in."""
    assert PENDING.is_genuine(CLAIMS, PENDING.digest(CLAIMS))
    assert not PENDING.is_genuine(other, PENDING.digest(CLAIMS))


def test_the_digest_is_keyed() -> None:
    """By a secret of its own: another key, issuer or audience makes another; an old key counts."""
    digest = PENDING.digest(CLAIMS)
    rotated = PendingTokens(Keys(NEW, OLD), "devsess", "devsess")
    others = [
        PendingTokens(Keys(NEW), "devsess", "devsess"),
        PendingTokens(Keys(OLD), "other", "devsess"),
        PendingTokens(Keys(OLD), "devsess", "other"),
    ]

    assert rotated.is_genuine(CLAIMS, digest)
    assert rotated.digest(CLAIMS) != digest
    assert [False] * 3 == [it.is_genuine(CLAIMS, digest) for it in others]


def _tokens_of_other_kinds() -> list[str]:
    tokens = Tokens(Keys(OLD), "devsess", "devsess", Policy())
    return [
        tokens.device.mint(["d-0123456789abcdef"]),
        tokens.refresh.mint("s-0123456789abcdef", 0, b"salt"),
    ]


BODIES = ["e30", "WzFd", "WyJhIiwxXQ", "WzEsImEiXQ", "bm90IGpzb24", "WyJhIiwiYiIsImMiXQ", "A", "_w"]


@pytest.mark.parametrize(
    "token",
    [
        *(None, 5, b"", "", "x", "ds1h..", f"ds1h.{'A' * 9_000}.{'s' * 43}"),
        *(f"ds1h.{(body * 20)[: max(20, len(body))]}.{'s' * 43}" for body in BODIES),
        *(f"ds1h.{body}{' ' * 0}.{'s' * 42}" for body in BODIES),
        *_tokens_of_other_kinds(),
    ],
)
def test_anything_else_is_no_pending_token(token: Any) -> None:
    """Whatever is in it."""
    with pytest.raises(BadTokenError):
        PENDING.parse(token)


@pytest.mark.parametrize(
    "content", [[], {}, ["a"], ["a", 1], [1, "a"], ["a", "b", "c"], "ab", None]
)
def test_another_content_is_no_pending_token(content: object) -> None:
    """Two texts, and nothing else."""
    body = base64url(json.dumps(content).rjust(20).encode())
    with pytest.raises(BadTokenError):
        PENDING.parse(f"ds1h.{body}.{'s' * 43}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"hold_from": 10},
        {"mode": "enforce", "hold_from": 9},
        {"mode": "enforce", "hold_from": float("nan")},
        {"mode": "enforce", "hold_from": "20"},
        {"mode": "enforce", "hold_from": True, "step_up_from": 1},
        {"mode": "enforce", "step_up_from": 20, "hold_from": 19},
    ],
)
def test_a_policy_that_would_hold_in_vain_is_refused(wrong: dict[str, Any]) -> None:
    """Under observe nothing is held; below the step-up nothing more is needed."""
    with pytest.raises(ConfigurationError, match="hold_from"):
        Risk(**wrong)


def test_the_table_of_a_policy_names_its_hold() -> None:
    """Where there is one."""
    assert "+30  hold from" in str(Risk(mode="enforce", hold_from=30))
    assert "hold" not in str(Risk())
