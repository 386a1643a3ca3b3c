"""The register of readers under a lease, as tests: for stores that have `SupportsLeases`."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL, AsyncStore, Everyone
from devsess.stores.capabilities import SupportsLeases, capabilities_of
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing._rows import end_one, ending, log_position, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.capabilities import Renewal

LEASE = 2.0
# Seconds: more than any store needs to notice its own change.
PATIENCE = 30.0


class LeasedStore(AsyncStore, SupportsLeases, Protocol):
    """A store whose readers may answer from memory."""


class LeaseContract:
    """
    The contract of `SupportsLeases`, for a class of its own beside StoreContract.

        class TestMyLeases(LeaseContract):
            def make_store(self):
                return MyStore(...)
    """

    def make_store(self) -> Any:
        """A new, empty store, as for StoreContract."""
        raise NotImplementedError

    @with_a_store
    async def test_the_capability_is_found(self, store: AsyncStore) -> None:
        """Managers find the capability by its awaited methods."""
        assert capabilities_of(store).leases is not None

    # The register.

    @with_a_store
    async def test_a_new_reader_has_everything_before_it(self, store: LeasedStore) -> None:
        """Without a position a renewal answers ALL, and its reader is behind, at first too."""
        renewal = await _renew(store, "new", None)

        assert ALL is renewal.changes.ids
        assert {"new"} == await _behind(store, renewal.changes.position)

    @with_a_store
    async def test_a_renewal_acknowledges(self, store: LeasedStore) -> None:
        """A reader is behind a change until it has renewed with a position that includes it."""
        await sign_in(store, session_row())
        first = await _acknowledge(store, "reader")
        assert set() == await _behind(store, first)
        await end_one(store, "s1")
        second = await log_position(store)
        assert {"reader"} == await _behind(store, second)

        renewal = await _renew(store, "reader", first)
        assert {"s1"} == _as_set(renewal.changes.ids)
        assert {"reader"} == await _behind(store, second)
        await _renew(store, "reader", renewal.changes.position)
        assert set() == await _behind(store, second)
        assert set() == await _behind(store, first)

    @with_a_store
    async def test_a_renewal_reads_as_changes_does(self, store: LeasedStore) -> None:
        """The changes of a renewal are those that `changes` gives for the position."""
        await sign_in(store, session_row("a"), session_row("b"), session_row("c"))
        start = await log_position(store)
        for write in (end_one(store, "a"), end_one(store, "b"), store.end(ending(Everyone()))):
            await write
            expected, renewal = await store.changes(start), await _renew(store, "reader", start)

            assert expected.position == renewal.changes.position
            assert _as_set(expected.ids) == _as_set(renewal.changes.ids)

    @with_a_store
    async def test_each_reader_is_known_by_itself(self, store: LeasedStore) -> None:
        """One reader's acknowledgement is not another's."""
        await sign_in(store, session_row())
        start = await _acknowledge(store, "slow")
        await _acknowledge(store, "quick-2_Z")
        await end_one(store, "s1")
        position = await _acknowledge(store, "quick-2_Z")

        assert {"slow"} == await _behind(store, position)
        assert set() == await _behind(store, start)

    @with_a_store
    async def test_a_reader_that_left_is_waited_for_no_more(self, store: LeasedStore) -> None:
        """A reader leaves the register; leaving twice, or unknown, is fine."""
        await _renew(store, "one", None)
        await _renew(store, "other", None)
        await store.leave("one")
        await store.leave("one")
        await store.leave("unknown")

        assert {"other"} == await _behind(store, await log_position(store))

    # The dead.

    @with_a_store
    async def test_only_an_unchanged_beat_is_expelled(self, store: LeasedStore) -> None:
        """A reader is expelled by its beat of then, if it has not renewed since."""
        old = await _beat(store, "reader")
        new = await _beat(store, "reader")
        await store.expel("reader", old)
        assert {"reader"} == await _behind(store, await log_position(store))
        await store.expel("other", new)
        assert {"reader"} == await _behind(store, await log_position(store))

        await store.expel("reader", new)
        await store.expel("reader", new)
        assert set() == await _behind(store, await log_position(store))

    @with_a_store
    async def test_an_expelled_reader_comes_back(self, store: LeasedStore) -> None:
        """A renewal registers a reader that was expelled, as it registers a new one."""
        await store.expel("reader", await _beat(store, "reader"))
        await _renew(store, "reader", None)

        assert {"reader"} == await _behind(store, await log_position(store))

    @with_a_store
    async def test_no_beat_is_given_twice(self, store: LeasedStore) -> None:
        """A reader that comes back has new beats: an old observation does not hit it."""
        beats = [await _beat(store, "reader") for _ in range(3)]
        await store.leave("reader")
        beats += [await _beat(store, "reader") for _ in range(3)]
        await store.expel("reader", beats[-1])
        beats += [await _beat(store, "reader") for _ in range(3)]

        assert len(beats) == len(set(beats))

    # The history.

    @with_a_store
    async def test_a_history_stays(self, store: LeasedStore) -> None:
        """One log has one history for every reader, and every store has its own."""
        first = await _renew(store, "reader", None)
        await sign_in(store, session_row())
        await end_one(store, "s1")
        await store.leave("reader")
        second = await _renew(store, "other", first.changes.position)
        other = self.make_store()
        try:
            foreign = await _renew(other, "reader", None)
        finally:
            await other.close()

        assert first.history == second.history
        assert first.history == (await store.readers_behind(None)).history
        assert first.history != foreign.history

    @with_a_store
    async def test_a_position_of_another_history_acknowledges_nothing(
        self, store: LeasedStore
    ) -> None:
        """Behind a foreign position is ALL; its reader is behind, and all are behind it."""
        other = self.make_store()
        try:
            for each in (store, other):
                await sign_in(each, session_row())
                await end_one(each, "s1")
            foreign = await log_position(other)
        finally:
            await other.close()
        renewal = await _renew(store, "lost", foreign)
        await _acknowledge(store, "here")

        assert ALL is renewal.changes.ids
        assert {"lost"} == await _behind(store, renewal.changes.position)
        assert {"lost", "here"} == await _behind(store, foreign)
        assert {"lost", "here"} == await _behind(store, None)

    @with_a_store
    async def test_a_history_is_seasoned_by_name(self, store: LeasedStore) -> None:
        """A new history is not seasoned, and a note about another one changes nothing."""
        history = (await _renew(store, "reader", None)).history
        assert not (await store.readers_behind(None)).is_seasoned
        await store.season("another")
        assert not (await store.readers_behind(None)).is_seasoned
        await store.season(history)
        await store.season("another")
        await store.season(history)
        await store.leave("reader")

        assert (await store.readers_behind(None)).is_seasoned

    @with_a_store
    async def test_the_longest_lease_is_kept(self, store: LeasedStore) -> None:
        """The longest lease that was asked for is known, after its reader has gone too."""
        found = [(await store.readers_behind(None)).lease]
        for reader, lease in (("a", 0.5), ("b", 7.25), ("c", 2.0)):
            await store.renew(reader, None, lease=lease)
            await store.leave(reader)
            found.append((await store.readers_behind(None)).lease)

        assert [0.0, 0.5, 7.25, 7.25] == found

    # Waking.

    @with_a_store
    async def test_a_change_before_the_call_wakes(self, store: LeasedStore) -> None:
        """A change after a reader's latest renewal ends its `wait`, also if it came before that."""
        await sign_in(store, session_row())
        position = await _acknowledge(store, "reader")
        with suppress(StoreUnavailableError):
            await store.wait(0.01)  # from here on it listens
        await _renew(store, "reader", position)
        await end_one(store, "s1")
        begun = monotonic()
        with suppress(StoreUnavailableError):
            await store.wait(PATIENCE)

        assert monotonic() - begun < PATIENCE

    @with_a_store
    async def test_renewals_wake_nobody(self, store: LeasedStore) -> None:
        """Without a change a `wait` takes its time, beside renewals too: no busy loop."""
        await sign_in(store, session_row())
        position = await _acknowledge(store, "reader")
        begun = monotonic()
        for _ in range(10):
            await _renew(store, "other", None)
            await _renew(store, "reader", position)
            try:
                await store.wait(0.05)
            except StoreUnavailableError:
                return

        assert monotonic() - begun >= 0.25


async def _renew(store: SupportsLeases, reader: str, position: object) -> Renewal:
    return await store.renew(reader, position, lease=LEASE)


async def _acknowledge(store: SupportsLeases, reader: str) -> object:
    """Register *reader* with all changes applied; the position."""
    position = (await _renew(store, reader, None)).changes.position
    return (await _renew(store, reader, position)).changes.position


async def _behind(store: SupportsLeases, position: object) -> set[str]:
    return {*(await store.readers_behind(position)).beats}


async def _beat(store: LeasedStore, reader: str) -> int:
    """The beat of *reader* after another renewal."""
    await _renew(store, reader, None)
    return (await store.readers_behind(await log_position(store))).beats[reader]


def _as_set(ids: Any) -> object:
    return ids if ids is ALL else set(ids)
