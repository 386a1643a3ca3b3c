"""The columns of sessions and devices that may change, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess.lifecycle import Activity
from devsess.models import EventType, Location
from devsess.stores import semantics
from devsess.stores.base import OfDevice
from devsess.stores.calls import MUTABLE
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.rows import EventRow

LOCATIONS = (
    Location("Lagos", "Nigeria", 6.455, 3.3941, 50.0),
    Location("Lagos"),
    Location(country_code="NG"),
    Location(region="Québec", asn=5769),
    Location(is_hosting=True),
    Location(is_hosting=False),
    Location("Québec", "Canada", 46.8, -71.2, None, "QC", "CA", "America/Toronto", 1, "ISP", True),
)
EVERY_COLUMN: dict[str, Any] = {
    "ip": "198.51.100.7",
    "network": "198.51.100.0/24",
    "user_agent": "Пример/1.0",
    "location": Location("Łódź", None, 51.7592, 19.456, None),
    "last_seen_at": T0 + 1,
    "idle_from": T0 + 2,
    "idle_expires_at": T0 + 20 * DAY,
    "auth_time": int(T0) + 3,
    "amr": ("otp", "hwk"),
    "acr": "aal3",
    "claims": '{"ä":1}',
    "generation": 4,
    "rotated_at": T0 + 5.5,
    "rotated_by": "refresh",
    "bound": True,
    "previous_generation": 2,
    "presented": True,
    "levels": (("aal1", int(T0)), ("phrh", int(T0) + 3)),
    "step_up_after": int(T0) + 8,
    "score": 25,
}


class ChangeContract:
    """Compare and swap; only forward; never a revoked row."""

    @with_a_store
    async def test_touch_moves_activity(self, store: AsyncStore) -> None:
        """A touch writes the three instants and says that the row was there."""
        row = session_row()
        await sign_in(store, row)
        moved = Activity(T0 + 1, T0 + 2, T0 + 15 * DAY)
        expected = evolve(row, last_seen_at=T0 + 1, idle_from=T0 + 2, idle_expires_at=T0 + 15 * DAY)

        assert await store.touch("s1", moved, bound=False)
        assert expected == await store.get("s1")

    @with_a_store
    async def test_touch_never_moves_back(self, store: AsyncStore) -> None:
        """Each instant of a touch counts by itself, and only if it is later."""
        row = session_row(idle_from=T0 + 9)
        await sign_in(store, row)

        assert await store.touch("s1", Activity(T0 + 5, T0 + 5, T0), bound=False)
        assert evolve(row, last_seen_at=T0 + 5) == await store.get("s1")

    @with_a_store
    async def test_touch_binds_and_never_unbinds(self, store: AsyncStore) -> None:
        """Bound once, bound for ever."""
        row = session_row()
        await sign_in(store, row)
        for bound in (True, False):
            await store.touch("s1", rows.activity(T0), bound=bound)

            assert evolve(row, bound=True) == await store.get("s1")

    @with_a_store
    async def test_touch_marks_its_own_generation(self, store: AsyncStore) -> None:
        """A row is marked as presented by its own generation, and no touch takes it back."""
        row = session_row(generation=3)
        await sign_in(store, row)
        for presented, marked in ((2, False), (None, False), (4, False), (3, True), (2, True)):
            await store.touch("s1", rows.activity(T0), bound=False, presented=presented)

            assert evolve(row, presented=marked) == await store.get("s1")

    @with_a_store
    async def test_a_revoked_row_never_changes(self, store: AsyncStore) -> None:
        """No touch, rotation, update or second end reaches a revoked row."""
        await sign_in(store, session_row())
        await rows.end_one(store, "s1")
        expected = await store.get("s1")
        events, log = await store.events("user-1", limit=9), await rows.log_position(store)

        assert not await store.touch("s1", rows.activity(T0 + 9), bound=True, presented=0)
        assert None is await store.rotate(
            "s1", expected_generation=0, changes=EVERY_COLUMN, event=rows.UPDATED
        )
        assert None is await rows.update(store, "s1", EVERY_COLUMN)
        await rows.end_one(store, "s1", T0 + 9)
        await rows.end_all(store, "user-1", T0 + 9)
        assert expected == await store.get("s1")
        assert events == await store.events("user-1", limit=9)
        assert set() == await rows.changed_since(store, log)

    @with_a_store
    async def test_rotate_raises_the_generation(self, store: AsyncStore) -> None:
        """A rotation raises the generation by one, applies the changes and answers the row."""
        row = session_row(generation=3)
        await sign_in(store, row)
        changes = {"rotated_at": T0 + 1, "rotated_by": "refresh", "user_agent": "new/1"}
        expected = evolve(
            row, generation=4, rotated_at=T0 + 1, rotated_by="refresh", user_agent="new/1"
        )
        event = rows.event_row(EventType.SESSION_RENEWED)

        assert expected == await store.rotate(
            "s1", expected_generation=3, changes=changes, event=event
        )
        assert expected == await store.get("s1")
        assert event == (await store.events("user-1", limit=1)).items[0]

    @with_a_store
    async def test_rotate_keeps_no_user_agent_beyond_a_full_history(
        self, store: AsyncStore
    ) -> None:
        """Only there, and nothing else is left out; an update is the application's own."""
        renewed = rows.event_row(EventType.SESSION_RENEWED, session_id="s1")
        await sign_in(store, session_row())
        for _ in range(semantics.EVENTS_EACH - 1):
            await store.add_event(renewed)

        async def agent_after(generation: int, event: EventRow | None) -> str | None:
            changes = {"user_agent": f"{generation}/1", "rotated_at": T0 + generation}
            row = await store.rotate(
                "s1", expected_generation=generation, changes=changes, event=event
            )
            assert row is not None
            assert row == await store.get("s1")
            assert T0 + generation == row.rotated_at
            return row.user_agent

        assert "0/1" == await agent_after(0, renewed)
        assert "0/1" == await agent_after(1, renewed)
        assert "2/1" == await agent_after(2, None)
        assert "3/1" == await agent_after(3, rows.event_row(EventType.SESSION_MOVED))
        row = await store.update("s1", expected={}, changes={"user_agent": "4/1"}, event=renewed)
        assert row is not None
        assert "4/1" == row.user_agent

    @with_a_store
    async def test_rotate_without_event(self, store: AsyncStore) -> None:
        """A rotation may insert no event."""
        await sign_in(store, session_row())
        await store.rotate("s1", expected_generation=0, changes={}, event=None)

        assert 1 == len(await store.events("user-1", limit=9))

    @with_a_store
    async def test_one_of_two_rotations_wins(self, store: AsyncStore) -> None:
        """A generation is rotated once: the second finds it gone, and nothing is done."""
        await sign_in(store, session_row())
        first = await store.rotate("s1", expected_generation=0, changes={}, event=None)
        for generation in (0, 2, -1):
            assert None is await store.rotate(
                "s1",
                expected_generation=generation,
                changes={"claims": '{"a":1}'},
                event=rows.UPDATED,
            )
        assert first == await store.get("s1")
        assert 1 == len(await store.events("user-1", limit=9))

    @with_a_store
    async def test_update_writes_every_column_it_may(self, store: AsyncStore) -> None:
        """An update can name each of the columns that may change, and answers the row."""
        row = session_row()
        await sign_in(store, row)
        expected = evolve(row, **EVERY_COLUMN)

        assert MUTABLE == EVERY_COLUMN.keys()
        assert expected == await rows.update(store, "s1", EVERY_COLUMN)
        assert expected == await store.get("s1")
        assert rows.UPDATED == (await store.events("user-1", limit=1)).items[0]

    @with_a_store
    async def test_update_can_empty_columns(self, store: AsyncStore) -> None:
        """A column that may be None can become None again."""
        row = rows.full_row()
        await sign_in(store, row)
        names = ("ip", "network", "user_agent", "location", "acr", "rotated_at")
        empty: dict[str, Any] = dict.fromkeys(names)
        expected = evolve(row, **empty)

        assert expected == await rows.update(store, "s1", empty)
        assert expected == await store.get("s1")

    @with_a_store
    async def test_a_location_is_kept_as_it_was_known(self, store: AsyncStore) -> None:
        """It reads as it was written, however little was known, and equals itself in an update."""
        for number, location in enumerate(LOCATIONS):
            row = session_row(f"s{number}", location=location)
            await sign_in(store, row)

            assert row == await store.get(row.id)
            changed = await rows.update(store, row.id, {"location": None}, {"location": location})
            assert evolve(row, location=None) == changed

    @with_a_store
    async def test_update_expects(self, store: AsyncStore) -> None:
        """Every expected column must hold, or nothing is done."""
        row = rows.full_row()
        await sign_in(store, row)
        log = await rows.log_position(store)
        same = {name: getattr(row, name) for name in MUTABLE}
        for name, other in {**EVERY_COLUMN, "rotated_at": None, "user_agent": "unseen"}.items():
            wrong = {**same, name: None if getattr(row, name) == other else other}

            assert None is await rows.update(store, "s1", {"claims": "{}"}, wrong)

        assert row == await store.get("s1")
        assert set() == await rows.changed_since(store, log)
        assert evolve(row, claims="{}") == await rows.update(store, "s1", {"claims": "{}"}, same)

    @with_a_store
    async def test_update_and_rotate_move_activity_forward_only(self, store: AsyncStore) -> None:
        """Activity columns never move back, in any write."""
        row = session_row()
        await sign_in(store, row)
        back = {"last_seen_at": T0 - 1, "idle_from": T0 - 1, "idle_expires_at": T0 - 1}

        assert row == await rows.update(store, "s1", back)
        assert evolve(row, generation=1) == await store.rotate(
            "s1", expected_generation=0, changes=back, event=None
        )

    @with_a_store
    async def test_other_columns_are_mistakes(self, store: AsyncStore) -> None:
        """Naming a column that never changes is the programmer's mistake, a ValueError."""
        row = session_row()
        await sign_in(store, row)
        for name in ("id", "user_id", "created_at", "revoked_at", "salt", "claims = 1, x"):
            wrong: dict[str, object] = {name: "x"}
            await rows.raises(ValueError, rows.update(store, "s1", wrong))
            await rows.raises(ValueError, rows.update(store, "s1", {}, wrong))
            await rows.raises(
                ValueError,
                store.rotate("s1", expected_generation=0, changes=wrong, event=None),
            )
            await rows.raises(
                ValueError,
                store.put_device("user-1", "device-1", changes=wrong, event=rows.UPDATED),
            )

        assert row == await store.get("s1")

    @with_a_store
    async def test_put_device(self, store: AsyncStore) -> None:
        """A device's name, trust and block change together, with an event."""
        await sign_in(store, session_row())
        changes: dict[str, Any] = {"name": "Büro", "trusted_until": T0 + 0.5, "blocked": True}
        event = rows.event_row(EventType.DEVICE_RENAMED, session_id=None)
        expected = rows.device_row(**changes)

        assert expected == await store.put_device(
            "user-1", "device-1", changes=changes, event=event
        )
        assert [expected] == await store.devices("user-1")
        assert event == (await store.events("user-1", limit=1)).items[0]

    @with_a_store
    async def test_put_unknown_device(self, store: AsyncStore) -> None:
        """An unknown, foreign or forgotten device is None, and nothing is kept."""
        await sign_in(store, session_row())
        await store.end(rows.ending(OfDevice("user-1", "device-1", forget=True)))
        before = await store.events("user-1", limit=9)
        for user_id, device_id in (
            ("user-1", "device-1"),
            ("user-1", "nothing"),
            ("user-2", "device-1"),
        ):
            assert None is await store.put_device(
                user_id, device_id, changes={"name": "x"}, event=rows.UPDATED
            )
        assert before == await store.events("user-1", limit=9)
