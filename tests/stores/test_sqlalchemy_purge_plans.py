"""What a batch of a purge over SQLAlchemy costs follows from what it finds, not from the rest."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, event, insert, literal, select, text, update

from devsess._runtime.drive import drive
from devsess.stores.base import ById, OfDevice
from devsess.stores.items import Item
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, session_row, sign_in

if TYPE_CHECKING:
    from _sqlalchemy import Databases
    from sqlalchemy import Column, ColumnElement, Connection, Table

    from devsess.stores.sqlalchemy import SQLAlchemyStore

# Those that may be large: the one row that a purge leaves in each is doubled so often.
TABLES = ("devices", "sessions", "events", "items")
DOUBLED = 14
# Columns that differ in each copy of a row.
OWN = ("id", "device_id", "key")
INSTANTS = ("last_seen_at", "idle_expires_at", "revoked_at", "at", "until")
NOW = T0 + 60 * DAY
WHOLE = re.compile(
    r"Seq Scan|->  Sort "  # PostgreSQL
    r"|SCAN|TEMP B-TREE FOR ORDER BY"  # SQLite
    r"|(devices|sessions|events|items) (ALL|index) |filesort"  # MariaDB
)


def _fill(store: SQLAlchemyStore, connection: Connection) -> None:
    """Something for each statement of a purge to do, and a row in each table that stays."""
    for number in range(5):
        drive(sign_in(store, session_row(f"s{number}", device=f"d{number}")))
    for key, until in (("short", T0 + 1), ("long", NOW + DAY)):
        drive(store.put_item(Item("profile", key, "", "{}", 1, T0, until)))
    drive(store.end(rows.ending(ById("s1"))))
    drive(store.end(rows.ending(OfDevice("user-1", "d2", forget=True))))
    _set(connection, store.tables, "s0", NOW)
    _set(connection, store.tables, "s3", NOW + 400 * DAY)
    sessions = store.tables.sessions
    connection.execute(update(sessions).where(sessions.c.id == "s0").values(revoked_at=None))
    connection.commit()


def _set(connection: Connection, tables: Any, session_id: str, at: float) -> None:
    """Put an instant in the place of those of a session, its device and its events."""
    devices, sessions, events = tables.devices, tables.sessions, tables.events
    own = devices.c.id == session_id.replace("s", "d")
    values = {"revoked_at": at, "idle_expires_at": at + DAY}
    connection.execute(update(devices).where(own).values(last_seen_at=at))
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(values))
    connection.execute(update(events).where(events.c.session_id == session_id).values(at=at))


def _asked(databases: Databases, store: SQLAlchemyStore) -> dict[str, Any]:
    """The statements of a purge about these tables, each with its values."""
    found = dict[str, Any]()
    known = re.compile(rf"\b{databases.newest}({'|'.join(TABLES)})\b")

    def heard(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if known.search(statement) and not statement.startswith("INSERT"):
            found.setdefault(statement, values)

    event.listen(databases.engine, "before_cursor_execute", heard)
    wanted = rows.retention(NOW, NOW - DAY)
    while drive(store.purge(wanted, limit=500)):
        pass
    event.remove(databases.engine, "before_cursor_execute", heard)
    return found


def _enlarge(connection: Connection, table: Table) -> None:
    columns = [it for it in table.columns if it.name != "seq"]
    for turn in range(DOUBLED):
        copied = select(*(_copy(it, turn) for it in columns))
        connection.execute(insert(table).from_select([it.name for it in columns], copied))
    connection.commit()
    analyze = {"mariadb": "ANALYZE TABLE", "postgresql": "ANALYZE"}.get(connection.dialect.name)
    if analyze:
        connection.execute(text(f"{analyze} {table.name}"))
        connection.commit()


def _copy(column: Column[Any], turn: int) -> ColumnElement[Any]:
    if column.name in OWN:
        return cast(column, String(200)) + literal(f"-{turn}")
    return column + 0.001 * 2**turn if column.name in INSTANTS else column


def _plan(connection: Connection, statement: str, values: Any) -> list[str]:
    """The steps of a plan; of PostgreSQL the one that it makes without the values."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
        prepared = re.sub(r"%\((\w+)\)s", "%s", statement)
        count = prepared.count("%s")
        for number in range(1, count + 1):
            prepared = prepared.replace("%s", f"${number}", 1)
        connection.exec_driver_sql(f"PREPARE asked AS {prepared}")
        nothing = ", ".join(["NULL"] * count)
        found = connection.exec_driver_sql(f"EXPLAIN EXECUTE asked ({nothing})").all()
        connection.exec_driver_sql("DEALLOCATE asked")
        return [it for (it,) in found]
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    result = connection.exec_driver_sql(f"{explain} {statement}", values)
    assert result.cursor is not None
    return [" ".join(map(str, it)) for it in result.cursor.fetchall()]


def _is_whole(step: str, following: str) -> bool:
    """Whether a step of a plan begins at no place in an index, or sorts all that it finds."""
    if "Index Scan" in step or "Index Only Scan" in step:
        return "Index Cond" not in following
    return WHOLE.search(step) is not None


def test_no_statement_reads_a_table_whole(databases: Databases) -> None:
    """Each goes along an index from a place on: the one that says what it looks for."""
    store = databases.blocking()
    with databases.engine.connect() as connection:
        _fill(store, connection)
        asked = _asked(databases, store)
        for name in TABLES:
            _enlarge(connection, getattr(store.tables, name))
        plans = {it: _plan(connection, it, values) for it, values in asked.items()}

    for statement, plan in plans.items():
        assert not any(_is_whole(*it) for it in pairwise([*plan, ""])), "\n".join(
            [statement, *plan]
        )
