"""Bringing the tables into a database, and comparing them with those that are there."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from sqlalchemy import inspect, select

from devsess.errors import StoreUnavailableError
from devsess.stores.sqlalchemy.schema import DRAWN, FLOOR, LOG, SLOTS, VERSION
from devsess.stores.sqlalchemy.writes import inserting_new

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from devsess.stores.sqlalchemy.schema import Tables
    from devsess.stores.sqlalchemy.unit import Unit

# The step that writes the rows without which no call works.
FIRST_ROWS = "first rows"


def missing(tables: Tables, connection: Connection) -> list[Table]:
    """
    The tables that the database lacks.

    Raises:
        StoreUnavailableError: If one is there, and lacks a column.
    """
    found = inspect(connection)
    lacking = []
    for table in tables.all:
        if not found.has_table(table.name, schema=table.schema):
            lacking.append(table)
            continue
        there = {it["name"] for it in found.get_columns(table.name, schema=table.schema)}
        columns = [it.name for it in table.columns if it.name not in there]
        if columns:
            raise StoreUnavailableError(
                f"the table {table.name} lacks {', '.join(columns)}: a migration of the database "
                "stopped half-way, or is of another devsess; let your migrations add them"
            )
    return lacking


def make(tables: Tables, connection: Connection) -> list[str]:
    """Make the tables that the database lacks; their names."""
    lacking = missing(tables, connection)
    tables.metadata.create_all(connection, tables=lacking, checkfirst=True)
    return [it.name for it in lacking]


async def is_ready(db: Unit) -> bool:
    """
    Whether the first rows are there.

    Raises:
        StoreUnavailableError: If a newer devsess wrote them.
    """
    meta, locks = db.tables.meta, db.tables.locks
    found = await db.one(select(meta.c.version))
    if found is None or len(await db.all(select(locks.c.slot))) < SLOTS:
        return False
    if found[0] > VERSION:
        raise StoreUnavailableError(
            f"a newer devsess made these tables (version {found[0]}, and this one knows {VERSION})"
        )
    return True


async def put_first_rows(db: Unit) -> None:
    """Write the rows without which no call works; those that are there stay."""
    tables = db.tables
    one = {"one": 1, "version": VERSION, "database": token_hex(16), "ending_number": 0}
    counters = [{"name": it, "value": 0} for it in (DRAWN, LOG, FLOOR)]
    for table, values in (
        (tables.locks, [{"slot": it} for it in range(SLOTS)]),
        (tables.counters, counters),
        (tables.meta, [one]),
    ):
        await db.run(inserting_new(db.dialect, table), values)
