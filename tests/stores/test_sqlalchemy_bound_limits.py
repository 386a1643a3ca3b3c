"""No application's transaction undoes a use, overlooks an ending, or lets a ticket in twice."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from test_sqlalchemy_bound import ORDERS, App

from devsess import (
    Client,
    ConfigurationError,
    Policy,
    RefreshTokenReusedError,
    SessionRevokedError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _sqlalchemy import Databases


@pytest.fixture
def app(databases: Databases) -> Iterator[App]:
    app = App(databases)
    yield app
    app.close()


def test_a_commit_over_an_open_savepoint_is_heard(app: App) -> None:
    """Also where the application forgot to end its savepoint: memory does not keep the session."""
    other, grant = app.manager(policy=Policy()), app.sessions.login("ada")
    for each in (app.sessions, other, app.sessions, other):
        each.validate(grant.access_token)  # in memory from here on
    with Session(app.engine) as db, db.begin():
        db.begin_nested()
        app.sessions.bound(db).revoke(grant.session.id)

    for each in (app.sessions, other):
        with pytest.raises(SessionRevokedError):
            each.validate(grant.access_token)


def test_a_ticket_is_used_whatever_becomes_of_the_transaction(app: App) -> None:
    """A request that only reads commits nothing, and lets nobody in again."""
    session = app.sessions.login("ada").session
    for fails in (False, True):
        ticket = app.sessions.ticket(session, "report")
        with Session(app.engine) as db:
            if fails:
                with pytest.raises(ValueError, match="reason"):
                    app.sessions.bound(db).revoke(session.id, reason="\0")
            assert session.id == app.sessions.bound(db).redeem(ticket, "report").id
        with Session(app.engine) as db, pytest.raises(TokenExpiredError):
            app.sessions.bound(db).redeem(ticket, "report")


def test_other_isolation_answers_nothing(app: App) -> None:
    """Its snapshot would show a session that has ended meanwhile."""
    if app.engine.dialect.name == "sqlite":
        return
    engine = app.engine.execution_options(isolation_level="REPEATABLE READ")
    grant = app.sessions.login("ada")
    with Session(engine) as db:
        assert db.scalar(select(func.count()).select_from(ORDERS)) == 0
        app.sessions.revoke(grant.session.id)
        with pytest.raises(ConfigurationError, match="READ COMMITTED"):
            app.sessions.bound(db).validate(grant.access_token)
        with pytest.raises(ConfigurationError, match="READ COMMITTED"):
            app.sessions.bound(db).list("ada")


def test_the_first_call_of_all_may_be_a_write_within(databases: Databases) -> None:
    """Over tables that a migration has just made, or a test has made anew."""
    app = App(databases)
    store: Any = app.sessions._store
    try:
        for _ in range(2):
            with app.engine.begin() as connection:
                for table in store.tables.all:
                    connection.execute(delete(table))
            with Session(app.engine) as db:
                assert [] == list(app.sessions.bound(db).revoke_all("ada"))
                db.commit()
            assert "ada" == app.sessions.login("ada").session.user_id
    finally:
        app.close()


def test_memory_hears_of_a_write_that_waited_for_the_end(app: App) -> None:
    """Another thread may have read the thief's session in between."""
    grant = app.sessions.login("ada")
    newest = app.sessions.refresh(grant.refresh_token)
    app.clock.advance(100)
    newest = app.sessions.refresh(newest.refresh_token)
    app.clock.advance(100)
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        bound.login("ada", Client(ip="192.0.2.7"))  # takes the account's lock
        with pytest.raises(RefreshTokenReusedError):
            bound.refresh(grant.refresh_token)
        for _ in range(2):  # in memory from here on, unless it has ended already
            with suppress(SessionRevokedError):
                app.sessions.validate(newest.access_token)
        db.rollback()

    with pytest.raises(SessionRevokedError):
        app.sessions.validate(newest.access_token)
