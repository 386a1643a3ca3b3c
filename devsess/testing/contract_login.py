"""Sign-ins: the rows they write, the refusals, and the sessions they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.models import EventType
from devsess.stores.base import ById, Inserted, OfDevice, Refused
from devsess.stores.calls import Full
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, login, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.rows import SessionRow


async def _types(store: AsyncStore) -> list[tuple[EventType, str | None, str | None]]:
    events = (await store.events("user-1", limit=99)).items
    return [(event.type, event.session_id, event.reason) for event in reversed(events)]


async def _live(store: AsyncStore) -> set[str]:
    return {row.id for row in await store.list("user-1") if row.revoked_at is None}


def _used(*names: str) -> list[SessionRow]:
    """Sessions on a device each, the first used least recently."""
    return [
        session_row(name, device=f"d-{name}", last_seen_at=T0 + at) for at, name in enumerate(names)
    ]


class LoginContract:
    """Written whole, or not at all."""

    @with_a_store
    async def test_a_login_is_written_with_device_and_event(self, store: AsyncStore) -> None:
        """A sign-in writes the session, its device and its event."""
        row = session_row()

        assert Inserted() == await store.insert(login(row))
        assert row == await store.get("s1")
        assert [row.device] == await store.devices("user-1")
        assert (login(row).event,) == (await store.events("user-1", limit=9)).items

    @with_a_store
    async def test_an_id_is_written_once(self, store: AsyncStore) -> None:
        """There is no blind save: a second row of the same id is refused and changes nothing."""
        await sign_in(store, session_row())
        await rows.end_one(store, "s1")
        expected = await store.get("s1")
        await rows.raises(ValueError, store.insert(login(session_row(user_id="user-2"))))

        assert expected == await store.get("s1")
        assert [] == await store.devices("user-2")

    @with_a_store
    async def test_ending_one_session_sets_no_cut_off(self, store: AsyncStore) -> None:
        """Ending a session or a device leaves older sign-ins elsewhere alone."""
        await sign_in(store, session_row("s1"), session_row("s2", device="device-2"))
        await store.end(rows.ending(ById("s1"), T0 + 5))
        await store.end(rows.ending(OfDevice("user-1", "device-2", forget=True), T0 + 5))

        assert Inserted() == await store.insert(login(session_row("s3"), auth_instant=T0))

    @with_a_store
    async def test_a_blocked_device_is_refused(self, store: AsyncStore) -> None:
        """The stored device decides, not the one in the sign-in."""
        await sign_in(store, session_row("s1"))
        await store.end(rows.ending(OfDevice("user-1", "device-1")))

        assert Refused.BLOCKED is await store.insert(login(session_row("s2")))
        assert None is await store.get("s2")

    @with_a_store
    async def test_an_unblocked_device_is_let_in(self, store: AsyncStore) -> None:
        """Blocking ends with unblocking, for later sign-ins."""
        await sign_in(store, session_row("s1"))
        await store.end(rows.ending(OfDevice("user-1", "device-1")))
        await store.put_device("user-1", "device-1", changes={"blocked": False}, event=rows.UPDATED)

        assert Inserted() == await store.insert(login(session_row("s2")))

    @with_a_store
    async def test_a_known_device_keeps_its_users_word(self, store: AsyncStore) -> None:
        """A sign-in renews the traits of a device, never its name, trust or first sight."""
        await sign_in(store, session_row("s1"))
        named = {"name": "mine", "trusted_until": T0 + DAY}
        await store.put_device("user-1", "device-1", changes=named, event=rows.UPDATED)
        seen = rows.device_row(
            label="Firefox on Linux",
            kind="app",
            os="Linux",
            browser="Firefox",
            first_seen_at=T0 + 7,
            last_seen_at=T0 + 7,
            fingerprint=b"print",
            network="192.0.2.0/24",
            name="other",
            resembles="device-9",
        )
        await sign_in(store, session_row("s2", device=seen))
        expected = evolve(
            seen,
            first_seen_at=T0,
            name="mine",
            trusted_until=T0 + DAY,
            resembles=None,
        )

        assert [expected] == await store.devices("user-1")

    @with_a_store
    async def test_a_forgotten_device_comes_back_as_new(self, store: AsyncStore) -> None:
        """A sign-in that outran the forgetting writes its device as given."""
        await sign_in(store, session_row("s1"))
        await store.put_device("user-1", "device-1", changes={"name": "mine"}, event=rows.UPDATED)
        await store.end(rows.ending(OfDevice("user-1", "device-1", forget=True)))
        await sign_in(store, session_row("s2"))

        assert [rows.device_row()] == await store.devices("user-1")

    @with_a_store
    async def test_below_the_limit_nobody_ends(self, store: AsyncStore) -> None:
        """The limit counts this session: one below it there is room."""
        await sign_in(store, *_used("a"))

        assert Inserted() == await store.insert(login(session_row("new"), limit=2))
        assert {"a", "new"} == await _live(store)

    @with_a_store
    async def test_the_least_recently_used_are_evicted(self, store: AsyncStore) -> None:
        """At the limit, those used least recently end, by id among equals, until one fits."""
        await sign_in(store, *_used("d", "c", "b"), session_row("a", last_seen_at=T0))
        answer = await store.insert(login(session_row("new", device="new"), limit=2))

        assert isinstance(answer, Inserted)
        assert ["a", "d", "c"] == [event.session_id for event in answer.ended]
        assert {"b", "new"} == await _live(store)

    @with_a_store
    async def test_an_eviction_has_its_events(self, store: AsyncStore) -> None:
        """Evicted sessions have an event each, with the network only; so has the limit."""
        (old,) = _used("a")
        await sign_in(store, old)
        new = session_row("new", created_at=T0 + 5)
        answer = await store.insert(login(new, limit=1))
        row = await store.get("a")

        assert isinstance(answer, Inserted)
        (event,) = answer.ended
        assert (EventType.SESSION_REVOKED, "evicted", T0 + 5) == (
            event.type,
            event.reason,
            event.at,
        )
        assert (old.network, old.network, old.user_agent, "d-a") == (
            event.ip,
            event.network,
            event.user_agent,
            event.device_id,
        )
        assert row == evolve(old, revoked_at=T0 + 5, reason="evicted", ip=old.network)
        assert [
            (EventType.SESSION_CREATED, "a", None),
            (EventType.SESSION_REVOKED, "a", "evicted"),
            (EventType.LIMIT_EXCEEDED, None, "limit"),
            (EventType.SESSION_CREATED, "new", None),
        ] == await _types(store)

    @with_a_store
    async def test_a_new_device_has_its_event(self, store: AsyncStore) -> None:
        """Right after the sign-in's own, of which nothing is left out; and none if refused."""
        first, second = session_row("s1"), session_row("s2", device="d-2")
        told = evolve(login(second).event, type=EventType.NEW_DEVICE, at=T0 + 7, reason="told")
        await sign_in(store, first)
        await store.insert(login(second, device_event=told))
        full = login(session_row("s3", device="d-3"), limit=2, evict=False, device_event=told)

        assert isinstance(await store.insert(full), Full)
        kept = (await store.events("user-1", limit=9)).items
        assert (told, login(second).event, login(first).event) == kept

        third = session_row("s3", device="d-3")
        other = evolve(told, session_id="s3", device_id="d-3")
        await store.insert(login(third, limit=1, device_event=other))
        assert (other, login(third).event) == (await store.events("user-1", limit=2)).items

    @with_a_store
    async def test_a_device_may_be_forgotten_from_the_start(self, store: AsyncStore) -> None:
        """That of a session which is not the user's own is in no list, and goes with it."""
        row = session_row(device=rows.device_row(forgotten=True))
        await sign_in(store, row)

        assert row == await store.get("s1")
        assert [] == await store.devices("user-1")
        assert not (await store.known_devices("user-1", ids=("device-1",), fingerprints=())).devices

    @with_a_store
    async def test_an_impersonation_is_beside_the_limit(self, store: AsyncStore) -> None:
        """A session of somebody who acts as the user takes no place, and makes none."""
        acted = session_row("acted", device="d-acted", impersonator=("s0", "admin"))
        await sign_in(store, acted, *_used("a"))

        assert Inserted() == await store.insert(login(session_row("b", device="b"), limit=2))
        answer = await store.insert(login(session_row("new", device="new"), limit=2))
        assert isinstance(answer, Inserted)
        assert ["a"] == [event.session_id for event in answer.ended]
        assert {"acted", "b", "new"} == await _live(store)

    @with_a_store
    async def test_a_full_account_refuses(self, store: AsyncStore) -> None:
        """Without eviction the live ones are named, by last use; nothing is written."""
        old = _used("b", "a")
        await sign_in(store, *old)
        before, log = await _types(store), await rows.log_position(store)
        new = session_row("new", device="new")

        assert Full(tuple(old)) == await store.insert(login(new, limit=2, evict=False))
        assert None is await store.get("new")
        assert {"d-a", "d-b"} == {device.id for device in await store.devices("user-1")}
        assert before == await _types(store)
        assert set() == await rows.changed_since(store, log)

    @with_a_store
    async def test_only_live_sessions_count(self, store: AsyncStore) -> None:
        """Revoked, expired and policy-dead rows, and other users', take no room."""
        await sign_in(
            store,
            session_row("revoked"),
            *rows.past_deadlines(),
            session_row("other", user_id="user-2"),
        )
        await rows.end_one(store, "revoked")
        one = login(session_row("new"), limit=1, evict=False, cutoffs=rows.DEADLINES)

        assert Inserted() == await store.insert(one)

    @with_a_store
    async def test_each_deadline_counts_until_it_is_reached(self, store: AsyncStore) -> None:
        """A row whose four instants are all just beyond the cutoffs takes room."""
        row = session_row(
            idle_expires_at=T0 + 1.25,
            absolute_expires_at=T0 + 1.25,
            idle_from=T0 - 7.75,
            created_at=T0 - 8.75,
        )
        await sign_in(store, row)
        one = login(session_row("new"), limit=1, evict=False, cutoffs=rows.DEADLINES)

        assert Full((row,)) == await store.insert(one)

    @with_a_store
    async def test_a_device_replaces_its_own_sessions(self, store: AsyncStore) -> None:
        """A known device's live sessions end first and make room; others' and dead ones stay."""
        own, other = session_row("own"), session_row("other", device="device-2")
        expired = session_row("expired", idle_expires_at=T0)
        await sign_in(store, own, other, expired)
        new = login(session_row("new", created_at=T0 + 1), limit=2, evict=False, replaces=True)
        answer = await store.insert(new)
        row = await store.get("own")

        assert isinstance(answer, Inserted)
        assert [("own", "replaced")] == [(it.session_id, it.reason) for it in answer.ended]
        assert row == evolve(own, revoked_at=T0 + 1, reason="replaced", ip=own.network)
        assert {"other", "expired", "new"} == await _live(store)
        assert EventType.LIMIT_EXCEEDED not in [kind for kind, _, _ in await _types(store)]

    @with_a_store
    async def test_replacement_comes_before_eviction(self, store: AsyncStore) -> None:
        """Sessions are evicted only if they are too many after the replacement."""
        own, *others = _used("own", "b", "c", "d")
        await sign_in(store, own, *others)
        new = login(session_row("new", device=own.device), limit=3, replaces=True)
        answer = await store.insert(new)

        assert isinstance(answer, Inserted)
        assert ["own", "b"] == [event.session_id for event in answer.ended]
        assert ["replaced", "evicted"] == [event.reason for event in answer.ended]

    @with_a_store
    async def test_a_refused_replacement_ends_nothing(self, store: AsyncStore) -> None:
        """Where others fill the limit, the device's own session lives on and is not in the way."""
        own, *others = _used("own", "b", "c")
        await sign_in(store, own, *others)
        new = session_row("new", device=own.device)
        answer = await store.insert(login(new, limit=2, evict=False, replaces=True))

        assert Full(tuple(others)) == answer
        assert {"own", "b", "c"} == await _live(store)

    @with_a_store
    async def test_no_replacement_unless_asked(self, store: AsyncStore) -> None:
        """Two sessions of one device live side by side unless the sign-in replaces."""
        await sign_in(store, session_row("s1"), session_row("s2"))

        assert {"s1", "s2"} == await _live(store)
