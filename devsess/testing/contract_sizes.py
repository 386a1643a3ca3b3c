"""Accounts by how many sessions are open to them, as tests: part of StatisticsContract."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from devsess.stores.base import ById, Everyone, OfDevice, OfUser
from devsess.stores.capabilities import capabilities_of
from devsess.stores.counting import DAY
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing import _rows as rows
from devsess.testing._rows import HOUR, T0, session_row, sign_in, with_a_store
from devsess.testing.contract_spans import CountingStore, SpansContract, numbers

# The most sessions of each size but the last.
_MOST = (1, 2, 3, 5, 10)


def sized(*open_to: int) -> tuple[int, ...]:
    """Accounts to which so many sessions are open, by size."""
    found = [0] * (len(_MOST) + 1)
    for sessions in filter(None, open_to):
        found[sum(sessions > most for most in _MOST)] += 1
    return tuple(found)


async def _several(store: CountingStore, user: str, count: int, **columns: Any) -> None:
    """Sign an account in on so many devices."""
    for number in range(count):
        row = session_row(f"{user}-{number}", user_id=user, device=f"d{number}", **columns)
        await sign_in(store, row)


class SizesContract(SpansContract):
    """Accounts by the number of their sessions that began and are not written as over."""

    def make_store(self) -> Any:
        """A new, empty store, as for StoreContract."""
        raise NotImplementedError

    @with_a_store
    async def test_an_account_moves_with_each_session(self, store: CountingStore) -> None:
        """From size to size as its sessions begin, and back as they end."""
        await _several(store, "other", 2)
        found, most = [], 13
        for number in range(most):
            await sign_in(store, session_row(f"s{number}", device=f"d{number}"))
            found.append((await numbers(store)).sizes)
        for number in range(most):
            await rows.end_one(store, f"s{number}")
            found.append((await numbers(store)).sizes)

        steps = [*range(1, most + 1), *reversed(range(most))]
        assert [sized(2, it) for it in steps] == found

    @with_a_store
    async def test_an_account_moves_far_at_once(self, store: CountingStore) -> None:
        """With all that one ending writes; what that keeps stays open."""
        for user, count in (("a", 12), ("b", 7), ("c", 3), ("d", 11)):
            await _several(store, user, count)
        found = [(await numbers(store)).sizes]
        for target in (OfUser("a", keep="a-4"), OfDevice("b", "d1"), OfUser("c"), Everyone()):
            await store.end(rows.ending(target))
            found.append((await numbers(store)).sizes)

        left: list[tuple[int, ...]] = [(12, 7, 3, 11), (1, 7, 3, 11), (1, 6, 3, 11), (1, 6, 11), ()]
        assert [sized(*it) for it in left] == found

    @with_a_store
    async def test_room_is_made_and_taken_in_one(self, store: CountingStore) -> None:
        """A session in the place of another moves nobody; one in that of several does."""
        await _several(store, "user-1", 5)
        await store.insert(rows.login(session_row("again", device="d0"), replaces=True))
        replaced = (await numbers(store)).sizes
        await store.insert(rows.login(session_row("last", device="d9"), limit=2))

        assert (sized(5), sized(2)) == (replaced, (await numbers(store)).sizes)

    @with_a_store
    async def test_what_is_written_later_moves_then(self, store: CountingStore) -> None:
        """What has lapsed, or is covered, is open until a purge or `settle` writes it."""
        await _several(store, "lapses", 3, idle_expires_at=T0 + HOUR)
        await _several(store, "covered", 4)
        await store.end(rows.ending(OfUser("covered"), T0 + HOUR, at_once=0))
        before = (await numbers(store, now=T0 + DAY)).sizes
        while await store.purge(rows.retention(T0 + DAY, T0 + DAY), limit=2):
            pass
        purged = (await numbers(store, now=T0 + DAY)).sizes
        while (await store.settle(limit=3)).is_more:
            pass

        assert (sized(3, 4), sized(4)) == (before, purged)
        assert sized() == (await numbers(store, now=T0 + DAY)).sizes

    @with_a_store
    async def test_an_erased_account_is_in_no_size(self, store: CountingStore) -> None:
        """With sessions that are open, covered and over; another stays where it is."""
        await _several(store, "gone", 3)
        await _several(store, "other", 2)
        await store.end(rows.ending(ById("gone-0")))
        await store.end(rows.ending(OfUser("gone", keep="gone-1"), at_once=0))
        await store.erase(rows.erasure("gone"))
        await _several(store, "gone too", 1)

        assert sized(2, 1) == (await numbers(store)).sizes

    @with_a_store
    async def test_a_copy_moves_accounts(self, store: CountingStore) -> None:
        """With the sessions that it brings, and those whose ends it brings; each once."""
        other = self.make_store()
        if capabilities_of(store).copy is None:
            return
        await _several(other, "a", 4)
        await _several(other, "b", 1)
        await _several(store, "b", 1, created_at=T0)
        found = []
        for ends in (None, ById("a-2"), OfUser("a")):
            if ends is not None:
                await other.end(rows.ending(ends))
            for _ in range(2):
                await store.merge(await other.export(limit=9))  # type: ignore[attr-defined]
            found.append((await numbers(store)).sizes)
        await other.close()

        assert [sized(4, 1), sized(3, 1), sized(1)] == found

    @with_a_store
    async def test_an_account_is_in_no_size_by_other_writes(self, store: CountingStore) -> None:
        """Touches, rotations and refused sign-ins move nobody."""
        await _several(store, "user-1", 2)
        await store.touch("user-1-0", rows.activity(T0 + 9), bound=True)
        await store.rotate("user-1-0", expected_generation=0, changes={}, event=None)
        await store.insert(rows.login(session_row("s9", device="d9"), limit=1, evict=False))
        await store.set_back("user-1-1", expected={}, changes={"created_at": T0 - 9})
        old = rows.login(evolve(session_row("s8", device="d8"), ending_number=-1))
        await store.insert(old)

        assert sized(2) == (await numbers(store)).sizes
