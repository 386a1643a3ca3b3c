"""Ends: the rows they mark, the events, and the addresses they reduce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.models import EventType
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.rows import EventRow
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, ending, event_row, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.calls import Target
    from devsess.stores.rows import SessionRow


async def _ended(store: AsyncStore, target: Target) -> list[str | None]:
    return [event.session_id for event in (await store.end(ending(target))).events]


async def _revoked(store: AsyncStore, *user_ids: str) -> set[str]:
    found = [row for user_id in user_ids for row in await store.list(user_id)]
    return {row.id for row in found if row.revoked_at is not None}


def _marked(row: SessionRow) -> SessionRow:
    return evolve(row, revoked_at=T0 + 1, reason="lost", actor="admin", ip=row.network)


class EndingContract:
    """Revoked is terminal, has one event, and takes the address along."""

    @with_a_store
    async def test_a_row_is_marked(self, store: AsyncStore) -> None:
        """An end writes instant, reason and actor, and reduces the address to its network."""
        row = session_row()
        await sign_in(store, row)
        await store.end(ending(ById("s1")))

        assert _marked(row) == await store.get("s1")

    @with_a_store
    async def test_an_end_has_its_event(self, store: AsyncStore) -> None:
        """The event of an end has user, session, instant and reason, and only the network."""
        row = session_row()
        await sign_in(store, row)
        expected = EventRow(
            type=EventType.SESSION_REVOKED,
            at=T0 + 1,
            user_id="user-1",
            session_id="s1",
            device_id="device-1",
            ip=row.network,
            network=row.network,
            user_agent=row.user_agent,
            reason="lost",
            actor="admin",
        )

        assert Ended((expected,)) == await store.end(ending(ById("s1")))
        assert expected == (await store.events("user-1", limit=1)).items[0]

    @with_a_store
    async def test_nobody_did_it(self, store: AsyncStore) -> None:
        """An end without an actor keeps none."""
        await sign_in(store, session_row())
        (event,) = (await store.end(ending(ById("s1"), actor=None))).events
        row = await store.get("s1")

        assert row is not None
        assert (None, None) == (event.actor, row.actor)

    @with_a_store
    async def test_an_ending_of_a_device_inserts_its_own_event(self, store: AsyncStore) -> None:
        """
        The event of a block is in the write that ends the sessions: no crash parts the two.

        It comes after the sessions' events, also if there was no session to end.
        """
        await sign_in(store, session_row("a"))
        await sign_in(store, session_row("b", device="device-2"))
        await rows.end_one(store, "b")
        for device, session in (("device-1", "a"), ("device-2", None)):
            own = event_row(EventType.DEVICE_BLOCKED, session_id=None, device_id=device)
            ended = await store.end(ending(OfDevice("user-1", device), event=own))
            *others, last = ended.events

            assert ([session] if session else []) == [event.session_id for event in others]
            assert own == last == (await store.events("user-1", limit=1)).items[0]

    @with_a_store
    async def test_an_unknown_device_has_no_event(self, store: AsyncStore) -> None:
        """Blocking one of an account that was erased meanwhile leaves nothing about a person."""
        own = event_row(EventType.DEVICE_BLOCKED, session_id=None)

        assert Ended() == await store.end(ending(OfDevice("user-1", "device-1"), event=own))
        assert () == (await store.events("user-1", limit=9)).items

    @with_a_store
    async def test_an_ending_of_a_session_inserts_its_own_event(self, store: AsyncStore) -> None:
        """Only the ending that is first has it: two requests may see the same token come again."""
        own = event_row(EventType.TOKEN_REUSED, at=T0 + 1)
        for session_id in ("s1", "idle"):
            await sign_in(store, session_row(session_id))
        *_, last = (await store.end(ending(ById("s1"), event=own))).events
        idle = rows.cutoffs(T0 + 1, idle_after=T0)

        assert own == last == (await store.events("user-1", limit=1)).items[0]
        assert Ended() == await store.end(ending(ById("s1"), event=own))
        assert Ended() == await store.end(ending(ById("nobody"), event=own))
        assert Ended() == await store.end(ending(ById("idle"), event=own, cutoffs=idle))
        assert 4 == len((await store.events("user-1", limit=9)).items)

    @with_a_store
    async def test_an_ending_of_many_inserts_its_own_event(self, store: AsyncStore) -> None:
        """Whether their rows are written, or covered, or there are none."""
        await sign_in(store, session_row("a"), session_row("b"))
        targets: tuple[Target, ...] = (OfUser("user-1"), Everyone())
        for target in targets:
            for at_once in (0, 9):
                own = event_row(EventType.DEVICE_FORGOTTEN, at=T0 + at_once, session_id=None)
                ended = await store.end(ending(target, event=own, at_once=at_once))

                assert own == ended.events[-1]
                assert own == (await store.events("user-1", limit=1)).items[0]

    @with_a_store
    async def test_a_foreign_session_is_as_unknown(self, store: AsyncStore) -> None:
        """With a user, only that user's session ends."""
        row = session_row()
        await sign_in(store, row)

        assert [] == await _ended(store, ById("s1", "user-2"))
        assert row == await store.get("s1")
        assert ["s1"] == await _ended(store, ById("s1", "user-1"))

    @with_a_store
    async def test_ending_all_of_a_user(self, store: AsyncStore) -> None:
        """All sessions of the user end but the kept one; nobody else's do."""
        await sign_in(
            store,
            session_row("b"),
            session_row("a"),
            session_row("keep"),
            session_row("later", last_seen_at=T0 + 0.5),
            session_row("other", user_id="user-2"),
        )

        assert ["a", "b", "later"] == await _ended(store, OfUser("user-1", keep="keep"))
        assert {"a", "b", "later"} == await _revoked(store, "user-1", "user-2")

    @with_a_store
    async def test_keeping_nothing(self, store: AsyncStore) -> None:
        """Without one to keep, or with one that is unknown, foreign or malformed, all end."""
        for number, keep in enumerate((None, "nobody", "foreign", "", "\ud800")):
            user_id = f"user-{number}"
            await sign_in(store, session_row(f"a{number}", user_id=user_id))
            await sign_in(store, session_row(f"b{number}", user_id=user_id))

            ended = await _ended(store, OfUser(user_id, keep))
            assert [f"a{number}", f"b{number}"] == ended

    @with_a_store
    async def test_a_blocked_device_loses_its_sessions(self, store: AsyncStore) -> None:
        """Blocking ends the device's sessions and no other's; the device stays listed."""
        await sign_in(store, session_row("a"), session_row("b", device="device-2"))

        assert ["a"] == await _ended(store, OfDevice("user-1", "device-1"))
        assert {"a"} == await _revoked(store, "user-1")
        assert {"device-1": True, "device-2": False} == {
            device.id: device.blocked for device in await store.devices("user-1")
        }

    @with_a_store
    async def test_a_forgotten_device_loses_its_sessions(self, store: AsyncStore) -> None:
        """Forgetting ends the device's sessions and unlists it; their rows still name it."""
        await sign_in(store, session_row("a"), session_row("b", device="device-2"))

        assert ["a"] == await _ended(store, OfDevice("user-1", "device-1", forget=True))
        assert ["device-2"] == [device.id for device in await store.devices("user-1")]
        row = await store.get("a")
        assert row is not None
        assert rows.device_row(forgotten=True) == row.device

    @with_a_store
    async def test_a_device_without_sessions_is_blocked_too(self, store: AsyncStore) -> None:
        """The device is blocked also where there is nothing to end."""
        await sign_in(store, session_row())
        await rows.end_one(store, "s1")

        assert [] == await _ended(store, OfDevice("user-1", "device-1"))
        (device,) = await store.devices("user-1")
        assert device.blocked

    @with_a_store
    async def test_ending_everyone(self, store: AsyncStore) -> None:
        """All sessions there are end."""
        await sign_in(store, session_row("a"), session_row("b", user_id="user-2"))

        assert ["a", "b"] == await _ended(store, Everyone())
        assert {"a", "b"} == await _revoked(store, "user-1", "user-2")

    @with_a_store
    async def test_expired_rows_are_marked_without_event(self, store: AsyncStore) -> None:
        """Rows that were dead already are revoked too; only the live ones get an event."""
        await sign_in(store, session_row("live"), *rows.past_deadlines())
        events = (await store.end(ending(OfUser("user-1"), cutoffs=rows.DEADLINES))).events

        assert ["live"] == [event.session_id for event in events]
        assert 5 == len(await _revoked(store, "user-1"))

    @with_a_store
    async def test_kept_events_lose_the_address_too(self, store: AsyncStore) -> None:
        """Every event of an ended session keeps the network only; others keep their address."""
        await sign_in(store, session_row("s1"), session_row("s2", device="device-2"))
        await store.add_event(rows.event_row(session_id=None, device_id=None))
        await rows.end_one(store, "s1")
        events = (await store.events("user-1", limit=9)).items

        assert [
            ("s1", "102.89.77.0/24"),
            (None, "102.89.77.21"),
            ("s2", "102.89.77.21"),
            ("s1", "102.89.77.0/24"),
        ] == [(event.session_id, event.ip) for event in events]

    @with_a_store
    async def test_an_evicted_sessions_events_lose_the_address(self, store: AsyncStore) -> None:
        """Those that make room are ended like any other."""
        await sign_in(store, session_row("s1"))
        await store.insert(rows.login(session_row("s2", device="device-2"), limit=1))
        events = (await store.events("user-1", limit=9)).items

        assert {"102.89.77.0/24"} == {it.ip for it in events if it.session_id == "s1"}
        assert {"102.89.77.21"} == {it.ip for it in events if it.session_id == "s2"}

    @with_a_store
    async def test_an_address_without_network_is_dropped(self, store: AsyncStore) -> None:
        """Where no network is known, nothing remains of the address."""
        await sign_in(store, session_row(network=None))
        (event,) = (await store.end(ending(ById("s1")))).events
        row = await store.get("s1")

        assert row is not None
        assert (None, None) == (row.ip, event.ip)
