"""Pages of live sessions, and the cut-off of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.stores.base import Everyone, OfUser
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, cutoffs, ending, raises, session_row, with_a_store
from devsess.testing._rows import sign_in as _sign_in

if TYPE_CHECKING:
    from devsess.models import Page
    from devsess.stores.base import AsyncStore
    from devsess.stores.rows import SessionRow

_MANGLED = (
    *("", "x", "é", "\ud800", "W10", "WzEsMl0", "eyJhIjoxfQ", "bnVsbA", "A" * 5_000),
    *("W05hTiwicyJd", "W0luZmluaXR5LCJzIl0"),  # no instant: not a number, or infinity
)


async def _page(
    store: AsyncStore, limit: int = 9, cursor: str | None = None, now: float = T0 + 60
) -> Page[SessionRow]:
    return await store.live("user-1", cutoffs=cutoffs(now), limit=limit, cursor=cursor)


def _ids(page: Page[SessionRow]) -> list[str]:
    return [row.id for row in page]


class PagesContract:
    """Live sessions, page by page, among others in any state and while any write happens."""

    @with_a_store
    async def test_live_ones_alone_are_on_a_page(self, store: AsyncStore) -> None:
        """Not those that were revoked, whose time is over by row or policy, or another user's."""
        await _sign_in(
            store,
            rows.full_row("live"),
            session_row("revoked"),
            session_row("idle", idle_expires_at=T0 + 60),
            session_row("absolute", absolute_expires_at=T0 + 60),
            session_row("tightened", idle_from=T0 + 60 - 14 * DAY),
            session_row("old", created_at=T0 + 60 - 30 * DAY),
            session_row("other", user_id="user-2"),
        )
        await rows.end_one(store, "revoked")
        page = await _page(store)

        assert ["live"] == _ids(page)
        assert (await store.get("live"), None) == (page.items[0], page.next)

    @with_a_store
    async def test_covered_ones_are_on_no_page(self, store: AsyncStore) -> None:
        """A covered session has ended, though its row is not written; the kept one lives."""
        await _sign_in(store, *(session_row(f"s{number}") for number in range(4)))
        await store.end(ending(OfUser("user-1", "s2"), at_once=0))

        assert ["s2"] == _ids(await _page(store))
        await store.end(ending(Everyone(), at_once=0))
        assert [] == _ids(await _page(store))

    @with_a_store
    async def test_covered_ones_take_no_places(self, store: AsyncStore) -> None:
        """A page is as long as it may be, and has a cursor only if there is more behind it."""
        await _sign_in(store, *(session_row(f"s{it}", created_at=T0 + it) for it in range(5)))
        await store.end(ending(OfUser("user-1", "s3"), at_once=0))
        for number in range(3):
            row = session_row(f"old{number}", created_at=T0 - 9 + number)
            await rows.sign_in_again(store, row)
        first = await _page(store, 2)
        last = await _page(store, 2, first.next)

        assert [["s3", "old2"], ["old1", "old0"]] == [_ids(first), _ids(last)]
        assert None is last.next

    @with_a_store
    async def test_pages_are_by_sign_in(self, store: AsyncStore) -> None:
        """The newest first, equal ones by id, the last page without a cursor."""
        made = {"b": T0, "a": T0, "d": T0 + 2, "c": T0 + 1, "e": T0 + 0.5}
        await _sign_in(store, *(session_row(it, created_at=at) for it, at in made.items()))
        pages = [await _page(store, 2)]
        while pages[-1].next is not None:
            pages.append(await _page(store, 2, pages[-1].next))

        assert [["d", "c"], ["e", "b"], ["a"]] == [_ids(page) for page in pages]
        assert None is (await _page(store, 5)).next

    @with_a_store
    async def test_activity_moves_nothing_between_pages(self, store: AsyncStore) -> None:
        """A session that lives from the first page to the last is on exactly one."""
        await _sign_in(store, *(session_row(f"s{it}", created_at=T0 + it) for it in range(20)))
        seen: list[str] = []
        cursor: str | None = None
        for step in range(20):
            page = await _page(store, 2, cursor)
            seen += _ids(page)
            cursor = page.next
            if cursor is None:
                break
            for number in range(0, 20, 3):
                await store.touch(f"s{number}", rows.activity(T0 + 30 + step), bound=False)
            await _sign_in(store, session_row(f"new{step}", created_at=T0 + 30 + step))
            await rows.end_one(store, seen[-1])

        assert [f"s{number}" for number in reversed(range(20))] == seen

    @with_a_store
    async def test_a_mangled_cursor_of_live(self, store: AsyncStore) -> None:
        """It is refused: to start again would show the first page for ever."""
        await _sign_in(store, session_row("s1"))
        for mangled in _MANGLED:
            await raises(ValueError, _page(store, 9, mangled))
        await raises(ValueError, _page(store, 0))

    @with_a_store
    async def test_strange_users_have_no_pages(self, store: AsyncStore) -> None:
        """As everywhere, an id with strange characters is as unknown."""
        for strange in ("", "\ud800", "a\0b", "x" * 5_000):
            page = await store.live(strange, cutoffs=cutoffs(T0), limit=5)

            assert ((), None) == (page.items, page.next)
            assert None is await store.cut_off(strange)
            known = await store.known_devices(strange, ids=(strange,), fingerprints=())
            assert ([], 0) == ([*known.devices], known.ending_number)

    @with_a_store
    async def test_an_account_keeps_its_cut_off(self, store: AsyncStore) -> None:
        """Of its own latest ending, not of everybody's or another's, until it is erased."""
        await _sign_in(store, session_row("s1"))
        assert None is await store.cut_off("user-1")
        await store.end(ending(Everyone(), T0 + 9))
        await store.end(ending(OfUser("user-2"), T0 + 9))
        assert None is await store.cut_off("user-1")
        await store.end(ending(OfUser("user-1"), T0 + 1.5))

        assert T0 + 1.5 == await store.cut_off("user-1")
        await store.erase(rows.erasure())
        assert None is await store.cut_off("user-1")
