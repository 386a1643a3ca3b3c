"""How the cache makes room: one entry at a time, by a hand that goes on from where it stood."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from _play import CLAIMS

from devsess._runtime import cache as cache_module
from devsess._runtime import entries
from devsess._runtime.cache import Cache
from devsess._runtime.sharded_dict import SHARD_MASK, ShardedDict
from devsess.lifecycle import standing
from devsess.operations.validate import Validated
from devsess.policy import Policy
from devsess.testing._rows import T0, session_row
from devsess.views import session_view

if TYPE_CHECKING:
    from collections.abc import Iterable

VIEW = session_view(standing(session_row(), T0, Policy()))


def make(size: int) -> Cache:
    return Cache(Policy(cache_size=size), lambda: 0.0)


def keep(cache: Cache, name: object, session_id: str | None = None) -> None:
    session = session_view(standing(session_row(session_id or str(name)), T0, Policy()))
    cache.keep(cache.ticket(), str(name), None, Validated(session, T0 + 60, CLAIMS))


def use(cache: Cache, *names: object) -> list[bool]:
    return [cache.look(str(name), None, T0) is not None for name in names]


def there(cache: Cache, names: Iterable[object]) -> list[object]:
    return [name for name in names if cache._entries.by_key.get(hash(str(name))) is not None]


def test_the_hand_goes_on() -> None:
    """Entries that answered are passed once; those that did not make room in turn."""
    cache = make(4)
    for name in "abcd":
        keep(cache, name)
    use(cache, "a", "c")
    keep(cache, "e")
    assert ["a", "c", "d", "e"] == there(cache, "abcde")
    keep(cache, "f")
    assert ["a", "c", "e", "f"] == there(cache, "abcdef")
    keep(cache, "g")  # "a" had its second chance when the hand came by
    assert ["c", "e", "f", "g"] == there(cache, "abcdefg")
    assert 3 == cache.evictions


def test_no_eviction_takes_a_whole_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """If all have answered, a limited number is passed by, and no more."""
    monkeypatch.setattr(entries, "_PASSED_BY", 10)
    cache = make(100)
    for name in range(100):
        keep(cache, name)
    use(cache, *range(100))
    keep(cache, "new")
    assert [*range(10), *range(11, 100)] == there(cache, range(100))
    assert 90 == sum(entry.used for entry in dict(cache._entries.by_key.items()).values()) + 1


class Watched(ShardedDict[Any, Any]):
    """A table that counts how often something is looked up."""

    looks = 0

    def get(self, key: Any) -> Any:
        self.looks += 1
        return super().get(key)


def test_an_unused_entry_makes_room_at_the_first_look() -> None:
    """The hand stops there: it is looked at once, and the new entry once before."""
    cache = make(4)
    cache._entries.by_key = watched = Watched()
    for name in "abcd":
        keep(cache, name)
    watched.looks = 0
    keep(cache, "e")
    assert (2, 1) == (watched.looks, cache.evictions)


def test_a_dropped_entry_leaves_its_place() -> None:
    """After sessions ended nobody is evicted until all places are taken again."""
    cache = make(8)
    for name in range(8):
        keep(cache, name)
    with cache._lock:
        cache._drop(["2", "5"])
    keep(cache, 8)
    keep(cache, 9)
    assert (8, 0) == (len(cache), cache.evictions)
    keep(cache, 10)
    assert (8, 1) == (len(cache), cache.evictions)


def test_what_was_empty_is_not_kept_to_be_freed() -> None:
    """However often a memory is emptied that nothing is put into."""
    cache = make(1)
    keep(cache, "a")
    keep(cache, "b")
    for _ in range(9):
        cache.clear()
    assert (1, 1) == (len(cache._entries._dropped), cache.evictions)


@pytest.mark.parametrize("apart", [1, SHARD_MASK + 1], ids=["in many tables", "in one table"])
def test_all_that_was_dropped_is_freed_in_time(monkeypatch: pytest.MonkeyPatch, apart: int) -> None:
    """Each later `put` frees a few; none of the dropped entries answers meanwhile."""
    monkeypatch.setattr(entries, "_FREED", 3)
    monkeypatch.setattr(cache_module, "hash", lambda token: apart * int(token), raising=False)
    cache = make(10)
    for name in range(10):
        keep(cache, name)
    cache.clear()
    assert (0, [False] * 10) == (len(cache), use(cache, *range(10)))
    lengths = []
    for name in range(10, 15):
        keep(cache, name)
        lengths.append(sum(map(len, cache._entries._dropped)))
    assert [7, 4, 1, 0, 0] == lengths
    assert [] == cache._entries._dropped


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(it, marks=pytest.mark.thorough) for it in range(4, 20))]
)
def test_its_books_agree(seed: int) -> None:
    """After any keeping, use, drop and eviction each entry has one place and can be dropped."""
    chance, cache = random.Random(seed), make(16)
    for _ in range(2000):
        name = chance.randrange(60)
        move = chance.random()
        if move < 0.6:
            keep(cache, name, session_id=str(name % 20))
        elif move < 0.9:
            use(cache, name)
        elif move < 0.999:
            with cache._lock:
                cache._drop([str(name % 20)])
        else:
            cache.clear()
        assert len(cache) <= 16
        assert len(cache._entries.ring) <= 16
        for key, entry in cache._entries.by_key.items():
            assert key == cache._entries.ring[entry.place]
            assert key in (cache._entries.by_session.get(entry.session.id) or ())
        for session_id, keys in cache._entries.by_session.items():
            entries = [cache._entries.by_key.get(key) for key in keys]
            assert [session_id] * len(keys) == [entry and entry.session.id for entry in entries]
        places = [entry.place for entry in dict(cache._entries.by_key.items()).values()]
        assert len(set(places + cache._entries.free)) == len(places) + len(cache._entries.free)


class Interrupted(ShardedDict[Any, Any]):
    """A table that an interrupt keeps from being written."""

    def put(self, key: Any, value: Any) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("table", ["by_key", "by_session"])
def test_an_interrupt_leaves_nothing_that_cannot_be_dropped(table: str) -> None:
    """An entry whose keeping was interrupted at any point can be dropped with its session."""
    cache = make(4)
    whole = getattr(cache._entries, table)
    setattr(cache._entries, table, Interrupted())
    with pytest.raises(KeyboardInterrupt):
        keep(cache, "a")
    setattr(cache._entries, table, whole)
    entries = dict(cache._entries.by_key.items()).values()
    assert all(cache._entries.by_session.get(entry.session.id) for entry in entries)
    assert [] == there(cache, "a")


def test_a_place_that_an_interrupt_left_empty_is_taken_again() -> None:
    """Its key leads to nothing: the hand takes that place, and all goes on."""
    cache = make(4)
    whole, cache._entries.by_key = cache._entries.by_key, Interrupted()
    with pytest.raises(KeyboardInterrupt):
        keep(cache, "a")
    cache._entries.by_key = whole
    for name in "bcdef":
        keep(cache, name)
    assert (["c", "d", "e", "f"], 1) == (there(cache, "abcdef"), cache.evictions)


class Broken(ShardedDict[Any, Any]):
    """A table that an interrupt keeps from giving anything up, once."""

    def pop(self, key: Any) -> Any:
        self.__class__ = ShardedDict  # type: ignore[assignment]
        raise KeyboardInterrupt


@pytest.mark.parametrize("table", ["by_key", "by_session"])
def test_a_drop_that_was_broken_off_is_made_up_for(table: str) -> None:
    """The log is read again from where it was: the sessions it names must still be found."""
    cache = make(4)
    keep(cache, "a", "s1")
    keep(cache, "b", "s1")
    broken = Broken()
    broken.tables = getattr(cache._entries, table).tables
    setattr(cache._entries, table, broken)
    with pytest.raises(KeyboardInterrupt):
        cache._drop(["s1"])
    cache._drop(["s1"])
    assert ([], 0) == (there(cache, "ab"), len(cache._entries.by_session))
