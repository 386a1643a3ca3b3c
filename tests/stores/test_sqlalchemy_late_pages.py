"""
A late page over MariaDB is read from its place in an index on, and not from the beginning.

Of one account's or one network's sessions it may read all: whether it does is MariaDB's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from sqlalchemy import Connection, event, text

from devsess._runtime.drive import drive
from devsess.stores.searching import Filter
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from _sqlalchemy import Databases

    from devsess.stores.sqlalchemy import SQLAlchemyStore

pytestmark = pytest.mark.thorough

SESSIONS, LIMIT = 300, 5
# As many as a page needs: its rows, and one to know whether there are more.
FEW = 3 * (LIMIT + 1)

CUTOFFS = rows.cutoffs(T0)


def _found(store: SQLAlchemyStore, cursor: str | None) -> Any:
    return drive(store.search(Filter(), cutoffs=CUTOFFS, limit=LIMIT, cursor=cursor, looked=LIMIT))


def _queued(store: SQLAlchemyStore, cursor: str | None) -> Any:
    return drive(store.queue(1, cutoffs=CUTOFFS, limit=LIMIT, cursor=cursor, looked=LIMIT))


PAGES = {"search": _found, "queue": _queued}


def _rows_read(connection: Connection) -> int:
    found = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return sum(int(count) for _, count in found)


def _last_statement(databases: Databases, work: Callable[[], object]) -> tuple[str, Any]:
    """The last statement about sessions, and its values."""
    heard: list[tuple[str, Any]] = []

    def hear(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if f"{databases.newest}sessions" in statement:
            heard.append((statement, values))

    event.listen(databases.engine, "before_cursor_execute", hear)
    work()
    event.remove(databases.engine, "before_cursor_execute", hear)
    return heard[-1]


@pytest.mark.parametrize("kind", PAGES)
def test_a_late_page_reads_its_own_rows(mariadb_tables: Databases, kind: str) -> None:
    """However many sessions are before it: going through all pages takes as long as they are."""
    store, page = mariadb_tables.blocking(), PAGES[kind]
    for number in range(SESSIONS):
        row = session_row(f"s{number:03}", created_at=T0 - number)
        drive(sign_in(store, evolve(row, score=number // 2)))
    cursor = None
    for _ in range(SESSIONS // 2 // LIMIT):
        cursor = page(store, cursor).next
    asked = _last_statement(mariadb_tables, lambda: page(store, cursor))
    with mariadb_tables.engine.connect() as connection:
        before = _rows_read(connection)
        connection.exec_driver_sql(*asked).all()
        read = _rows_read(connection) - before
    mariadb_tables.give_back()

    assert read <= FEW
