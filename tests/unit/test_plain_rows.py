"""A plainly good row: what is answered for it without an operation is what the operation says."""

from __future__ import annotations

from typing import Any

import pytest
from _play import CLAIMS, POLICY, ROW, SESSION_ID, SOON, TOKENS, at, play
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from devsess import Client, Location, Policy
from devsess._runtime import operations
from devsess.operations.plain import plainly_good
from devsess.stores.plain_rows import plain_row_of
from devsess.testing._rows import T0

OTHERS = Client(device_token=TOKENS.device.mint(["e-0123456789abcdef"]))
RING = Client(device_token=TOKENS.device.mint(["e-0123456789abcdef", ROW.device.id]))
OWN = Client(ip="198.18.0.1", device_token=TOKENS.device.mint([ROW.device.id]))
FORGED, FORGED_RING, FORGED_OTHERS = (
    evolve(it, device_token=f"{it.device_token[:-43]}{'A' * 43}")  # type: ignore[index]
    for it in (OWN, RING, OTHERS)
)
# They name the device, and are no tokens.
ODD = [evolve(OWN, device_token=it) for it in (f"ds1d.{ROW.device.id}", f"12345{ROW.device.id}~.")]
CLIENTS = (
    *(None, Client(), Client(ip="198.18.0.1", user_agent="x"), OWN, RING, OTHERS),
    *(FORGED, FORGED_RING, FORGED_OTHERS, *ODD),
    *(Client(device_token=""), Client(device_token="garbage"), Client(device_token=5)),  # type: ignore[arg-type]
)
BOUND = evolve(ROW, bound=True)


def plain(row: Any, claims: Any, client: Any, now: float, policy: Policy = POLICY) -> Any:
    return plainly_good(plain_row_of(row), claims, client, now, policy)


def at_length(
    row: Any, claims: Any, client: Any, now: float, policy: Policy = POLICY, *, touch: bool = True
) -> Any:
    """The operation's answer, which may ask its store for nothing, and emit nothing."""
    op = evolve(at(now), policy=policy)
    return play(operations.validate(op, claims, client, touch=touch, row=row))


def assert_alike(plainly: Any, found: Any) -> None:
    assert found.good_until == plainly.good_until
    assert found.session == plainly.session
    assert found.session.generation == plainly.session.generation
    assert repr(found.session) == repr(plainly.session)


# Instants on a coarse grid, so that they meet often: every comparison is tried at its edge.
instants = st.integers(-4, 8).map(lambda it: T0 + it * 100.0)
nows = st.sampled_from([T0, T0, T0 + 50, T0 + 100, T0 + 200, T0 + 400])
spans = st.sampled_from([200, 300, 400, 800, 86_400])


@st.composite
def policies(draw: Any) -> Policy:
    idle, absolute = sorted((draw(spans), draw(spans)))
    touch = draw(st.sampled_from([it for it in (1, 50, 100, 200) if 2 * it <= idle]))
    return Policy(
        access_lifetime=100, idle_timeout=idle, absolute_lifetime=absolute, touch_interval=touch
    )


FIELDS: dict[str, Any] = {
    "created_at": instants,
    "last_seen_at": instants,
    "idle_from": instants,
    "idle_expires_at": instants.map(lambda it: it + 300),
    "absolute_expires_at": instants.map(lambda it: it + 400),
    "auth_time": st.sampled_from([int(T0)] * 4 + [int(T0) + 1]),
    "user_id": st.sampled_from(["user-1"] * 5 + ["user-2"]),
    "bound": st.booleans(),
    "generation": st.sampled_from([0, 1]),
    "previous_generation": st.sampled_from([None, 0]),
    "presented": st.booleans(),
    "revoked_at": st.sampled_from([None] * 5 + [T0]),
    "reason": st.sampled_from([None, "expired", "lost"]),
    "step_up_after": st.sampled_from([None] * 5 + [int(T0)]),
    "impersonator": st.sampled_from([None] * 5 + [("s" * 22, "eve")]),
    "score": st.sampled_from([None, 35]),
    "acr": st.sampled_from([None, "aal2"]),
    "amr": st.sampled_from([(), ("pwd", "otp")]),
    "levels": st.sampled_from([(), (("aal1", int(T0) - 9),)]),
    "claims": st.sampled_from(["{}", '{"a":[1,{"b":null}]}']),
    "location": st.sampled_from([None, Location(country="NG", city="Lagos")]),
    "ip": st.sampled_from([None, "198.18.0.1"]),
    "persistent": st.booleans(),
    "device": st.builds(
        lambda **changes: evolve(ROW.device, **changes),
        last_seen_at=instants,
        trusted_until=st.none() | instants,
        blocked=st.booleans(),
        name=st.sampled_from([None, "mine"]),
        resembles=st.sampled_from([None, "r" * 16]),
    ),
}
changes = st.sampled_from(sorted(FIELDS)).flatmap(lambda it: st.tuples(st.just(it), FIELDS[it]))
# Most of a good row stays as it is: else hardly any would be plainly good.
rows = st.lists(changes, max_size=5).map(lambda found: evolve(BOUND, **dict(found)))
claims_ = st.builds(
    lambda generation, expires_at: evolve(CLAIMS, generation=generation, expires_at=expires_at),
    st.sampled_from([None, 0, 1]),
    instants.map(lambda it: it + 200),
)


@settings(max_examples=10 * settings().max_examples, deadline=None)
@given(rows, claims_, st.sampled_from(CLIENTS), nows, policies(), st.booleans())
def test_both_ways_give_the_same_answer(
    row: Any, claims: Any, client: Any, now: float, policy: Policy, touch: bool
) -> None:
    """Where one is given without an operation, the operation gives it too, and writes nothing."""
    plainly = plain(row, claims, client, now, policy)
    if plainly is not None:
        assert_alike(plainly, at_length(row, claims, client, now, policy, touch=touch))


IN_USE = evolve(BOUND, generation=1, previous_generation=0, presented=True)
PLAIN: tuple[tuple[Any, Any, Any, float], ...] = (
    (ROW, CLAIMS, None, SOON),
    (ROW, CLAIMS, Client(ip="198.18.0.1", user_agent="x"), SOON),
    (BOUND, CLAIMS, OWN, SOON),
    (BOUND, CLAIMS, RING, SOON),
    (BOUND, CLAIMS, FORGED, SOON),
    (BOUND, CLAIMS, FORGED_RING, SOON),
    *((BOUND, CLAIMS, it, SOON) for it in ODD),
    (BOUND, CLAIMS, None, SOON),
    (BOUND, evolve(CLAIMS, expires_at=SOON + 10), OWN, SOON),
    (IN_USE, evolve(CLAIMS, generation=1), OWN, SOON),
    (IN_USE, evolve(CLAIMS, generation=0), OWN, SOON),
    (evolve(IN_USE, presented=False), evolve(CLAIMS, generation=0), OWN, SOON),
    (BOUND, CLAIMS, OWN, T0 + POLICY.touch_interval - 0.5),
    (
        evolve(BOUND, acr="aal2", levels=(("aal1", 5),), claims='{"a":1}', score=40),
        CLAIMS,
        OWN,
        SOON,
    ),
    (evolve(BOUND, created_at=SOON + 299, last_seen_at=SOON + 300), CLAIMS, OWN, SOON),
)


@pytest.mark.parametrize("case", PLAIN)
def test_the_plain_cases_need_no_operation(case: Any) -> None:
    """Live, nothing due, on its device or without any, no successor that was not presented."""
    plainly = plain(*case)
    assert plainly is not None
    assert_alike(plainly, at_length(*case))


NEW = evolve(CLAIMS, generation=1)
LEFT: dict[str, tuple[Any, Any, Any, float]] = {
    "revoked": (evolve(BOUND, revoked_at=T0, reason="lost"), CLAIMS, OWN, SOON),
    "purged": (evolve(BOUND, revoked_at=T0, reason="expired"), CLAIMS, OWN, SOON),
    "idle": (evolve(BOUND, idle_expires_at=SOON), CLAIMS, OWN, SOON),
    "over": (evolve(BOUND, absolute_expires_at=SOON), CLAIMS, OWN, SOON),
    "a touch is due": (BOUND, CLAIMS, OWN, T0 + POLICY.touch_interval),
    "dated ahead": (evolve(BOUND, last_seen_at=SOON + 301), CLAIMS, OWN, SOON),
    "created ahead": (evolve(BOUND, created_at=SOON + 301), CLAIMS, OWN, SOON),
    "acted in": (evolve(BOUND, impersonator=("s" * 22, "eve")), CLAIMS, OWN, SOON),
    "step-up due": (evolve(BOUND, step_up_after=int(T0)), CLAIMS, OWN, SOON),
    "another's": (evolve(BOUND, user_id="user-2"), CLAIMS, OWN, SOON),
    "stepped up": (evolve(BOUND, auth_time=int(T0) + 1), CLAIMS, OWN, SOON),
    "not presented": (evolve(IN_USE, presented=False), NEW, OWN, SOON),
    "another device": (BOUND, CLAIMS, OTHERS, SOON),
    "another device, forged": (BOUND, CLAIMS, FORGED_OTHERS, SOON),
    "not bound": (ROW, CLAIMS, OWN, SOON),
    "not bound, forged": (ROW, CLAIMS, FORGED, SOON),
    "a token that names no device": (BOUND, CLAIMS, Client(device_token="garbage"), SOON),
}


@pytest.mark.parametrize("name", LEFT)
def test_every_other_case_is_left_to_the_operation(name: str) -> None:
    """Each that is refused, writes, or asks for more; and each that is only unusual."""
    assert plain(*LEFT[name]) is None


def test_the_row_is_named_by_its_claims() -> None:
    """The rows of these cases are those of the token's session."""
    assert SESSION_ID == ROW.id == CLAIMS.session_id
