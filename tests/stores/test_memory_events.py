"""The memory store's events: found by session and account, as by looking at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from devsess.models import EventType
from devsess.stores import semantics
from devsess.stores.calls import ById, Everyone, OfUser
from devsess.stores.memory import MemoryStore
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devsess.stores.rows import EventRow

KINDS = (EventType.SESSION_CREATED, EventType.SESSION_UPDATED, EventType.LIMIT_EXCEEDED)
# One beside an id that is also a user's: neither's events are the other's.
IDS = ("s1", "s2", "user-1")
USERS = ("user-1", "user-2")


class ScanningStore(MemoryStore):
    """Looks at all events, each time."""

    def _is_full(self, event: EventRow) -> bool:
        own = (event.type, event.session_id, event.session_id or event.user_id)
        alike = [
            it
            for it in self._events.values()
            if own == (it.type, it.session_id, it.session_id or it.user_id)
        ]
        return len(alike) >= semantics.EVENTS_EACH

    def _reduce_events(self, session_id: str) -> None:
        for seq, event in self._events.items():
            if event.session_id == session_id:
                self._events[seq] = evolve(event, ip=event.network)


def _event(kind: EventType, user: str, session: str | None, day: int) -> EventRow:
    return rows.event_row(kind, user_id=user, session_id=session, at=T0 + day * DAY)


def _signed_in(store: MemoryStore, session: str, user: str, day: int) -> None:
    row = rows.session_row(session, user_id=user, created_at=T0 + day * DAY)
    if store.get(session) is None:
        row = evolve(row, ending_number=store.ending_number(user))
        store.insert(rows.login(row))


def _merged(store: MemoryStore, user: str) -> None:
    other = MemoryStore()
    _signed_in(other, f"of-{user}", user, 1)
    for kind in KINDS:
        other.add_event(_event(kind, user, None, 1))
    store.merge(other.accounts([user]))


def _ended(store: MemoryStore, target: Any, at_once: int) -> None:
    store.end(rows.ending(target, T0 + DAY, at_once=at_once))


sessions, users, days = st.sampled_from(IDS), st.sampled_from(USERS), st.integers(0, 3)
kinds, limits = st.sampled_from(KINDS), st.integers(1, 5)
targets = st.one_of(st.builds(ById, sessions), st.builds(OfUser, users), st.just(Everyone()))
# Each is done to both stores.
STEPS: st.SearchStrategy[tuple[Callable[..., object], tuple[Any, ...]]] = st.one_of(
    st.tuples(st.just(_signed_in), st.tuples(sessions, users, days)),
    st.tuples(
        st.just(lambda store, *it: store.add_event(_event(*it))),
        st.tuples(kinds, users, st.none() | sessions, days),
    ),
    st.tuples(st.just(_ended), st.tuples(targets, st.sampled_from([0, 99]))),
    st.tuples(st.just(lambda store, limit: store.settle(limit=limit)), st.tuples(limits)),
    st.tuples(
        st.just(
            lambda store, day, limit: store.purge(
                rows.retention(T0 + day * DAY, T0 + day * DAY - 9), limit=limit
            )
        ),
        st.tuples(days, limits),
    ),
    st.tuples(st.just(lambda store, user: store.erase(rows.erasure(user))), st.tuples(users)),
    st.tuples(st.just(_merged), st.tuples(users)),
)


@given(st.lists(STEPS, min_size=30, max_size=60))
def test_events_are_as_if_all_were_looked_at(steps: list[Any]) -> None:
    """Whatever is written and deleted: the same are kept, and the same addresses in them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantics, "EVENTS_EACH", 3)
        store, scanning = MemoryStore(), ScanningStore()
        for step, arguments in steps:
            for it in (store, scanning):
                step(it, *arguments)
            noted = [it for places in store._event_places._places.values() for it in places]
            assert scanning._events == store._events
            assert sorted(store._events) == sorted(noted)


class Watched(dict[int, "EventRow"]):
    """Events that say when one goes through all of them."""

    passes = 0

    def items(self) -> Any:
        self.passes += 1
        return super().items()

    def values(self) -> Any:
        self.passes += 1
        return super().values()

    def __iter__(self) -> Iterator[int]:
        self.passes += 1
        return super().__iter__()


def test_a_sign_in_and_its_end_look_at_their_own_events() -> None:
    """What they cost does not grow with the events of others."""
    store = MemoryStore()
    store._events = events = Watched()
    _signed_in(store, "s1", "user-1", 0)
    store.end(rows.ending(ById("s1")))

    assert 2 == len(events.keys())
    assert 0 == events.passes
