"""The history, the purge and the erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.lifecycle import Activity
from devsess.models import Assessment, Decision, Signal
from devsess.stores.base import ById, Inserted, OfDevice
from devsess.stores.rows import EXPIRED
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, raises, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.rows import EventRow

ASSESSMENT = Assessment(
    score=25,
    decision=Decision.NOTIFY,
    signals=(Signal("new_device", 20, "Ein neues Gerät.", {"km": 12.5, "of": ["a", None]}),),
    not_evaluated=("impossible_travel",),
)


async def _purge_all(store: AsyncStore, now: float, before: float, limit: int = 100) -> int:
    """Rows cleaned until nothing was left to do."""
    total = 0
    retention = rows.retention(now, before, agents_before=T0 - DAY)
    while done := await store.purge(retention, limit=limit):
        assert done <= limit
        total += done
    return total


class HistoryContract:
    """Events in the order they were kept; bounded cleaning; nothing left of the erased."""

    @with_a_store
    async def test_events_are_paged_newest_first(self, store: AsyncStore) -> None:
        """Pages follow each other without gap or overlap, in the order the events were kept."""
        kept = [rows.event_row(at=T0 - at, reason=str(at)) for at in range(7)]
        for event in kept:
            await store.add_event(event)
        seen: list[EventRow] = []
        sizes: list[int] = []
        cursor = None
        for _ in kept:
            page = await store.events("user-1", limit=3, cursor=cursor)
            seen += page.items
            sizes.append(len(page))
            cursor = page.next
            if cursor is None:
                break

        assert kept[::-1] == seen
        assert [3, 3, 1] == sizes

    @with_a_store
    async def test_a_full_last_page_is_the_last(self, store: AsyncStore) -> None:
        """A cursor is given only where something is behind it."""
        for _ in range(2):
            await store.add_event(rows.event_row())
        page = await store.events("user-1", limit=2)

        assert (2, None) == (len(page), page.next)

    @with_a_store
    async def test_new_events_do_not_shift_pages(self, store: AsyncStore) -> None:
        """Events inserted meanwhile do not change the pages behind a cursor."""
        for reason in ("a", "b", "c"):
            await store.add_event(rows.event_row(reason=reason))
        page = await store.events("user-1", limit=1)
        await store.add_event(rows.event_row(reason="d"))
        behind = await store.events("user-1", limit=9, cursor=page.next)

        assert ["b", "a"] == [event.reason for event in behind]

    @with_a_store
    async def test_histories_are_private(self, store: AsyncStore) -> None:
        """A user's history holds no other's events."""
        await store.add_event(rows.event_row(user_id="user-2"))

        assert () == (await store.events("user-1", limit=9)).items

    @with_a_store
    async def test_mangled_cursors(self, store: AsyncStore) -> None:
        """A mangled cursor, or a page without room, is a ValueError."""
        for mangled in ("", "x", "-1", "1 ", "1_0", "٣", "9" * 30, "\ud800"):
            await raises(ValueError, store.events("user-1", limit=1, cursor=mangled))
        await raises(ValueError, store.events("user-1", limit=0))

    @with_a_store
    async def test_an_assessment_comes_back(self, store: AsyncStore) -> None:
        """An event's assessment reads as it was kept."""
        expected = rows.event_row(assessment=ASSESSMENT)
        await store.add_event(expected)

        assert (expected,) == (await store.events("user-1", limit=1)).items

    @with_a_store
    async def test_purge_marks_what_ran_out(self, store: AsyncStore) -> None:
        """Rows whose deadline has passed end at that deadline, without address, event or log."""
        passed = session_row("passed", idle_expires_at=T0 + 5)
        running = session_row("running", idle_expires_at=T0 + 5.25)
        await sign_in(store, passed, running)
        log = await rows.log_position(store)
        expected = evolve(passed, revoked_at=T0 + 5, reason=EXPIRED, ip=passed.network)

        assert 1 == await _purge_all(store, T0 + 5, T0 - DAY)
        assert expected == await store.get("passed")
        assert running == await store.get("running")
        assert set() == await rows.changed_since(store, log)
        assert {"passed": passed.network, "running": running.ip} == {
            event.session_id: event.ip for event in await store.events("user-1", limit=9)
        }

    @with_a_store
    async def test_purge_goes_by_the_deadline_of_today(self, store: AsyncStore) -> None:
        """Whichever write moved a deadline, purge and `ahead` go by where it is now."""
        later: dict[str, object] = {"idle_expires_at": T0 + 50}
        names = ("touched", "rotated", "updated", "set-back")
        await sign_in(store, *(session_row(it, idle_expires_at=T0 + 5) for it in names))
        await store.touch("touched", Activity(T0, T0, T0 + 50), bound=False)
        await store.rotate("rotated", expected_generation=0, changes=later, event=None)
        await rows.update(store, "updated", later)
        await store.set_back("set-back", expected={}, changes=later)

        assert 0 == await _purge_all(store, T0 + 5, T0 - DAY)
        assert sorted(names) == [row.id for row in await store.ahead(after=T0 + 49, limit=9)]
        await store.set_back("updated", expected={}, changes={"idle_expires_at": T0 + 6})
        assert 1 == await _purge_all(store, T0 + 6, T0 - DAY)
        assert 3 == await _purge_all(store, T0 + 50, T0 - DAY)

    @with_a_store
    async def test_purge_spares_what_was_revoked(self, store: AsyncStore) -> None:
        """A revoked row keeps its instant and reason, also past its deadline."""
        await sign_in(store, session_row(idle_expires_at=T0 + 5))
        await rows.end_one(store, "s1")
        expected = await store.get("s1")

        assert 0 == await _purge_all(store, T0 + 9, T0 - DAY)
        assert expected == await store.get("s1")

    @with_a_store
    async def test_purge_deletes_what_ended_long_ago(self, store: AsyncStore) -> None:
        """Sessions that ended before the instant are deleted; later or live ones stay."""
        await sign_in(store, *(session_row(it) for it in ("old", "edge", "live")))
        await rows.end_one(store, "old", T0 + 1)
        await rows.end_one(store, "edge", T0 + 2)
        await _purge_all(store, T0 + 3, T0 + 2)

        assert {"edge", "live"} == {row.id for row in await store.list("user-1")}

    @with_a_store
    async def test_purge_deletes_old_events(self, store: AsyncStore) -> None:
        """Events older than the instant are deleted, in any order."""
        for at in (T0 + 3, T0 + 1, T0 + 2):
            await store.add_event(rows.event_row(at=at))

        assert 1 == await _purge_all(store, T0, T0 + 2)
        assert [T0 + 2, T0 + 3] == [it.at for it in await store.events("user-1", limit=9)]

    @with_a_store
    async def test_purge_deletes_idle_devices(self, store: AsyncStore) -> None:
        """Old devices without session go; blocked, trusted, named and used ones stay."""
        names = ("plain", "blocked", "trusted", "once-trusted", "named", "used", "new")
        for name in names:
            seen = T0 + 9 if name == "new" else T0
            device = rows.device_row(id=name, last_seen_at=seen)
            await sign_in(store, session_row(f"s-{name}", device=device))
            if name != "used":
                await rows.end_one(store, f"s-{name}", T0 + 1)
        for name, changes in (
            ("blocked", {"blocked": True}),
            ("trusted", {"trusted_until": T0 + 9}),
            ("once-trusted", {"trusted_until": T0 + 8}),
            ("named", {"name": "mine"}),
        ):
            await store.put_device("user-1", name, changes=changes, event=rows.UPDATED)
        await _purge_all(store, T0 + 8, T0 + 2)

        assert {"blocked", "trusted", "named", "used", "new"} == {
            device.id for device in await store.devices("user-1")
        }

    @with_a_store
    async def test_purge_keeps_devices_longer_than_sessions(self, store: AsyncStore) -> None:
        """A device has an instant of its own; its network goes with its latest session."""
        for name, seen in (("long-ago", T0), ("not-so-long", T0 + 2), ("of-late", T0 + 6)):
            device = rows.device_row(id=name, last_seen_at=seen, network="192.0.2.0")
            await sign_in(store, session_row(f"s-{name}", device=device))
            await rows.end_one(store, f"s-{name}", seen + 1)
        retention = rows.retention(T0 + 9, T0 + 5, devices_before=T0 + 1)
        while await store.purge(retention, limit=9):
            pass

        assert [("of-late", "192.0.2.0"), ("not-so-long", None)] == [
            (device.id, device.network) for device in await store.devices("user-1")
        ]

    @with_a_store
    async def test_a_new_sign_in_keeps_the_network(self, store: AsyncStore) -> None:
        """An old session that is deleted leaves the network of a newer one."""
        await sign_in(store, session_row("old", device=rows.device_row(last_seen_at=T0)))
        await rows.end_one(store, "old", T0 + 1)
        device = rows.device_row(last_seen_at=T0 + 6, network="198.51.100.0")
        await sign_in(store, session_row("new", device=device))
        await _purge_all(store, T0 + 9, T0 + 5)

        assert ["198.51.100.0"] == [it.network for it in await store.devices("user-1")]

    @with_a_store
    async def test_purge_deletes_forgotten_devices(self, store: AsyncStore) -> None:
        """A forgotten device goes with its last session, however new or blocked it is."""
        device = rows.device_row(last_seen_at=T0 + 9)
        await sign_in(store, session_row(device=device))
        await store.end(rows.ending(OfDevice("user-1", "device-1")))
        await store.end(rows.ending(OfDevice("user-1", "device-1", forget=True)))
        await _purge_all(store, T0 + 1, T0)
        row = await store.get("s1")

        assert row is not None
        assert row.device.forgotten
        await _purge_all(store, T0 + 9, T0 + 2)
        # Once it is gone, the block is gone as well: the id is as new.
        assert Inserted() == await store.insert(rows.login(session_row("s2")))

    @with_a_store
    async def test_purge_is_bounded(self, store: AsyncStore) -> None:
        """A batch deletes at most its limit, and the batches end with nothing left."""
        for number in range(7):
            await sign_in(
                store, session_row(f"s{number}", device=f"d{number}", idle_expires_at=T0 + 1)
            )
        total = await _purge_all(store, T0 + 9, T0 + 5, limit=3)

        assert 4 * 7 == total
        assert [] == await store.list("user-1")
        assert [] == await store.devices("user-1")
        assert () == (await store.events("user-1", limit=9)).items

    @with_a_store
    async def test_purge_of_an_empty_store(self, store: AsyncStore) -> None:
        """Where there is nothing to do, nothing is done; a batch without room is a mistake."""
        assert 0 == await store.purge(rows.retention(), limit=1)
        await raises(ValueError, store.purge(rows.retention(), limit=0))

    @with_a_store
    async def test_erase_leaves_nothing(self, store: AsyncStore) -> None:
        """Everything about the user is deleted and counted; nobody else's is touched."""
        other = session_row("other", user_id="user-2")
        await sign_in(store, session_row("a"), session_row("b", device="device-2"), other)
        await store.end(rows.ending(ById("a")))
        await rows.end_all(store, "user-1", T0 + 5)

        # Two sessions, two devices, two logins, two ends, the account's number.
        assert 9 == await store.erase(rows.erasure())
        assert None is await store.get("a")
        assert [] == await store.list("user-1")
        assert [] == await store.devices("user-1")
        assert () == (await store.events("user-1", limit=9)).items
        assert 0 == await store.erase(rows.erasure("nobody"))
        assert other == await store.get("other")
        assert 1 == len(await store.events("user-2", limit=9))
        assert Inserted() == await store.insert(rows.login(session_row("new")))
