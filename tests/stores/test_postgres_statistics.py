"""Statistics in PostgreSQL: a schema from before is counted, and transactions do not wait long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from attrs import evolve

from devsess._runtime.drive import drive
from devsess.models import Assessment, Decision, EventType
from devsess.stores.base import ById, Everyone, OfUser
from devsess.stores.counting import WEEK, Period
from devsess.stores.postgres import PostgresStore, writes
from devsess.stores.postgres.recount import OPEN_TO_ACCOUNTS, STATEMENTS
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, HOUR, T0, device_row, full_row, session_row
from devsess.testing.contract_sizes import sized

if TYPE_CHECKING:
    from collections.abc import Callable

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
        for statement in (*STATEMENTS, *OPEN_TO_ACCOUNTS[1:]):
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


def test_accounts_keep_their_sizes_among_writers(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> None:
    """Sign-ins, endings, purges and `settle` of them at once come to what a recount has."""
    schema = postgres_schemas.take()
    store = PostgresStore(postgres.url(), schema=schema, timeout=PATIENCE)
    drive(store.migrate())

    def write(name: str) -> None:
        for number in range(24):
            row = session_row(f"{name}-{number}", user_id=f"u{number % 2}")
            # Each third one has lapsed for a purge, not for the sign-in.
            drive(store.insert(rows.login(evolve(row, idle_expires_at=T0 + 2 + number % 3 * DAY))))
            if number % 4 == 3:
                drive(store.end(rows.ending(ById(f"{name}-{number - 2}"))))
            if number % 8 == 7:
                drive(store.end(rows.ending(OfUser(row.user_id), at_once=0)))

    def clean() -> None:
        for _ in range(20):
            drive(store.purge(rows.retention(T0 + 3, T0 - 1), limit=3))
            drive(store.settle(limit=3))

    works: list[Callable[[], None]] = [*(partial(write, it) for it in "abcd"), clean]
    with ThreadPoolExecutor(len(works)) as threads:
        for done in [threads.submit(work) for work in works]:
            done.result()
    found = drive(store.statistics(PERIOD))
    with psycopg.connect(postgres.url()) as db:
        sql = f"SELECT count(*) FROM {schema}.sessions WHERE revoked_at IS NULL GROUP BY user_id"
        counted = db.execute(sql.encode()).fetchall()
    drive(store.close())
    postgres_schemas.give_back()

    assert found.open == sum(count for (count,) in counted)
    assert sized(*(count for (count,) in counted)) == found.sizes


def test_a_batch_passes_over_accounts_that_are_written(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> None:
    """A purge and `settle` leave the rows of an account whose lock another write has."""
    schema = postgres_schemas.take()
    store = PostgresStore(postgres.url(), schema=schema, timeout=PATIENCE)
    for number, user in enumerate(("u1", "u1", "u2")):
        lapses = session_row(f"s{number}", user_id=user, idle_expires_at=T0 + 2)
        drive(store.insert(rows.login(lapses)))
        drive(store.insert(rows.login(session_row(f"covered {number}", user_id=user))))
    drive(store.end(rows.ending(Everyone(), T0 + 1, at_once=0)))
    found = []
    with psycopg.connect(postgres.url(), autocommit=True) as db:  # no ending covers them
        sql = f"UPDATE {schema}.sessions SET ending_number = 9 WHERE id LIKE 's%'"
        db.execute(sql.encode())
    with psycopg.connect(postgres.url()) as db:
        db.execute(writes.LOCK_ACCOUNT.replace("{s}", f'"{schema}"').encode(), ("u1",))
        for _ in range(2):
            drive(store.purge(rows.retention(T0 + 3, T0 - 1), limit=9))
            drive(store.settle(limit=9))
            found.append(drive(store.statistics(PERIOD)).sizes)
    drive(store.purge(rows.retention(T0 + 3, T0 - 1), limit=9))
    drive(store.settle(limit=9))
    found.append(drive(store.statistics(PERIOD)).sizes)
    drive(store.close())
    postgres_schemas.give_back()

    assert [sized(4), sized(4), sized()] == found
