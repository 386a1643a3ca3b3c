"""The change log: which writes it holds, and for which positions."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from devsess.models import EventType
from devsess.stores.base import ALL, ById, Everyone, OfDevice, OfUser
from devsess.testing import _rows as rows
from devsess.testing._rows import (
    T0,
    changed_since,
    ending,
    log_position,
    session_row,
    sign_in,
    with_a_store,
)

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore

# More than any store needs to keep.
MANY = 10_001


class LogContract:
    """Nothing that must take effect now is missed."""

    make_store: Any

    @with_a_store
    async def test_no_position_means_all(self, store: AsyncStore) -> None:
        """Without a position the answer is ALL, of an empty store too."""
        changes = await store.changes(None)

        assert ALL is changes.ids
        assert set() == await changed_since(store, changes.position)

    @with_a_store
    async def test_nothing_new(self, store: AsyncStore) -> None:
        """Without a change the position stays equal and nothing is named."""
        position = await log_position(store)
        changes = await store.changes(position)

        assert position == changes.position
        assert [] == list(changes.ids) if changes.ids is not ALL else False

    @with_a_store
    async def test_logins_touches_and_rotations_are_not_logged(self, store: AsyncStore) -> None:
        """Writes that take nothing away are not in the log."""
        position = await log_position(store)
        await sign_in(store, session_row())
        await store.touch("s1", rows.activity(T0 + 1), bound=True)
        await store.rotate("s1", expected_generation=0, changes={}, event=None)
        kept = rows.event_row(EventType.SESSION_RENEWED, at=T0 + 1, session_id="s1")
        await store.rotate("s1", expected_generation=1, changes={"user_agent": "x"}, event=kept)
        await store.add_event(rows.UPDATED)

        assert set() == await changed_since(store, position)
        assert position == await log_position(store)

    @with_a_store
    async def test_rotations_that_bind_older_tokens_are_logged(self, store: AsyncStore) -> None:
        """Memories hold the session for the access tokens from before, which it binds too."""
        await sign_in(store, session_row())
        kept = rows.event_row(EventType.SESSION_RENEWED, at=T0 + 1, session_id="s1")
        bound: tuple[dict[str, object], ...] = ({"score": 50}, {"step_up_after": 1})
        for number, (changes, event) in enumerate(product(bound, (None, kept))):
            for expected, named in ((number + 1, set()), (number, {"s1"})):
                position = await log_position(store)
                await store.rotate("s1", expected_generation=expected, changes=changes, event=event)
                assert named == await changed_since(store, position)

    @with_a_store
    async def test_updates_are_logged(self, store: AsyncStore) -> None:
        """An update is logged if it was done."""
        await sign_in(store, session_row())
        position = await log_position(store)
        await rows.update(store, "s1", {"claims": "{}"}, {"generation": 9})

        assert set() == await changed_since(store, position)
        await rows.update(store, "s1", {"claims": "{}"})
        assert {"s1"} == await changed_since(store, position)

    @with_a_store
    async def test_ends_are_logged(self, store: AsyncStore) -> None:
        """Every row that an end marked is logged, the expired ones too."""
        await sign_in(
            store,
            session_row("a"),
            session_row("b", device="device-2"),
            session_row("c", idle_expires_at=T0),
            session_row("d", device="device-4"),
            session_row("other", user_id="user-2"),
        )
        for target, expected in (
            (ById("a", "user-2"), set()),
            (ById("a"), {"a"}),
            (OfDevice("user-1", "device-2"), {"b"}),
            (OfUser("user-1", keep="d"), {"c"}),
            (OfUser("user-1"), {"d"}),
        ):
            position = await log_position(store)
            await store.end(ending(target))

            assert expected == await changed_since(store, position)

    @with_a_store
    async def test_ending_everyone_means_all(self, store: AsyncStore) -> None:
        """Behind an end of everyone the answer is ALL, of an empty store too."""
        position = await log_position(store)
        await store.end(ending(Everyone()))

        assert "all" == await changed_since(store, position)
        assert position != await log_position(store)

    @with_a_store
    async def test_making_room_is_logged(self, store: AsyncStore) -> None:
        """Replaced and evicted sessions are logged, the new one is not."""
        await sign_in(store, session_row("own"), session_row("other", device="device-2"))
        position = await log_position(store)
        await store.insert(rows.login(session_row("new"), limit=1, replaces=True))

        assert {"own", "other"} == await changed_since(store, position)

    @with_a_store
    async def test_device_changes_are_logged(self, store: AsyncStore) -> None:
        """A changed device logs its unrevoked sessions, and no others."""
        await sign_in(
            store,
            session_row("a"),
            session_row("b"),
            session_row("expired", idle_expires_at=T0),
            session_row("elsewhere", device="device-2"),
            session_row("other", user_id="user-2"),
        )
        await rows.end_one(store, "b")
        position = await log_position(store)
        await store.put_device("user-1", "device-1", changes={"name": "x"}, event=rows.UPDATED)

        assert {"a", "expired"} == await changed_since(store, position)

    @with_a_store
    async def test_erasure_is_logged(self, store: AsyncStore) -> None:
        """The sessions of an erased user are logged."""
        await sign_in(store, session_row("a"), session_row("b"), session_row("c", user_id="user-2"))
        position = await log_position(store)
        await store.erase(rows.erasure())

        assert {"a", "b"} == await changed_since(store, position)

    @with_a_store
    async def test_each_position_has_the_changes_behind_it(self, store: AsyncStore) -> None:
        """An older position has more changes behind it; reading takes none away."""
        await sign_in(store, session_row("a"), session_row("b"))
        first = await log_position(store)
        await rows.update(store, "a", {"claims": "{}"})
        second = (await store.changes(first)).position
        await rows.update(store, "b", {"claims": "{}"})
        third = (await store.changes(second)).position

        assert {"a", "b"} == await changed_since(store, first)
        assert {"b"} == await changed_since(store, second)
        assert set() == await changed_since(store, third)
        assert third == await log_position(store)

    @with_a_store
    async def test_another_stores_position_means_all(self, store: AsyncStore) -> None:
        """For a position of another database the answer is ALL, at any length of the log."""
        other = self.make_store()
        try:
            assert "all" == await changed_since(store, await log_position(other))
            for it in (store, other):
                await sign_in(it, session_row())
                await rows.update(it, "s1", {"claims": "{}"})

            assert "all" == await changed_since(store, await log_position(other))
            await rows.update(other, "s1", {"claims": "{}"})
            assert "all" == await changed_since(store, await log_position(other))
        finally:
            await other.close()

    @with_a_store
    async def test_a_trimmed_position_means_all(self, store: AsyncStore) -> None:
        """For a position below the oldest entry the answer is ALL; the newest stays known."""
        await sign_in(store, *(session_row(f"s{number}") for number in range(500)))
        old = await log_position(store)
        for _ in range(MANY // 500 + 1):
            await store.put_device("user-1", "device-1", changes={}, event=rows.UPDATED)
        newest = await log_position(store)
        while await store.purge(rows.retention(), limit=20_000):
            pass

        assert "all" == await changed_since(store, old)
        assert set() == await changed_since(store, newest)
        await rows.update(store, "s1", {"claims": "{}"})
        assert {"s1"} == await changed_since(store, newest)

    @with_a_store
    async def test_a_purge_leaves_so_many_entries(self, store: AsyncStore) -> None:
        """The log is trimmed to its newest entries, also where nothing else is left to purge."""
        await sign_in(store, *(session_row(f"s{number}") for number in range(500)))
        for _ in range(MANY // 500 + 3):
            await store.put_device("user-1", "device-1", changes={}, event=rows.UPDATED)
        counts = []
        while done := await store.purge(rows.retention(), limit=400):
            counts.append(done)

        assert max(counts) <= 400
        assert sum(counts) > 500
        assert 0 == await store.purge(rows.retention(), limit=400)
