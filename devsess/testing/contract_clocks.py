"""Instants that were written by a clock that was ahead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.skew import CLOCKS_APART
from devsess.stores.base import ById, OfUser
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, raises, session_row, sign_in, with_a_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore
    from devsess.stores.rows import SessionRow

YEARS = 10 * 365 * DAY
CORRECT = {
    "created_at": T0,
    "last_seen_at": T0,
    "idle_from": T0,
    "idle_expires_at": T0 + DAY,
    "absolute_expires_at": T0 + 2 * DAY,
    "auth_time": int(T0) - 9,
    "levels": (("aal2", int(T0) - 9),),
}


def _ahead(session_id: str = "s1", by: float = YEARS) -> SessionRow:
    at = T0 + by
    return session_row(
        session_id,
        created_at=at,
        last_seen_at=at,
        idle_from=at,
        idle_expires_at=at + DAY,
        absolute_expires_at=at + DAY,
        auth_time=int(at),
    )


class ClocksContract:
    """An instant in the future can be put right, and nothing is kept the longer for it."""

    @with_a_store
    async def test_a_row_is_set_back(self, store: AsyncStore) -> None:
        """A correction moves instants back if the expected columns hold, and is logged."""
        row = _ahead()
        await sign_in(store, row)
        position = await rows.log_position(store)

        wrong = {"last_seen_at": T0}
        assert not await store.set_back("s1", expected=wrong, changes=CORRECT)
        assert row == await store.get("s1")
        expected = {"last_seen_at": row.last_seen_at, "created_at": row.created_at}
        assert await store.set_back("s1", expected=expected, changes=CORRECT)
        assert evolve(row, **CORRECT) == await store.get("s1")  # type: ignore[arg-type]
        assert {"s1"} == await rows.changed_since(store, position)

    @with_a_store
    async def test_what_has_ended_is_not_set_back(self, store: AsyncStore) -> None:
        """Unknown, malformed, revoked and covered rows are left alone."""
        await sign_in(store, _ahead("s1"), _ahead("s2"))
        await store.end(rows.ending(ById("s1")))
        await store.end(rows.ending(OfUser("user-1"), at_once=0))
        before = [await store.get(session_id) for session_id in ("s1", "s2")]

        for session_id in ("s1", "s2", "nobody", "\ud800"):
            assert not await store.set_back(session_id, expected={}, changes=CORRECT)
        assert before == [await store.get(session_id) for session_id in ("s1", "s2")]

    @with_a_store
    async def test_only_instants_are_corrected(self, store: AsyncStore) -> None:
        """A correction that names another column is a mistake, and writes nothing."""
        row = _ahead()
        await sign_in(store, row)
        await raises(ValueError, store.set_back("s1", expected={}, changes={"claims": "[]"}))

        assert row == await store.get("s1")

    @with_a_store
    async def test_rows_that_live_too_long_are_found(self, store: AsyncStore) -> None:
        """Those that have not ended and idle until later than an instant, the farthest first."""
        await sign_in(store, session_row("now"), _ahead("a"), _ahead("b", YEARS + 1), _ahead("c"))
        await store.end(rows.ending(ById("c")))

        assert ["b", "a"] == [row.id for row in await store.ahead(after=T0 + YEARS, limit=9)]
        assert ["b"] == [row.id for row in await store.ahead(after=T0 + YEARS, limit=1)]
        assert [] == await store.ahead(after=T0 + 2 * YEARS, limit=9)

    @with_a_store
    async def test_the_newest_instants_of_the_history(self, store: AsyncStore) -> None:
        """Of all users, in the order in which they were kept; at most so many."""
        assert [] == await store.newest_instants(limit=9)
        for number, days in enumerate((0, 9, -9, 3, 3, 1)):
            await store.add_event(rows.event_row(user_id=f"u{number % 2}", at=T0 + days * DAY))
        await raises(ValueError, store.newest_instants(limit=0))
        expected = [T0 + days * DAY for days in (1, 3, 3, -9, 9, 0)]

        assert expected == await store.newest_instants(limit=9)
        assert expected[:4] == await store.newest_instants(limit=4)

    @with_a_store
    async def test_nothing_is_kept_for_years(self, store: AsyncStore) -> None:
        """Purge dates ends, events and devices of the future now; a little ahead is no fault."""
        late, soon = T0 + YEARS, T0 + CLOCKS_APART
        for name, at in (("late", late), ("soon", soon)):
            device = rows.device_row(id=name, first_seen_at=at, last_seen_at=at)
            row = session_row(name, device=device)
            await store.insert(rows.login(row, event=rows.event_row(session_id=name, at=at)))
            await store.end(rows.ending(ById(name), at))
        await store.purge(rows.retention(), limit=99)

        ended = {row.id: row.revoked_at for row in await store.list("user-1")}
        seen = {it.id: (it.first_seen_at, it.last_seen_at) for it in await store.devices("user-1")}
        events = (await store.events("user-1", limit=9)).items
        assert {"late": T0, "soon": soon} == ended
        assert {"late": (T0, T0), "soon": (soon, soon)} == seen
        assert {("late", T0), ("soon", soon)} == {(it.session_id, it.at) for it in events}

    @with_a_store
    async def test_nothing_is_corrected_without_an_instant(self, store: AsyncStore) -> None:
        """Where the latest instant is infinity, purge leaves instants of the future as they are."""
        device = rows.device_row(first_seen_at=T0 + YEARS, last_seen_at=T0 + YEARS)
        row = _ahead()
        event = rows.event_row(session_id="s1", at=T0 + YEARS)
        await store.insert(rows.login(evolve(row, device=device), event=event))
        await store.end(rows.ending(ById("s1"), T0 + YEARS))
        assert 0 == await store.purge(rows.retention(latest=math.inf), limit=9)

        assert [T0 + YEARS] == [it.revoked_at for it in await store.list("user-1")]
        assert [T0 + YEARS] == [it.last_seen_at for it in await store.devices("user-1")]
        assert {T0 + YEARS} == {it.at for it in (await store.events("user-1", limit=9)).items}

    @with_a_store
    async def test_an_ending_of_the_future_is_carried_on(self, store: AsyncStore) -> None:
        """Purge dates it now, so that its rows are not left to the process that began it."""
        await sign_in(store, _ahead())
        await store.end(rows.ending(OfUser("user-1"), T0 + YEARS, at_once=0))
        await store.purge(rows.retention(), limit=9)

        assert ["s1"] == [it.session_id for it in (await store.settle(limit=9, before=T0)).events]

    @with_a_store
    async def test_a_purge_takes_no_more_than_its_limit(self, store: AsyncStore) -> None:
        """Corrected instants count, and the rest is left to the next batch."""
        await sign_in(store, _ahead("a"), _ahead("b"))
        await store.end(rows.ending(OfUser("user-1"), T0 + YEARS))
        at = rows.retention()

        # Two ends, two events of them, two of the sign-ins.
        assert [1, 1, 1, 1, 1, 1, 0] == [await store.purge(at, limit=1) for _ in range(7)]
