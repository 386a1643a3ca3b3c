"""
Made-up sessions by the hundred thousand, written straight in a store's own layout.

All are copies of the one session that is there, with its device and its event: no two have
an id in common, and two are of each user, on one device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import bson
import psycopg
import pymongo
import redis

from benchmarks import growth
from benchmarks.store_growth import user_of
from devsess.stores.mongodb import documents as docs
from devsess.stores.postgres import rows
from devsess.stores.redis import counts

# A server runs one script at a time, and takes one list of documents.
_AT_ONCE = 1_000
_TABLES = ("sessions", "devices", "events")


def sqlite(location: str, count: int) -> float:
    """Into SQLite; bytes a session."""
    return growth.fill(Path(location), count)


# What differs from the model in each table. Ids are as spread as real ones.
_ID = "substr(md5(n::text), 1, 22)"
_USER = "'user-' || lpad((n / 2)::text, 7, '0')"
_DEVICE = "'d' || lpad((n / 2)::text, 21, '0')"
_SESSION_OWN = {"id": _ID, "user_id": _USER, "device_id": _DEVICE}
_DEVICE_OWN = {"id": _DEVICE, "user_id": _USER}
_EVENT_OWN = {"session_id": _ID, "user_id": _USER, "device_id": _DEVICE}


def postgresql(location: str, count: int) -> float:
    """Into PostgreSQL; bytes a session with its indexes, its event and its part of a device."""
    with psycopg.connect(location, autocommit=True) as db:
        before = _postgresql_size(db)
        _copies(db, "devices", rows.DEVICE, _DEVICE_OWN, (0, count, 2))
        _copies(db, "sessions", rows.SESSION, _SESSION_OWN, (1, count, 1))
        _copies(db, "events", rows.EVENT, _EVENT_OWN, (1, count, 1))
        for table in _TABLES:
            db.execute(f"VACUUM ANALYZE devsess.{table}".encode())
        db.execute("CHECKPOINT")
        return (_postgresql_size(db) - before) / count


def _copies(
    db: psycopg.Connection[Any],
    table: str,
    columns: tuple[str, ...],
    own: dict[str, str],
    numbers: tuple[int, int, int],
) -> None:
    names = ", ".join(columns)
    chosen = ", ".join(own.get(name, f"model.{name}") for name in columns)
    db.execute(
        f"INSERT INTO devsess.{table} ({names}) SELECT {chosen}"
        f" FROM (SELECT * FROM devsess.{table} LIMIT 1) AS model,"
        f" generate_series({numbers[0]}, {numbers[1]}, {numbers[2]}) AS n".encode()
    )


def _postgresql_size(db: psycopg.Connection[Any]) -> int:
    tables = ", ".join(f"'devsess.{table}'" for table in _TABLES)
    query = f"SELECT sum(pg_total_relation_size(t)) FROM unnest(ARRAY[{tables}]) AS t"
    row = db.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


# Behind the functions that the store's own scripts share.
_COPY = rb"""
local from, to, model, muser, mdev = number(), number(), arg(), arg(), arg()
local columns = call('HGETALL', session_key(model))
local device = call('HGETALL', device_key(muser, mdev))
local place = call('ZRANGE', T .. ':o:' .. muser, 0, 0)[1]
local text = call('HGET', T .. ':h:' .. muser, place)
local ip = call('HGET', T .. ':h:' .. muser, place .. 'i') or ''
local row = read(model)
for n = from, to do
  local user = string.format('user-%07d', math.floor(n / 2))
  local dev = string.format('d%021d', math.floor(n / 2))
  local id = string.sub(redis.sha1hex(tostring(n)), 1, 22)
  call('HSET', session_key(id), unpack(columns))
  call('HSET', session_key(id), 'user', user, 'dev', dev,
    'who', '"id":"' .. id .. '","user_id":"' .. user .. '","device":"' .. dev .. '"')
  local key = device_key(user, dev)
  if n % 2 == 0 or n == from then
    call('HSET', key, unpack(device))
    call('HSET', key, 'id', '"' .. dev .. '"', 'user_id', '"' .. user .. '"', 'uses', 0)
  end
  call('HINCRBY', key, 'uses', 1)
  local copied = read(id)
  index(copied)
  enlist(copied)
  index_device(user, dev)
  insert_event({user = user, session = id, kind = 'session_created', at = row.created,
    text = text, ip = ip, is_act = false, counted = ''})
end
"""


def valkey(location: str, count: int) -> float:
    """Into one Valkey server; bytes a session, with its part of a device, and its event."""
    with redis.Redis.from_url(location, socket_timeout=60) as client:
        [model] = client.scan_iter(match="{devsess:0}:s:*", count=1_000)
        owner: Any = client.hmget(model, "user", "dev")
        model_id = model.rpartition(b":")[2]
        copy = client.register_script(_script())
        before = _used(client)
        for first in range(1, count + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, count)
            copy(["{devsess:0}"], [first, last, model_id, *owner])
        return (_used(client) - before) / count


def _script() -> bytes:
    shared = files("devsess.stores.redis") / "lua"
    parts = ("base", "lib", "counts", "write")
    texts = [(shared / f"{it}.lua").read_bytes() for it in parts]
    return b"\n".join([counts.law(), *texts, _COPY])


def _used(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"])


def mongodb(location: str, count: int) -> float:
    """Into a collection; bytes of BSON a session, with its part of a device, and its event."""
    base, _, query = location.partition("?")
    name = query.partition("collection=")[2].partition("&")[0]
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(base.rpartition("/")[0])
    with closing(client):
        documents = client["devsess_test"][name]
        models = {it: documents.find_one({"table": it}) for it in ("session", "device", "event")}
        written = 0
        for first in range(1, count + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count + 1))
            made = [it for number in numbers for it in _documents(models, number)]
            documents.insert_many(made, ordered=False)
            written += sum(len(bson.encode(it)) for it in made)
        return written / count


def _documents(models: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """A session's, its event's, and each second time its device's."""
    session_id = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[:22]
    user, device = user_of(number), f"d{number // 2:021d}"
    owned = {"owner": docs.account_key(user), "user_id": user}
    key = docs.device_key(user, device)
    session = {"_id": docs.session_key(session_id), "id": session_id, "device": device}
    place = docs.place(user, number, 0)
    event = {"_id": f"event/{place}", "place": place, "session_id": session_id, "user_id": user}
    found = [
        models["session"] | session | owned | {"device_key": key},
        models["event"] | event | {"alike": f"session_created/session/{session_id}"},
    ]
    if number % 2 == 0 or number == 1:
        found.append(models["device"] | owned | {"_id": key, "id": device})
    return found


FILL: dict[str, Callable[[str, int], float]] = {
    "SQLite": sqlite,
    "PostgreSQL": postgresql,
    "Valkey": valkey,
    "MongoDB's protocol": mongodb,
}
