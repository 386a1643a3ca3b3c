"""fastapi-users with its database strategy, over SQLAlchemy and aiosqlite."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TypeAlias
from uuid import UUID, uuid4

from fastapi_users import BaseUserManager, UUIDIDMixin
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from benchmarks import _workload as workload
from benchmarks._peer_place import Place
from devsess.tuning.timing import Batch, fresh_copy


class Base(DeclarativeBase):
    """The tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """A user."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A session."""


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    """Finds users."""

    reset_password_token_secret = workload.SECRET
    verification_token_secret = workload.SECRET


Sessions: TypeAlias = async_sessionmaker[AsyncSession]


@contextmanager
def database(place: Place) -> Iterator[Batch]:
    """One event loop for all rounds, and connections in SQLAlchemy's pool."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{place.in_wal('fastapi-users.db')}")
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    with asyncio.Runner() as runner:
        tokens = runner.run(_signed_in(engine, sessions, place))
        try:
            yield lambda: runner.run(_each(sessions, tokens))
        finally:
            runner.run(engine.dispose())


async def _signed_in(engine: AsyncEngine, sessions: Sessions, place: Place) -> list[str]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    users = [
        User(id=uuid4(), email=f"{user}@app.example", hashed_password="!") for user in place.users
    ]
    tokens = [AccessToken(token=secrets.token_urlsafe(), user_id=user.id) for user in users]
    async with sessions() as session:
        session.add_all(users)
        await session.flush()
        session.add_all(tokens)
        await session.commit()
    return [each.token for each in tokens]


async def _each(sessions: Sessions, tokens: Sequence[str]) -> float:
    """Seconds per check, in a database session of its own whose beginning and end do not count."""
    took = 0.0
    for token in map(fresh_copy, tokens):
        async with sessions() as session:
            strategy, manager = _parts(session)
            start = perf_counter()
            user = await strategy.read_token(token, manager)
            took += perf_counter() - start
            if user is None:
                raise AssertionError("a live session must pass")
    return took / len(tokens)


def _parts(session: AsyncSession) -> tuple[DatabaseStrategy[User, UUID, AccessToken], UserManager]:
    """The objects that the docs' dependencies make for each request."""
    database = SQLAlchemyAccessTokenDatabase(session, AccessToken)
    strategy = DatabaseStrategy[User, UUID, AccessToken](database, lifetime_seconds=3600)
    return strategy, UserManager(SQLAlchemyUserDatabase(session, User))
