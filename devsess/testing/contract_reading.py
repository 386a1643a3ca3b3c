"""Answers of the reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from attrs import evolve

from devsess.lifecycle import Activity
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.capabilities import capabilities_of
from devsess.stores.plain_rows import plain_row_of
from devsess.stores.rows import EventRow
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.capabilities import AsyncSupportsMany

STRANGE = ("", "s1 ", "S1", "s%", "*", "a\0b", "\ud800", "'; --", "é", "x" * 5000)


class ReadingContract:
    """Unknown, expired, malformed; every column comes back as it went in."""

    @with_a_store
    async def test_unknown_session_is_none(self, store: AsyncStore) -> None:
        """An id that was never written reads as None."""
        assert None is await store.get("nobody")

    @with_a_store
    async def test_several_sessions_at_once(self, store: AsyncStore) -> None:
        """Each as from `get`, once; unknown and malformed ids are left out."""
        many = cast("AsyncSupportsMany | None", capabilities_of(store).many)
        if many is None:
            return
        await sign_in(store, *(session_row(it) for it in ("s1", "s2", "s3")))
        await store.end(rows.ending(ById("s2")))
        found = await many.get_many(["s3", *STRANGE, "s2", "s3"])

        expected = [await store.get(it) for it in ("s2", "s3")]
        assert expected == sorted(found, key=lambda it: it.id)
        assert [] == await many.get_many([])

    @with_a_store
    async def test_a_plain_row_is_as_in_the_row(self, store: AsyncStore) -> None:
        """Of a session that has not ended, written or covered; of any other there is none."""
        plain = capabilities_of(getattr(store, "store", store)).plain
        if plain is None:
            return
        await sign_in(store, *(session_row(it) for it in ("s1", "s2", "s3")))
        await store.end(rows.ending(ById("s2")))
        await sign_in(store, session_row("covered", user_id="user-2"))
        await store.end(rows.ending(OfUser("user-2"), at_once=0))

        for session_id in ("s1", "s3"):
            whole = await store.get(session_id)
            assert whole is not None
            assert plain_row_of(whole) == plain.plain_row(session_id)
        for session_id in ("s2", "covered", "unknown", *STRANGE):
            assert plain.plain_row(session_id) is None

    @with_a_store
    async def test_malformed_ids_are_unknown(self, store: AsyncStore) -> None:
        """An id with strange characters is as unknown: nothing found, nothing done, no error."""
        await sign_in(store, session_row("s1"))
        log = await rows.log_position(store)
        changes = {"claims": "{}"}
        for strange in STRANGE:
            assert None is await store.get(strange)
            assert [] == await store.list(strange)
            assert [] == await store.devices(strange)
            assert () == (await store.events(strange, limit=5)).items
            assert not await store.touch(strange, rows.activity(T0 + 1), bound=True)
            assert None is await store.rotate(
                strange, expected_generation=0, changes=changes, event=None
            )
            assert None is await rows.update(store, strange, changes)
            assert Ended() == await store.end(rows.ending(ById(strange)))
            assert Ended() == await store.end(rows.ending(OfDevice(strange, strange)))
            assert 0 == await store.ending_number(strange)
            assert 0 == await store.erase(rows.erasure(strange))

        assert set() == await rows.changed_since(store, log)

    @with_a_store
    async def test_strange_ids_are_data(self, store: AsyncStore) -> None:
        """Ids that look like patterns, quotes or other ids' beginnings find themselves only."""
        strange = ("s%", "s_", "s*", "'", '"', "s:1", "s{1}", "ключ", "s 1", "S1", "s1")
        await sign_in(store, *(session_row(it, user_id=it) for it in strange))
        for it in strange:
            found = await store.get(it)

            assert found is not None
            assert (it, it) == (found.id, found.user_id)
            assert [it] == [row.id for row in await store.list(it)]

    @with_a_store
    async def test_every_column_comes_back(self, store: AsyncStore) -> None:
        """A session reads as it was written: fractions, bytes and any script."""
        expected = rows.full_row("s-ключ")
        await sign_in(store, expected)

        assert expected == await store.get("s-ключ")
        assert [expected] == await store.list("user-1")
        assert [expected.device] == await store.devices("user-1")

    @with_a_store
    async def test_bare_columns_come_back(self, store: AsyncStore) -> None:
        """A session of which little is known reads as it was written."""
        device = rows.device_row(label="", kind="unknown", os="", browser="", network=None)
        expected = session_row(device=device, ip=None, network=None, user_agent=None, amr=())
        await sign_in(store, expected)

        assert expected == await store.get("s1")

    @with_a_store
    async def test_types_come_back(self, store: AsyncStore) -> None:
        """Truth values, whole numbers and tuples read as such, not as numbers and lists."""
        await sign_in(store, rows.full_row())
        row = await store.get("s1")

        assert row is not None
        found = (row.persistent, row.bound, row.device.blocked, row.generation, row.amr, row.salt)
        assert [bool, bool, bool, int, tuple, bytes] == [type(value) for value in found]
        assert isinstance(row.auth_time, int)

    @with_a_store
    async def test_expired_rows_are_returned(self, store: AsyncStore) -> None:
        """A row past its deadlines is returned: stores judge nothing."""
        expected = session_row(idle_expires_at=T0 - DAY, absolute_expires_at=T0 - DAY)
        await sign_in(store, expected)

        assert expected == await store.get("s1")
        assert [expected] == await store.list("user-1")

    @with_a_store
    async def test_list_is_by_activity_then_id(self, store: AsyncStore) -> None:
        """All rows of the user and no other's: latest activity first, then by id."""
        await sign_in(
            store,
            session_row("b"),
            session_row("a"),
            session_row("c", last_seen_at=T0 + 1),
            session_row("other", user_id="user-2"),
        )
        await rows.end_one(store, "b")

        assert ["c", "a", "b"] == [row.id for row in await store.list("user-1")]

    @with_a_store
    async def test_sessions_show_their_device_of_today(self, store: AsyncStore) -> None:
        """A session comes with its device as it stands when read."""
        await sign_in(store, session_row())
        event = rows.event_row()
        await store.put_device("user-1", "device-1", changes={"name": "mine"}, event=event)
        row = await store.get("s1")

        assert row is not None
        assert "mine" == row.device.name

    @with_a_store
    async def test_devices_are_by_sign_in_then_id(self, store: AsyncStore) -> None:
        """A user's devices that are not forgotten: latest sign-in first, then by id."""
        seen = {"b": T0, "a": T0, "c": T0 + 1, "gone": T0 + 2}
        for device_id, at in seen.items():
            device = rows.device_row(id=device_id, last_seen_at=at)
            await sign_in(store, session_row(f"s-{device_id}", device=device))
        await sign_in(store, session_row("s-other", user_id="user-2"))
        await store.end(rows.ending(OfDevice("user-1", "gone", forget=True)))

        assert ["c", "a", "b"] == [device.id for device in await store.devices("user-1")]

    @with_a_store
    async def test_known_devices_are_those_asked_for(self, store: AsyncStore) -> None:
        """By id, by fingerprint, or among the latest; never forgotten or another user's."""
        for number in range(200):
            device = rows.device_row(
                id=f"d{number:03}", last_seen_at=T0 + number, fingerprint=b"%d" % number
            )
            await sign_in(store, session_row(f"s{number}", device=device))
        await sign_in(store, session_row("other", user_id="user-2", device="theirs"))
        await store.end(rows.ending(OfDevice("user-1", "d003", forget=True)))
        found = await store.known_devices(
            "user-1", ids=("d001", "d003", "theirs", "\ud800"), fingerprints=(b"2", b"3")
        )

        assert "d199" == found.devices[0].id
        assert ["d002", "d001"] == [it.id for it in found.devices if it.id < "d100"]

    @with_a_store
    async def test_known_devices_come_with_the_ending_number(self, store: AsyncStore) -> None:
        """It is the account's, the store's or that of an erased one, as `ending_number` has it."""
        await sign_in(store, session_row("s1"))
        for end in (OfUser("user-1"), Everyone(), OfUser("user-1")):
            await store.end(rows.ending(end))
            number = await store.ending_number("user-1")
            known = await store.known_devices("user-1", ids=(), fingerprints=())

            assert number == known.ending_number
        erasure = rows.erasure()
        await store.erase(erasure)
        number = await store.ending_number("user-1", digests=erasure.digests)
        known = await store.known_devices(
            "user-1", ids=(), fingerprints=(), digests=erasure.digests
        )

        assert ([], number) == ([*known.devices], known.ending_number)

    @with_a_store
    async def test_equal_ids_of_two_users_are_two_devices(self, store: AsyncStore) -> None:
        """A device belongs to one account: the same id elsewhere is another device."""
        await sign_in(store, session_row("s1"), session_row("s2", user_id="user-2"))
        await store.end(rows.ending(OfDevice("user-1", "device-1")))
        (other,) = await store.devices("user-2")
        row = await store.get("s2")

        assert not other.blocked
        assert row is not None
        assert row.revoked_at is None

    @with_a_store
    async def test_events_come_back(self, store: AsyncStore) -> None:
        """An event reads as it was kept, whether it says much or nothing."""
        bare = EventRow(type=rows.UPDATED.type, at=T0, user_id="user-1")
        full = evolve(
            rows.UPDATED, reason="пароль", actor="админ", user_agent="漢字", new_device=True
        )
        await store.add_event(bare)
        await store.add_event(full)

        assert (full, bare) == (await store.events("user-1", limit=9)).items

    @with_a_store
    async def test_touch_of_unknown_session(self, store: AsyncStore) -> None:
        """Touching an unknown session says so."""
        assert not await store.touch("nobody", Activity(T0, T0, T0), bound=False)

    @with_a_store
    async def test_a_current_schema_needs_no_steps(self, store: AsyncStore) -> None:
        """A store that has been migrated has nothing left to do, and says so."""
        await store.migrate()

        assert [] == await store.pending()
        assert [] == await store.migrate()

    @with_a_store
    async def test_closing_twice_is_fine(self, store: AsyncStore) -> None:
        """A closed store can be closed again."""
        await store.close()
        await store.close()
