"""
The statistics of a file that was written before there were any, counted from its rows and events.

A step of the schema: its statements name columns of that schema alone.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from devsess.stores.as_json import location_from
from devsess.stores.counting import Counts
from devsess.stores.sqlite import statistics

if TYPE_CHECKING:
    import sqlite3

    from devsess.models import Location

# As blobs, since a damaged text stops no reading so.
_SESSIONS = """
SELECT CAST(s.created_at AS REAL), CAST(s.idle_expires_at AS REAL), CAST(s.revoked_at AS REAL),
    CAST(s.reason AS BLOB), CAST(s.location AS BLOB), s.impersonator IS NOT NULL,
    CAST(d.browser AS BLOB), CAST(d.os AS BLOB), CAST(d.kind AS BLOB)
FROM sessions s LEFT JOIN devices d ON d.user_id = s.user_id AND d.id = s.device_id
"""
_EVENTS = "SELECT CAST(type AS BLOB), CAST(at AS REAL), CAST(assessment AS BLOB) FROM events"

# Accounts by how many sessions are open to them. A step of its own, later than the rest.
OPEN_TO_ACCOUNTS = """
ALTER TABLE meta ADD COLUMN users_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_3 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_4 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_6 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_11 INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET (users_1, users_2, users_3, users_4, users_6, users_11) = (
    SELECT coalesce(sum(n = 1), 0), coalesce(sum(n = 2), 0), coalesce(sum(n = 3), 0),
        coalesce(sum(n BETWEEN 4 AND 5), 0), coalesce(sum(n BETWEEN 6 AND 10), 0),
        coalesce(sum(n > 10), 0)
    FROM (SELECT count(*) AS n FROM sessions WHERE revoked_at IS NULL GROUP BY user_id));
"""


def recount(connection: sqlite3.Connection) -> None:
    """Count all sessions and events that are there, as if they were written now."""
    counts = Counts()
    for created_at, deadline, ended_at, *blobs in connection.execute(_SESSIONS):
        reason, place, is_impersonation, browser, system, kind = blobs
        device = (_text(browser), _text(system), _text(kind))
        counts.begun(created_at, device, _location(place), is_impersonation=is_impersonation == 1)
        if ended_at is not None:
            counts.ended(created_at, deadline, device[2], ended_at, _text(reason))
    for kind, at, assessment in connection.execute(_EVENTS):
        counts.event(_text(kind), at, _decision(assessment))
    statistics.add(connection.cursor(), counts)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


@lru_cache(maxsize=4096)
def _location(raw: bytes | None) -> Location | None:
    if raw is None:
        return None
    try:
        return location_from(json.loads(raw))
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _decision(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    try:
        return str(json.loads(raw)["decision"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
