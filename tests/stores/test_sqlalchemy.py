"""SQLAlchemyStore in an application: its engine, its tables and its migrations."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from _sqlalchemy import Databases, awaiting_engine, blocking_engine
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    create_mock_engine,
    event,
    inspect,
    text,
    update,
)

from devsess import (
    AsyncSessionManager,
    ConfigurationError,
    InvalidSessionError,
    Policy,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess._runtime.drive import drive
from devsess.stores.calls import ALL, Inserted, OfUser
from devsess.stores.capabilities import capabilities_of
from devsess.stores.sqlalchemy import SQLAlchemyStore, tables_for
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable


SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


# The engine.


@pytest.mark.parametrize(
    "engine", [None, "sqlite://", create_mock_engine("sqlite://", executor=lambda *_: None)]
)
def test_a_foreign_engine_is_refused(engine: Any) -> None:
    """Anything but an engine of SQLAlchemy's is named in the error."""
    with pytest.raises(ConfigurationError, match=type(engine).__name__):
        SQLAlchemyStore(engine)


def test_another_database_is_refused(sqlite_tables: Databases) -> None:
    """An engine of a database on which the store was never tried is refused."""
    engine = blocking_engine("sqlite://")
    engine.dialect.name = "oracle"
    with pytest.raises(ConfigurationError, match="oracle"):
        SQLAlchemyStore(engine)


def test_a_manager_takes_its_own_kind_of_engine(sqlite_tables: Databases) -> None:
    """An engine that blocks would stop the event loop, and an awaited one needs one."""
    awaited = SQLAlchemyStore(awaiting_engine("sqlite+aiosqlite://"))
    with pytest.raises(ConfigurationError, match="AsyncSessionManager"):
        SessionManager(awaited, keys=SECRET)
    with pytest.raises(ConfigurationError, match="made for SessionManager"):
        AsyncSessionManager(SQLAlchemyStore(sqlite_tables.engine), keys=SECRET)


@pytest.mark.parametrize("prefix", ["Upper_", "1st", "a-b", 'x"; --', "x" * 33])
def test_a_prefix_is_a_plain_name(prefix: str) -> None:
    """It is a part of the names of tables, and of nothing else."""
    with pytest.raises(ConfigurationError, match="prefix"):
        tables_for(prefix)


@pytest.mark.parametrize("timeout", [0.0, -1.0, 3_600.0, float("nan")])
def test_a_timeout_is_a_number_of_seconds(timeout: float, sqlite_tables: Databases) -> None:
    """Above 0, and below an hour."""
    with pytest.raises(ConfigurationError, match="timeout"):
        SQLAlchemyStore(sqlite_tables.engine, timeout=timeout)


def test_the_engine_stays_open(databases: Databases) -> None:
    """A store that is closed answers nothing, and its engine is the application's."""
    store = databases.blocking()
    drive(store.close())
    drive(store.close())
    with pytest.raises(StoreUnavailableError, match="closed"):
        drive(store.get("s1"))
    with databases.engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT 1")).scalar_one()


def test_capabilities_that_are_missing_are_named(sqlite_tables: Databases) -> None:
    """It searches and copies; statistics, polling and leases it has not, and managers say so."""
    found = capabilities_of(store := sqlite_tables.blocking())
    assert None not in (found.searching, found.copy, found.many)
    assert (None,) * 4 == (found.statistics, found.polling, found.leases, found.stamps)
    sessions = SessionManager(store, keys=SECRET)
    with pytest.raises(ConfigurationError, match="polling"):
        sessions.poll(None)
    sqlite_tables.give_back()


# Tables and migrations.


def test_no_table_is_made_unasked(databases: Databases) -> None:
    """Where the tables are missing, a call says what to do, and nothing is made."""
    store = SQLAlchemyStore(databases.engine, prefix="unasked_")
    with pytest.raises(StoreUnavailableError, match="migrate"):
        drive(store.get("s1"))
    with pytest.raises(StoreUnavailableError, match="migrate"):
        drive(store.insert(rows.login(rows.session_row("s1"))))
    made = inspect(databases.engine).get_table_names()
    assert [] == [it for it in made if it.startswith("unasked_")]


def test_migrate_makes_the_tables_once(databases: Databases) -> None:
    """It says what it made; another time, and in another process, there is nothing to do."""
    store = SQLAlchemyStore(databases.engine, prefix="once_")
    try:
        names = [*(it.name for it in store.tables.all), "first rows"]
        assert names == drive(store.pending())
        assert names == drive(store.migrate())
        assert [] == drive(store.migrate())
        again = SQLAlchemyStore(databases.engine, prefix="once_")
        assert [] == drive(again.pending())
        assert isinstance(drive(again.insert(rows.login(rows.session_row("s1")))), Inserted)
        assert drive(store.get("s1")) is not None
    finally:
        store.metadata.drop_all(databases.engine)


def test_tables_may_be_made_anew_beneath_a_manager(databases: Databases) -> None:
    """As tests do between two of them: nothing of before is left, and nothing is missing."""
    store = SQLAlchemyStore(databases.engine, prefix="anew_")
    store.metadata.create_all(databases.engine)
    try:
        sessions = SessionManager(store, keys=SECRET)
        before = sessions.login("ada")
        sessions.validate(before.access_token)
        for _ in range(2):
            store.metadata.drop_all(databases.engine)
            store.metadata.create_all(databases.engine)
            with pytest.raises(InvalidSessionError):
                sessions.validate(before.access_token)
            grant = sessions.login("ada")
            sessions.validate(grant.access_token)
            sessions.revoke_all("ada")
            with pytest.raises(SessionRevokedError):
                sessions.validate(grant.access_token)
    finally:
        store.metadata.drop_all(databases.engine)


def test_autogenerate_sees_the_tables(databases: Databases) -> None:
    """Registered in an application's metadata: all to be made at first, and no difference then."""
    metadata = MetaData()
    Table("auto_orders", metadata, Column("id", Integer, primary_key=True))
    store = SQLAlchemyStore(databases.engine, prefix="auto_", metadata=metadata)
    assert store.tables == tables_for("auto_", metadata=metadata)

    def ours(name: str | None, kind: str, parents: Any) -> bool:
        return kind != "table" or str(name).startswith("auto_")

    def compared() -> list[Any]:
        with databases.engine.connect() as connection:
            options = {"include_name": ours, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            found: list[Any] = compare_metadata(context, metadata)
            return found

    names = {it[1].name for it in compared() if it[0] == "add_table"}
    assert {"auto_orders", *(it.name for it in store.tables.all)} == names
    metadata.create_all(databases.engine)
    try:
        assert [] == compared()
        assert isinstance(drive(store.insert(rows.login(rows.session_row("s1")))), Inserted)
    finally:
        metadata.drop_all(databases.engine)


def test_a_half_migrated_database_is_named(databases: Databases) -> None:
    """A table that lacks a column: each call says what is missing, and nothing is written."""
    store = SQLAlchemyStore(databases.engine, prefix="half_")
    drive(store.migrate())
    try:
        with databases.engine.begin() as connection:
            connection.execute(text("DROP INDEX half_sessions_score" + _on(databases)))
            connection.execute(text("ALTER TABLE half_sessions DROP COLUMN score"))
        for call in (store.pending, store.migrate):
            with pytest.raises(StoreUnavailableError, match="half_sessions lacks score"):
                drive(call())
        with pytest.raises(StoreUnavailableError, match="migrate"):
            drive(store.insert(rows.login(rows.session_row("s1"))))
        assert [] == drive(store.devices("user-1"))
    finally:
        store.metadata.drop_all(databases.engine)


def _on(databases: Databases) -> str:
    return " ON half_sessions" if databases.engine.dialect.name == "mariadb" else ""


def test_a_newer_database_is_refused(databases: Databases) -> None:
    """Tables of a newer devsess are not written by this one."""
    store = databases.blocking()
    drive(store.changes(None))
    with databases.engine.begin() as connection:
        connection.execute(update(store.tables.meta).values(version=99))
    other = SQLAlchemyStore(databases.engine, metadata=store.metadata, prefix=databases.newest)
    with pytest.raises(StoreUnavailableError, match="newer devsess"):
        drive(other.get("s1"))
    with pytest.raises(StoreUnavailableError, match="newer devsess"):
        drive(other.pending())


def test_two_prefixes_are_two_stores(databases: Databases) -> None:
    """They share a database, and no row."""
    one, other = databases.blocking(), databases.blocking()
    drive(one.insert(rows.login(rows.session_row("s1"))))

    assert drive(one.get("s1")) is not None
    assert None is drive(other.get("s1"))


def test_a_schema_of_its_own(postgres_tables: Databases) -> None:
    """The tables may stand in another schema than the application's."""
    engine = postgres_tables.engine
    store = SQLAlchemyStore(engine, schema="apart", prefix="")
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA apart"))
    try:
        drive(store.migrate())
        drive(store.insert(rows.login(rows.session_row("s1"))))
        assert "sessions" in inspect(engine).get_table_names(schema="apart")
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA apart CASCADE"))


# Processes.


def test_both_managers_share_it(databases: Databases) -> None:
    """One blocks, one awaits: each sees the other's revocations at once, though both remember."""
    store = databases.blocking()

    async def run() -> None:
        engine = awaiting_engine(databases.awaiting_url.render_as_string(hide_password=False))
        awaited = SQLAlchemyStore(engine, prefix=databases.newest)
        with SessionManager(store, keys=SECRET) as blocking:
            async with AsyncSessionManager(awaited, keys=SECRET) as awaiting:
                one, other = blocking.login("ada"), await awaiting.login("ada")
                for _ in range(3):  # the first answer from memory comes once the log was read
                    assert "ada" == (await awaiting.validate(one.access_token)).user_id
                    assert "ada" == blocking.validate(other.access_token).user_id
                hits = blocking.metrics().hits, (await awaiting.metrics()).hits
                assert (1, 1) == hits
                await awaiting.revoke(one.session.id)
                assert [other.session.id] == list(blocking.revoke_all("ada"))
                with pytest.raises(SessionRevokedError):
                    blocking.validate(one.access_token)
                with pytest.raises(SessionRevokedError):
                    await awaiting.validate(other.access_token)
        await engine.dispose()

    asyncio.run(run())


def test_a_known_token_takes_one_statement(databases: Databases) -> None:
    """Whether something has changed; the first sight of a token takes two. As the page says."""
    found: list[int] = []
    with SessionManager(databases.blocking(), keys=SECRET) as sessions:
        token = sessions.login("ada").access_token
        sessions.validate(sessions.login("bea").access_token)
        for _ in range(4):
            found.append(0)

            def count(*_: object) -> None:
                found[-1] += 1

            event.listen(databases.engine, "before_cursor_execute", count)
            sessions.validate(token, touch=False)
            event.remove(databases.engine, "before_cursor_execute", count)

    assert (2, 1) == (found[0], found[-1])


def _at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """The answers of calls that begin together."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait(30)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return [*pool.map(one, range(count))]


def test_racing_refreshes_converge(databases: Databases) -> None:
    """Many at once end with one live successor."""
    with SessionManager(databases.blocking(), keys=SECRET) as sessions:
        token = sessions.login("ada").refresh_token
        grants = _at_once(6, lambda _: sessions.refresh(token))

        assert 1 == len({it.refresh_token for it in grants})


def test_a_limit_holds_while_many_sign_in(databases: Databases) -> None:
    """Sign-ins at once leave no more sessions than are allowed."""
    policy = Policy(max_sessions=2)
    with SessionManager(databases.blocking(), keys=SECRET, policy=policy) as sessions:
        _at_once(6, lambda _: sessions.login("ada"))

        assert 2 == len(sessions.list("ada"))


def test_no_sign_in_outruns_an_ending(databases: Databases) -> None:
    """A sign-in that began before all sessions ended leaves none behind."""
    store = databases.blocking()
    number = drive(store.known_devices("user-1", ids=(), fingerprints=())).ending_number

    def call(turn: int) -> object:
        if turn == 0:
            return drive(store.end(rows.ending(OfUser("user-1"))))
        row = rows.session_row(f"s{turn}", device=f"d{turn}", ending_number=number)
        return drive(store.insert(rows.login(row)))

    _at_once(5, call)

    assert [] == [it.id for it in drive(store.list("user-1")) if it.revoked_at is None]


def test_no_change_is_missed_while_many_write(databases: Databases) -> None:
    """A reader who comes again and again is told of each session that ended."""
    with SessionManager(databases.blocking(), keys=SECRET) as sessions:
        ids = [sessions.login(f"user-{it}").session.id for it in range(12)]
        store = sessions._store
        position = drive(store.changes(None)).position  # type: ignore[arg-type]
        heard: set[str] = set()

        def call(turn: int) -> None:
            if turn:
                for each in ids[turn - 1 :: 3]:
                    sessions.revoke(each)
                return
            nonlocal position
            while len(heard) < len(ids) and monotonic() < until:
                changes = drive(store.changes(position))  # type: ignore[arg-type]
                position = changes.position
                assert changes.ids is not ALL
                heard.update(changes.ids)

        until = monotonic() + 30
        _at_once(4, call)

        assert {*ids} == heard
