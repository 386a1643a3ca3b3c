"""SQLite against the memory store, the reference: after any operations, they answer alike."""

from __future__ import annotations

import math
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _recount import RecountedStore, check
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devsess.lifecycle import Activity, LivenessCutoffs
from devsess.models import Assessment, Decision, EventType, Location
from devsess.stores.base import ALL, ById, Ending, Erasure, Everyone, Insertion, OfDevice, OfUser
from devsess.stores.calls import Retention
from devsess.stores.capabilities import capabilities_of
from devsess.stores.counting import DAY, QUARTER, WEEK, Period
from devsess.stores.items import Item
from devsess.stores.rows import EventRow
from devsess.stores.searching import Filter
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = st.sampled_from(["user-1", "user-2", "üser"])
IDS = st.sampled_from([f"s{number}" for number in range(8)] + ["\ud800"])
DIGESTS = st.sampled_from([b"1", b"2"])
DEVICES = st.sampled_from(["d1", "d2", "d3"])
INSTANTS = st.integers(0, 12).map(lambda tick: T0 + tick)
RETENTIONS = st.builds(
    lambda now, apart, before, devices: Retention(
        now,
        now + apart,
        before,
        devices,
        agents_before=T0 - 1,  # memory keeps no texts apart
    ),
    INSTANTS,
    st.sampled_from([0, 2, math.inf]),
    INSTANTS,
    INSTANTS,
)
CUTOFFS = st.builds(
    lambda now, idle, created: LivenessCutoffs(now, now - idle, now - created, now + 2),
    INSTANTS,
    st.integers(1, 20),
    st.integers(1, 20),
)
PLACES = st.sampled_from([None, Location("Łódź", "Polska", 51.75, 19.5, 3.0), Location()])
AGENTS = st.sampled_from([None, "a/1", "b/2"])
TARGETS = st.one_of(
    st.builds(ById, IDS, st.none() | USERS),
    st.builds(OfUser, USERS, st.none() | IDS, st.booleans()),
    st.builds(OfDevice, USERS, DEVICES, st.booleans()),
    st.just(Everyone()),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "ip": st.sampled_from([None, "198.51.100.7"]),
        "network": st.sampled_from([None, "198.51.100.0/24"]),
        "user_agent": AGENTS,
        "location": PLACES,
        "last_seen_at": INSTANTS,
        "idle_from": INSTANTS,
        "idle_expires_at": INSTANTS,
        "amr": st.sampled_from([(), ("otp",), ("otp", "hwk")]),
        "acr": st.sampled_from([None, "aal2"]),
        "claims": st.sampled_from(["{}", '{"a":"ü"}']),
        "bound": st.booleans(),
        "score": st.sampled_from([None, -1, 0, 2]),
        "previous_generation": st.none() | st.integers(0, 3),
        "presented": st.booleans(),
        "levels": st.sampled_from([(), (("aal1", 7),), (("ü", 0), ("aal2", 9))]),
    },
)
DEVICE_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([None, "mine"]),
        "trusted_until": INSTANTS,
        "blocked": st.booleans(),
    },
)
SESSIONS = st.builds(
    lambda session_id, user_id, device, created, seen, idle, absolute, agent, place, number: (
        rows.session_row(
            session_id,
            user_id=user_id,
            device=rows.device_row(id=device, user_id=user_id, last_seen_at=seen),
            created_at=created,
            last_seen_at=seen,
            idle_from=seen,
            idle_expires_at=min(idle, absolute),
            absolute_expires_at=absolute,
            user_agent=agent,
            location=place,
            ending_number=number,
        )
    ),
    IDS.filter(lambda it: it != "\ud800"),
    USERS,
    DEVICES,
    *[INSTANTS] * 4,
    AGENTS,
    PLACES,
    st.integers(0, 9),
)
# An event names no network without an address, or the network in its place.
ADDRESSES = st.sampled_from(
    [(None, None), ("198.51.100.7", "198.51.100.0/24"), ("198.51.100.0/24", "198.51.100.0/24")]
)
EVENTS = st.builds(
    lambda kind, at, user_id, session_id, address, agent, verdict, actor: EventRow(
        type=kind,
        at=at,
        user_id=user_id,
        session_id=session_id,
        ip=address[0],
        network=address[1],
        user_agent=agent,
        assessment=verdict and Assessment(9, verdict),
        actor=actor,
    ),
    st.sampled_from(EventType),
    INSTANTS,
    USERS,
    st.sampled_from([None, "s1", "s2"]),
    ADDRESSES,
    AGENTS,
    st.sampled_from([None, *Decision]),
    st.sampled_from([None, "ops", "user-1"]),
)


ITEMS = st.builds(
    lambda kind, owner, version, at, span: Item(kind, owner, "", "{}", version, at, at + span),
    st.sampled_from(["failures", "unknown-failures", "profile"]),
    USERS,
    st.integers(1, 3),
    INSTANTS,
    st.sampled_from([0, 99]),
)
# The instants lie in one quarter and behind it, in one day and one week.
PERIODS = st.builds(
    Period,
    st.lists(st.integers(-3, 3).map(lambda it: (T0 // QUARTER + it) * QUARTER), min_size=2)
    .map(sorted)
    .map(tuple),
    INSTANTS,
)
PERIOD = Period(
    (T0 // WEEK * WEEK - DAY, T0 // QUARTER * QUARTER, T0 // WEEK * WEEK + WEEK), T0 + 6
)


FILTERS = st.builds(
    Filter,
    user_id=st.none() | USERS,
    network=st.sampled_from([None, None, "198.51.100.0/24", "102.89.77.0/24"]),
    ip=st.sampled_from([None, None, None, "198.51.100.7", "102.89.77.21"]),
    device_id=st.none() | DEVICES,
    since=st.none() | INSTANTS,
    until=st.none() | INSTANTS,
    is_ended=st.sampled_from([None, False, True]),
)


def _all_pages(ask: Any) -> list[Any]:
    page = ask()
    found = [*page]
    while page.next is not None:
        page = ask(cursor=page.next)
        found += page
    return found


class StoresAgree(RuleBasedStateMachine):
    """Each rule does one operation on both and compares the answers."""

    # Whether a purge counts the same: a store may keep an ending until another one is settled.
    counts_alike = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores: tuple[Any, Any] = (RecountedStore(), self.other())
        self.positions = [[store.changes(None).position for store in self.stores]]

    def other(self) -> Any:
        """A new store that is compared with memory."""
        return SQLiteStore(self.folder / "sessions.db")

    def teardown(self) -> None:
        self.statistics(PERIOD)
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    def both(self, method: str, *args: Any, **kwargs: Any) -> Any:
        expected, actual = (self._one(store, method, args, kwargs) for store in self.stores)

        assert expected == actual
        return actual

    def _one(self, store: Any, method: str, args: Any, kwargs: Any) -> Any:
        try:
            return getattr(store, method)(*args, **kwargs)
        except ValueError as error:
            return type(error)

    @rule(
        row=SESSIONS,
        at=CUTOFFS,
        auth=st.none() | INSTANTS,
        is_new=st.booleans(),
        digests=st.lists(DIGESTS),
        limit=st.none() | st.integers(1, 3),
        evict=st.booleans(),
        replaces=st.booleans(),
    )
    def insert(self, row: Any, at: Any, auth: float | None, is_new: bool, **how: Any) -> None:
        number = self.both("ending_number", row.user_id, digests=how["digests"])
        row = evolve(row, ending_number=number) if is_new else row
        self.both("insert", Insertion(row, rows.login(row).event, auth, at, **how))

    @rule(
        session_id=IDS,
        at=st.tuples(*[INSTANTS] * 3),
        bound=st.booleans(),
        presented=st.none() | st.integers(0, 3),
    )
    def touch(self, session_id: str, at: Any, **marks: Any) -> None:
        self.both("touch", session_id, Activity(*at), **marks)

    @rule(
        session_id=IDS,
        generation=st.integers(0, 3),
        changes=CHANGES,
        event=st.none() | EVENTS,
    )
    def rotate(self, session_id: str, generation: int, changes: Any, event: Any) -> None:
        kwargs = {"expected_generation": generation, "changes": changes, "event": event}
        self.both("rotate", session_id, **kwargs)

    @rule(session_id=IDS, expected=CHANGES, changes=CHANGES, event=EVENTS)
    def update(self, session_id: str, **kwargs: Any) -> None:
        self.both("update", session_id, **kwargs)

    @rule(session_id=IDS, changes=CHANGES, event=EVENTS)
    def update_as_it_stands(self, session_id: str, changes: Any, event: EventRow) -> None:
        row = self.both("get", session_id)
        expected = {} if row is None else {name: getattr(row, name) for name in changes}
        self.both("update", session_id, expected=expected, changes=changes, event=event)

    @rule(
        whose=TARGETS,
        at=CUTOFFS,
        actor=st.sampled_from([None, "admin"]),
        at_once=st.sampled_from([0, 1, 1_000]),
        event=st.none() | EVENTS,
    )
    def end(
        self, whose: Any, at: Any, actor: str | None, at_once: int, event: EventRow | None
    ) -> None:
        ended = self.both("end", Ending(whose, "lost", actor, at, at_once, event))
        for number in range(ended.following or 0, (ended.following or -1) + 1):
            covered = [list(self._all_covered(store, number)) for store in self.stores]

            assert sorted(covered[0]) == sorted(covered[1])

    def _all_covered(self, store: Any, number: int) -> Iterator[str]:
        cursor = None
        while True:
            page = store.covered(number, limit=2, cursor=cursor)
            yield from page
            cursor = page.next
            if cursor is None:
                return

    @rule(limit=st.integers(1, 3))
    def settle(self, limit: int) -> None:
        """Batches may differ, and which account of an ending comes first; their sum may not."""
        events: list[list[EventRow]] = [[], []]
        for store, kept in zip(self.stores, events, strict=True):
            batch = store.settle(limit=limit)
            kept += batch.events
            while batch.is_more:
                batch = store.settle(limit=limit)
                kept += batch.events

        instants, by_account = (
            [[it.at for it in kept] for kept in events],
            [sorted(kept, key=lambda it: it.user_id) for kept in events],
        )
        assert instants[0] == instants[1]  # the oldest ending first
        assert by_account[0] == by_account[1]

    @rule(
        user_id=USERS,
        device_id=DEVICES,
        changes=DEVICE_CHANGES,
        event=EVENTS,
        number=st.none() | st.integers(0, 3),
    )
    def put_device(self, user_id: str, device_id: str, **kwargs: Any) -> None:
        self.both("put_device", user_id, device_id, **kwargs)

    @rule(event=EVENTS)
    def add_event(self, event: EventRow) -> None:
        self.both("add_event", event)

    @rule(
        retention=RETENTIONS,
        limit=st.integers(1, 4),
    )
    def purge_everything(self, retention: Retention, limit: int) -> None:
        totals = []
        for store in self.stores:
            done = [store.purge(retention, limit=limit)]
            while done[-1]:
                done.append(store.purge(retention, limit=limit))
            assert limit >= max(done)
            totals.append(sum(done))

        assert totals[0] == totals[1] or not self.counts_alike

    @rule(user_id=USERS, digests=st.lists(DIGESTS), until=INSTANTS, at=st.none() | INSTANTS)
    def erase(self, user_id: str, digests: list[bytes], until: float, at: float | None) -> None:
        self.both("erase", Erasure(user_id, digests, until, at))

    @rule(item=ITEMS)
    def put_item(self, item: Item) -> None:
        self.both("put_item", item)

    @rule(period=PERIODS)
    def statistics(self, period: Period) -> None:
        """The statistics of both are those of a recount."""
        recounted, other = self.stores
        if capabilities_of(other).statistics is not None:
            check(recounted, other, period)

    @rule()
    def remember_position(self) -> None:
        self.positions.append([store.changes(None).position for store in self.stores])

    @rule(user_id=USERS, ids=st.lists(DEVICES), limit=st.integers(1, 3))
    def read_by_pages(self, user_id: str, ids: Any, limit: int) -> None:
        self.both("known_devices", user_id, ids=ids, fingerprints=())
        pages: list[list[EventRow]] = []
        for store in self.stores:
            page = store.events(user_id, limit=limit)
            pages.append(list(page))
            while page.next and len(pages[-1]) < 1000:
                page = store.events(user_id, limit=limit, cursor=page.next)
                pages[-1] += page

        assert pages[0] == pages[1]

    @rule(
        wanted=FILTERS,
        at=CUTOFFS,
        limit=st.integers(1, 4),
        looked=st.integers(1, 6),
        least=st.integers(-1, 2),
    )
    def search(self, wanted: Filter, at: Any, limit: int, looked: int, least: int) -> None:
        """Pages may be cut elsewhere: what they have together is the same."""
        if any(capabilities_of(store).searching is None for store in self.stores):
            return
        how = {"cutoffs": at, "limit": limit, "looked": looked}
        for ask in (
            lambda store, **page: store.search(wanted, **how, **page),
            lambda store, **page: store.queue(least, **how, **page),
            lambda store, **page: store.acts(limit=limit, **page),
        ):
            expected, actual = (_all_pages(partial(ask, store)) for store in self.stores)
            assert expected == actual
        self.both("count", wanted, cutoffs=at, most=3)

    @invariant()
    def everything_reads_alike(self) -> None:
        for user_id in ("user-1", "user-2", "üser"):
            for row in self.both("list", user_id):
                assert row == self.both("get", row.id)
                assert row == self.stores[1].get(row.id, wait=False)
            self.both("devices", user_id)
            self.both("events", user_id, limit=1000)

    @invariant()
    def the_log_reads_alike(self) -> None:
        for pair in self.positions:
            logged = [store.changes(at).ids for store, at in zip(self.stores, pair, strict=True)]
            named = [it if it is ALL else set(it) for it in logged]

            assert named[0] == named[1]


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(stateful_step_count=40, deadline=None)
