"""Statistics in PostgreSQL: a schema from before is counted, and transactions do not wait long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
from attrs import evolve

from devsess._runtime.drive import drive
from devsess.models import Assessment, Decision, EventType
from devsess.stores.base import ById
from devsess.stores.counting import WEEK, Period
from devsess.stores.postgres import PostgresStore
from devsess.stores.postgres.recount import STATEMENTS
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, HOUR, T0, device_row, full_row, session_row

if TYPE_CHECKING:
    from servers.postgres import PostgresServer, Schemas

PERIOD = Period((T0 // WEEK * WEEK, T0 // WEEK * WEEK + 4 * WEEK), T0 + DAY)
PATIENCE = 30.0


async def _fill(store: PostgresStore) -> None:
    """Sessions of all states, devices and events."""
    phone = device_row(id="phone", kind="phone")
    for row in (full_row("full"), session_row("live"), session_row("on phone", device=phone)):
        await store.insert(rows.login(row))
    verdict = Assessment(40, Decision.STEP_UP)
    event = rows.event_row(session_id="judged", assessment=verdict)
    judged = session_row("judged", idle_expires_at=T0 + HOUR)
    await store.insert(rows.login(judged, event=event))
    await store.add_event(rows.event_row(EventType.TOKEN_REUSED))
    await store.end(rows.ending(ById("on phone"), T0 + DAY, reason="late"))
    await store.end(rows.ending(ById("judged"), T0 + DAY))


def test_a_schema_from_before_is_counted(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> None:
    """Its numbers are those that it would have, had it counted from the beginning."""
    schema = postgres_schemas.take()
    store = PostgresStore(postgres.url(), schema=schema, timeout=PATIENCE)
    drive(_fill(store))
    expected = drive(store.statistics(PERIOD))
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        for name in ("opened", "quarters", "tallies", "spans"):
            db.execute(f"DELETE FROM {schema}.{name}".encode())
        for statement in STATEMENTS:
            db.execute(statement.replace("{s}", schema).encode())
    found = drive(store.statistics(PERIOD))
    drive(store.close())
    postgres_schemas.give_back()

    assert (2, 4, 2) == (found.open, found.ranges[0].signed_in, found.ranges[0].ended)
    assert (1, 1) == (found.ranges[0].risk_step_up, found.ranges[0].reused)
    assert expected == found


def test_none_is_lost_by_writers_at_once(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> None:
    """Each sign-in and end of many threads counts once, and none of them fails."""
    store = PostgresStore(postgres.url(), schema=postgres_schemas.take(), timeout=PATIENCE)
    drive(store.migrate())
    failed: list[Exception] = []

    def write(name: str) -> None:
        try:
            for number in range(15):
                row = session_row(f"{name}-{number}", user_id=name)
                drive(store.insert(rows.login(evolve(row, created_at=T0 + number * DAY))))
                if number % 2:
                    drive(store.end(rows.ending(ById(row.id), T0 + 20 * DAY - number * DAY)))
        except Exception as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=write, args=(f"user-{it}",)) for it in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = drive(store.statistics(PERIOD))
    drive(store.close())
    postgres_schemas.give_back()

    assert [] == failed
    assert (48, 90, 42) == (found.open, found.ranges[0].signed_in, found.ranges[0].ended)
    assert 90 == found.tallies["device", "Chrome\tmacOS\tdesktop"]
