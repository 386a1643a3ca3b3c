"""Every read treats the rows of an ending as written while they still follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess.stores.base import ById, Ended, Ending, Everyone, Inserted, OfDevice, OfUser
from devsess.stores.calls import Settled
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, ending, session_row, sign_in, sign_in_again, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.calls import Target
    from devsess.stores.rows import EventRow, SessionRow


async def _cover(store: AsyncStore, target: Target, now: float = T0 + 1, **columns: Any) -> int:
    """End *target* by its number alone."""
    ended = await store.end(ending(target, now, at_once=0, **columns))
    assert ended.following is not None
    assert () == ended.events
    return ended.following


async def _settle(store: AsyncStore, limit: int) -> list[EventRow]:
    """Write all that is covered, *limit* rows at a time."""
    events: list[EventRow] = []
    while True:
        batch = await store.settle(limit=limit)
        events += batch.events
        if not batch.is_more:
            return events


async def _three(store: AsyncStore) -> None:
    await sign_in(
        store,
        session_row("a"),
        session_row("b", device="device-2"),
        session_row("other", user_id="user-2"),
    )


def _ended(row: SessionRow, reason: str = "lost") -> SessionRow:
    return evolve(row, revoked_at=T0 + 1, reason=reason, actor="admin", ip=row.network)


class ManyContract:
    """One small write ends any number of sessions; their rows follow in batches."""

    @with_a_store
    async def test_covered_rows_read_as_ended(self, store: AsyncStore) -> None:
        """A covered session is revoked in every answer, with its network for its address."""
        await _three(store)
        await _cover(store, OfUser("user-1"))

        assert _ended(session_row("a")) == await store.get("a")
        expected = [_ended(session_row("a")), _ended(session_row("b", device="device-2"))]
        assert expected == await store.list("user-1")
        assert session_row("other", user_id="user-2") == await store.get("other")

    @with_a_store
    async def test_everyones_rows_are_covered(self, store: AsyncStore) -> None:
        """Ending everyone covers all rows; a later sign-in is not covered."""
        await _three(store)
        await _cover(store, Everyone())
        await sign_in_again(store, session_row("next"))

        for session_id in ("a", "b", "other"):
            row = await store.get(session_id)
            assert row is not None
            assert "lost" == row.reason
        row = await store.get("next")
        assert row is not None
        assert None is row.revoked_at

    @with_a_store
    async def test_covered_events_lose_the_address(self, store: AsyncStore) -> None:
        """The history of a covered session shows networks, that of others addresses."""
        await _three(store)
        await _cover(store, OfUser("user-1"))

        mine = (await store.events("user-1", limit=9)).items
        others = (await store.events("user-2", limit=9)).items
        assert {"102.89.77.0/24"} == {event.ip for event in mine}
        assert {"102.89.77.21"} == {event.ip for event in others}

    @with_a_store
    async def test_nothing_writes_a_covered_row(self, store: AsyncStore) -> None:
        """Touch, rotate, update and end treat it as revoked."""
        await _three(store)
        await _cover(store, OfUser("user-1"))

        assert not await store.touch("a", rows.activity(T0 + 2), bound=True)
        assert None is await store.rotate("a", expected_generation=0, changes={}, event=None)
        assert None is await rows.update(store, "a", {"claims": "{}"})
        assert Ended() == await store.end(ending(ById("a"), T0 + 2))
        assert Ended() == await store.end(ending(OfDevice("user-1", "device-2"), T0 + 2))
        assert _ended(session_row("a")) == await store.get("a")

    @with_a_store
    async def test_covered_rows_take_no_room(self, store: AsyncStore) -> None:
        """A sign-in neither counts, evicts nor replaces covered sessions."""
        await _three(store)
        await _cover(store, OfUser("user-1"))

        how = {"limit": 1, "evict": False, "replaces": True}
        assert Inserted() == await sign_in_again(store, session_row("next"), **how)

    @with_a_store
    async def test_the_log_says_all(self, store: AsyncStore) -> None:
        """A covering number empties every cache; writing the rows appends nothing."""
        await _three(store)
        position = await rows.log_position(store)
        await _cover(store, OfUser("user-1"))

        assert "all" == await rows.changed_since(store, position)
        position = await rows.log_position(store)
        await _settle(store, 1)
        assert set() == await rows.changed_since(store, position)

    @with_a_store
    async def test_a_kept_row_takes_the_new_number(self, store: AsyncStore) -> None:
        """It lives, and the next ending covers it."""
        await _three(store)
        number = await _cover(store, OfUser("user-1", keep="a"))

        assert session_row("a", ending_number=number) == await store.get("a")
        await _cover(store, OfUser("user-1"), reason="again")
        row = await store.get("a")
        assert row is not None
        assert "again" == row.reason

    @with_a_store
    async def test_only_a_live_session_of_the_account_is_kept(self, store: AsyncStore) -> None:
        """A foreign session to keep takes no number, and one that is covered stays ended."""
        await _three(store)
        await _cover(store, OfUser("user-1", keep="other"))
        await _cover(store, OfUser("user-1", keep="a"), reason="again")

        assert session_row("other", user_id="user-2") == await store.get("other")
        row = await store.get("a")
        assert row is not None
        assert "lost" == row.reason

    @with_a_store
    async def test_the_first_ending_is_the_end(self, store: AsyncStore) -> None:
        """Of several endings that cover a session the first gives instant, reason and actor."""
        await _three(store)
        await _cover(store, OfUser("user-1"))
        await _cover(store, Everyone(), T0 + 2, reason="all", actor=None)

        for _ in range(2):
            assert _ended(session_row("a")) == await store.get("a")
            row = await store.get("other")
            assert row is not None
            assert ("all", None, T0 + 2) == (row.reason, row.actor, row.revoked_at)
            await _settle(store, 1)

    @with_a_store
    async def test_rows_follow_in_batches(self, store: AsyncStore) -> None:
        """With any size of batch, rows and events are those of an ending that wrote them itself."""
        for limit in (1, 2, 9):
            user_id, expected = f"user-{limit}", f"plain-{limit}"
            for whose in (user_id, expected):
                await sign_in(store, *(_session(whose, name) for name in "cab"))
            await _cover(store, OfUser(user_id, keep=f"{user_id}-c"))
            events = await _settle(store, limit)
            plain = await store.end(ending(OfUser(expected, keep=f"{expected}-c")))

            assert _shown(plain.events) == _shown(events)
            assert await _seen(store, expected) == await _seen(store, user_id)
            assert Settled() == await store.settle(limit=limit)

    @with_a_store
    async def test_only_the_live_get_an_event(self, store: AsyncStore) -> None:
        """Sessions that were dead already when the ending came are written without one."""
        await sign_in(store, session_row("live"), *rows.past_deadlines())
        number = await _cover(store, OfUser("user-1"), cutoffs=rows.DEADLINES)

        assert ("live",) == (await store.covered(number, limit=9)).items
        assert ["live"] == [event.session_id for event in await _settle(store, 2)]
        assert {"lost"} == {row.reason for row in await store.list("user-1")}

    @with_a_store
    async def test_rows_are_left_to_the_one_that_ended_them(self, store: AsyncStore) -> None:
        """Of endings later than asked for, a batch writes the caller's own alone."""
        await _three(store)
        first = await _cover(store, OfUser("user-1"))
        await _cover(store, Everyone(), T0 + 2)

        assert Settled() == await store.settle(limit=9, before=T0 + 0.5)
        assert {"a", "b"} == await _covered(store, first)
        batch = await store.settle(limit=9, own=first, before=T0 + 0.5)
        assert (["a", "b"], False) == ([it.session_id for it in batch.events], batch.is_more)
        assert ["other"] == [it.session_id for it in await _settle(store, 9)]

    @with_a_store
    async def test_a_later_ending_leaves_the_rows_of_an_earlier_one(
        self, store: AsyncStore
    ) -> None:
        """A batch of one's own ending writes no row that another ending was the first to cover."""
        await _three(store)
        first = await _cover(store, OfUser("user-1"), T0 + 5)
        second = await _cover(store, Everyone(), T0 + 6, reason="all")
        batch = await store.settle(limit=9, own=second, before=T0)

        assert (["other"], False) == ([it.session_id for it in batch.events], batch.is_more)
        assert {"a", "b"} == await _covered(store, first)
        assert {"lost"} == {event.reason for event in await _settle(store, 9)}

    @with_a_store
    async def test_covered_sessions_are_listed_by_pages(self, store: AsyncStore) -> None:
        """The pages hold sessions that the ending was the first to cover and that are unwritten."""
        await _three(store)
        first, second = await _cover(store, OfUser("user-1")), await _cover(store, Everyone())

        assert {"a", "b"} == await _covered(store, first)
        assert {"other"} == await _covered(store, second)
        assert set() == await _covered(store, second + 1)
        await _settle(store, 1)
        assert set() == await _covered(store, first)

    @with_a_store
    async def test_purge_knows_how_they_ended(self, store: AsyncStore) -> None:
        """A covered session whose deadline passes was ended, and did not expire."""
        await sign_in(store, session_row("a", idle_expires_at=T0 + 5))
        await _cover(store, OfUser("user-1"))
        await store.purge(rows.retention(T0 + 9), limit=9)
        row = await store.get("a")

        assert row is not None
        assert "lost" == row.reason

    @with_a_store
    async def test_a_changed_device_names_no_covered_session(self, store: AsyncStore) -> None:
        """The log names the sessions of a changed device that have not ended."""
        await _three(store)
        await _cover(store, OfUser("user-1"))
        position = await rows.log_position(store)
        await store.put_device("user-1", "device-1", changes={"name": "x"}, event=rows.UPDATED)

        assert set() == await rows.changed_since(store, position)

    @with_a_store
    async def test_erasure_takes_covered_rows(self, store: AsyncStore) -> None:
        """An erased account has nothing left to follow; others' rows still do."""
        await _three(store)
        await _cover(store, OfUser("user-1"))
        await store.erase(rows.erasure())
        await _cover(store, OfUser("user-2"))

        assert ["other"] == [event.session_id for event in await _settle(store, 1)]

    @with_a_store
    async def test_few_are_ended_at_once(self, store: AsyncStore) -> None:
        """Up to the given number of rows, the ending writes them itself."""
        await _three(store)

        assert None is (await store.end(ending(OfUser("user-1"), at_once=2))).following
        assert 1_000 == Ending.__attrs_attrs__.at_once.default


async def _covered(store: AsyncStore, number: int) -> set[str]:
    ids: set[str] = set()
    page = await store.covered(number, limit=1)
    ids.update(page.items)
    while page.next is not None:
        page = await store.covered(number, limit=1, cursor=page.next)
        ids.update(page.items)
    return ids


def _session(user_id: str, name: str) -> SessionRow:
    return session_row(f"{user_id}-{name}", user_id=user_id, device=f"device-{name}")


def _shown(events: Any) -> set[tuple[object, ...]]:
    return {
        (str(it.session_id)[-1], it.type, it.at, it.ip, it.reason, it.actor, it.device_id)
        for it in events
    }


async def _seen(store: AsyncStore, user_id: str) -> list[tuple[object, ...]]:
    listed = await store.list(user_id)
    history = (await store.events(user_id, limit=99)).items
    kept = sorted((str(it.session_id)[-1], it.type.value, it.ip or "") for it in history)
    rows_seen = ((row.id[-1], row.revoked_at, row.reason, row.actor, row.ip) for row in listed)
    return [*rows_seen, *kept]
