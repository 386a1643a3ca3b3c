"""The cache, driven by hand: the test is the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _play import CLAIMS, Call
from attrs import evolve

from devsess._runtime.cache import STALE, Cache
from devsess._runtime.drive import drive
from devsess._runtime.entries import Entries
from devsess.lifecycle import standing
from devsess.models import Client, Session
from devsess.operations.validate import Validated
from devsess.policy import Policy
from devsess.stores.base import ALL, Changes
from devsess.stores.calls import SharedMark, StoreBusyError
from devsess.testing._rows import T0, session_row
from devsess.tokens.access import AccessClaims
from devsess.tokens.text import MAX_TOKEN_LENGTH
from devsess.views import session_view

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = Client(ip="102.89.77.21", user_agent="Mozilla/5.0", device_token="ds1d.a")


class Feed:
    """The store's side: a mark that anyone may move, and the log behind it."""

    def __init__(self) -> None:
        self.mark: object = 0
        self.log: list[str] = []
        self.asked = 0
        self.is_busy = False

    def ask_mark(self) -> object:
        self.asked += 1
        if self.is_busy:
            raise StoreBusyError("busy")
        return self.mark

    def changed(self, *session_ids: str) -> None:
        self.log += session_ids
        self.mark = object()

    def behind(self, position: Any) -> Changes:
        here = len(self.log)
        return Changes(here, ALL if position is None else self.log[position:])

    async def changes(self, position: Any) -> Changes:
        return self.behind(position)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def elapsed(self) -> float:
        return self.now


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_cache(feed: Feed, clock: Clock, **policy: Any) -> Cache:
    cache = Cache(Policy(**policy), clock.elapsed)
    cache.watch(feed.ask_mark)
    drive(cache.catch_up(feed))
    return cache


def validated(session_id: str = "s1", good_until: float = T0 + 60) -> Validated:
    session = session_view(standing(session_row(session_id), T0, Policy()))
    return Validated(session, good_until, CLAIMS)


def keep(cache: Cache, token: str, session_id: str = "s1", client: Client | None = None) -> None:
    cache.keep(cache.ticket(), token, client, validated(session_id))


def test_a_kept_session_is_answered(feed: Feed, clock: Clock) -> None:
    """A kept session is answered as long as the mark stands still."""
    cache = make_cache(feed, clock)
    kept = validated()
    cache.keep(cache.ticket(), "token", None, kept)
    assert kept.session is cache.hit("token", None, T0)


@pytest.mark.parametrize("impersonator", [None, "eve"])
def test_what_a_token_says_is_known(feed: Feed, clock: Clock, impersonator: str | None) -> None:
    """All of it, as it was verified, for as long as there is an entry; and of no other token."""
    cache = make_cache(feed, clock)
    claims = AccessClaims("s1", "user-1", int(T0), T0 + 900, 3, impersonator is not None)
    session = evolve(validated().session, impersonator=impersonator)
    cache.keep(cache.ticket(), "token", None, Validated(session, T0, claims))
    entry = cache.known("token")
    assert entry is not None
    assert (claims, None) == (entry.claims, cache.known("other"))


def test_nothing_is_answered_before_the_first_catch_up(feed: Feed, clock: Clock) -> None:
    """A new cache has read no log, so it answers nothing that was put into it, and asks nobody."""
    cache = Cache(Policy(), clock.elapsed)
    cache.watch(feed.ask_mark)
    keep(cache, "token")
    assert STALE is cache.hit("token", None, T0)
    assert 0 == feed.asked


class Compared:
    """A mark in whose comparison a signal's handler runs once."""

    def __init__(self) -> None:
        self.handlers: list[Callable[[], object]] = []

    def __ne__(self, other: object) -> bool:
        while self.handlers:
            self.handlers.pop()()
        return self is not other


def test_a_doubt_while_marks_are_compared(feed: Feed, clock: Clock) -> None:
    """What was doubted meanwhile is not current, though the mark stood still."""
    feed.mark = mark = Compared()
    cache = make_cache(feed, clock, max_staleness=5)
    keep(cache, "token")
    clock.now += 5
    mark.handlers = [cache.doubt]
    assert STALE is cache.hit("token", None, T0)
    assert STALE is cache.hit("token", None, T0)


def test_a_catch_up_in_the_midst_of_a_keep(
    feed: Feed, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler's: what is being kept is dropped, and all else, for the tables are half-changed."""
    cache = make_cache(feed, clock)
    keep(cache, "other", "s2")
    index = Entries._index

    def struck(entries: Entries, *args: Any) -> None:
        monkeypatch.setattr(Entries, "_index", index)
        index(entries, *args)
        feed.changed("s1")
        drive(cache.catch_up(feed))
        keep(cache, "third", "s3")

    monkeypatch.setattr(Entries, "_index", struck)
    keep(cache, "token", "s1")
    assert [None] * 3 == [cache.hit(it, None, T0) for it in ("token", "other", "third")]
    keep(cache, "token", "s1")
    assert isinstance(cache.hit("token", None, T0), Session)


def test_a_handler_that_hears_of_nothing_drops_nothing(feed: Feed, clock: Clock) -> None:
    """In the midst of a change, too."""
    cache = make_cache(feed, clock)
    keep(cache, "token")
    with cache._lock:
        cache.renewed(clock.elapsed(), cache.position, Changes(cache.position, ()), lambda: True)
    assert isinstance(cache.hit("token", None, T0), Session)


def test_a_moved_mark_makes_stale(feed: Feed, clock: Clock) -> None:
    """Once the mark differs, nothing is answered until the cache has caught up."""
    cache = make_cache(feed, clock)
    keep(cache, "token", "s1")
    feed.changed("other")
    assert STALE is cache.hit("token", None, T0)
    drive(cache.catch_up(feed))
    assert "s1" == cache.hit("token", None, T0).id  # type: ignore[union-attr]


def test_a_doubt_outlives_a_reading_that_was_begun_before(feed: Feed, clock: Clock) -> None:
    """The write in doubt may be younger than what was read: the log is read once more."""
    cache = make_cache(feed, clock, max_staleness=60)
    keep(cache, "token")
    begun = cache.begin()
    changes = feed.behind(begun.position)
    feed.changed("s1")
    cache.doubt()

    assert not cache.caught_up(begun, changes)
    assert STALE is cache.hit("token", None, T0)
    drive(cache.catch_up(feed))
    assert None is cache.hit("token", None, T0)


def test_what_cannot_answer_is_not_stale(feed: Feed, clock: Clock) -> None:
    """Over, or another client's: no news would make it an answer, and the row is read at once."""
    cache = make_cache(feed, clock)
    keep(cache, "token", "s1", HOME)
    feed.changed("other")
    assert STALE is cache.hit("token", HOME, T0)
    assert None is cache.hit("token", HOME, T0 + 60)
    assert None is cache.hit("token", Client(ip="198.51.100.7"), T0)


def test_a_session_in_the_log_is_forgotten(feed: Feed, clock: Clock) -> None:
    """Every token of a session that the log names is forgotten; the others stay."""
    cache = make_cache(feed, clock)
    for token, session_id in (("a1", "a"), ("a2", "a"), ("b", "b")):
        keep(cache, token, session_id)
    feed.changed("a")
    drive(cache.catch_up(feed))
    found = [cache.hit(token, None, T0) is not None for token in ("a1", "a2", "b")]
    assert [False, False, True] == found


def test_a_log_that_cannot_say_empties_the_cache(feed: Feed, clock: Clock) -> None:
    """Where the log answers ALL, as after a restore, everything is forgotten."""
    cache = make_cache(feed, clock)
    keep(cache, "token")
    feed.mark = object()

    class Restored(Feed):
        async def changes(self, position: Any) -> Changes:
            return Changes(99, ALL)

    drive(cache.catch_up(Restored()))
    assert 0 == len(cache)


def test_a_row_read_before_a_change_was_seen_is_not_kept(feed: Feed, clock: Clock) -> None:
    """The fill race: a row read before another thread consumed its revocation is not kept."""
    cache = make_cache(feed, clock)
    ticket = cache.ticket()
    feed.changed("s1")
    drive(cache.catch_up(feed))
    cache.keep(ticket, "token", None, validated("s1"))
    assert None is cache.hit("token", None, T0)


def test_the_mark_published_is_the_one_read_before_asking(feed: Feed, clock: Clock) -> None:
    """A write between mark and log is read twice rather than never."""
    cache = make_cache(feed, clock)
    keep(cache, "token", "s1")
    feed.changed("other")

    class Writing(Feed):
        async def changes(self, position: Any) -> Changes:
            found = feed.behind(position)
            feed.changed("s1")
            return found

    drive(cache.catch_up(Writing()))
    assert STALE is cache.hit("token", None, T0)


def test_two_catching_up_at_once_both_drop(feed: Feed, clock: Clock) -> None:
    """A slow catch-up that another has overtaken asks again, and loses no id."""
    cache = make_cache(feed, clock)
    keep(cache, "a", "a")
    keep(cache, "b", "b")
    feed.changed("a")
    slow = cache.catch_up(Slow())
    late = feed.behind(*slow.send(None).args)
    feed.changed("b")
    drive(cache.catch_up(feed))
    again = slow.send(late)
    with pytest.raises(StopIteration):
        slow.send(feed.behind(*again.args))
    assert 0 == len(cache)


def test_those_that_hear_of_nothing_together_ask_once_each(clock: Clock) -> None:
    """A position that is equal is the same one, be it another object: nobody was overtaken."""
    feed = Slow()
    cache = Cache(Policy(), clock.elapsed)
    cache.watch(feed.ask_mark)
    first = cache.catch_up(feed)
    first.send(None)
    with pytest.raises(StopIteration):
        first.send(Changes(_place(7), ALL))

    together = [cache.catch_up(feed) for _ in range(3)]
    for each in together:
        each.send(None)
    for each in together:
        with pytest.raises(StopIteration):  # and not another question
            each.send(Changes(_place(7), ()))

    keep(cache, "token")
    assert cache.hit("token", None, T0)


def _place(seq: int) -> tuple[str, int]:
    return ("log", seq)  # another object each time


class Slow(Feed):
    """A log whose answers the test gives when it likes."""

    async def changes(self, position: Any) -> Changes:
        return await Call("changes", (position,))  # type: ignore[no-any-return]


def test_a_busy_mark_is_an_unknown_mark(feed: Feed, clock: Clock) -> None:
    """While the mark cannot be read, memory does not answer, and catching up still works."""
    cache = make_cache(feed, clock)
    keep(cache, "token")
    feed.is_busy = True
    assert STALE is cache.hit("token", None, T0)
    drive(cache.catch_up(feed))
    feed.is_busy = False
    assert STALE is cache.hit("token", None, T0)
    drive(cache.catch_up(feed))
    assert None is not cache.look("token", None, T0)


@pytest.mark.parametrize(
    ("judged", "asking", "answered"),
    [
        (HOME, HOME, True),
        (
            HOME,
            Client(ip=HOME.ip, user_agent=HOME.user_agent, device_token=HOME.device_token),
            True,
        ),
        (HOME, None, True),
        (None, None, True),
        (None, HOME, False),
        (None, Client(), False),
        (HOME, Client(), False),
        (HOME, Client("10.0.0.1", HOME.user_agent, None, HOME.device_token), False),
        (HOME, Client(HOME.ip, "curl/8", None, HOME.device_token), False),
        (HOME, Client(HOME.ip, HOME.user_agent, None, "ds1d.b"), False),
    ],
)
def test_only_the_client_that_was_judged(
    feed: Feed, clock: Clock, judged: Client | None, asking: Client | None, answered: bool
) -> None:
    """An answer counts for the address, agent and device token it was judged for."""
    cache = make_cache(feed, clock)
    keep(cache, "token", client=judged)
    for ask in (cache.hit, cache.look, cache.entry):
        assert answered == (ask("token", asking, T0) is not None)


@pytest.mark.parametrize(("now", "answered"), [(T0 + 59.9, True), (T0 + 60, False)])
def test_good_until(feed: Feed, clock: Clock, now: float, answered: bool) -> None:
    """From the instant that lifecycle named on, the row is asked."""
    cache = make_cache(feed, clock)
    keep(cache, "token")
    for ask in (cache.hit, cache.look, cache.entry):
        assert answered == (ask("token", None, now) is not None)


@pytest.mark.parametrize("token", [None, 5, b"token", ["token"], "x" * (MAX_TOKEN_LENGTH + 1)])
def test_a_malformed_token_is_never_looked_up(feed: Feed, clock: Clock, token: Any) -> None:
    """Length and type come first: not even the mark is read."""
    cache = make_cache(feed, clock)
    asked = feed.asked
    assert STALE is cache.hit(token, None, T0)
    assert asked == feed.asked


def test_staleness_saves_the_question(feed: Feed, clock: Clock) -> None:
    """With one second granted, the store is asked once a second and not between."""
    cache = make_cache(feed, clock, max_staleness=1)
    keep(cache, "token")
    asked = feed.asked
    feed.changed("s1")
    for now, expected in ((1000.0, 0), (1000.999, 0), (1001.0, 1)):
        clock.now = now
        cache.hit("token", None, T0)
        assert expected == feed.asked - asked
    assert STALE is cache.hit("token", None, T0)


def test_an_unmoved_mark_renews_the_second(feed: Feed, clock: Clock) -> None:
    """Hearing that nothing happened is as good as catching up."""
    cache = make_cache(feed, clock, max_staleness=1)
    keep(cache, "token")
    clock.now = 1001.5
    cache.hit("token", None, T0)
    asked = feed.asked
    clock.now = 1002.4
    assert None is not cache.hit("token", None, T0)
    assert asked == feed.asked


@pytest.mark.parametrize(
    ("staleness", "seconds", "has_moved", "expected", "asked"),
    [
        (0, 0.0, False, True, 1),
        (0, 0.0, True, False, 1),
        (1, 0.999, False, True, 0),
        (1, 0.999, True, True, 0),
        (1, 1.0, False, True, 1),
        (1, 1.0, True, False, 1),
    ],
)
def test_memory_is_current(
    feed: Feed,
    clock: Clock,
    staleness: int,
    seconds: float,
    has_moved: bool,
    expected: bool,
    asked: int,
) -> None:
    """Within the staleness granted nobody asks; after it, as long as the mark has not moved."""
    cache = make_cache(feed, clock, max_staleness=staleness)
    before = feed.asked
    if has_moved:
        feed.changed("s1")
    clock.now += seconds
    assert (expected, asked) == (cache.is_current(T0), feed.asked - before)


@pytest.mark.parametrize(("seconds", "held"), [(0.0, True), (1.999, True), (2.0, False)])
def test_a_lease_is_over_at_its_end(feed: Feed, clock: Clock, seconds: float, held: bool) -> None:
    """It runs from when its renewal was sent."""
    cache = make_cache(feed, clock)
    cache.answer_under_leases(2.0)
    cache.renewed(clock.now, cache.position, Changes(cache.position, ()), lambda: True)
    clock.now += seconds
    assert held == cache.holds_lease


@pytest.mark.parametrize("size", [0, 1, 3, 8, 100])
def test_the_size_is_kept(feed: Feed, clock: Clock, size: int) -> None:
    """However many sessions come, no more than the policy allows are kept."""
    cache = make_cache(feed, clock, cache_size=size)
    for number in range(250):
        keep(cache, f"token-{number}", f"s{number}")
    assert len(cache) <= size
    assert min(size, 1) <= len(cache)


@pytest.mark.parametrize("way", ["hit", "look", "entry"])
def test_used_entries_outlive_unused_ones(feed: Feed, clock: Clock, way: str) -> None:
    """Entries that answered since the hand last passed are spared."""
    cache = make_cache(feed, clock, cache_size=8)
    keep(cache, "used", "used")
    for number in range(40):
        assert None is not getattr(cache, way)("used", None, T0)
        keep(cache, f"token-{number}", f"s{number}")


def test_a_session_keeps_few_tokens(feed: Feed, clock: Clock) -> None:
    """A session that is refreshed all day does not fill the cache with its old tokens."""
    cache = make_cache(feed, clock)
    for number in range(100):
        keep(cache, f"token-{number}", "s1")
    assert 8 == len(cache)
    found = [cache.hit(f"token-{number}", None, T0) is not None for number in (91, 92, 99)]
    assert [False, True, True] == found


def test_nothing_is_left_of_what_was_dropped(feed: Feed, clock: Clock) -> None:
    """The table of a session's tokens grows no longer than they do."""
    cache = make_cache(feed, clock, cache_size=8)
    for number in range(100):
        keep(cache, f"token-{number}", f"s{number}")
    assert len(cache._entries.by_session) == len(cache)
    cache.clear()
    assert (0, 0) == (len(cache), len(cache._entries.by_session))


def test_a_session_whose_token_was_evicted_is_still_dropped(feed: Feed, clock: Clock) -> None:
    """The tokens that are left of it are dropped with it."""
    cache = make_cache(feed, clock, cache_size=4)
    for token in ("a1", "a2", "a3"):
        keep(cache, token, "a")
    for number in range(40):
        for token in ("a2", "a3"):
            cache.hit(token, None, T0)
        keep(cache, f"token-{number}", f"s{number}")
    assert [False, True, True] == [bool(cache.hit(f"a{each}", None, T0)) for each in (1, 2, 3)]
    feed.changed("a")
    drive(cache.catch_up(feed))
    assert [None, None] == [cache.hit(token, None, T0) for token in ("a2", "a3")]


def test_a_busy_mark_is_no_mark_of_a_store(feed: Feed, clock: Clock) -> None:
    """No mark of a store equals the one of a store that was busy."""
    cache = make_cache(feed, clock)
    feed.is_busy = True
    drive(cache.catch_up(feed))
    feed.is_busy, feed.mark = False, None
    keep(cache, "token")
    assert STALE is cache.hit("token", None, T0)


def test_a_session_is_answered_where_it_is_now(feed: Feed, clock: Clock) -> None:
    """An entry is for the client that was judged, wherever the session signed in from."""
    cache = make_cache(feed, clock)
    away = Client(ip="198.51.100.7", user_agent="curl/8")
    keep(cache, "token", client=away)
    assert "s1" == cache.hit("token", away, T0).id  # type: ignore[union-attr]
    assert None is cache.hit("token", Client(ip="102.89.77.21", user_agent="curl/8"), T0)
    there = session_row().user_agent
    assert None is cache.hit("token", Client(ip=away.ip, user_agent=there), T0)


def test_clear_forgets_all_and_asks_again(feed: Feed, clock: Clock) -> None:
    """After a change that could not be read, nothing is answered until the next catch-up."""
    cache = make_cache(feed, clock, max_staleness=60)
    ticket = cache.ticket()
    keep(cache, "token")
    cache.clear()
    assert 0 == len(cache)
    cache.keep(ticket, "token", None, validated())
    assert 0 == len(cache)
    keep(cache, "token")
    assert STALE is cache.hit("token", None, T0)


def test_a_token_is_known_by_its_whole_text(feed: Feed, clock: Clock) -> None:
    """Another text with the same signature is not the token that was judged."""
    cache = make_cache(feed, clock)
    keep(cache, "header.payload." + "s" * 43)
    assert None is not cache.hit("header.payload." + "s" * 43, None, T0)
    for forged in ("header.other." + "s" * 43, "s" * 43, "x" + "header.payload." + "s" * 43):
        assert None is cache.hit(forged, None, T0)


def test_a_wrong_client_is_a_mistake(feed: Feed, clock: Clock) -> None:
    """It is a TypeError, and not taken for another client."""
    cache = make_cache(feed, clock)
    keep(cache, "token", client=HOME)
    with pytest.raises(TypeError, match="Client"):
        cache.hit("token", {"ip": HOME.ip}, T0)  # type: ignore[arg-type]


def test_an_unknown_token_is_none(feed: Feed, clock: Clock) -> None:
    """A token that is not in memory is None, whichever way memory is asked."""
    cache = make_cache(feed, clock)
    for ask in (cache.hit, cache.look, cache.entry):
        assert None is ask("token", None, T0)


def test_the_longest_token_is_looked_up(feed: Feed, clock: Clock) -> None:
    """As long as a token may be, it may be in memory."""
    cache = make_cache(feed, clock)
    token = "x" * MAX_TOKEN_LENGTH
    keep(cache, token)
    assert "s1" == cache.hit(token, None, T0).id  # type: ignore[union-attr]


def test_answers_and_questions_are_counted(feed: Feed, clock: Clock) -> None:
    """A hit is one, whichever way it was found; so is a catch-up."""
    cache = make_cache(feed, clock)
    keep(cache, "token")
    assert (0, 1) == (cache.hits, cache.catch_ups)
    cache.hit("token", None, T0)
    cache.look("token", None, T0)
    cache.look("another", None, T0)
    drive(cache.catch_up(feed))
    assert (2, 2) == (cache.hits, cache.catch_ups)
    cache.misses += 1
    assert 3 == cache.uses


def test_how_far_behind_it_is(feed: Feed, clock: Clock) -> None:
    """0 without a change; otherwise the time since the last catch-up."""
    cache = Cache(Policy(), clock.elapsed)
    cache.watch(feed.ask_mark)
    assert 0.0 == cache.lag()
    drive(cache.catch_up(feed))
    clock.now += 0.25
    assert 0.0 == cache.lag()
    feed.changed("s1")
    clock.now += 0.5
    assert 0.5 == cache.lag()
    feed.is_busy = True
    assert 0.5 == cache.lag()


def test_a_known_token_needs_no_room(feed: Feed, clock: Clock) -> None:
    """A token that is kept again takes its own place."""
    cache = make_cache(feed, clock, cache_size=2)
    keep(cache, "a", "a")
    keep(cache, "b", "b")
    keep(cache, "b", "b")
    assert (2, 0) == (len(cache), cache.evictions)
    keep(cache, "c", "c")
    assert (2, 1) == (len(cache), cache.evictions)


def test_two_tokens_of_one_hash(feed: Feed, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two texts with one hash are distinguished by their ends, whichever way memory is asked."""
    monkeypatch.setattr("devsess._runtime.cache.hash", lambda _: 7, raising=False)
    cache = make_cache(feed, clock)
    token, other = (f"header.payload.{sign * 43}" for sign in "st")
    keep(cache, token)
    for ask in (cache.hit, cache.look, cache.entry):
        assert ask(token, None, T0)
        assert ask(other, None, T0) is None
        assert ask(token[:-1] + "t", None, T0) is None


def test_no_token_is_kept(feed: Feed, clock: Clock) -> None:
    """The cache holds no token that could be presented."""
    cache = make_cache(feed, clock)
    token = "header.payload." + "s" * 43
    keep(cache, token)
    by_session = dict(cache._entries.by_session.items())
    kept = [
        *dict(cache._entries.by_key.items()),
        *by_session,
        *(key for keys in by_session.values() for key in keys),
    ]
    assert token not in kept


class Memory:
    """The memory that every commit changes."""

    raw = b"before"


class SharedFeed(Feed):
    """A store whose mark is in memory that all share."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.epoch = 1

    def ask_mark(self) -> object:
        super().ask_mark()
        return SharedMark(self.epoch, self.memory.raw, self.memory)

    def changed(self, *session_ids: str) -> None:
        super().changed(*session_ids)
        self.memory.raw += b"!"


@pytest.fixture
def shared() -> SharedFeed:
    return SharedFeed()


def test_shared_memory_is_compared_without_the_store(shared: SharedFeed, clock: Clock) -> None:
    """For half a second nobody is asked, and yet a change is seen at once."""
    cache = make_cache(shared, clock)
    keep(cache, "token")
    assert cache.hit("token", None, T0)
    asked = shared.asked
    for later in (0.0, 0.1, 0.3, 0.49):
        assert cache.hit("token", None, T0 + later)
    assert asked == shared.asked
    shared.changed("s1")
    assert STALE is cache.hit("token", None, T0 + 0.49)
    drive(cache.catch_up(shared))
    assert cache.hit("token", None, T0 + 0.49) is None


@pytest.mark.parametrize("moved", [0.5, 9.0, -0.1, -3600.0])
def test_the_store_is_asked_now_and_then(shared: SharedFeed, clock: Clock, moved: float) -> None:
    """Twice a second, and whenever the time of day was set back: the file may be another."""
    cache = make_cache(shared, clock)
    keep(cache, "token")
    assert cache.hit("token", None, T0)
    shared.epoch += 1  # another file, whose bytes are the same
    assert STALE is cache.hit("token", None, T0 + moved)


def test_a_cleared_cache_compares_no_memory(shared: SharedFeed, clock: Clock) -> None:
    """A cleared cache does not answer, however the memory stands."""
    cache = make_cache(shared, clock)
    keep(cache, "token")
    assert cache.hit("token", None, T0)
    cache.clear()
    keep(cache, "token")
    assert STALE is cache.hit("token", None, T0)


def test_catching_up_begins_again(shared: SharedFeed, clock: Clock) -> None:
    """After a catch-up the store is asked first: the memory compared before is not the newest."""
    cache = make_cache(shared, clock)
    keep(cache, "token")
    assert cache.hit("token", None, T0)
    drive(cache.catch_up(shared))
    asked = shared.asked
    assert cache.hit("token", None, T0)
    assert asked + 1 == shared.asked


def test_a_mark_that_is_no_longer_the_newest_is_not_compared(
    shared: SharedFeed, clock: Clock
) -> None:
    """A thread that asked before another one caught up does not replace the newer mark."""
    cache = make_cache(shared, clock)
    keep(cache, "token")
    old = shared.ask_mark()
    assert isinstance(old, SharedMark)
    shared.changed("s2")
    drive(cache.catch_up(shared))
    cache._compare(old, T0)
    asked = shared.asked
    assert cache.hit("token", None, T0)
    assert asked + 1 == shared.asked
