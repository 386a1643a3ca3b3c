"""An event that is damaged is passed over by those that poll, and logged: the later ones come."""

from __future__ import annotations

import logging
import re
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pymongo
import pytest
import redis
from servers.valkey import with_prefix

from devsess import SessionManager, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.servers.mongo import Server

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def _in_sqlite(path: Path, value: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE events SET reason = {value} WHERE user_id = 'bob'")


def _in_redis(url: str, prefix: str) -> None:
    with redis.Redis.from_url(url) as client:
        key = f"{{{prefix}:0}}:h:bob"
        for place in client.hkeys(key):
            if place.isdigit():
                client.hset(key, place.decode(), "[")


def _in_mongo(server: Server, collection: str) -> None:
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(server.url) as client:
        where = {"table": "event", "user_id": "bob"}
        client["devsess_test"][collection].update_many(where, {"$set": {"type": "odd"}})


@pytest.fixture(params=["sqlite", "sqlite-text", "postgres", "valkey", "mongodb"])
def damaged(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of a store, and what damages the event of bob in it."""
    if request.param.startswith("sqlite"):
        path = tmp_path / "s.db"
        value = "CAST(x'ff41' AS TEXT)" if request.param == "sqlite-text" else "x'00'"
        yield f"sqlite:///{path}", lambda: _in_sqlite(path, value)
    elif request.param == "postgres":
        server = request.getfixturevalue("postgres")
        schemas = request.getfixturevalue("postgres_schemas")
        schema = schemas.take()

        def damage() -> None:
            with psycopg.connect(server.url(), autocommit=True) as db:
                db.execute(
                    f"UPDATE {schema}.events SET type = 'odd' WHERE user_id = 'bob'".encode()
                )

        yield server.url(schema=schema, timeout=60), damage
        schemas.give_back()
    elif request.param == "valkey":
        plain = request.getfixturevalue("valkey_url")
        url = with_prefix(plain)
        yield url, lambda: _in_redis(plain, url.partition("prefix=")[2])
    else:
        mongo = request.getfixturevalue("mongo")
        name = f"c{secrets.token_hex(8)}"
        yield mongo.place(collection=name), lambda: _in_mongo(mongo, name)


def test_later_events_come(
    damaged: tuple[str, Callable[[], None]], caplog: pytest.LogCaptureFixture
) -> None:
    """In pages of any size; the account's own history says that it is damaged."""
    url, damage = damaged
    with SessionManager(url, keys=SECRET) as sessions:
        for user_id in ("ada", "bob", "cyd", "dan"):
            sessions.login(user_id)
        first = sessions.poll(limit=1)
        damage()
        with caplog.at_level(logging.ERROR, "devsess"):
            second = sessions.poll(first.next, limit=1)
            third = sessions.poll(second.next, limit=1)
        rest = sessions.poll(first.next, limit=9)

        assert ["ada"] == [it.user_id for it in first]
        assert [] == [*second]
        assert ["cyd"] == [it.user_id for it in third]
        assert ["cyd", "dan"] == [it.user_id for it in rest]
        assert () == sessions.poll(rest.next).items
        assert "is damaged" in caplog.text
        assert "bob" not in caplog.text
        with pytest.raises(StoreUnavailableError):
            sessions.history("bob")


def test_a_number_that_was_written_by_hand_hides_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In SQLite it is no place, too high for any: later events have theirs, beside damage too."""
    path = tmp_path / "s.db"
    with SessionManager(path, keys=SECRET) as sessions, closing(sqlite3.connect(path)) as db:
        sessions.login("ada")
        sessions.login("bob")
        with db:
            db.execute("UPDATE events SET seq = 1 << 60 WHERE user_id = 'bob'")
        sessions.login("cyd")
        first = sessions.poll()
        sessions.login("dan")
        with db:
            db.execute("UPDATE events SET reason = CAST(x'ff' AS TEXT) WHERE user_id = 'dan'")
        sessions.login("eve")
        second = sessions.poll(first.next)
        sessions.login("fay")
        with db:
            db.execute("UPDATE events SET reason = x'00' WHERE user_id = 'fay'")
        sessions.login("gil")
        third = sessions.poll(second.next)

    assert [["ada", "cyd"], ["eve"], ["gil"]] == [
        [it.user_id for it in page] for page in (first, second, third)
    ]
    assert ["place 3", "place 5"] == re.findall("place [0-9]+", caplog.text)
