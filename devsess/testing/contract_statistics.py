"""Statistics as tests: for stores that have `SupportsStatistics`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess.models import Assessment, Decision, EventType
from devsess.stores.base import ById, Everyone, OfDevice, OfUser, Refused
from devsess.stores.capabilities import capabilities_of
from devsess.stores.counting import (
    DAY,
    ERASED,
    OTHER,
    QUARTER,
    SIZES,
    WEEK,
    Measures,
    Numbers,
    Period,
    age_bin,
)
from devsess.stores.items import Item
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing import _rows as rows
from devsess.testing._rows import HOUR, T0, device_row, session_row, sign_in, with_a_store
from devsess.testing.contract_sizes import SizesContract
from devsess.testing.contract_spans import (
    FIRST,
    LAGOS,
    THIS_WEEK,
    CountingStore,
    numbers,
    quarter,
)

if TYPE_CHECKING:
    from devsess.stores.calls import Target

COUNTED: Mapping[EventType, str] = {
    EventType.LOGIN_DENIED: "denied",
    EventType.LIMIT_EXCEEDED: "limited",
    EventType.NEW_DEVICE: "new_devices",
    EventType.TOKEN_REUSED: "reused",
    EventType.SESSION_STEPPED_UP: "stepped_up",
    EventType.STEP_UP_ASKED: "step_ups_asked",
    EventType.SIGN_IN_HELD: "held",
    EventType.SIGN_IN_APPROVED: "approved",
    EventType.SIGN_IN_REFUSED: "refused",
    EventType.NOTICE_CONFIRMED: "confirmed",
    EventType.NOTICE_DISOWNED: "disowned",
}


class StatisticsContract(SizesContract):
    """
    The contract of `SupportsStatistics`, for a class of its own beside StoreContract.

        class TestMyStatistics(StatisticsContract):
            def make_store(self):
                return MyStore(...)
    """

    def make_store(self) -> Any:
        """A new, empty store, as for StoreContract."""
        raise NotImplementedError

    @with_a_store
    async def test_the_capability_of_statistics_is_found(self, store: CountingStore) -> None:
        """Managers find the capability by its method."""
        assert capabilities_of(store).statistics is not None

    @with_a_store
    async def test_an_empty_store_has_counted_nothing(self, store: CountingStore) -> None:
        """Every range is there, with nothing in it."""
        found = await store.statistics(Period((FIRST, T0 // QUARTER * QUARTER, T0 + WEEK), T0))

        assert Numbers(0, 0, (Measures(),) * 3, {}, {}, {}, (0,) * len(SIZES)) == found

    @with_a_store
    async def test_a_session_counts_once_it_is_begun(self, store: CountingStore) -> None:
        """In its quarter, under its device and place, and among those begun in its week."""
        row = session_row(location=LAGOS, impersonator=("s0", "admin"))
        await sign_in(store, row)
        found = await numbers(store)

        assert (1, 0) == (found.open, found.lagging)
        assert Measures(signed_in=1, impersonated=1) == found.ranges[0]
        places = {("device", "Chrome\tmacOS\tdesktop"): 1, ("place", "NG\tNigeria\tLagos\t6\t3"): 1}
        assert places == found.tallies
        assert ({}, {THIS_WEEK: (1, 0)}) == (found.spans, found.cohorts)

    @with_a_store
    async def test_a_refused_sign_in_is_none(self, store: CountingStore) -> None:
        """A row that is not inserted does not count, whatever refuses it."""
        await sign_in(store, session_row())
        await store.insert(rows.login(session_row("s2", device="d2"), limit=1, evict=False))
        await store.end(rows.ending(OfDevice("user-1", "device-1")))
        answer = await rows.sign_in_again(store, session_row("s3"))

        assert Refused.BLOCKED == answer
        assert 1 == (await numbers(store)).ranges[0].signed_in

    @with_a_store
    async def test_an_end_counts_with_its_reason_and_age(self, store: CountingStore) -> None:
        """At its instant, under the age that the session had, and the kind of device."""
        await sign_in(store, session_row(device=device_row(kind="phone")))
        await rows.end_one(store, "s1", T0 + HOUR)
        found = await numbers(store)

        assert (0, 0) == (found.open, found.lagging)
        assert Measures(signed_in=1, ended=1) == found.ranges[0]
        assert 1 == found.tallies["reason", "lost"]
        # The application's own reasons may be many: they are told apart by the day alone.
        assert {(age_bin(HOUR), OTHER, "phone"): 1} == found.spans
        assert {(THIS_WEEK[0], "phone"): (1, 1)} == found.cohorts

    @with_a_store
    async def test_every_ending_counts(self, store: CountingStore) -> None:
        """Each that writes rows as ended: one, a device's, a user's and everyone's sessions."""
        for number in range(4):
            await sign_in(store, session_row(f"s{number}", user_id=f"u{number}"))
        targets: list[Target] = [
            ById("s0"),
            OfDevice("u1", "device-1"),
            OfUser("u2"),
            Everyone(),
        ]
        left = []
        for target in targets:
            await store.end(rows.ending(target, reason="late"))
            left.append((await numbers(store)).open)
        await store.end(rows.ending(Everyone(), reason="late"))
        found = await numbers(store)

        assert [3, 2, 1, 0] == left
        assert Measures(signed_in=4, ended=4) == found.ranges[0]
        assert {(0, "late", "desktop"): 4} == found.spans

    @with_a_store
    async def test_sessions_that_make_room_count(self, store: CountingStore) -> None:
        """Those replaced and evicted, each under its reason."""
        await sign_in(store, session_row("a"), session_row("b", device="d2"))
        await store.insert(rows.login(session_row("c"), replaces=True))
        await store.insert(rows.login(session_row("d", device="d3"), limit=2))
        found = await numbers(store)

        assert (4, 2) == (found.ranges[0].signed_in, found.ranges[0].ended)
        assert {(0, REPLACED, "desktop"): 1, (0, EVICTED, "desktop"): 1} == found.spans

    @with_a_store
    async def test_what_had_lapsed_is_expired(self, store: CountingStore) -> None:
        """At its idle deadline, whatever ends it or writes it later."""
        ends = {"purged": None, "ended": ById("ended"), "of user": OfUser("user-of user")}
        for name in ends:
            row = session_row(name, user_id=f"user-{name}", idle_expires_at=T0 + HOUR)
            await sign_in(store, row)
        await store.end(rows.ending(ById("ended"), T0 + DAY))
        await store.end(rows.ending(OfUser("user-of user"), T0 + DAY))
        await _purge(store, T0 + DAY)
        found = await numbers(store, FIRST, quarter(T0 + HOUR), quarter(T0 + HOUR) + QUARTER)

        assert [0, 3, 0] == [it.expired for it in found.ranges]
        assert [0, 3, 0] == [it.ended for it in found.ranges]
        assert 3 == found.tallies["reason", EXPIRED]
        assert {(age_bin(HOUR), EXPIRED, "desktop"): 3} == found.spans

    @with_a_store
    async def test_what_lapsed_lags_until_it_is_written(self, store: CountingStore) -> None:
        """Nobody has ended it: it is open until a purge, and said to lag."""
        await sign_in(store, session_row("a", idle_expires_at=T0 + HOUR), session_row("b"))
        before = [await numbers(store, now=now) for now in (T0 + HOUR - 1, T0 + HOUR)]
        await _purge(store, T0 + HOUR)
        after = await numbers(store, now=T0 + HOUR)

        assert [(2, 0), (2, 1), (1, 0)] == [(it.open, it.lagging) for it in (*before, after)]

    @with_a_store
    async def test_covered_rows_lag_until_they_follow(self, store: CountingStore) -> None:
        """`settle` counts them, at the instant and under the reason of their ending."""
        for number in range(3):
            await sign_in(store, session_row(f"s{number}", device=f"d{number}"))
        await sign_in(store, session_row("other", user_id="user-2"))
        await store.end(rows.ending(OfUser("user-1"), T0 + HOUR, at_once=0, reason="stale"))
        covered = await numbers(store, now=T0 + HOUR)
        while (await store.settle(limit=2)).is_more:
            pass
        settled = await numbers(store, now=T0 + HOUR)

        assert (4, 3, 0) == (covered.open, covered.lagging, covered.ranges[0].ended)
        assert (1, 0, 3) == (settled.open, settled.lagging, settled.ranges[0].ended)
        assert {(age_bin(HOUR), "stale", "desktop"): 3} == settled.spans

    @with_a_store
    async def test_an_erasure_leaves_the_counts(self, store: CountingStore) -> None:
        """Sessions that end with it are erased at its instant, or when they were last seen."""
        await sign_in(store, session_row("a"), session_row("b"), session_row("c", user_id="u2"))
        await rows.end_one(store, "a")
        await store.erase(evolve(rows.erasure(), at=T0 + HOUR))
        await store.erase(rows.erasure("u2"))
        found = await numbers(store)

        assert (0, Measures(signed_in=3, ended=3)) == (found.open, found.ranges[0])
        assert 2 == found.tallies["reason", ERASED]
        ages = {(age_bin(HOUR), ERASED, "desktop"): 1, (0, ERASED, "desktop"): 1}
        assert {**ages, (0, OTHER, "desktop"): 1} == found.spans

    @with_a_store
    async def test_covered_rows_are_erased_as_ended(self, store: CountingStore) -> None:
        """One that an ending covers has ended already, as that says."""
        await sign_in(store, session_row())
        await store.end(rows.ending(OfUser("user-1"), T0 + HOUR, at_once=0, reason="stale"))
        await store.erase(evolve(rows.erasure(), at=T0 + DAY))
        found = await numbers(store)

        assert (0, 0) == (found.open, found.lagging)
        assert {(age_bin(HOUR), "stale", "desktop"): 1} == found.spans

    @with_a_store
    async def test_a_purge_leaves_the_counts(self, store: CountingStore) -> None:
        """Nothing is counted again, and nothing is taken back."""
        await sign_in(store, session_row(location=LAGOS))
        await rows.end_one(store, "s1")
        before = await numbers(store)
        await _purge(store, T0 + DAY)

        assert None is await store.get("s1")
        assert before == await numbers(store)

    @with_a_store
    async def test_events_count_once_they_are_inserted(self, store: CountingStore) -> None:
        """Each of those that are told apart, in its quarter; no other adds anything."""
        for kind in EventType:
            event = rows.event_row(kind, at=T0 + HOUR, session_id=None, user_id=kind.value)
            await store.add_event(event)
        found = await numbers(store, FIRST, quarter(T0 + HOUR))

        assert Measures() == found.ranges[0]
        assert Measures(**dict.fromkeys(COUNTED.values(), 1)) == found.ranges[1]

    @with_a_store
    async def test_events_of_other_writes_count(self, store: CountingStore) -> None:
        """Those of a sign-in, a rotation, a change, a device and an ending."""
        reused = rows.event_row(EventType.TOKEN_REUSED, at=T0 + 1)
        held = evolve(reused, type=EventType.STEP_UP_ASKED)
        await store.insert(rows.login(session_row(), device_event=_new_device()))
        await store.rotate("s1", expected_generation=0, changes={}, event=reused)
        await store.update("s1", expected={}, changes={}, event=held)
        await store.put_device("user-1", "device-1", changes={}, event=evolve(held, at=T0 + 2))
        await store.end(rows.ending(ById("s1"), event=evolve(reused, at=T0 + 2)))
        found = (await numbers(store)).ranges[0]

        expected = Measures(signed_in=1, ended=1, new_devices=1, reused=2, step_ups_asked=2)
        assert expected == found

    @with_a_store
    async def test_verdicts_count_at_sign_ins(self, store: CountingStore) -> None:
        """A decision about the risk counts with the event of a sign-in, and with no other."""
        for number, decision in enumerate(Decision):
            verdict = Assessment(9, decision)
            for kind in (EventType.SESSION_CREATED, EventType.SESSION_RENEWED):
                event = rows.event_row(kind, session_id=f"s{number}", assessment=verdict)
                await store.add_event(event)
        found = (await numbers(store)).ranges[0]

        assert Measures(risk_notify=1, risk_step_up=1, risk_deny=1) == found

    @with_a_store
    async def test_failures_count_as_they_are_recorded(self, store: CountingStore) -> None:
        """Each item of failures that is written is one, but for one that is withdrawn."""
        first = Item("failures", "user-1", "", "[]", 1, T0, T0 + DAY)
        await store.put_item(first)
        await store.put_item(first)  # another call was faster
        await store.put_item(evolve(first, version=2, at=T0 + HOUR))
        await store.put_item(evolve(first, version=3, until=T0))
        await store.put_item(evolve(first, kind="unknown-failures", owner="7f"))
        await store.put_item(evolve(first, kind="profile"))
        found = await numbers(store, FIRST, quarter(T0 + HOUR))

        assert [2, 1] == [it.failed for it in found.ranges]

    @with_a_store
    async def test_a_copy_counts_what_it_writes(self, store: CountingStore) -> None:
        """Sessions and events that it brings, as if they were written here; and each once."""
        other = self.make_store()
        if capabilities_of(store).copy is None:
            return
        await sign_in(other, session_row("a", location=LAGOS), session_row("b", device="d2"))
        await rows.end_one(other, "a", T0 + HOUR)
        await other.add_event(rows.event_row(EventType.TOKEN_REUSED, session_id="b"))
        await _copy(other, store)
        await _copy(other, store)
        expected, found = await numbers(other), await numbers(store)
        await rows.end_one(other, "b", T0 + DAY)
        await _copy(other, store)
        await _copy(store, other)
        ended = [await numbers(it) for it in (other, store)]
        await other.close()

        assert (1, 2, 1) == (found.open, found.ranges[0].signed_in, found.ranges[0].reused)
        assert expected == found
        assert (0, 2) == (ended[0].open, ended[0].ranges[0].ended)
        assert ended[0] == ended[1]

    @with_a_store
    async def test_an_end_that_is_moved_counts_once(self, store: CountingStore) -> None:
        """Of two ends the earlier one stands; it has been counted, and is not again."""
        other = self.make_store()
        if capabilities_of(store).copy is None:
            return
        await sign_in(other, session_row())
        await _copy(other, store)
        await rows.end_one(store, "s1", T0 + DAY)
        await rows.end_one(other, "s1", T0 + HOUR)
        await _copy(other, store)
        await other.close()
        row, found = await store.get("s1"), await numbers(store)

        assert row is not None
        assert T0 + HOUR == row.revoked_at
        assert (0, 1) == (found.open, found.ranges[0].ended)

    @with_a_store
    async def test_a_correction_moves_no_count(self, store: CountingStore) -> None:
        """A count stays where it was, whatever a clock that was ahead had written."""
        await sign_in(store, session_row(created_at=T0 + DAY))
        before = await numbers(store)
        await store.set_back("s1", expected={}, changes={"created_at": T0})

        assert before == await numbers(store)

    @with_a_store
    async def test_touches_and_rotations_add_nothing(self, store: CountingStore) -> None:
        """Nor does reading: statistics cost a request nothing."""
        await sign_in(store, session_row())
        before = await numbers(store)
        await store.touch("s1", rows.activity(T0 + 9), bound=True)
        await store.rotate("s1", expected_generation=0, changes={}, event=None)

        assert before == await numbers(store)


def _new_device() -> Any:
    return rows.event_row(EventType.NEW_DEVICE)


async def _copy(source: Any, target: Any) -> None:
    await target.merge(await source.export(limit=9))


async def _purge(store: CountingStore, now: float) -> None:
    while await store.purge(rows.retention(now, now), limit=2):
        pass
