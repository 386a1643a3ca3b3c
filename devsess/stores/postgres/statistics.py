"""
Statistics in PostgreSQL: four tables, and the statements that add to them and read them.

A transaction adds its counts last, and table by table in one order: so no two wait for each other
in a circle. Each row is there SLOTS times, and a connection adds to its own: few transactions wait
for another's commit. Reading adds the slots up.

The open sessions of the accounts concerned are counted then, no further than tells their sizes
apart: each transaction that begins or ends sessions of an account has the account's lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from devsess.stores.counting import (
    BEGAN,
    DAY,
    LATEST,
    LOOKED,
    MEASURES,
    MOST_KEYS,
    OTHER,
    QUARTER,
    SIZES,
    Counts,
    Measures,
    Numbers,
    Period,
)
from devsess.stores.postgres import rows

Adding: TypeAlias = tuple[str, Mapping[str, object]]

# How often each row is there; a power of two.
SLOTS = 4
_SLOT = f"pg_backend_pid() & {SLOTS - 1}"
_NAMES = ", ".join(MEASURES)
# The columns of `opened` with the accounts of each size.
_SIZES = tuple(f"users_{size}" for size in SIZES)


def _add_quarters(source: str) -> str:
    """The statement that adds the rows r of *source* to the quarters."""
    return (
        f"INSERT INTO {{s}}.quarters AS q (quarter, slot, {_NAMES})"  # noqa: S608
        f" SELECT r.quarter, {_SLOT}, {', '.join(f'coalesce(r.{it}, 0)' for it in MEASURES)}"
        f" FROM {source} AS r ON CONFLICT (quarter, slot) DO UPDATE SET "
        + ", ".join(f"{it} = q.{it} + excluded.{it}" for it in MEASURES)
    )


def _resized(accounts: str) -> str:
    """The query for what the *accounts*, of columns user_id and more, add to each size."""
    bounds = zip(SIZES, [*SIZES[1:], LATEST], strict=True)
    sums = (
        f"coalesce(sum((u.now BETWEEN {size} AND {behind - 1})::int"
        f" - (u.now - u.more BETWEEN {size} AND {behind - 1})::int), 0)"
        for size, behind in bounds
    )
    return (
        f"SELECT {', '.join(sums)} FROM (SELECT a.more, (SELECT count(*) FROM"  # noqa: S608
        " (SELECT 1 FROM {s}.sessions o WHERE o.user_id = a.user_id AND o.revoked_at IS NULL"
        f" LIMIT {SIZES[-1]} + greatest(a.more, 0)) AS seen)::int AS now FROM {accounts}) AS u"
    )


def _add_opened(count: str, accounts: str) -> str:
    """The part of a statement that adds to the sessions, and the accounts, that are open."""
    names = ", ".join(_SIZES)
    sums = ", ".join(f"{it} = o.{it} + excluded.{it}" for it in ("count", *_SIZES))
    return (
        f"opened AS (INSERT INTO {{s}}.opened AS o (slot, count, {names})"  # noqa: S608
        f" SELECT {_SLOT}, {count}, r.* FROM ok, ({_resized(accounts)}) AS r"
        f" ON CONFLICT (slot) DO UPDATE SET {sums}),"
    )


def _recordset(table: str) -> str:
    return f"json_populate_recordset(NULL::{{s}}.{table}, %(counts)s::json -> '{table}')"


# A key takes a place of its own while there is one. Of two transactions that see the last place
# free at the same time, both may.
# One row is asked for: of EXISTS the server might make a table of all there are.
_PLACED = (
    "CASE WHEN (SELECT true FROM {s}.tallies t WHERE t.day = r.day"  # noqa: S608
    " AND t.dimension = r.dimension AND t.key = r.key LIMIT 1) THEN r.key"
    " WHEN (SELECT count(DISTINCT t.key) FROM {s}.tallies t WHERE t.day = r.day"
    f" AND t.dimension = r.dimension AND t.key <> '{OTHER}')"
    " < CASE r.dimension "
    + " ".join(f"WHEN '{it}' THEN {most}" for it, most in MOST_KEYS.items())
    + f" END THEN r.key ELSE '{OTHER}' END"
)
# How many are open; of accounts as JSON, or of one that signs in.
_OPENED = _add_opened(
    "(%(counts)s::json ->> 'open')::bigint",
    "json_to_recordset(%(counts)s::json -> 'users') AS a (user_id text, more int)",
)
_OPENED_ONE = _add_opened("1", "(SELECT %(user_id)s::text AS user_id, 1 AS more) AS a")
_ADD = (
    f"WITH ok AS (SELECT 1{{when}}), {_OPENED}"  # noqa: S608
    f" quarters AS ({_add_quarters('ok, ' + _recordset('quarters'))}),"
    " tallies AS (INSERT INTO {s}.tallies AS t (day, dimension, key, slot, count)"
    f" SELECT r.day, r.dimension, {_PLACED}, {_SLOT}, sum(r.count)"
    f" FROM ok, {_recordset('tallies')} AS r GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3"
    " ON CONFLICT (day, dimension, key, slot)"
    " DO UPDATE SET count = t.count + excluded.count)"
    " INSERT INTO {s}.spans AS p (week, age, reason, kind, slot, count)"
    f" SELECT r.week, r.age, r.reason, r.kind, {_SLOT}, r.count"
    f" FROM ok, {_recordset('spans')} AS r"
    " ON CONFLICT (week, age, reason, kind, slot)"
    " DO UPDATE SET count = p.count + excluded.count"
)
_IS_OURS = " WHERE EXISTS (SELECT 1 FROM {{s}}.{0} AND xmin = pg_current_xact_id()::xid)"
_ADD_ANYWAY = _ADD.replace("{when}", "")
_ADD_WITH_SESSION = _ADD.replace("{when}", _IS_OURS.format("sessions WHERE id = %(id)s"))
# The same for what most sign-ins count, without JSON, which takes as long as all the rest.
_ADD_BEGUN = (
    f"WITH ok AS (SELECT 1{_IS_OURS.format('sessions WHERE id = %(id)s')}), {_OPENED_ONE}"  # noqa: S608
    " quarters AS (INSERT INTO {s}.quarters AS q (quarter, slot, signed_in)"
    f" SELECT %(quarter)s, {_SLOT}, 1 FROM ok"
    " ON CONFLICT (quarter, slot) DO UPDATE SET signed_in = q.signed_in + 1),"
    " tallies AS (INSERT INTO {s}.tallies AS t (day, dimension, key, slot, count)"
    f" SELECT r.day, r.dimension, {_PLACED}, {_SLOT}, 1 FROM ok,"
    " (VALUES (%(day)s::bigint, 'device', %(device)s::text),"
    " (%(day)s::bigint, 'place', %(place)s::text)) AS r (day, dimension, key)"
    " WHERE r.key IS NOT NULL"
    " ON CONFLICT (day, dimension, key, slot) DO UPDATE SET count = t.count + 1)"
    " INSERT INTO {s}.spans AS p (week, age, reason, kind, slot, count)"
    f" SELECT %(week)s, {BEGAN}, '{OTHER}', %(kind)s, {_SLOT}, 1 FROM ok"
    " ON CONFLICT (week, age, reason, kind, slot) DO UPDATE SET count = p.count + 1"
)
_ADD_WITH_ITEM = _ADD.replace(
    "{when}",
    _IS_OURS.format("items WHERE owner = %(owner)s AND kind = %(kind)s AND key = %(key)s"),
)
# The event, and, if the history had room for it, its counts.
INSERT_COUNTED = f"WITH inserted AS ({rows.INSERT_EVENTS} RETURNING 1) " + _add_quarters(
    "inserted, json_populate_record(NULL::{s}.quarters, %s::json)"
)
# Of a row that ends: columns for `Counts.ended`.
_OF_ROW = (
    "{0}.created_at, {0}.idle_expires_at,"
    " (SELECT d.kind FROM {{s}}.devices d WHERE d.user_id = {0}.user_id AND d.id = {0}.device_id)"
)
OF_ROW = _OF_ROW.format("s")
OF_UPDATED_ROW = _OF_ROW.format("sessions")


def adding(counts: Counts) -> list[Adding]:
    """The statement that adds *counts*; none where there is nothing to add."""
    return [(_ADD_ANYWAY, _values(counts))] if counts != Counts() else []


def adding_with_session(counts: Counts, session_id: str) -> Adding:
    """The same for one that begins, where this transaction has written it before."""
    [(week, _, _, kind)] = counts.spans
    [(quarter, measure), *more] = counts.quarters
    if not more and measure == "signed_in":
        keys = {dimension: key for _, dimension, key in counts.tallies}
        [user] = counts.users
        of = {"user_id": user, "id": session_id}
        own = {"device": keys["device"], "place": keys.get("place"), "week": week, "kind": kind}
        day = quarter * QUARTER // DAY
        return _ADD_BEGUN, {**own, **of, "quarter": quarter, "day": day}
    return _ADD_WITH_SESSION, {**_values(counts), "id": session_id}


def adding_with_item(counts: Counts, owner: str, kind: str, key: str) -> list[Adding]:
    """The same, where this transaction has written that item."""
    if counts == Counts():
        return []
    return [(_ADD_WITH_ITEM, {**_values(counts), "owner": owner, "kind": kind, "key": key})]


def counted(measures: Mapping[int, Mapping[str, int]]) -> str:
    """The last value of INSERT_COUNTED: the one quarter to which an event adds."""
    [(quarter, found)] = measures.items()
    return json.dumps({"quarter": quarter, **found})


def _values(counts: Counts) -> dict[str, object]:
    tallies = sorted(counts.tallies.items())
    spans = sorted(counts.spans.items())
    given = {
        "open": counts.open,
        "quarters": [{"quarter": it, **found} for it, found in sorted(counts.by_quarter().items())],
        "tallies": [
            {"day": day, "dimension": dimension, "key": key, "count": count}
            for (day, dimension, key), count in tallies
        ],
        "spans": [
            {"week": week, "age": age, "reason": reason, "kind": kind, "count": count}
            for (week, age, reason, kind), count in spans
        ],
        "users": [{"user_id": user, "more": more} for user, more in counts.changed_users().items()],
    }
    return {"counts": json.dumps(given, ensure_ascii=False)}


_OPEN = (
    f"SELECT {', '.join(f'coalesce(sum({it}), 0)::bigint' for it in ('count', *_SIZES))}"  # noqa: S608
    " FROM {s}.opened"
)
_LAPSED = (
    "SELECT count(*) FROM {s}.sessions WHERE revoked_at IS NULL AND idle_expires_at <= %(now)s"
)
# With all columns that are compared: joined with the table again by their ids, so few are sought
# in the whole of it.
_COMPARED = "SELECT s.id, s.user_id, s.ending_number, s.idle_expires_at FROM {s}.sessions s"
_COVERED = (
    f"SELECT count(*) FROM (({_COMPARED} WHERE s.revoked_at IS NULL"  # noqa: S608
    " AND s.ending_number < (SELECT max(n.number) FROM {s}.endings n WHERE n.user_id IS NULL)"
    f" LIMIT %(looked)s) UNION ({_COMPARED} WHERE s.revoked_at IS NULL"
    " AND s.user_id IN (SELECT n.user_id FROM {s}.endings n WHERE n.user_id IS NOT NULL)"
    " LIMIT %(looked)s)) AS s WHERE s.idle_expires_at > %(now)s"
    f" AND EXISTS (SELECT 1 FROM {{s}}.endings n WHERE {rows.COVERS})"
)
_SUMS = ", ".join(f"coalesce(sum(q.{it}), 0)::bigint" for it in MEASURES)
# Range by range: a join, planned for whatever values, would compare each quarter with each range.
_RANGES = (
    "SELECT r.* FROM unnest(%(first)s::bigint[], %(behind)s::bigint[])"  # noqa: S608
    f" WITH ORDINALITY AS b (first, behind, place), LATERAL (SELECT {_SUMS} FROM {{s}}.quarters q"
    " WHERE q.quarter >= b.first AND q.quarter < b.behind) AS r ORDER BY b.place"
)
_TALLIES = (
    "SELECT dimension, key, sum(count)::bigint FROM {s}.tallies"
    " WHERE day >= %(first)s AND day < %(behind)s GROUP BY dimension, key"
)
_SPANS = (
    "SELECT age, reason, kind, sum(count)::bigint FROM {s}.spans"
    " WHERE week >= %(first)s AND week < %(behind)s AND age <> %(began)s GROUP BY age, reason, kind"
)
_COHORTS = (
    "SELECT week, kind, coalesce(sum(count) FILTER (WHERE age = %(began)s), 0)::bigint,"
    " coalesce(sum(count) FILTER (WHERE age <> %(began)s), 0)::bigint FROM {s}.spans"
    " WHERE week >= %(first)s AND week < %(behind)s GROUP BY week, kind"
)


def asking(period: Period) -> list[Adding]:
    """The statements that read the numbers of *period*."""
    now = {"now": period.now, "looked": LOOKED}
    bounds = {"first": [*period.quarters], "behind": [*period.quarters[1:], LATEST]}
    days = dict(zip(("first", "behind"), period.days, strict=True))
    weeks = dict(zip(("first", "behind"), period.weeks, strict=True)) | {"began": BEGAN}
    return [
        *((_OPEN, {}), (_LAPSED, now), (_COVERED, now), (_RANGES, bounds)),
        *((_TALLIES, days), (_SPANS, weeks), (_COHORTS, weeks)),
    ]


def numbers(found: Sequence[Sequence[tuple[Any, ...]]]) -> Numbers:
    """The numbers in the answers to the statements of `asking`."""
    [[still_open, *sizes]], [[lapsed]], [[covered]], ranges, tallies, spans, cohorts = found
    return Numbers(
        still_open,
        lapsed + covered,
        tuple(Measures(*it) for it in ranges),
        {(dimension, key): count for dimension, key, count in tallies},
        {(age, reason, kind): count for age, reason, kind, count in spans},
        {(week, kind): (begun, over) for week, kind, begun, over in cohorts},
        tuple(sizes),
    )
