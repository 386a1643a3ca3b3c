"""As `test_sqlalchemy_bound`, within an AsyncSession."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from _sqlalchemy import awaiting_engine
from sqlalchemy import Column, MetaData, String, Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker

from devsess import (
    AsyncSessionManager,
    ConfigurationError,
    EventType,
    Policy,
    RefreshTokenReusedError,
    SessionNotFoundError,
    SessionRevokedError,
)
from devsess.stores.sqlalchemy import SQLAlchemyStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from _sqlalchemy import Databases
    from sqlalchemy.ext.asyncio import AsyncEngine

    from devsess import Event

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
ORDERS = Table("awaited_orders", MetaData(), Column("name", String(40), primary_key=True))


class App:
    """An application with an engine, a table of its own, and a manager."""

    def __init__(self, engine: AsyncEngine, prefix: str) -> None:
        self.engine, self.clock, self.heard = engine, FakeClock(), list[Any]()
        self.sessions = AsyncSessionManager(
            SQLAlchemyStore(engine, prefix=prefix, timeout=20),
            keys=SECRET,
            policy=Policy(max_staleness=60),
            clock=self.clock,
            on_event=self.hear,
        )

    async def hear(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.heard.append(event.type)

    async def orders(self) -> int:
        """How many there are."""
        async with AsyncSession(self.engine) as db:
            return await db.scalar(select(func.count()).select_from(ORDERS)) or 0


async def order(db: Any) -> None:
    """The application's own write."""
    await db.execute(insert(ORDERS).values(name="one"))


def run(databases: Databases, scenario: Callable[[App], Awaitable[None]]) -> None:
    """Run *scenario* with an application on an event loop of its own."""
    is_file = databases.engine.dialect.name == "sqlite"
    options = {} if is_file else {"isolation_level": "READ COMMITTED"}

    async def main() -> None:
        engine = awaiting_engine(databases.awaiting_url, **options)
        app = App(engine, databases.take())
        try:
            await scenario(app)
        finally:
            await app.sessions.close()
            await engine.dispose()

    ORDERS.metadata.create_all(databases.engine)
    try:
        asyncio.run(main())
    finally:
        ORDERS.metadata.drop_all(databases.engine)


def test_both_are_committed(databases: Databases) -> None:
    """After the commit the order is there, and the sessions have ended, in memory too."""

    async def scenario(app: App) -> None:
        grant = await app.sessions.login("ada")
        for _ in range(3):
            await app.sessions.validate(grant.access_token)
        app.heard.clear()
        async with AsyncSession(app.engine) as db:
            await order(db)
            await app.sessions.bound(db).revoke_all("ada")
            assert [] == app.heard
            await db.commit()

        assert 1 == await app.orders()
        assert [EventType.SESSION_REVOKED] == app.heard[:1]
        with pytest.raises(SessionRevokedError):
            await app.sessions.validate(grant.access_token)

    run(databases, scenario)


def test_or_neither(databases: Databases) -> None:
    """After a rollback there is no order, and the sessions live on."""

    async def scenario(app: App) -> None:
        grant = await app.sessions.login("ada")
        app.heard.clear()
        async with AsyncSession(app.engine) as db:
            await order(db)
            await app.sessions.bound(db).revoke_all("ada")
            await app.sessions.bound(db).login("bea")
            await db.rollback()

        assert 0 == await app.orders()
        assert [] == app.heard
        assert [] == await app.sessions.list("bea")
        await app.sessions.validate(grant.access_token, fresh=True)

    run(databases, scenario)


def test_no_rollback_brings_a_thief_back(databases: Databases) -> None:
    """A session that ends since its refresh token was used again ends whatever the app does."""

    async def scenario(app: App) -> None:
        grant = await app.sessions.login("ada")
        first = await app.sessions.refresh(grant.refresh_token)
        app.clock.advance(100)
        await app.sessions.refresh(first.refresh_token)
        app.clock.advance(100)
        app.heard.clear()
        async with AsyncSession(app.engine) as db:
            await order(db)
            bound = app.sessions.bound(db)
            with pytest.raises(RefreshTokenReusedError):
                await bound.refresh(grant.refresh_token)
            with pytest.raises(SessionNotFoundError):
                await bound.revoke_all("ada", keep="nobody")
            await bound.record_failure("ada")
            await db.rollback()

        found = await app.sessions.get(grant.session.id)
        assert found is not None
        assert found.revoked
        assert EventType.SESSION_REVOKED in app.heard
        assert 0 == await app.orders()

    run(databases, scenario)


@pytest.mark.parametrize("turns", [0, 1, 20])
def test_a_cancelled_call_leaves_nothing(databases: Databases, turns: int) -> None:
    """A client that hangs up in the middle: the rollback that follows undoes all."""

    async def scenario(app: App) -> None:
        grant = await app.sessions.login("ada")
        async with AsyncSession(app.engine) as db:
            await order(db)
            call = asyncio.ensure_future(app.sessions.bound(db).revoke_all("ada"))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            await db.rollback()  # nothing else uses the session by now

        assert 0 == await app.orders()
        await app.sessions.validate(grant.access_token, fresh=True)

    run(databases, scenario)


def test_a_scoped_session_is_taken_and_a_blocking_one_is_not(databases: Databases) -> None:
    """The session is of the same kind as the engine."""

    async def scenario(app: App) -> None:
        grant = await app.sessions.login("ada")
        registry = async_scoped_session(async_sessionmaker(app.engine), asyncio.current_task)
        await app.sessions.bound(registry).revoke(grant.session.id)
        await registry.commit()
        await registry.remove()
        with pytest.raises(SessionRevokedError):
            await app.sessions.validate(grant.access_token, fresh=True)
        with pytest.raises(ConfigurationError, match="an AsyncSession here, not Session"):
            app.sessions.bound(AsyncSession(app.engine).sync_session)

    run(databases, scenario)
