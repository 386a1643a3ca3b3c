"""Events read again and again as tests: for stores that have `SupportsPolling`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from devsess.models import EventType
from devsess.stores.base import AsyncStore, Everyone
from devsess.stores.capabilities import AsyncSupportsPolling, capabilities_of
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, raises, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.rows import EventRow


class PolledStore(AsyncStore, AsyncSupportsPolling, Protocol):
    """A store that gives the events of all accounts."""


class PollingContract:
    """
    The contract of `SupportsPolling`, for a class of its own beside StoreContract.

        class TestMyPolling(PollingContract):
            def make_store(self):
                return MyStore(...)
    """

    def make_store(self) -> Any:
        """A new, empty store, as for StoreContract."""
        raise NotImplementedError

    @with_a_store
    async def test_the_capability_of_polling_is_found(self, store: PolledStore) -> None:
        """Managers find the capability by its method."""
        assert capabilities_of(store).polling is not None

    @with_a_store
    async def test_an_empty_store_has_a_position(self, store: PolledStore) -> None:
        """Those who find nothing go on from there, and are given what comes later."""
        first = await store.poll(None, limit=9)
        again = await store.poll(first.next, limit=9)
        await store.add_event(rows.event_row(reason="later"))

        assert ((), ()) == (first.items, again.items)
        assert ["later"] == await _reasons(store, again.next)

    @with_a_store
    async def test_each_event_comes_once(self, store: PolledStore) -> None:
        """Those of all accounts, whatever wrote them, and nothing twice."""
        other = session_row("other", user_id="user-2")
        await sign_in(store, session_row("a"), other)
        seen = [*(first := await store.poll(None, limit=9))]
        await rows.end_one(store, "a")
        await store.add_event(rows.event_row(user_id="user-3", session_id=None))
        seen += [*(second := await store.poll(first.next, limit=9))]
        rest = await store.poll(second.next, limit=9)

        kept = [it for name in ("user-1", "user-2", "user-3") for it in await _history(store, name)]
        assert (4, 0) == (len(seen), len(rest))
        assert sorted(map(_what, kept)) == sorted(map(_what, seen))

    @with_a_store
    async def test_an_account_keeps_its_order(self, store: PolledStore) -> None:
        """Pages of any size have an account's events as its history has them."""
        kept = [
            rows.event_row(at=T0 - at, reason=str(at), user_id=f"user-{at % 3}") for at in range(9)
        ]
        for event in kept:
            await store.add_event(event)
        for limit in (1, 2, 9, 10):
            seen = await _all(store, limit)
            for name in ("user-0", "user-1", "user-2"):
                assert await _history(store, name) == [it for it in seen if it.user_id == name]

    @with_a_store
    async def test_a_page_may_end_within_a_transaction(self, store: PolledStore) -> None:
        """Events that one transaction wrote of several accounts come once, in pages of any size."""
        ids = [f"s{it}" for it in range(6)]
        for it in ids:
            user_id = f"user-{ids.index(it) % 3}"
            await sign_in(store, session_row(it, user_id=user_id, device=f"device-{it}"))
        await store.end(rows.ending(Everyone(), at_once=9))

        for limit in (1, 2, 5, 99):
            ended = [it for it in await _all(store, limit) if it.type is EventType.SESSION_REVOKED]
            assert ids == sorted(str(it.session_id) for it in ended)

    @with_a_store
    async def test_a_position_may_be_asked_again(self, store: PolledStore) -> None:
        """An answer that was lost is given again: the same events, and no others before them."""
        for reason in ("a", "b", "c"):
            await store.add_event(rows.event_row(reason=reason))
        first = await store.poll(None, limit=1)
        lost = await store.poll(first.next, limit=1)

        assert lost == await store.poll(first.next, limit=1)
        assert ["b", "c"] == await _reasons(store, first.next)

    @with_a_store
    async def test_erasure_hides_nothing_that_comes(self, store: PolledStore) -> None:
        """Where the newest events are erased, the next ones are behind each position."""
        await store.add_event(rows.event_row(reason="gone"))
        position = (await store.poll(None, limit=9)).next
        await store.erase(rows.erasure())
        assert [] == await _all(store, 9)
        await store.add_event(rows.event_row(reason="new"))

        assert ["new"] == await _reasons(store, position)

    @with_a_store
    async def test_a_purge_hides_nothing_that_comes(self, store: PolledStore) -> None:
        """Nor where they are purged."""
        await store.add_event(rows.event_row(reason="gone"))
        position = (await store.poll(None, limit=9)).next
        while await store.purge(rows.retention(T0 + DAY, T0 + DAY), limit=9):
            pass
        assert [] == await _all(store, 9)
        await store.add_event(rows.event_row(reason="new"))

        assert ["new"] == await _reasons(store, position)

    @with_a_store
    async def test_an_erased_event_is_not_given(self, store: PolledStore) -> None:
        """Nothing of a person is handed on once it is erased."""
        await sign_in(store, session_row(), session_row("other", user_id="user-2"))
        await store.erase(rows.erasure())

        assert {"user-2"} == {it.user_id for it in await _all(store, 9)}

    @with_a_store
    async def test_addresses_are_as_in_the_history(self, store: PolledStore) -> None:
        """An event of an ended session shows the network alone, by a number too."""
        await sign_in(store, session_row("a"), session_row("b", device="device-2"))
        await store.end(rows.ending(Everyone(), at_once=0))

        created = [it for it in await _all(store, 9) if it.type is EventType.SESSION_CREATED]
        assert [it.network for it in created] == [it.ip for it in created]

    @with_a_store
    async def test_mangled_positions(self, store: PolledStore) -> None:
        """A position that the store did not give is a ValueError, as is a page without room."""
        for mangled in ("", "x", "-1", "1 ", "1_0", "\u0663", "9" * 30, "9" * 18, "\ud800", "[]"):
            await raises(ValueError, store.poll(mangled, limit=1))
        await raises(ValueError, store.poll(None, limit=0))


async def _all(store: PolledStore, limit: int) -> list[EventRow]:
    page = await store.poll(None, limit=limit)
    found = [*page]
    while page.items:
        assert len(page) <= limit
        page = await store.poll(page.next, limit=limit)
        found += page
        assert len(found) < 99, "the pages have no end"
    return found


async def _reasons(store: PolledStore, position: str | None) -> list[str | None]:
    return [event.reason for event in await store.poll(position, limit=9)]


def _what(event: EventRow) -> tuple[str, ...]:
    return event.user_id, str(event.session_id), event.type.value


async def _history(store: AsyncStore, user_id: str) -> list[EventRow]:
    """An account's history, oldest first."""
    return [*await store.events(user_id, limit=99)][::-1]
