"""Copies between stores as tests: for stores that have `SupportsCopy`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from devsess.models import EventType
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.base import AsyncStore, ById, Erasure, Everyone, OfDevice, OfUser
from devsess.stores.calls import Retention
from devsess.stores.capabilities import AsyncSupportsCopy, capabilities_of
from devsess.stores.comparing import checksum
from devsess.stores.items import Item
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing._rows import (
    DAY,
    HOUR,
    T0,
    changed_since,
    cutoffs,
    device_row,
    end_one,
    ending,
    event_row,
    full_row,
    log_position,
    raises,
    session_row,
    sign_in,
    with_a_store,
)

if TYPE_CHECKING:
    from devsess.stores.rows import SessionRow


class CopyingStore(AsyncStore, AsyncSupportsCopy, Protocol):
    """A store that gives and takes whole accounts."""


class CopyContract:
    """
    The contract of `SupportsCopy`, for a class of its own beside StoreContract.

        class TestMyCopies(CopyContract):
            def make_store(self):
                return MyStore(...)
    """

    def make_store(self) -> Any:
        """A new, empty store, as for StoreContract."""
        raise NotImplementedError

    @with_a_store
    async def test_the_capability_of_copies_is_found(self, store: CopyingStore) -> None:
        """The command that copies finds the capability by its methods."""
        assert capabilities_of(store).copy is not None

    # Out.

    @with_a_store
    async def test_an_empty_store_exports_nothing(self, store: CopyingStore) -> None:
        """A new store has no accounts, no ending and no next page."""
        assert Batch() == await store.export(limit=10)
        assert (Account("nobody"),) == (await store.accounts(["nobody"])).accounts

    @with_a_store
    async def test_an_account_is_whole(self, store: CopyingStore) -> None:
        """Every column of sessions and devices, the events in their order, and the mark."""
        row = full_row()
        await sign_in(store, row)
        await store.add_event(event_row(EventType.LOGIN_DENIED, session_id=None, device_id=None))
        [account] = (await store.export(limit=10)).accounts

        assert Account("user-1", Mark(), (row.device,), (row,), account.events) == account
        assert [EventType.SESSION_CREATED, EventType.LOGIN_DENIED] == [
            event.type for event in account.events
        ]
        assert (account,) == (await store.accounts(["user-1"])).accounts

    @with_a_store
    async def test_pages_hold_each_account_once(self, store: CopyingStore) -> None:
        """Pages of any size hold every account once, beside one that came meanwhile."""
        users = [f"user-{n}" for n in range(7)] + ["ада", "z\U0001f600"]
        for n, user_id in enumerate(users):
            await sign_in(store, session_row(f"s{n}", user_id=user_id))
        await store.add_event(event_row(session_id=None, user_id="events-alone"))
        for limit in (1, 2, 3, 100):
            assert sorted([*users, "events-alone"]) == sorted(await _all_users(store, limit))
        first = await store.export(limit=4)
        await sign_in(store, session_row("new", user_id="user-5-and-more"))
        rest = await _all_users(store, 4, first.next)
        assert {*users} <= {it.user_id for it in first.accounts} | {*rest}

    @with_a_store
    async def test_an_ending_alone_is_exported(self, store: CopyingStore) -> None:
        """An account of which nothing is kept but its ending is on a page, and on one's copy."""
        await store.end(ending(OfUser("user-1")))
        batch = await store.export(limit=10)
        assert [("user-1", T0 + 1)] == [(it.user_id, it.mark.cut_off) for it in batch.accounts]
        other = self.make_store()
        try:
            await other.merge(batch)
            assert batch.accounts == (await other.export(limit=10)).accounts
        finally:
            await other.close()

    @with_a_store
    async def test_forgotten_devices_are_exported(self, store: CopyingStore) -> None:
        """A device that was forgotten is kept while a session names it, and moves with it."""
        await sign_in(store, session_row())
        await store.end(ending(OfDevice("user-1", "device-1", forget=True)))
        [account] = (await store.export(limit=10)).accounts

        assert [True] == [device.forgotten for device in account.devices]

    @with_a_store
    async def test_covered_sessions_are_exported_as_ended(self, store: CopyingStore) -> None:
        """An ending whose rows follow is exported as if they had, with their events."""
        await sign_in(store, session_row("a"), session_row("b"), session_row("dead", idle_from=0.0))
        await sign_in(store, session_row("another's", user_id="user-2"))
        await store.end(evolve(ending(OfUser("user-1")), at_once=0))
        [before, spared] = (await store.accounts(["user-1", "user-2"])).accounts
        while (await store.settle(limit=10)).is_more:
            pass
        [after] = (await store.accounts(["user-1"])).accounts

        assert [None] == [row.revoked_at for row in spared.sessions]
        assert [T0 + 1] * 3 == [row.revoked_at for row in before.sessions]
        assert checksum(after) == checksum(before)

    # In.

    @with_a_store
    async def test_a_copy_equals_its_source(self, store: CopyingStore) -> None:
        """A batch that is merged into an empty store is all of it, and merging again is nothing."""
        source = self.make_store()
        try:
            await _fill(source)
            batch = await source.export(limit=100)
        finally:
            await source.close()
        await store.merge(batch)
        copied = await store.export(limit=100)
        position = await log_position(store)
        await store.merge(batch)

        assert _checksums(batch) == _checksums(copied)
        assert batch.erased == copied.erased
        assert batch.mark.cut_off == copied.mark.cut_off
        assert batch.last_number <= copied.last_number
        assert copied == await store.export(limit=100)
        assert set() == await changed_since(store, position)

    @with_a_store
    async def test_items_go_with_their_owner(self, store: CopyingStore) -> None:
        """An account has its items, and one that has nothing else; the higher version stands."""
        old = Item("profile", "user-1", "", "{}", 1, T0, T0 + DAY)
        await store.put_item(old)
        [account] = (await store.export(limit=9)).accounts
        assert Account("user-1", items=(old,)) == account
        new = evolve(account, items=(evolve(old, kind="notice"), evolve(old, body="[]", version=2)))

        for batch in (_batch(new), _batch(account)):
            await store.merge(batch)

        assert (new,) == (await store.accounts(["user-1"])).accounts
        assert [new.items[1]] == await store.items("profile", "user-1", limit=9)

    @with_a_store
    async def test_a_copied_session_goes_on(self, store: CopyingStore) -> None:
        """It is rotated, touched and ended where it was copied to, and not by a second merge."""
        row = session_row(generation=3, ending_number=5)
        batch = _batch(Account("user-1", Mark(5, T0 - HOUR), (row.device,), (row,)), last_number=7)
        await store.merge(batch)
        rotated = await store.rotate(
            "s1", expected_generation=3, changes={"rotated_at": T0 + 1}, event=None
        )
        assert rotated is not None
        await store.merge(batch)
        assert rotated == await store.get("s1")
        await end_one(store, "s1")
        ended = await store.get("s1")
        await store.merge(batch)
        assert ended == await store.get("s1")

    @with_a_store
    async def test_a_copied_account_is_purged(self, store: CopyingStore) -> None:
        """Its ended session goes in time, its live one keeps its device, and endings go on."""
        await sign_in(store, session_row())
        live, ended = session_row(), _ended(session_row("ended"))
        account = Account("user-1", Mark(4, T0 - HOUR), (live.device,), (live, ended))
        await store.merge(_batch(account, last_number=4))
        late = T0 + HOUR
        await _purge(store, Retention(T0 + 10, math.inf, late, late, late))
        found = await store.get("s1")
        assert found is not None
        assert (None, None) == (found.revoked_at, await store.get("ended"))
        await end_one(store, "s1")
        await _purge(store, Retention(T0 + 10, math.inf, late, late, late))
        await store.end(evolve(ending(Everyone()), at_once=0))
        while (await store.settle(limit=10)).is_more:
            pass
        assert [] == await store.list("user-1")
        assert [] == await store.devices("user-1")

    @with_a_store
    async def test_numbers_never_fall(self, store: CopyingStore) -> None:
        """A sign-in under a number from before an ending is refused where that was copied to."""
        await store.merge(_batch(Account("user-1", Mark(4, T0)), last_number=9))

        assert 4 == await store.ending_number("user-1")
        assert T0 == await store.cut_off("user-1")
        await store.merge(_batch(Account("user-1", Mark(3, T0 - 5)), last_number=2))
        assert 4 == await store.ending_number("user-1")
        assert T0 == await store.cut_off("user-1")
        await store.end(ending(OfUser("user-1")))
        assert await store.ending_number("user-1") > 9

    @with_a_store
    async def test_erased_accounts_are_remembered(self, store: CopyingStore) -> None:
        """The digests of erased accounts move, with the higher number and the later end."""
        for number, until in ((4, T0 + 5), (3, T0 + 9), (2, T0 + 7)):
            await store.merge(_batch(last_number=9, erased=(ErasedAccount(b"d", number, until),)))

        assert 4 == await store.ending_number("user-1", digests=[b"d"])
        assert (ErasedAccount(b"d", 4, T0 + 9),) == (await store.export(limit=1)).erased

    @with_a_store
    async def test_an_end_that_is_merged_is_heard(self, store: CopyingStore) -> None:
        """The log names a session that a merge ends, and its addresses are reduced."""
        row = session_row()
        await sign_in(store, row)
        position = await log_position(store)
        await store.merge(_batch(Account("user-1", Mark(), (row.device,), (_ended(row),))))
        found = await store.get("s1")
        assert found is not None

        assert {"s1"} == await changed_since(store, position)
        assert (T0 + 9, "revoked") == (found.revoked_at, found.reason)
        assert {row.network} == {event.ip for event in await store.events("user-1", limit=9)}

    @with_a_store
    async def test_an_ending_of_everyone_is_merged(self, store: CopyingStore) -> None:
        """It ends the sessions that are here alone, once, and spares those of its own store."""
        await sign_in(store, session_row("here", user_id="user-2"))
        row = session_row(ending_number=6)
        batch = _batch(
            Account("user-1", Mark(), (row.device,), (row,)), mark=Mark(6, T0 + 9), last_number=6
        )
        await store.merge(batch)
        here, copied = await store.get("here"), await store.get("s1")
        assert here is not None
        assert copied is not None

        assert (T0 + 9, None) == (here.revoked_at, copied.revoked_at)
        number = await store.ending_number("user-2")
        assert number >= 6
        await sign_in(store, session_row("new", user_id="user-2", ending_number=number))
        await store.merge(batch)
        new = await store.get("new")
        assert new is not None
        assert new.revoked_at is None
        while (await store.settle(limit=10)).is_more:
            pass
        assert copied == await store.get("s1")

    @with_a_store
    async def test_an_ending_here_ends_what_comes_later(self, store: CopyingStore) -> None:
        """A session arrives ended if its account, or everyone, was ended here meanwhile."""
        await sign_in(store, session_row())
        await store.end(ending(OfUser("user-1")))
        late = session_row("late")
        await store.merge(_batch(Account("user-1", Mark(), (late.device,), (late,))))
        await store.end(ending(Everyone()))
        other = session_row("other", user_id="user-2")
        await store.merge(_batch(Account("user-2", Mark(), (other.device,), (other,))))

        for session_id in ("late", "other"):
            found = await store.get(session_id)
            assert found is not None
            assert T0 + 1 == found.revoked_at

    @with_a_store
    async def test_an_older_ending_of_everyone_ends_nobody_later(self, store: CopyingStore) -> None:
        """An ending from before this store's own takes no session with it, whatever its number."""
        await store.end(ending(Everyone()))
        number = await store.ending_number("user-2")
        await sign_in(store, session_row("here", user_id="user-2", ending_number=number))
        await store.merge(_batch(mark=Mark(number + 8, T0 - HOUR), last_number=number + 8))
        rotated = await store.rotate(
            "here", expected_generation=0, changes={"rotated_at": T0 + 2}, event=None
        )

        assert rotated is not None
        assert 1 == len((await store.live("user-2", cutoffs=cutoffs(), limit=9)).items)
        later = session_row("later", ending_number=await store.ending_number("user-1"))
        await sign_in(store, later)
        await store.end(ending(Everyone()))
        assert () == (await store.live("user-1", cutoffs=cutoffs(), limit=9)).items

    @with_a_store
    async def test_a_block_that_is_merged_holds(self, store: CopyingStore) -> None:
        """A device that is blocked in one of two stores is blocked after a merge either way."""
        await sign_in(store, session_row())
        blocked = device_row(blocked=True)
        await store.merge(_batch(Account("user-1", devices=(blocked,))))
        await store.merge(_batch(Account("user-1", devices=(device_row(),))))

        assert [True] == [device.blocked for device in await store.devices("user-1")]

    @with_a_store
    async def test_a_session_is_never_given_to_another(self, store: CopyingStore) -> None:
        """A session whose id is another account's here refuses the account as a whole."""
        await sign_in(store, session_row())
        before = await store.export(limit=9)
        row = session_row(user_id="user-2")
        await raises(
            ValueError, store.merge(_batch(Account("user-2", Mark(), (row.device,), (row,))))
        )

        assert before.accounts == (await store.export(limit=9)).accounts


def _batch(*accounts: Account, **columns: Any) -> Batch:
    return Batch(accounts, **columns)


async def _purge(store: CopyingStore, retention: Retention) -> None:
    while await store.purge(retention, limit=10):
        pass


def _ended(row: SessionRow) -> SessionRow:
    return evolve(row, revoked_at=T0 + 9, reason="revoked", ip=row.network)


async def _all_users(store: CopyingStore, limit: int, cursor: str | None = None) -> list[str]:
    """The accounts of all pages behind *cursor*."""
    found = []
    while True:
        page = await store.export(limit=limit, cursor=cursor)
        assert len(page.accounts) <= limit
        found += [account.user_id for account in page.accounts]
        cursor = page.next
        if cursor is None:
            return found


async def _fill(store: CopyingStore) -> None:
    """Accounts in every state that a store knows."""
    await sign_in(store, full_row())
    await sign_in(store, session_row("a", user_id="user-2"), session_row("b", user_id="user-2"))
    await store.end(ending(ById("a")))
    await store.end(evolve(ending(OfUser("user-2", keep="b")), at_once=0))
    await sign_in(store, session_row("gone", user_id="user-3"))
    await store.erase(Erasure("user-3", [b"digest"], T0 + HOUR))
    await sign_in(store, session_row("c", user_id="user-4", device="d4", ending_number=1))
    await store.end(ending(OfDevice("user-4", "d4")))
    await store.end(ending(Everyone()))
    number = await store.ending_number("user-5")
    await sign_in(store, session_row("e", user_id="user-5", ending_number=number))


def _checksums(batch: Batch) -> dict[str, bytes]:
    return {account.user_id: checksum(account) for account in batch.accounts}
