"""Items in Redis: their keys, which no contract sees, and what comes between two scripts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
from _redis import both_ports, run, with_store
from _redis_steps import Pair, Steps, count_up, fail
from attrs import evolve
from servers.valkey import with_prefix

from devsess.errors import StoreUnavailableError
from devsess.stores.accounts import Account, Batch
from devsess.stores.base import Erasure, Inserted
from devsess.stores.calls import Retention
from devsess.stores.items import Item
from devsess.stores.redis import RedisStore, columns, items, parts
from devsess.stores.redis.scripts import script
from devsess.testing._rows import DAY, T0, event_row, full_row, login, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

FIRST = Item("profile", "user-1", "", "{}", 1, T0, T0 + DAY)
# In the order of Python's texts; a server sorts by its language, and by bytes.
KEYS = ("", "\x00\n", " ", "7:a", "B", "a", "ä", "\ud800", "\ufffd", "\U0001f4f1")


@contextmanager
def keys_of(url: str) -> Iterator[Callable[[str], list[bytes]]]:
    """A function that lists the keys of a store by the part behind its shard's tag."""
    prefix = url.partition("prefix=")[2].partition("&")[0]
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        yield lambda part: client.keys(f"{{{prefix}:[0-9]*}}:{part}")


def of_owners(shards: int) -> tuple[Item, Item]:
    """A profile, and an item of an owner in another shard."""
    store = RedisStore("redis://127.0.0.1", shards=shards)
    other = next(it for it in map(str, range(99)) if store._of_user(it) != store._of_user("user-1"))
    return FIRST, evolve(FIRST, kind="velocity", owner=other)


@both_ports
@pytest.mark.parametrize("shards", [1, 3])
def test_of_two_sign_ins_one_writes_the_profile(
    shards: int, is_awaited: bool, valkey_url: str
) -> None:
    """Both read it before either writes; both sign in, and the later one says what it missed."""

    async def scenario(store: RedisStore) -> None:
        other = RedisStore(url, is_awaited=is_awaited)
        for number, each in enumerate((store, other)):
            known = await each.known_devices("user-1", ids=(), fingerprints=(), kinds=("profile",))
            assert (number, ()) == (number, known.items)
        row, its = session_row("a"), evolve(FIRST, body="[]")
        one = await store.insert(evolve(login(row), items=(FIRST,)))
        two = await other.insert(evolve(login(session_row("b")), items=(its,)))
        assert (Inserted(), Inserted(missed=("profile",))) == (one, two)
        assert ["a", "b"] == sorted(it.id for it in await store.list("user-1"))
        assert [FIRST] == await other.items("profile", "user-1", limit=9)
        await other.close()

    url = with_prefix(valkey_url, shards=shards)
    with_store(url, is_awaited, scenario)


@pytest.mark.parametrize(
    ("shards", "expected"),
    [(1, ["known_devices", "insert"]), (3, ["known_devices", "claim", "insert"])],
)
def test_a_profile_costs_a_sign_in_no_script(
    shards: int, expected: list[str], valkey_url: str
) -> None:
    """It is read with the devices and written with the session, on a server and over shards."""

    async def scenario(store: RedisStore) -> None:
        await store.pending()
        steps = Steps(store, 0, fail)
        await store.known_devices("user-1", ids=(), fingerprints=(), kinds=("profile",))
        await store.insert(evolve(login(session_row()), items=(FIRST,)))
        assert [script(name) for name in expected] == [it.script for it in steps.calls]
        assert len(expected) == steps.taken

    with_store(with_prefix(valkey_url, shards=shards), False, scenario)


def test_an_item_of_another_shard_is_missed(valkey_url: str) -> None:
    """A sign-in is one script of one shard: what it cannot write it names, and `put_item` can."""
    own, foreign = of_owners(3)

    async def scenario(store: RedisStore) -> None:
        answer = await store.insert(evolve(login(session_row()), items=(foreign, own)))
        assert Inserted(missed=("velocity",)) == answer
        assert [own] == await store.items("profile", "user-1", limit=9)
        assert [] == await store.items("velocity", foreign.owner, limit=9)
        assert await store.put_item(foreign)
        assert [foreign] == await store.items("velocity", foreign.owner, limit=9)

    with_store(with_prefix(valkey_url, shards=3), False, scenario)


def test_an_item_too_long_signs_nobody_in(valkey_url: str) -> None:
    """It is refused before anything is written, the id's key of a cluster too."""
    url = with_prefix(valkey_url, shards=3)
    item = evolve(FIRST, version=0)

    async def scenario(store: RedisStore) -> None:
        with pytest.raises(ValueError, match="version"):
            await store.insert(evolve(login(session_row()), items=(item,)))
        assert await store.get("s1") is None
        await sign_in(store, session_row(user_id="somebody-else"))

    with_store(url, False, scenario)


def test_any_text_names_an_item(valkey_url: str) -> None:
    """Neither a space nor a colon parts a name, and equal ends are ordered by key as elsewhere."""
    named = [evolve(FIRST, kind="1:a ", owner="8:u ser", key=key) for key in KEYS]
    near = [
        *(evolve(FIRST, kind=kind, owner="8:u ser") for kind in ("1:a", "1:a 7", "a ", "")),
        *(evolve(FIRST, kind="1:a ", owner=owner) for owner in ("8:u", "8:u ser ", "", "\ud800")),
    ]

    async def scenario(store: RedisStore) -> None:
        for item in (*named[::-1], *near):
            assert await store.put_item(item, most=len(KEYS))
        assert named == await store.items("1:a ", "8:u ser", limit=99)
        assert named[:3] == await store.items("1:a ", "8:u ser", limit=3)
        for item in near:
            assert [item] == await store.items(item.kind, item.owner, limit=9)
        last = evolve(FIRST, kind="1:a ", owner="8:u ser", key="b", until=T0 + 2 * DAY)
        assert await store.put_item(last, most=4)
        assert [last, *named[:3]] == await store.items("1:a ", "8:u ser", limit=99)

    with_store(with_prefix(valkey_url), False, scenario)


DAMAGED = [b"", b"{}", b"1", b"1 2 3", b"x 1 2 {}", b"1 x 2 {}", b"1 2 nan {}", b"1 2 3 \xff"]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_item_is_no_missing_one(text: bytes, valkey_url: str) -> None:
    """Who reads it learns that the store is damaged; a sign-in neither fails nor replaces it."""
    url = with_prefix(valkey_url)

    async def scenario(store: RedisStore) -> None:
        await store.put_item(FIRST)
        with keys_of(url) as keys, redis.Redis.from_url(valkey_url) as client:
            [key] = keys("it:*")
            client.hset(key, items.place_of("profile").decode(), text)
        for read in (
            store.items("profile", "user-1", limit=9),
            store.known_devices("user-1", ids=(), fingerprints=(), kinds=("profile",)),
            store.export(limit=9),
        ):
            with pytest.raises(StoreUnavailableError, match="damaged"):
                await read
        assert not await store.put_item(FIRST)
        answer = await store.insert(evolve(login(session_row()), items=(FIRST,)))
        assert Inserted(missed=("profile",)) == answer
        for number in range(3):  # the bound looks at its end
            assert await store.put_item(evolve(FIRST, key=str(number)), most=3)
        assert 1 + 1 + 3 + 1 == await store.erase(Erasure("user-1", (), 0.0))

    with_store(url, False, scenario)


def test_nothing_is_left_of_an_item(valkey_url: str) -> None:
    """A purge and an erasure leave no key and no entry; a session has no key more without items."""
    url = with_prefix(valkey_url, shards=3)
    late = FIRST.until + 1
    over = Retention(FIRST.until, FIRST.until, 0.0, 0.0, 0.0)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row("s0", user_id="user-0", idle_expires_at=late))
        with keys_of(url) as keys:
            before = sorted(keys("*"))
            for item in (FIRST, evolve(FIRST, owner="digest"), evolve(FIRST, kind="notice")):
                await store.put_item(item)
            assert 2 <= len(keys("due"))
            assert 2 == len(keys("it:*"))
            assert 2 == await store.erase(Erasure("user-1", (), 0.0))
            assert [1, 0] == [await store.purge(over, limit=9) for _ in range(2)]
            kept = [it for it in sorted(keys("*")) if not it.endswith(b":store")]
            assert [it for it in before if not it.endswith(b":store")] == kept
            page = await store.export(limit=9)
            assert ["user-0"] == [it.user_id for it in page.accounts]

    with_store(url, False, scenario)


def test_an_owner_with_items_stays_in_the_list(valkey_url: str) -> None:
    """A purge of the last event, or of one item of two, leaves an account that a copy finds."""
    other = evolve(FIRST, kind="notice", until=FIRST.at)
    at = Retention(T0 + 2, T0 + 2, T0 + 1, 0.0, 0.0)

    async def scenario(store: RedisStore) -> None:
        await store.put_item(FIRST)
        await store.put_item(other)
        await store.add_event(event_row(session_id=None))
        assert 2 == await store.purge(at, limit=9)
        assert (Account("user-1", items=(FIRST,)),) == (await store.export(limit=9)).accounts

    with_store(with_prefix(valkey_url), False, scenario)


def test_a_session_of_an_older_version_reads(valkey_url: str) -> None:
    """Columns that it lacks have their defaults, and are not written where they have them."""
    new: dict[str, Any] = {"step_up_after": None, "impersonator": None, "score": None}
    assert {*new} <= {*columns.of_session(full_row())[::2]}
    assert not {*new} & {*columns.of_session(session_row())[::2]}
    url = with_prefix(valkey_url)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, full_row())
        with keys_of(url) as keys, redis.Redis.from_url(valkey_url) as client:
            [key] = keys("s:*")
            client.hdel(key, *new)
        assert evolve(full_row(), **new) == await store.get("s1")

    with_store(url, False, scenario)


# What comes between two steps of a merge of version 2, and the versions that may stand then.
async def writes_two(store: RedisStore) -> object:
    return await store.put_item(evolve(FIRST, body="ours", version=2))


async def writes_three(store: RedisStore) -> object:
    await writes_two(store)
    return await store.put_item(evolve(FIRST, body="ours", version=3))


BETWEEN: dict[str, tuple[Callable[[RedisStore], Awaitable[object]], int]] = {
    "the same version": (writes_two, 2),
    "a higher version": (writes_three, 3),
}


@pytest.mark.parametrize("what", BETWEEN)
def test_a_merge_takes_no_item_back(what: str, valkey_url: str) -> None:
    """Whatever step of it a write precedes, the higher version stands."""
    act, expected = BETWEEN[what]
    batch = Batch((Account("user-1", items=(evolve(FIRST, body="theirs", version=2),)),))

    async def merged(at: int) -> bool:
        pair = Pair(valkey_url, 1)
        try:
            target = pair.others["target"]
            await target.put_item(FIRST)
            steps = Steps(pair.stores["target"], at, lambda: act(target))
            await pair.stores["target"].merge(batch)
            if steps.is_over:
                [found] = await target.items("profile", "user-1", limit=9)
                assert (at, expected) == (at, found.version)
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(merged)) > 3


def test_items_beyond_one_script_go_in_parts(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them arrive; an erasure between two parts leaves all or none, never some."""
    monkeypatch.setattr(parts, "ROWS", 2)
    all_of_them = tuple(evolve(FIRST, kind="notice", key=str(n)) for n in range(5))
    batch = Batch((Account("user-1", items=all_of_them),))

    async def erased(at: int) -> bool:
        pair = Pair(valkey_url, 1)
        try:
            target: Any = pair.others["target"]
            erasure = Erasure("user-1", (), 0.0)
            steps = Steps(pair.stores["target"], at, lambda: target.erase(erasure))
            await pair.stores["target"].merge(batch)
            found = await target.items("notice", "user-1", limit=9)
            assert (at, True) == (at, found in ([*all_of_them], []))
            return steps.is_over
        finally:
            await pair.close()

    assert run(count_up(erased)) > 4
