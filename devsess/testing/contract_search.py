"""Search over all accounts as tests: for stores that have `SupportsSearch`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from devsess.models import EventType
from devsess.stores.base import AsyncStore, Everyone, OfDevice, OfUser
from devsess.stores.capabilities import capabilities_of
from devsess.stores.searching import AsyncSupportsSearch, Filter, cursor_of
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing import _rows as rows
from devsess.testing._rows import (
    DAY,
    T0,
    cutoffs,
    ending,
    raises,
    session_row,
    sign_in,
    with_a_store,
)

if TYPE_CHECKING:
    from devsess.stores.rows import SessionRow

NOW = T0 + 60
LAGOS, OSLO = "102.89.77.0", "88.90.1.0"
_MANGLED = (
    *("", "x", "é", "\ud800", "W10", "WzEsMl0", "eyJhIjoxfQ", "bnVsbA", "A" * 5_000),
    *("W05hTiwicyJd", "W0luZmluaXR5LCJzIl0"),  # no instant: not a number, or infinity
    cursor_of((T0, "\ud800")),
    cursor_of((T0, "\0")),
)


_ALL = Filter()
# Of all that a test writes, one row a page, and some that are short.
_PAGES = 99
_FILTERS: list[tuple[Filter, list[str]]] = [
    (Filter(), ["f", "e", "d", "c", "b", "a"]),
    (Filter(user_id="ada"), ["f", "b", "a"]),
    (Filter(user_id="nobody"), []),
    (Filter(network=LAGOS), ["d", "b", "a"]),
    (Filter(network=LAGOS, ip="102.89.77.5"), ["d"]),
    (Filter(ip="102.89.77.5"), ["d"]),
    (Filter(ip=LAGOS), ["b"]),
    (Filter(network=OSLO, ip="102.89.77.5"), []),
    (Filter(device_id="phone"), ["f", "b"]),
    (Filter(device_id="phone", user_id="ada"), ["f", "b"]),
    (Filter(device_id="phone", user_id="bob"), []),
    (Filter(user_id="ada", network=OSLO), ["f"]),
    (Filter(since=T0 + 2), ["f", "e", "d", "c"]),
    (Filter(until=T0 + 2), ["b", "a"]),
    (Filter(since=T0 + 1, until=T0 + 4), ["d", "c", "b"]),
    (Filter(since=T0 + 4, until=T0 + 4), []),
    (Filter(user_id="ada", since=T0 + 1, until=T0 + 2), ["b"]),
    (Filter(user_id="ada", is_ended=False), ["f", "a"]),
    (Filter(user_id="ada", is_ended=True), ["b"]),
    (Filter(network=LAGOS, is_ended=False, until=T0 + 3), ["a"]),
    (Filter(is_ended=True), ["b"]),
    (Filter(is_ended=False, device_id="phone"), ["f"]),
    (Filter(since=float("-inf"), until=float("inf")), ["f", "e", "d", "c", "b", "a"]),
]


class SearchedStore(AsyncStore, AsyncSupportsSearch, Protocol):
    """A store whose sessions can be searched."""


class SearchContract:
    """
    The contract of `SupportsSearch`, for a class of its own beside StoreContract.

        class TestMySearch(SearchContract):
            def make_store(self):
                return MyStore(...)
    """

    def make_store(self) -> Any:
        """A new, empty store, as for StoreContract."""
        raise NotImplementedError

    @with_a_store
    async def test_the_capability_of_search_is_found(self, store: SearchedStore) -> None:
        """Managers find the capability by its method."""
        assert capabilities_of(store).searching is not None

    @with_a_store
    async def test_nothing_is_found_in_an_empty_store(self, store: SearchedStore) -> None:
        """Each answer is empty, and none has a next page."""
        assert ([], 0) == (await _found(store), await store.count(Filter(), cutoffs=cutoffs(NOW)))
        queue = await store.queue(0, cutoffs=cutoffs(NOW), limit=9)
        acts = await store.acts(limit=9)
        assert ((), None, (), None) == (queue.items, queue.next, acts.items, acts.next)

    @with_a_store
    async def test_sessions_are_found_by_each_part_of_a_filter(self, store: SearchedStore) -> None:
        """And by all that is given together; the newest first."""
        await _sign_in_many(store)
        for wanted, expected in _FILTERS:
            found = [row.id for row in await _found(store, wanted)]
            assert expected == found, wanted
            counted = await store.count(wanted, cutoffs=cutoffs(NOW))
            assert len(expected) == counted, wanted

    @with_a_store
    async def test_rows_are_found_whole(self, store: SearchedStore) -> None:
        """With their devices, as `get` reads them."""
        row = evolve(rows.full_row(), idle_expires_at=T0 + DAY, absolute_expires_at=T0 + DAY)
        await sign_in(store, row)
        await store.put_device(
            row.user_id, row.device.id, changes={"name": "mine"}, event=rows.UPDATED
        )

        assert [await store.get(row.id)] == await _found(store)
        assert [row.id] == [it.id for it in await _found(store, Filter(ip=row.ip))]

    @with_a_store
    async def test_live_and_ended_ones_are_parted_by_cutoffs(self, store: SearchedStore) -> None:
        """Those whose time is over by row or policy have ended, before any purge writes it."""
        await sign_in(store, session_row("live"), session_row("revoked"), *rows.past_deadlines())
        await rows.end_one(store, "revoked", T0 + 0.5)
        ended = {"revoked", *(row.id for row in rows.past_deadlines())}
        for wanted in (Filter(), Filter(user_id="user-1"), Filter(device_id="device-1")):
            for is_ended, expected in ((False, {"live"}), (True, ended), (None, {"live"} | ended)):
                asked = evolve(wanted, is_ended=is_ended)
                found = await _found(store, asked, at=rows.DEADLINES)
                assert expected == {row.id for row in found}, asked
                assert len(expected) == await store.count(asked, cutoffs=rows.DEADLINES), asked

    @with_a_store
    async def test_covered_rows_have_ended(self, store: SearchedStore) -> None:
        """Under each filter they read as written: with reason and actor, without their address."""
        await sign_in(store, session_row("a"), session_row("b", user_id="user-2"))
        await store.end(ending(OfUser("user-1"), at_once=0))
        await rows.sign_in_again(store, session_row("new", created_at=T0 + 2))

        assert ["new", "b"] == await _ids(store, Filter(is_ended=False))
        [covered] = await _found(store, Filter(is_ended=True))
        assert ("a", "lost", "admin") == (covered.id, covered.reason, covered.actor)
        assert covered.network == covered.ip
        assert ["new", "b"] == await _ids(store, Filter(ip="102.89.77.21"))
        assert 2 == await store.count(Filter(ip="102.89.77.21"), cutoffs=cutoffs(NOW))
        assert ["new", "b", "a"] == await _ids(store, Filter(network="102.89.77.0/24"))
        assert 1 == await store.count(Filter(is_ended=True), cutoffs=cutoffs(NOW))
        while (await store.settle(limit=9)).is_more:
            pass
        assert [covered] == await _found(store, Filter(is_ended=True))

    @with_a_store
    async def test_pages_of_any_size_find_each_session_once(self, store: SearchedStore) -> None:
        """In one order, where many begin at the same instant too, and whatever comes meanwhile."""
        instants = [T0, T0, T0, T0 + 1, T0 + 1, T0 + 2, T0 - 1, T0 - 1]
        for place, at in enumerate(instants):
            await sign_in(store, session_row(f"s{place}", device=f"d{place}", created_at=at))
        expected = ["s5", "s4", "s3", "s2", "s1", "s0", "s7", "s6"]
        wanted = [Filter(), Filter(user_id="user-1"), Filter(network="102.89.77.0/24")]
        for asked in wanted:
            for limit in (1, 2, 3, 8, 9):
                assert expected == await _ids(store, asked, limit=limit)
        first = await store.search(wanted[0], cutoffs=cutoffs(NOW), limit=3)
        await sign_in(store, session_row("later", device="later", created_at=T0 + 9))
        await rows.end_one(store, "s2")
        rest = await store.search(wanted[0], cutoffs=cutoffs(NOW), limit=9, cursor=first.next)
        assert expected[3:] == [row.id for row in rest]

    @with_a_store
    async def test_a_page_may_be_short_and_have_a_next_one(self, store: SearchedStore) -> None:
        """A bounded number of rows is looked at a call; those that match are all found."""
        for place in range(9):
            await sign_in(
                store, session_row(f"s{place}", device=f"d{place}", created_at=T0 + place)
            )
        await rows.end_one(store, "s0", T0 + 20)
        await rows.end_one(store, "s4", T0 + 20)
        wanted, cursor, calls, found = Filter(is_ended=True), None, 0, list[str]()
        while calls == 0 or cursor is not None:
            page = await store.search(
                wanted, cutoffs=cutoffs(NOW), limit=9, cursor=cursor, looked=2
            )
            found += [row.id for row in page]
            cursor, calls = page.next, calls + 1
            assert calls < 9

        assert ["s4", "s0"] == found
        assert calls > 1, "more rows were looked at than may be"

    @with_a_store
    async def test_a_count_has_a_limit(self, store: SearchedStore) -> None:
        """Beyond it one more is answered; and so where too many rows would be looked at."""
        for place in range(5):
            await sign_in(
                store, session_row(f"s{place}", device=f"d{place}", created_at=T0 + place)
            )
        at = cutoffs(NOW)
        assert [3, 5, 5] == [
            await store.count(Filter(), cutoffs=at, most=most) for most in (2, 5, 6)
        ]
        await rows.end_one(store, "s0", T0 + 20)
        ended = Filter(is_ended=True)
        assert 1 == await store.count(ended, cutoffs=at, most=3)
        assert 1 == await store.count(ended, cutoffs=at, most=3, looked=5)
        assert await store.count(ended, cutoffs=at, most=3, looked=2) in (1, 4)
        await raises(ValueError, store.count(ended, cutoffs=at, most=0))

    @with_a_store
    async def test_the_queue_has_the_highest_scores_first(self, store: SearchedStore) -> None:
        """Of live sessions; of those that are equal the newest, and then by id."""
        scores = {"low": -1, "none": None, "a": 5, "b": 40, "c": 5, "old": 5, "d": 0}
        for place, (name, score) in enumerate(scores.items()):
            at = T0 - 1 if name == "old" else T0
            row = session_row(name, device=f"d{place}", created_at=at, score=score)
            await sign_in(store, row)

        for limit in (1, 2, 3, 9):
            assert ["b", "c", "a", "old", "d"] == await _queue(store, 0, limit=limit)
        assert ["b"] == await _queue(store, 6)
        assert ["b", "c", "a", "old", "d", "low"] == await _queue(store, -50)

    @with_a_store
    async def test_only_live_ones_are_in_the_queue(self, store: SearchedStore) -> None:
        """A session leaves it when it ends, by number or by time too, and when its score goes."""
        names = ("ended", "covered", "judged", "idle", "left")
        for name in names:
            user_id = "user-2" if name == "covered" else "user-1"
            until = NOW if name == "idle" else T0 + DAY
            row = session_row(name, user_id=user_id, device=name, score=9, idle_expires_at=until)
            await sign_in(store, row)
        await rows.end_one(store, "ended")
        await store.end(ending(OfUser("user-2"), at_once=0))
        await rows.update(store, "judged", {"score": None})
        await rows.update(store, "left", {"score": 12})

        assert ["left"] == await _queue(store, 0)
        for looked in (1, 2, 3):
            assert ["left"] == await _queue(store, 0, looked=looked)
        first = await store.queue(0, cutoffs=cutoffs(NOW), limit=9, looked=1)
        assert ["left"] == [it.id for it in first]
        assert first.next is not None, "more rows were looked at than may be"

    @with_a_store
    async def test_acts_are_what_others_did(self, store: SearchedStore) -> None:
        """Events whose actor is not the account's owner, of all accounts, the newest first."""
        await sign_in(store, session_row("a"), session_row("b", user_id="user-2"))
        for user_id, actor in (("user-1", "support"), ("user-1", None), ("user-1", "user-1")):
            await store.add_event(rows.event_row(user_id=user_id, actor=actor, reason=actor))
        await store.end(ending(OfDevice("user-2", "device-1")))
        await store.add_event(rows.event_row(user_id="user-2", actor="user-1", reason="last"))

        expected = ["last", "lost", "support"]
        for limit in (1, 2, 3, 9):
            assert expected == await _acts(store, limit)
        [_, end, _] = (await store.acts(limit=9)).items
        assert (EventType.SESSION_REVOKED, "user-2", "admin") == (end.type, end.user_id, end.actor)
        assert end.network == end.ip

    @with_a_store
    async def test_acts_go_with_their_account(self, store: SearchedStore) -> None:
        """An erased account's are not found, and those of covered sessions show no address."""
        await sign_in(store, session_row("a"), session_row("b", user_id="user-2"))
        for user_id, session_id in (("user-1", "a"), ("user-2", "b")):
            event = rows.event_row(user_id=user_id, session_id=session_id, actor="support")
            await store.add_event(event)
        await store.end(ending(Everyone(), at_once=0))
        await store.erase(rows.erasure("user-2"))

        [event] = (await store.acts(limit=9)).items
        assert ("user-1", "102.89.77.0/24") == (event.user_id, event.ip)

    @with_a_store
    async def test_erased_sessions_are_not_found(self, store: SearchedStore) -> None:
        """Nor counted, nor in the queue."""
        await sign_in(store, session_row("a", score=9), session_row("b", user_id="user-2"))
        await store.erase(rows.erasure())

        assert (["b"], []) == (await _ids(store), await _queue(store, 0))
        assert 0 == await store.count(Filter(user_id="user-1"), cutoffs=cutoffs(NOW))

    @with_a_store
    async def test_mangled_cursors_and_sizes(self, store: SearchedStore) -> None:
        """A cursor that was not given out is a ValueError, as is a page without room."""
        at = cutoffs(NOW)
        for mangled in _MANGLED:
            await raises(ValueError, store.search(Filter(), cutoffs=at, limit=1, cursor=mangled))
            await raises(ValueError, store.queue(0, cutoffs=at, limit=1, cursor=mangled))
        for mangled in ("", "x", "-1", "1 ", "1_0", "\u0663", "9" * 30, "\ud800", "[]"):
            await raises(ValueError, store.acts(limit=1, cursor=mangled))
        await raises(ValueError, store.search(Filter(), cutoffs=at, limit=0))
        await raises(ValueError, store.queue(0, cutoffs=at, limit=0))
        await raises(ValueError, store.acts(limit=0))

    @with_a_store
    async def test_strange_texts_find_nothing(self, store: SearchedStore) -> None:
        """Nothing that a person types breaks a search, or another one's."""
        await sign_in(store, session_row("a"))
        for text in ("", "%", "_", "'", "\ud800", "\0", "user-1\0", "ключ", "a" * 5_000, "*"):
            for wanted in (
                Filter(user_id=text),
                Filter(network=text),
                Filter(ip=text),
                Filter(device_id=text),
            ):
                assert [] == await _ids(store, wanted), wanted
                assert 0 == await store.count(wanted, cutoffs=cutoffs(NOW)), wanted


async def _sign_in_many(store: SearchedStore) -> None:
    found = (
        ("a", "ada", "laptop", "102.89.77.21", LAGOS),
        ("b", "ada", "phone", "102.89.77.5", LAGOS),
        ("c", "bob", "desk", "88.90.1.9", OSLO),
        ("d", "bob", "tablet", "102.89.77.5", LAGOS),
        ("e", "cyd", "desk-2", None, None),
        ("f", "ada", "phone", "88.90.1.9", OSLO),
    )
    for place, (name, user_id, device, ip, network) in enumerate(found):
        row = session_row(
            name, user_id=user_id, device=device, ip=ip, network=network, created_at=T0 + place
        )
        await sign_in(store, row)
    await rows.end_one(store, "b", T0 + 20)  # of its address, the network alone is left


async def _found(
    store: SearchedStore,
    wanted: Filter = _ALL,
    limit: int = 9,
    at: Any = None,
) -> list[SessionRow]:
    """All pages of a search; each row once, in order."""
    found: list[SessionRow] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await store.search(wanted, cutoffs=at or cutoffs(NOW), limit=limit, cursor=cursor)
        assert len(page) <= limit
        found += page
        cursor = page.next
        if cursor is None:
            break
    assert cursor is None, "the pages have no end"
    places = [(row.created_at, row.id) for row in found]
    assert all(one > other for one, other in pairwise(places))
    return found


async def _ids(
    store: SearchedStore,
    wanted: Filter = _ALL,
    limit: int = 9,
) -> list[str]:
    return [row.id for row in await _found(store, wanted, limit)]


async def _queue(
    store: SearchedStore, at_least: int, *, limit: int = 9, looked: int = 99
) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await store.queue(
            at_least, cutoffs=cutoffs(NOW), limit=limit, cursor=cursor, looked=looked
        )
        assert len(page) <= limit
        found += [row.id for row in page]
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError("the pages have no end")


async def _acts(store: SearchedStore, limit: int) -> list[str | None]:
    page = await store.acts(limit=limit)
    found = [event.reason for event in page]
    while page.next is not None:
        page = await store.acts(limit=limit, cursor=page.next)
        assert page.items, "a page behind the last event was promised"
        found += [event.reason for event in page]
        assert len(found) < _PAGES, "the pages have no end"
    return found
