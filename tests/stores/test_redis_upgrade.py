"""Data of an older version is indexed and counted, and whatever is written keeps that right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from _redis import with_store
from attrs import evolve
from servers.valkey import with_prefix

from devsess.errors import ConfigurationError
from devsess.models import EventType
from devsess.stores.base import ById, OfDevice, OfUser
from devsess.stores.counting import SIZES, WEEK, Numbers, Period
from devsess.stores.redis import RedisStore, upgrading
from devsess.stores.searching import Filter
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, cutoffs, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not there in the version before: sets of all sessions and of operators' events, and counts.
NEW = ("made", "net:*", "dev:*", "queue", "acts", "q:*", "qs", "t:*", "w:*", "ws")
FIRST = T0 // WEEK * WEEK
ALWAYS = Period((FIRST, FIRST + 9 * WEEK), T0)


class Keys:
    """The keys of a store of some shards, as they lie in the server."""

    def __init__(self, url: str, client: redis.Redis) -> None:
        self.client = client
        self._prefix = url.partition("prefix=")[2].partition("&")[0]

    def of(self, part: str) -> list[bytes]:
        """Those of all shards whose name has this form."""
        # All keys of all tests are gone through: in few requests.
        return [*self.client.scan_iter(f"{{{self._prefix}:[0-9]*}}:{part}", count=10_000)]

    def make_old(self, version: int = 3) -> None:
        """Leave what that version had, and name it."""
        for key in [it for part in NEW for it in self.of(part)]:
            self.client.delete(key)
        for key in self.of("store"):
            self.client.hdel(key, "counts", "open")
        self.make_unsized(version)

    def make_unsized(self, version: int = 4) -> None:
        """Leave no account in the number of those with as many open sessions."""
        for key in self.of("store"):
            self.client.hdel(key, "sized", *(f"users{it}" for it in SIZES))
        self.client.hset(f"{{{self._prefix}:about}}:data", "version", str(version))

    def members(self, part: str) -> dict[str, set[bytes]]:
        """Of each set of that form, the members, whichever shard they are in."""
        found: dict[str, set[bytes]] = {}
        for key in self.of(part):
            name = key.partition(b"}:")[2].decode()
            found.setdefault(name, set()).update(self.client.zrange(key, 0, -1))  # type: ignore[arg-type]
        return found


@pytest.fixture
def url(valkey_url: str) -> str:
    return with_prefix(valkey_url, shards=2)


@pytest.fixture
def keys(valkey_url: str, url: str) -> Iterator[Keys]:
    with redis.Redis.from_url(valkey_url) as client:
        yield Keys(url, client)


async def _populate(store: RedisStore) -> None:
    """Sessions in every state, of several accounts, and events of operators."""
    for user in "abcd":
        for number in range(3):
            row = session_row(f"{user}{number}", user_id=user, created_at=T0 + number)
            row = evolve(row, score=10 * number or None, network=f"10.0.{number}.0/24")
            await sign_in(store, row)
    await store.end(rows.ending(ById("a0"), reason="own word"))
    await store.end(rows.ending(OfUser("b"), at_once=0, reason="lost"))
    await store.end(rows.ending(OfDevice("c", "device-1")))
    await store.add_event(rows.event_row(EventType.NEW_DEVICE, user_id="d", actor="admin"))


async def _seen(store: RedisStore) -> tuple[Any, ...]:
    at = cutoffs(T0 + 9)
    found = await store.search(Filter(), cutoffs=at, limit=99)
    queue = await store.queue(0, cutoffs=at, limit=99)
    acts = await store.acts(limit=99)
    return found.items, queue.items, acts.items, await store.statistics(ALWAYS)


@pytest.mark.parametrize("version", [2, 3])
def test_older_data_is_indexed_and_counted(url: str, keys: Keys, version: int) -> None:
    """All that is found and counted is as if this version had written it."""

    async def scenario(store: RedisStore) -> None:
        await _populate(store)
        expected = await _seen(store)
        keys.make_old(version)
        old = RedisStore(url)
        assert 2 == len(await old.pending())
        for refused in (old.acts(limit=1), old.statistics(ALWAYS)):
            with pytest.raises(ConfigurationError, match="devsess migrate"):
                await refused
        assert 2 == len(await old.migrate())
        assert [] == await old.migrate() == await store.pending()
        assert expected == await _seen(old)
        await old.close()

    with_store(url, False, scenario)


async def _go_on(store: RedisStore) -> None:
    """Writes to accounts that were there and to a new one."""
    for user in "abcde":
        await sign_in(store, session_row(f"{user}9", user_id=user, created_at=T0 + 9))
        await store.end(rows.ending(ById(f"{user}2")))
    await store.add_event(rows.event_row(EventType.NEW_DEVICE, user_id="d"))


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_writes_before_the_upgrade_are_counted_once(
    url: str, valkey_url: str, keys: Keys, turns: int
) -> None:
    """Those to accounts whose turn has come count at once, those to others with their turn."""

    async def expected(store: RedisStore) -> Numbers:
        await _populate(store)
        await _go_on(store)
        return await store.statistics(ALWAYS)

    async def scenario(store: RedisStore) -> Numbers:
        await _populate(store)
        keys.make_old()
        old = RedisStore(url)
        for _ in range(turns):  # and then it is cut short
            for shard in range(2):
                for user in await old._ask(shard, "unadopted", "1"):
                    await old._adopt(shard, user)
        await _go_on(old)
        await old.migrate()
        await old.close()
        return await store.statistics(ALWAYS)

    never_old = with_store(with_prefix(valkey_url, shards=2), False, expected)
    assert never_old == with_store(url, False, scenario)


@pytest.mark.parametrize("turns", [0, 1, 2, 4])
def test_a_device_keeps_one_session_before_the_upgrade(url: str, keys: Keys, turns: int) -> None:
    """A sign-in takes the place of those that no set of their device names yet."""

    async def scenario(store: RedisStore) -> None:
        await _populate(store)
        keys.make_old()
        old = RedisStore(url)
        for _ in range(turns):  # and then it is cut short
            for shard in range(2):
                for user in await old._ask(shard, "unadopted", "1"):
                    await old._adopt(shard, user)
        for user, expected in (("a", {"a1", "a2"}), ("d", {"d0", "d1", "d2"})):
            row = session_row(f"{user}9", user_id=user)
            answer = await old.insert(evolve(rows.login(row), limit=None, replaces=True))
            assert expected == {it.session_id for it in answer.ended}  # type: ignore[union-attr]
        await old.close()

    with_store(url, False, scenario)


@pytest.mark.parametrize("turns", [0, 1, 2, 4])
def test_accounts_come_into_their_sizes_once(
    url: str, keys: Keys, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the version before, which counted all else: by turn, whatever is written meanwhile."""
    monkeypatch.setattr(upgrading, "TOGETHER", 1)

    async def scenario(store: RedisStore) -> None:
        await _populate(store)
        expected = (await store.statistics(ALWAYS)).sizes
        keys.make_unsized()
        old = RedisStore(url)
        assert ["0005_open_to_accounts"] == await old.pending()
        with pytest.raises(ConfigurationError, match="devsess migrate"):
            await old.statistics(ALWAYS)
        for _ in range(turns):  # and then it is cut short
            for shard in range(2):
                await old._ask(shard, "size", "1")
        for user in "abcd":
            await sign_in(
                old, session_row(f"{user}9", user_id=user), session_row(f"{user}8", user_id=user)
            )
            await old.end(rows.ending(ById(f"{user}8")))
            await old.erase(rows.erasure(f"{user}-unknown"))
        await old.migrate()
        for user in "abcd":
            await old.end(rows.ending(ById(f"{user}9")))
        assert expected == (await old.statistics(ALWAYS)).sizes
        await old.close()

    with_store(url, False, scenario)


async def _read_changed(store: RedisStore) -> None:
    """An account is read, and changes before it is written: it is read again."""
    asked, times = store._ask, 0

    async def ask(shard: int, name: str, *arguments: Any) -> Any:
        nonlocal times
        if name == "adopt" and times < 2:
            times += 1
            await store.end(rows.ending(ById(f"a{times}")))
            if times == 2:
                await sign_in(store, session_row("a9", user_id="a", created_at=T0 + 9))
        return await asked(shard, name, *arguments)

    store._ask = ask  # type: ignore[method-assign]
    await store.migrate()
    assert 2 == times


def test_an_account_that_changes_is_read_again(url: str, keys: Keys) -> None:
    """Also where it has no more rows than before, and one of them ended without an event."""

    async def scenario(store: RedisStore) -> None:
        await _populate(store)
        keys.make_old()
        old = RedisStore(url)
        await _read_changed(old)
        numbers = await old.statistics(ALWAYS)
        found = [row for user in "abcd" for row in await old.list(user)]
        unwritten = [row for row in found if row.revoked_at is None or row.user_id == "b"]
        await old.close()
        assert (len(found), len(unwritten)) == (numbers.ranges[0].signed_in, numbers.open)

    with_store(url, False, scenario)


def test_every_write_keeps_the_indexes(url: str, keys: Keys) -> None:
    """Each session is in the sets of what it is now, and in no other."""

    async def scenario(store: RedisStore) -> None:
        await _populate(store)
        await _check(store, keys)
        moved = {"network": "10.9.9.0/24", "ip": "10.9.9.9", "score": 70}
        event = rows.event_row(EventType.SESSION_RENEWED)
        await store.rotate("d0", expected_generation=0, changes=moved, event=event)
        await store.update("d1", expected={}, changes={"score": None}, event=rows.UPDATED)
        await store.set_back("d2", expected={}, changes={"created_at": T0 - DAY})
        await _check(store, keys)
        assert 70 == (await store.queue(0, cutoffs=cutoffs(T0 + 9), limit=1)).items[0].score
        while (await store.settle(limit=2)).is_more:
            await _check(store, keys)
        other = RedisStore(with_prefix(url.partition("?")[0]))
        await sign_in(other, session_row("d0", user_id="d", created_at=T0 - 9, generation=7))
        await store.merge(await other.export(limit=9))
        await other.close()
        await _check(store, keys)
        await store.erase(rows.erasure("c"))
        await _check(store, keys)
        while await store.purge(rows.retention(T0 + 999 * DAY, T0 + 999 * DAY), limit=3):
            await _check(store, keys)
        assert {} == keys.members("net:*") == keys.members("queue") == keys.members("acts")

    with_store(url, False, scenario)


async def _check(store: RedisStore, keys: Keys) -> None:
    found = [row for user in "abcd" for row in await store.list(user)]
    sets: dict[str, set[bytes]] = {}
    for row in found:
        names = ["made", f"u:{row.user_id}", f"dev:{row.device.id}"]
        names += [] if row.network is None else [f'net:"{row.network}"']
        for name in names:
            sets.setdefault(name, set()).add(row.id.encode())
    there = [keys.members(part) for part in ("made", "u:*", "dev:*", "net:*")]
    assert sets == {name: ids for part in there for name, ids in part.items()}
    queued = {it[12:].decode() for ids in keys.members("queue").values() for it in ids}
    with_points = {row.id for row in found if row.score is not None}
    assert {it.id for it in found if it.revoked_at is None} & with_points <= queued <= with_points
