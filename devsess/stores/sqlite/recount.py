"""
The statistics of a file that was written before there were any, counted from its rows and events.

A step of the schema: its statements name columns of that schema alone. SQLite groups the rows, and
Python looks at the groups, of which there are few: a million rows, one by one, took minutes.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.models import Decision
from devsess.stores.as_json import location_from
from devsess.stores.counting import (
    BEGAN,
    DAY,
    KINDS,
    LATEST,
    MOST_KEYS,
    OTHER,
    QUARTER,
    WAYS,
    WEEK,
    Counts,
    age_bin,
    joined,
    place_key,
)
from devsess.stores.rows import EXPIRED
from devsess.stores.sqlite import statistics

if TYPE_CHECKING:
    import sqlite3

    from devsess.models import Location

# Texts are read as blobs, since a damaged one stops no reading so.
_SECOND = f"CAST(min(max(coalesce(CAST({{}} AS REAL), 0.0), 0.0), {LATEST}.0) AS INTEGER)"
_CREATED = _SECOND.format("s.created_at")
_IS_LAPSED = "coalesce(CAST(s.idle_expires_at AS REAL) <= CAST(s.revoked_at AS REAL), 0)"
_OVER = _SECOND.format(f"iif({_IS_LAPSED}, s.idle_expires_at, s.revoked_at)")
_REASON = f"iif({_IS_LAPSED}, CAST('{EXPIRED}' AS BLOB), CAST(s.reason AS BLOB))"
_IS_OVER = "CAST(s.revoked_at AS REAL) IS NOT NULL"
_DEVICES = "sessions s LEFT JOIN devices d ON d.user_id = s.user_id AND d.id = s.device_id"

_BEGUN = (
    f"SELECT {_CREATED} / {QUARTER}, s.impersonator IS NOT NULL, count(*)"  # noqa: S608
    " FROM sessions s GROUP BY 1, 2"
)
# In one statement, as each device is looked up in another place of the file: that takes longest.
_ON_DEVICES = (
    f"SELECT {_CREATED} / {DAY}, CAST(d.browser AS BLOB), CAST(d.os AS BLOB),"  # noqa: S608
    f" CAST(d.kind AS BLOB), iif({_IS_OVER}, devsess_age_bin({_OVER} - {_CREATED}), NULL),"
    f" iif({_IS_OVER}, {_REASON}, NULL), count(*) FROM {_DEVICES} GROUP BY 1, 2, 3, 4, 5, 6"
)
_IN_PLACES = (
    f"SELECT {_CREATED} / {DAY}, CAST(s.location AS BLOB), count(*)"  # noqa: S608
    " FROM sessions s WHERE s.location IS NOT NULL GROUP BY 1, 2"
)
_ENDED = (
    f"SELECT {_OVER} / {QUARTER}, {_IS_LAPSED}, {_REASON}, count(*)"  # noqa: S608
    f" FROM sessions s WHERE {_IS_OVER} GROUP BY 1, 2, 3"
)
_EVENTS = (
    f"SELECT CAST(type AS BLOB), {_SECOND.format('at')} / {QUARTER},"  # noqa: S608
    " devsess_decision(CAST(assessment AS BLOB)), count(*) FROM events GROUP BY 1, 2, 3"
)
_TALLY = "INSERT INTO tallies (day, dimension, key, count) VALUES (?, ?, ?, ?)"

_DECISIONS = frozenset(map(str, Decision))

STATISTICS = """
ALTER TABLE meta ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
CREATE TABLE quarters (
    quarter INTEGER PRIMARY KEY,
    signed_in INTEGER NOT NULL DEFAULT 0,
    impersonated INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    denied INTEGER NOT NULL DEFAULT 0,
    limited INTEGER NOT NULL DEFAULT 0,
    new_devices INTEGER NOT NULL DEFAULT 0,
    reused INTEGER NOT NULL DEFAULT 0,
    stepped_up INTEGER NOT NULL DEFAULT 0,
    step_ups_asked INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0,
    approved INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    confirmed INTEGER NOT NULL DEFAULT 0,
    disowned INTEGER NOT NULL DEFAULT 0,
    risk_notify INTEGER NOT NULL DEFAULT 0,
    risk_step_up INTEGER NOT NULL DEFAULT 0,
    risk_deny INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tallies (
    day INTEGER NOT NULL,
    dimension TEXT NOT NULL,
    key TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (dimension, key, day)
) WITHOUT ROWID;
CREATE INDEX tallies_day ON tallies (day, dimension);
CREATE TABLE spans (
    week INTEGER NOT NULL,
    age INTEGER NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (week, age, reason, kind)
) WITHOUT ROWID;
"""

COUNT_ACCOUNTS = """
UPDATE meta SET (users_1, users_2, users_3, users_4, users_6, users_11) = (
    SELECT coalesce(sum(n = 1), 0), coalesce(sum(n = 2), 0), coalesce(sum(n = 3), 0),
        coalesce(sum(n BETWEEN 4 AND 5), 0), coalesce(sum(n BETWEEN 6 AND 10), 0),
        coalesce(sum(n > 10), 0)
    FROM (SELECT count(*) AS n FROM sessions WHERE revoked_at IS NULL GROUP BY user_id));
"""
# Accounts by how many sessions are open to them. A step of its own, later than the rest.
OPEN_TO_ACCOUNTS = f"""
ALTER TABLE meta ADD COLUMN users_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_3 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_4 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_6 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN users_11 INTEGER NOT NULL DEFAULT 0;
{COUNT_ACCOUNTS}"""


def recount(connection: sqlite3.Connection) -> None:
    """Count all sessions and events that are there, as if they were written now."""
    counts, db = Counts(), connection.cursor()
    functions = ("devsess_age_bin", "devsess_decision")
    connection.create_function(functions[0], 1, age_bin, deterministic=True)
    connection.create_function(functions[1], 1, _decision, deterministic=True)
    for count in (_begun, _on_devices, _in_places, _ended, _happened):
        count(db, counts)
    for name in functions:
        connection.create_function(name, 1, None)
    db.executemany(_TALLY, [(*key, more) for key, more in _kept(counts.tallies).items()])
    statistics.add(db, evolve(counts, tallies=Counter()))


def _begun(db: sqlite3.Cursor, counts: Counts) -> None:
    for quarter, is_impersonation, times in db.execute(_BEGUN):
        counts.open += times
        counts.quarters[quarter, "signed_in"] += times
        if is_impersonation:
            counts.quarters[quarter, "impersonated"] += times


def _on_devices(db: sqlite3.Cursor, counts: Counts) -> None:
    for day, browser, system, raw, age, reason, times in db.execute(_ON_DEVICES):
        week, kind = day * DAY // WEEK, _kind(raw)
        counts.tallies[day, "device", joined(_text(browser), _text(system), kind)] += times
        counts.spans[week, BEGAN, OTHER, kind] += times
        if age is not None:
            way = _text(reason)
            counts.spans[week, age, way if way in WAYS else OTHER, kind] += times


def _in_places(db: sqlite3.Cursor, counts: Counts) -> None:
    for day, raw, times in db.execute(_IN_PLACES):
        place = _location(raw)
        if place is not None:
            counts.tallies[day, "place", place_key(place)] += times


def _ended(db: sqlite3.Cursor, counts: Counts) -> None:
    for quarter, is_lapsed, reason, times in db.execute(_ENDED):
        counts.open -= times
        counts.quarters[quarter, "ended"] += times
        if is_lapsed:
            counts.quarters[quarter, "expired"] += times
        counts.tallies[quarter * QUARTER // DAY, "reason", joined(_text(reason))] += times


def _happened(db: sqlite3.Cursor, counts: Counts) -> None:
    for kind, quarter, decision, times in db.execute(_EVENTS):
        one = Counts()
        one.event(_text(kind), quarter * QUARTER, decision)
        counts.quarters.update({key: more * times for key, more in one.quarters.items()})


def _kept(tallies: Counter[tuple[int, str, str]]) -> Counter[tuple[int, str, str]]:
    """*tallies* in which the most frequent keys of each day have a place of their own."""
    kept: Counter[tuple[int, str, str]] = Counter()
    taken: Counter[tuple[int, str]] = Counter()
    for (day, dimension, key), times in sorted(tallies.items(), key=itemgetter(1), reverse=True):
        has_place = key != OTHER and taken[day, dimension] < MOST_KEYS[dimension]
        taken[day, dimension] += has_place
        kept[day, dimension, key if has_place else OTHER] += times
    return kept


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def _kind(raw: bytes | None) -> str:
    kind = _text(raw)
    return kind if kind in KINDS else "unknown"


@lru_cache(maxsize=4096)
def _location(raw: bytes) -> Location | None:
    try:
        return location_from(json.loads(raw))
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


@lru_cache(maxsize=4096)
def _decision(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    try:
        found = json.loads(raw)["decision"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    # Another text may be one that SQLite cannot take back.
    return found if isinstance(found, str) and found in _DECISIONS else None
