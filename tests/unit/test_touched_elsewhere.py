"""A session in memory whose touch came from elsewhere: it is answered with what its row says."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from _play import CLAIMS, POLICY, ROW, SOON, TOKENS, at, play
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from devsess import Client, Session
from devsess._runtime import operations
from devsess.operations.plain import plainly_good, still_good
from devsess.operations.validate import Validated
from devsess.stores.plain_rows import plain_row_of
from devsess.stores.rows import ActivityRow
from devsess.testing._rows import T0

BOUND = evolve(ROW, bound=True)
IN_USE = evolve(BOUND, generation=1, previous_generation=0, presented=True)
OWN = Client(ip="198.18.0.1", device_token=TOKENS.device.mint([ROW.device.id]))
NEW = evolve(CLAIMS, generation=1)
# When it was judged, and when another process has touched it since.
THEN, SEEN, NOW = SOON, T0 + 299, T0 + 400
TOUCHED: dict[str, Any] = {
    "last_seen_at": SEEN,
    "idle_from": SEEN,
    "idle_expires_at": SEEN + POLICY.idle_timeout,
}


def judged(row: Any, claims: Any, client: Any) -> Validated:
    """The entry in memory: the answer to a validation of that row."""
    found = plainly_good(plain_row_of(row), claims, client, THEN, POLICY)
    if found is not None:
        return found
    op = play(operations.validate(at(THEN), claims, client, touch=False, row=row))
    assert isinstance(op, Validated)
    return op


def later(session: Session, row: Any, claims: Any, client: Any, now: float) -> Validated | None:
    """The answer for a session in memory, whose row is *row* by now."""
    activity = ActivityRow(*(getattr(row, it.name) for it in attrs.fields(ActivityRow)))
    return still_good(session, activity, claims, client, now, POLICY)


def assert_alike(one: Validated, other: Any) -> None:
    assert other == one
    assert other.session.generation == one.session.generation
    assert repr(other.session) == repr(one.session)


def at_length(row: Any, claims: Any, client: Any, now: float) -> Any:
    """The operation's answer, which may ask its store for nothing, and emit nothing."""
    return play(operations.validate(at(now), claims, client, touch=True, row=row))


GOOD: dict[str, tuple[Any, Any, Any, dict[str, Any], float]] = {
    "touched": (BOUND, CLAIMS, OWN, TOUCHED, NOW),
    "without a client": (BOUND, CLAIMS, None, TOUCHED, NOW),
    "without a device token": (ROW, CLAIMS, Client(ip="198.18.0.1"), TOUCHED, NOW),
    "bound meanwhile": (ROW, CLAIMS, Client(ip="198.18.0.1"), TOUCHED | {"bound": True}, NOW),
    "of a generation in use": (IN_USE, NEW, OWN, TOUCHED, NOW),
    "of an older generation": (IN_USE, CLAIMS, OWN, TOUCHED, NOW),
    "not the latest, which was not presented": (
        evolve(IN_USE, presented=False),
        evolve(CLAIMS, generation=0),
        OWN,
        TOUCHED,
        NOW,
    ),
    "just not due again": (BOUND, CLAIMS, OWN, TOUCHED, SEEN + POLICY.touch_interval - 0.5),
    "extended too": (BOUND, CLAIMS, OWN, TOUCHED | {"idle_from": NOW + 90}, NOW),
}


@pytest.mark.parametrize("name", GOOD)
def test_only_its_activity_is_new(name: str) -> None:
    """The same answer as the operation's, which writes nothing either; so the next touch counts."""
    row, claims, client, moved, now = GOOD[name]
    kept = judged(row, claims, client)
    found = later(kept.session, evolve(row, **moved), claims, client, now)
    assert found is not None
    assert_alike(found, at_length(evolve(row, **moved), claims, client, now))
    assert found.good_until > now
    assert found.session.last_seen_at > kept.session.last_seen_at


LEFT: dict[str, tuple[Any, Any, Any, dict[str, Any], float]] = {
    "nobody touched it": (BOUND, CLAIMS, OWN, {}, NOW),
    "due again": (BOUND, CLAIMS, OWN, TOUCHED, SEEN + POLICY.touch_interval),
    "renewed": (BOUND, CLAIMS, OWN, TOUCHED | {"generation": 1, "previous_generation": 0}, NOW),
    "idle": (BOUND, CLAIMS, OWN, TOUCHED | {"idle_expires_at": NOW}, NOW),
    "over": (BOUND, CLAIMS, OWN, TOUCHED | {"absolute_expires_at": NOW}, NOW),
    "dated ahead": (BOUND, CLAIMS, OWN, TOUCHED | {"last_seen_at": NOW + 301}, NOW),
    "created ahead": (BOUND, CLAIMS, OWN, TOUCHED | {"created_at": NOW + 301}, NOW),
    "not bound": (ROW, CLAIMS, Client(device_token="garbage"), TOUCHED, NOW),
    "step-up due": (evolve(BOUND, step_up_after=int(T0)), CLAIMS, OWN, TOUCHED, NOW),
}


@pytest.mark.parametrize("name", LEFT)
def test_all_else_is_left_to_the_row(name: str) -> None:
    """Each that is refused, writes, or has changed in more."""
    row, claims, client, moved, now = LEFT[name]
    kept = judged(row, claims, client)
    assert later(kept.session, evolve(row, **moved), claims, client, now) is None


def test_a_generation_to_be_presented_is_left_to_the_row() -> None:
    """Its mark could not be written when it was judged, so it is still to be."""
    kept = judged(IN_USE, NEW, OWN)
    assert later(kept.session, evolve(IN_USE, presented=False, **TOUCHED), NEW, OWN, NOW) is None


def test_an_impersonation_is_left_to_the_row() -> None:
    """It may have ended with the session that began it, which its own row does not show."""
    kept = judged(BOUND, CLAIMS, OWN)
    acted_in = evolve(kept.session, impersonator="eve")
    assert later(acted_in, evolve(BOUND, **TOUCHED), CLAIMS, OWN, NOW) is None


# Instants on a coarse grid, so that they meet often: every comparison is tried at its edge.
instants = st.integers(-2, 9).map(lambda it: T0 + it * 100.0)
MOVES = {
    "last_seen_at": instants,
    "idle_from": instants,
    "idle_expires_at": instants.map(lambda it: it + 300),
    "generation": st.sampled_from([0, 1, 2]),
    "previous_generation": st.sampled_from([None, 0, 1]),
    "presented": st.booleans(),
    "bound": st.booleans(),
}


@settings(max_examples=5 * settings().max_examples, deadline=None)
@given(
    st.sampled_from([ROW, BOUND, IN_USE]),
    st.fixed_dictionaries({}, optional=MOVES),
    st.sampled_from([None, Client(), OWN]),
    st.sampled_from([None, 0, 1]),
    instants,
)
def test_what_is_answered_is_what_the_row_says(
    row: Any, moved: Any, client: Any, generation: Any, now: float
) -> None:
    """After any touch or rotation the operation says the same, and writes nothing."""
    claims = evolve(CLAIMS, generation=generation)
    kept = plainly_good(plain_row_of(row), claims, client, THEN, POLICY)
    after = evolve(row, **moved)
    if after.generation != row.generation:
        after = evolve(after, ip="203.0.113.9", score=40)  # as a renewal from elsewhere
    found = kept and later(kept.session, after, claims, client, now)
    if found is not None:
        assert_alike(found, at_length(after, claims, client, now))
