"""Items: written by comparing versions, bounded, purged and erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.stores.base import Inserted, Refused
from devsess.stores.items import MAX_BODY, Item
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, login, raises, session_row, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore

FIRST = Item("profile", "user-1", "", '{"é":[1.5,null]}', 1, T0, T0 + DAY)
NEXT = evolve(FIRST, body="{}", version=2, at=T0 + 1)
SIGN_IN = evolve(login(session_row()), items=(FIRST,))


def _numbered(number: int) -> Item:
    return evolve(FIRST, kind="failures", key=f"key {number}", until=T0 + number)


class ItemsContract:
    """Small documents of an account, each as it was written last."""

    @with_a_store
    async def test_an_item_reads_as_written(self, store: AsyncStore) -> None:
        """All of its columns come back, of its own kind and owner alone."""
        assert await store.put_item(FIRST)

        assert [FIRST] == await store.items("profile", "user-1", limit=9)
        assert [] == await store.items("profile", "user-2", limit=9)
        assert [] == await store.items("failures", "user-1", limit=9)

    @with_a_store
    async def test_the_next_version_takes_its_place(self, store: AsyncStore) -> None:
        """A version is written over the one before it."""
        await store.put_item(FIRST)

        assert await store.put_item(NEXT)
        assert [NEXT] == await store.items("profile", "user-1", limit=9)

    @with_a_store
    async def test_another_version_is_not_written(self, store: AsyncStore) -> None:
        """Of two that read one version, one alone writes; a deleted item does not come back."""
        assert not await store.put_item(NEXT)
        await store.put_item(FIRST)

        assert not await store.put_item(FIRST)
        assert not await store.put_item(evolve(FIRST, version=3))
        assert [FIRST] == await store.items("profile", "user-1", limit=9)

    @with_a_store
    async def test_the_longest_lasting_are_kept(self, store: AsyncStore) -> None:
        """Beyond *most* the ones that end first go; they are listed by how long they last."""
        for number in (3, 1, 4, 2):
            await store.put_item(_numbered(number), most=3)

        kept = await store.items("failures", "user-1", limit=2)

        assert [_numbered(4), _numbered(3)] == kept
        assert 3 == len(await store.items("failures", "user-1", limit=9))

    @with_a_store
    async def test_other_kinds_and_owners_stay(self, store: AsyncStore) -> None:
        """The bound is of one kind and one owner."""
        await store.put_item(FIRST)
        await store.put_item(evolve(FIRST, owner="user-2"))
        for number in range(3):
            await store.put_item(_numbered(number))

        assert [FIRST] == await store.items("profile", "user-1", limit=9)
        assert 1 == len(await store.items("profile", "user-2", limit=9))

    @with_a_store
    async def test_a_body_has_a_limit(self, store: AsyncStore) -> None:
        """The longest body is kept, a longer one refused."""
        assert await store.put_item(evolve(FIRST, body="é" * MAX_BODY))

        await raises(ValueError, store.put_item(evolve(NEXT, body="é" * (MAX_BODY + 1))))

    @with_a_store
    async def test_a_sign_in_reads_items(self, store: AsyncStore) -> None:
        """`known_devices` gives those that were asked for, and that have no key."""
        await store.put_item(FIRST)
        await store.put_item(_numbered(1))
        kinds = ("profile", "failures")

        asked = await store.known_devices("user-1", ids=(), fingerprints=(), kinds=kinds)
        unasked = await store.known_devices("user-1", ids=(), fingerprints=())

        assert ([FIRST], []) == (list(asked.items), list(unasked.items))

    @with_a_store
    async def test_a_sign_in_writes_items(self, store: AsyncStore) -> None:
        """The session and the items are one write."""
        answer = await store.insert(SIGN_IN)

        assert Inserted() == answer
        assert [FIRST] == await store.items("profile", "user-1", limit=9)

    @with_a_store
    async def test_a_sign_in_stands_without_its_item(self, store: AsyncStore) -> None:
        """One whose item another call has written meanwhile signs in, and says so."""
        await store.put_item(FIRST)

        answer = await store.insert(SIGN_IN)

        assert Inserted(missed=("profile",)) == answer
        assert await store.get(session_row().id) is not None

    @with_a_store
    async def test_a_refused_sign_in_writes_no_item(self, store: AsyncStore) -> None:
        """A refused sign-in teaches nothing."""
        erasure = rows.erasure("user-1")
        await store.erase(erasure)

        assert Refused.CUT_OFF is await store.insert(evolve(SIGN_IN, digests=erasure.digests))
        assert [] == await store.items("profile", "user-1", limit=9)

    @with_a_store
    async def test_a_purge_deletes_what_is_over(self, store: AsyncStore) -> None:
        """An item is there until its instant, and goes with the purge that reaches it."""
        for number in range(5):
            await store.put_item(_numbered(number), most=9)
        retention = rows.retention(T0 + 2, T0 - DAY)

        assert [2, 1, 0] == [await store.purge(retention, limit=2) for _ in range(3)]
        left = await store.items("failures", "user-1", limit=9)
        assert [_numbered(4), _numbered(3)] == left

    @with_a_store
    async def test_an_erasure_takes_the_items(self, store: AsyncStore) -> None:
        """Nothing about the person stays, and a write under way does not bring it back."""
        await store.put_item(FIRST)
        await store.put_item(evolve(FIRST, owner="user-2"))

        assert 1 == await store.erase(rows.erasure("user-1"))
        assert not await store.put_item(NEXT)
        assert [] == await store.items("profile", "user-1", limit=9)
        assert 1 == len(await store.items("profile", "user-2", limit=9))
