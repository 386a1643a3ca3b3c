"""No application's transaction undoes a use, overlooks an ending, or lets a ticket in twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from test_sqlalchemy_bound import ORDERS, App

from devsess import ConfigurationError, Policy, SessionRevokedError, TokenExpiredError

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
