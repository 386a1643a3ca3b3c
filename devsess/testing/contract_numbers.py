"""Writes that an ending number refuses, at any time of any clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.stores.base import Everyone, Inserted, OfDevice, OfUser, Refused
from devsess.stores.calls import Full
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, login, session_row, sign_in, sign_in_again, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.calls import Columns, Target

HOUR = 3_600.0
TARGETS: tuple[Target, ...] = (OfUser("user-1"), Everyone())


class NumbersContract:
    """Order is by number: a sign-in that began before an ending does not outrun it."""

    @with_a_store
    async def test_a_sign_in_under_way_is_refused(self, store: AsyncStore) -> None:
        """A row of an older number is not written, nor anything with it; nobody else is refused."""
        await rows.end_all(store, "user-1", T0)

        assert Refused.CUT_OFF is await store.insert(login(session_row("late")))
        assert None is await store.get("late")
        assert [] == await store.devices("user-1")
        assert () == (await store.events("user-1", limit=9)).items
        assert Inserted() == await store.insert(login(session_row("other", user_id="user-2")))
        assert Inserted() == await sign_in_again(store, session_row("next"))

    @with_a_store
    async def test_everyones_number_binds_all(self, store: AsyncStore) -> None:
        """Ending everyone's sessions refuses every sign-in under way."""
        await store.end(rows.ending(Everyone(), T0))

        assert Refused.CUT_OFF is await store.insert(login(session_row(user_id="new")))
        assert Inserted() == await sign_in_again(store, session_row(user_id="new"))

    @with_a_store
    async def test_a_number_that_was_never_drawn_is_refused(self, store: AsyncStore) -> None:
        """A sign-in that read another store's number (a backup was restored) outruns no ending."""
        drawn = 3
        for number in range(drawn):
            late = session_row("late", ending_number=number + 1)
            assert Refused.CUT_OFF is await store.insert(login(late))
            await store.end(rows.ending(Everyone(), T0 + number))

        assert Inserted() == await sign_in_again(store, session_row("next"))
        await store.end(rows.ending(OfUser("user-1"), at_once=0))
        row = await store.get("next")
        assert row is not None
        assert "lost" == row.reason

    @with_a_store
    async def test_the_number_of_a_digest_covers_no_session(self, store: AsyncStore) -> None:
        """It refuses sign-ins under way: the sessions that are there count as before."""
        gone = rows.erasure("gone")
        await store.erase(gone)
        await sign_in(store, session_row("there"))
        late = session_row("late", device="d-2")
        answer = await sign_in_again(store, late, digests=gone.digests, limit=1, evict=False)

        assert isinstance(answer, Full)
        assert ["there"] == [it.id for it in answer.rows]

    @with_a_store
    async def test_numbers_only_grow(self, store: AsyncStore) -> None:
        """Each ending draws a higher number than any before, of any account and at any instant."""
        numbers = [await store.ending_number("user-1")]
        for target in (OfUser("user-1"), Everyone(), OfUser("user-1")):
            await store.end(rows.ending(target, T0 - len(numbers)))
            numbers.append(await store.ending_number("user-1"))

        assert 0 == numbers[0]
        assert sorted(set(numbers)) == numbers
        assert numbers[2] == await store.ending_number("user-2")

    @with_a_store
    async def test_ending_one_raises_no_number(self, store: AsyncStore) -> None:
        """Ending a session or a device refuses no sign-in."""
        await sign_in(store, session_row("s1"), session_row("s2", device="device-2"))
        await rows.end_one(store, "s1")
        await store.end(rows.ending(OfDevice("user-1", "device-2", forget=True)))

        assert 0 == await store.ending_number("user-1")

    @with_a_store
    async def test_an_older_dated_sign_in(self, store: AsyncStore) -> None:
        """A sign-in that says when it was is compared at full resolution; an equal one passes."""
        for number, target in enumerate(TARGETS):
            at = T0 + number + 0.5
            await store.end(rows.ending(target, at))
            late, equal = session_row(f"late{number}"), session_row(f"equal{number}")

            assert Refused.CUT_OFF is await sign_in_again(store, late, auth_instant=at - 0.001)
            assert Inserted() == await sign_in_again(store, equal, auth_instant=at)

    @with_a_store
    async def test_a_cut_off_never_moves_back(self, store: AsyncStore) -> None:
        """A later ending with a slightly earlier instant leaves the cut-off where it is."""
        for target in TARGETS:
            await store.end(rows.ending(target, T0 + 4))
            await store.end(rows.ending(target, T0))

            again = await sign_in_again(store, session_row(), auth_instant=T0 + 3)
            assert Refused.CUT_OFF is again

    @with_a_store
    async def test_a_kept_session_does_not_spare_the_cut_off(self, store: AsyncStore) -> None:
        """The cut-off and the number are raised also where one session is kept."""
        await sign_in(store, session_row("keep"))
        await store.end(rows.ending(OfUser("user-1", keep="keep"), T0 + 5))

        assert Refused.CUT_OFF is await store.insert(login(session_row("s2")))
        again = await sign_in_again(store, session_row("s2"), auth_instant=T0 + 4)
        assert Refused.CUT_OFF is again

    @with_a_store
    async def test_a_clock_that_was_ahead_locks_nobody_out(self, store: AsyncStore) -> None:
        """A cut-off in the future decides nothing, and the next ending takes its place."""
        for number, target in enumerate(TARGETS):
            await store.end(rows.ending(target, T0 + 10 * 365 * DAY))
            row = session_row(f"s{number}")
            assert Inserted() == await sign_in_again(store, row, auth_instant=T0)

            await store.end(rows.ending(target, T0 + HOUR))
            at = rows.cutoffs(T0 + 2 * HOUR)
            late = await sign_in_again(store, session_row("x"), auth_instant=T0, cutoffs=at)
            assert Refused.CUT_OFF is late
            row = session_row(f"next{number}")
            answer = await sign_in_again(store, row, auth_instant=T0 + HOUR, cutoffs=at)
            assert Inserted() == answer

    @with_a_store
    async def test_an_erased_account_does_not_come_back(self, store: AsyncStore) -> None:
        """A sign-in under way, whichever key it has, is refused; one that begins then is let in."""
        erasure = rows.erasure()
        twice = evolve(erasure, digests=[*erasure.digests, *erasure.digests])  # a key given twice
        await store.erase(twice)
        for digest in erasure.digests:
            under_way = login(session_row("late"), digests=(b"current", digest))

            assert Refused.CUT_OFF is await store.insert(under_way)
        assert [] == await store.devices("user-1")
        row = session_row("new")
        assert Inserted() == await sign_in_again(store, row, digests=erasure.digests)

    @with_a_store
    async def test_what_remains_of_an_erased_account_goes_too(self, store: AsyncStore) -> None:
        """Purge drops the digest when its time is over; the account's new sessions still end."""
        erasure = rows.erasure(until=T0 + 9)
        await store.erase(erasure)
        await sign_in_again(store, session_row("new"), digests=erasure.digests)
        before = await store.ending_number("user-1", digests=erasure.digests)
        await store.purge(rows.retention(T0 + 8), limit=9)

        assert before == await store.ending_number("user-1", digests=erasure.digests)
        await store.purge(rows.retention(T0 + 9), limit=9)
        assert 0 == await store.ending_number("user-1", digests=erasure.digests)
        await store.end(rows.ending(OfUser("user-1"), at_once=0))
        row = await store.get("new")
        assert row is not None
        assert "lost" == row.reason

    @with_a_store
    async def test_trust_ends_where_it_may_be_misplaced(self, store: AsyncStore) -> None:
        """Blocking a device, or ending a compromised account's sessions, ends the trust."""
        for device in ("device-1", "device-2"):
            await sign_in(store, session_row(device, device=device))
            changes = {"trusted_until": T0 + DAY}
            await store.put_device("user-1", device, changes=changes, event=rows.UPDATED)
        await store.end(rows.ending(OfDevice("user-1", "device-2")))

        assert {"device-1": T0 + DAY, "device-2": None} == await _trust(store)
        await store.end(rows.ending(OfUser("user-1")))
        assert {"device-1": T0 + DAY, "device-2": None} == await _trust(store)
        await store.end(rows.ending(OfUser("user-1", compromised=True)))
        assert {"device-1": None, "device-2": None} == await _trust(store)

    @with_a_store
    async def test_trust_under_way_does_not_outrun_an_ending(self, store: AsyncStore) -> None:
        """A change under an older number is refused, and nothing done; one without any is not."""
        await sign_in(store, session_row())
        trusted, named = {"trusted_until": T0 + DAY}, {"name": "mine"}
        for target in (OfUser("user-1", compromised=True), Everyone(), OfUser("user-1")):
            number = await store.ending_number("user-1")
            await store.end(rows.ending(target))
            log, history = await rows.log_position(store), await store.events("user-1", limit=99)

            assert Refused.CUT_OFF is await _put(store, trusted, number=number)
            assert log == await rows.log_position(store)
            assert history == await store.events("user-1", limit=99)
            assert {"device-1": None} == await _trust(store)
            assert rows.device_row(name="mine") == await _put(store, named)
        number = await store.ending_number("user-1")
        await store.end(rows.ending(OfUser("user-2", compromised=True)))
        assert rows.device_row(name="mine", **trusted) == await _put(store, trusted, number=number)
        assert None is await _put(store, trusted, device="nothing", number=number - 1)

    @with_a_store
    async def test_a_change_under_a_number_never_drawn_is_refused(self, store: AsyncStore) -> None:
        """One that read another store's number (a backup was restored) would outrun endings."""
        await sign_in(store, session_row())
        changes = {"trusted_until": T0 + DAY}
        for number in range(3):
            assert Refused.CUT_OFF is await _put(store, changes, number=number + 1)
            assert {"device-1": None} == await _trust(store)
            await store.end(rows.ending(Everyone(), T0 + number))

        assert rows.device_row(**changes) == await _put(store, changes, number=3)

    @with_a_store
    async def test_a_kept_session_is_logged_when_trust_ended(self, store: AsyncStore) -> None:
        """The log names the session that is kept: its device has changed."""
        await sign_in(store, session_row("keep"))
        position = await rows.log_position(store)
        await store.end(rows.ending(OfUser("user-1", keep="keep", compromised=True)))

        assert {"keep"} == await rows.changed_since(store, position)


async def _put(
    store: AsyncStore, changes: Columns, *, device: str = "device-1", number: int | None = None
) -> object:
    event = rows.UPDATED
    return await store.put_device("user-1", device, changes=changes, event=event, number=number)


async def _trust(store: AsyncStore) -> dict[str, float | None]:
    return {device.id: device.trusted_until for device in await store.devices("user-1")}
