"""Writes of a manager within a transaction of the application's: both are committed, or neither."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from _sqlalchemy import blocking_engine
from sqlalchemy import Column, Engine, MetaData, String, Table, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from devsess import (
    Client,
    ConfigurationError,
    EventType,
    LoginDeniedError,
    Policy,
    RefreshTokenReusedError,
    SessionManager,
    SessionNotFoundError,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess.stores.sqlalchemy import SQLAlchemyStore
from devsess.stores.sqlalchemy.schema import SLOTS
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _sqlalchemy import Databases

    from devsess import Event

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
ORDERS = Table("bound_orders", MetaData(), Column("name", String(40), primary_key=True))


class App:
    """An application with an engine, a table of its own, and a manager."""

    def __init__(self, databases: Databases) -> None:
        url = databases.engine.url
        options = (
            {} if url.get_backend_name() == "sqlite" else {"isolation_level": "READ COMMITTED"}
        )
        self.engine: Engine = blocking_engine(url, **options)
        ORDERS.metadata.create_all(self.engine)
        self.prefix = databases.take()
        self.clock = FakeClock()
        self.heard: list[Event] = []
        self.sessions = self.manager(on_event=self.heard.append)

    def manager(self, **options: Any) -> SessionManager:
        """Another process's, or this one's."""
        options = {"policy": Policy(max_staleness=60), "clock": self.clock, **options}
        store = SQLAlchemyStore(self.engine, prefix=self.prefix, timeout=20)
        return SessionManager(store, keys=SECRET, **options)

    def orders(self) -> int:
        """How many there are."""
        with Session(self.engine) as db:
            return db.scalar(select(func.count()).select_from(ORDERS)) or 0

    def types(self) -> list[EventType]:
        """The kinds of events that were notified."""
        return [it.type for it in self.heard]

    def close(self) -> None:
        ORDERS.metadata.drop_all(self.engine)
        self.engine.dispose()


@pytest.fixture
def app(databases: Databases) -> Iterator[App]:
    app = App(databases)
    yield app
    app.close()


def order(db: Session, name: str = "one") -> None:
    """The application's own write."""
    db.execute(insert(ORDERS).values(name=name))


def test_both_are_committed(app: App) -> None:
    """After the commit the order is there, and all sessions have ended, in every process."""
    other, grant = app.manager(policy=Policy()), app.sessions.login("ada")
    for each in (app.sessions, other, app.sessions, other):
        each.validate(grant.access_token)  # in memory from here on
    with Session(app.engine) as db:
        order(db)
        assert [grant.session.id] == list(app.sessions.bound(db).revoke_all("ada", reason="paid"))
        db.commit()

    assert 1 == app.orders()
    for each in (app.sessions, other):
        with pytest.raises(SessionRevokedError):
            each.validate(grant.access_token)


def test_or_neither(app: App) -> None:
    """After a rollback there is no order, and the sessions live on, in memory too."""
    grant = app.sessions.login("ada")
    app.heard.clear()
    with Session(app.engine) as db:
        order(db)
        bound = app.sessions.bound(db)
        bound.revoke_all("ada")
        db.rollback()

    assert 0 == app.orders()
    assert "ada" == app.sessions.validate(grant.access_token).user_id
    assert "ada" == app.sessions.validate(grant.access_token, fresh=True).user_id
    assert "ada" == app.sessions.refresh(grant.refresh_token).session.user_id
    assert EventType.SESSION_REVOKED not in app.types()


def test_the_transaction_sees_its_own_writes(app: App) -> None:
    """And nobody else does, before the commit."""
    grant = app.sessions.login("ada")
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        assert bound.revoke(grant.session.id)
        with pytest.raises(SessionRevokedError):
            bound.validate(grant.access_token)
        assert [] == bound.list("ada")
        assert "ada" == app.sessions.validate(grant.access_token, fresh=True).user_id
        db.commit()
    with pytest.raises(SessionRevokedError):
        app.sessions.validate(grant.access_token)


def test_events_come_with_the_commit(app: App) -> None:
    """Nobody hears of writes that may be undone; of each they hear once."""
    grant = app.sessions.login("ada")
    app.heard.clear()
    with Session(app.engine) as db:
        app.sessions.bound(db).revoke(grant.session.id)
        assert [] == app.heard
        db.commit()
        assert [EventType.SESSION_REVOKED] == app.types()
        order(db)
        db.commit()

    assert [EventType.SESSION_REVOKED] == app.types()


def test_the_applications_savepoint_undoes_its_part(app: App) -> None:
    """The writes inside are undone with it, events too; the rest stays."""
    one, other = app.sessions.login("ada"), app.sessions.login("bea")
    app.heard.clear()
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        order(db)
        bound.revoke(one.session.id)
        inner = db.begin_nested()
        bound.revoke(other.session.id)
        inner.rollback()
        with db.begin_nested():
            order(db, "two")
        db.commit()

    assert 2 == app.orders()
    assert [one.session.id] == [it.session_id for it in app.heard]
    assert "bea" == app.sessions.validate(other.access_token, fresh=True).user_id


def test_a_sign_in_joins(app: App) -> None:
    """An account and its first session are made together, or not at all."""
    with Session(app.engine) as db:
        order(db, "undone")
        app.sessions.bound(db).login("ada")
        db.rollback()
    assert [] == app.sessions.list("ada")
    with Session(app.engine) as db:
        order(db, "kept")
        grant = app.sessions.bound(db).login("ada")
        db.commit()

    assert "ada" == app.sessions.validate(grant.access_token).user_id
    assert 1 == app.orders()


def _reused(app: App) -> tuple[str, str]:
    """A refresh token that was stolen and used, and its session."""
    grant = app.sessions.login("ada")
    first = app.sessions.refresh(grant.refresh_token)
    app.clock.advance(100)
    app.sessions.refresh(first.refresh_token)
    app.clock.advance(100)
    return grant.refresh_token, grant.session.id


def test_no_rollback_brings_a_thief_back(app: App) -> None:
    """A session that ends since its refresh token was used again ends whatever the app does."""
    token, session_id = _reused(app)
    app.heard.clear()
    with Session(app.engine) as db:
        order(db)
        with pytest.raises(RefreshTokenReusedError):
            app.sessions.bound(db).refresh(token)
        db.rollback()

    found = app.sessions.get(session_id)
    assert found is not None
    assert found.revoked
    assert 0 == app.orders()
    assert EventType.SESSION_REVOKED in app.types()
    assert EventType.SESSION_REVOKED in [it.type for it in app.sessions.history("ada").items]


def test_a_thief_is_stopped_behind_locks_of_the_transaction_too(app: App) -> None:
    """Where the transaction holds the account, the session ends as soon as that is over."""
    token, session_id = _reused(app)
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        bound.login("ada", Client(user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"))
        with pytest.raises(RefreshTokenReusedError):
            bound.refresh(token)
        order(db)
        db.rollback()

    found = app.sessions.get(session_id)
    assert found is not None
    assert found.revoked
    assert 1 == len(app.sessions.list("ada", include_ended=True))


def test_a_refused_sign_in_is_on_record(app: App) -> None:
    """Its event stays though the application rolls back."""
    client = Client(device_token=app.sessions.login("ada").device_token)
    [device] = app.sessions.devices("ada")
    app.sessions.block_device("ada", device.id)
    with Session(app.engine) as db:
        order(db)
        with suppress(LoginDeniedError):
            app.sessions.bound(db).login("ada", client)
            pytest.fail("it was let in")
        db.rollback()

    assert EventType.LOGIN_DENIED in [it.type for it in app.sessions.history("ada").items]
    assert 0 == app.orders()


def test_a_failure_is_on_record(app: App) -> None:
    """A wrong password counts though the application rolls back, as it does when it answers 401."""
    app.sessions.login("ada", Client(ip="192.0.2.7"))
    with Session(app.engine) as db:
        order(db)
        app.sessions.bound(db).record_failure("ada", Client(ip="192.0.2.7"))
        db.rollback()
    store: Any = app.sessions._store
    with Session(app.engine) as db:
        kinds = {*db.scalars(select(store.tables.items.c.kind))}

    assert "failures" in kinds
    assert 0 == app.orders()


def test_each_failure_of_a_transaction_counts(app: App) -> None:
    """Three guesses in one transaction are three, whatever comes of that."""
    with Session(app.engine) as db:
        order(db)
        for _ in range(3):
            app.sessions.bound(db).record_failure("ada", Client(ip="192.0.2.7"))
        db.rollback()
    store: Any = app.sessions._store
    with Session(app.engine) as db:
        items = store.tables.items
        [body] = db.scalars(select(items.c.body).where(items.c.kind.like("%failures")))

    assert [3] == [it[3] for it in json.loads(body)]
    assert [EventType.LOGIN_FAILED] * 3 == app.types()


def test_an_error_leaves_the_transaction_alive(app: App) -> None:
    """A call that refuses is undone alone: the application goes on, and may commit."""
    grant = app.sessions.login("ada")
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        order(db)
        with pytest.raises(SessionNotFoundError):
            bound.revoke_all("ada", keep="nobody")
        with pytest.raises(TypeError):
            bound.update(grant.session.id, claims=7)  # type: ignore[arg-type]
        bound.update(grant.session.id, claims={"plan": "gold"})
        db.commit()

    assert 1 == app.orders()
    assert "gold" == app.sessions.validate(grant.access_token).claims["plan"]


def test_an_aborted_transaction_writes_nothing(app: App) -> None:
    """The database refuses it until it is rolled back; so does the manager, as unavailable."""
    grant = app.sessions.login("ada")
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        order(db)
        with suppress(SQLAlchemyError):
            db.execute(text("SELECT nothing FROM nowhere"))
        if app.engine.dialect.name == "postgresql":
            with pytest.raises(StoreUnavailableError, match="roll it back"):
                bound.revoke(grant.session.id)
        db.rollback()
        assert "ada" == app.sessions.validate(grant.access_token, fresh=True).user_id
        assert bound.revoke(grant.session.id)
        db.commit()
    with pytest.raises(SessionRevokedError):
        app.sessions.validate(grant.access_token)


def _apart(user_id: str) -> str:
    """The name of an account that shares no lock with this one."""
    own = zlib.crc32(user_id.encode()) % SLOTS
    names = (f"other-{it}" for it in range(99))
    return next(it for it in names if zlib.crc32(it.encode()) % SLOTS != own)


def test_an_open_transaction_keeps_no_other_account_waiting(app: App) -> None:
    """Others sign in, are revoked, and heard of meanwhile; and what commits later is heard too."""
    if app.engine.dialect.name == "sqlite":
        return  # one writer at a time
    other = _apart("ada")
    process = app.manager(policy=Policy())
    ada, bea = app.sessions.login("ada"), app.sessions.login(other)
    for _ in range(3):
        process.validate(ada.access_token)
        process.validate(bea.access_token)
    with Session(app.engine) as db:
        app.sessions.bound(db).revoke_all("ada")
        app.sessions.login(other)
        app.sessions.revoke_all(other)
        with pytest.raises(SessionRevokedError):
            process.validate(bea.access_token)
        process.validate(ada.access_token)
        db.commit()
    with pytest.raises(SessionRevokedError):
        process.validate(ada.access_token)


def test_one_manager_serves_many_transactions(app: App) -> None:
    """Bound once, it works in the next transaction of the session too; bound twice, it is one."""
    grants = [app.sessions.login(it) for it in ("ada", "bea", "cis")]
    app.heard.clear()
    with Session(app.engine) as db:
        bound = app.sessions.bound(db)
        bound.revoke(grants[0].session.id)
        app.sessions.bound(db).revoke(grants[1].session.id)
        db.commit()
        bound.revoke(grants[2].session.id)
        bound.close()
        db.commit()
    assert {it.session.id for it in grants} == {it.session_id for it in app.heard}
    assert 3 == len(app.heard)
    assert [] == app.sessions.list("ada")


def test_a_scoped_session_is_taken(app: App) -> None:
    """As extensions of frameworks hand it out."""
    grant = app.sessions.login("ada")
    registry = scoped_session(sessionmaker(app.engine))
    app.sessions.bound(registry).revoke(grant.session.id)
    registry.commit()
    registry.remove()
    with pytest.raises(SessionRevokedError):
        app.sessions.validate(grant.access_token)


def test_a_foreign_transaction_is_refused(app: App, databases: Databases) -> None:
    """Anything but a session of the same engine could only be committed apart."""
    with pytest.raises(ConfigurationError, match="a Session here, not str"):
        app.sessions.bound("transaction")
    with Session(databases.engine) as db, pytest.raises(ConfigurationError, match="another engine"):
        app.sessions.bound(db).revoke_all("ada")
    with pytest.raises(ConfigurationError, match="joins no transactions"):
        SessionManager("memory://", keys=SECRET).bound(Session(app.engine))


def test_other_isolation_is_refused(app: App) -> None:
    """Under REPEATABLE READ it would not see sign-ins that were committed meanwhile."""
    if app.engine.dialect.name == "sqlite":
        return  # it has one alone
    engine = app.engine.execution_options(isolation_level="REPEATABLE READ")
    with Session(engine) as db, pytest.raises(ConfigurationError, match="READ COMMITTED"):
        app.sessions.bound(db).revoke_all("ada")


def test_a_validation_within_writes_nothing_beside_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A touch, and the note of another network, would wait for the application's transaction."""
    sessions = app.manager(policy=Policy(touch_interval=0))
    grant = sessions.login("ada", Client(ip="192.0.2.7"))
    moved = Client(ip="203.0.113.9", device_token=grant.device_token)
    with Session(app.engine) as db:
        order(db)
        bound = sessions.bound(db)
        with monkeypatch.context() as patched:
            patched.setattr(SQLAlchemyStore, "write", _refuse)
            assert "ada" == bound.validate(grant.access_token, moved).user_id
        db.commit()


def _refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("a write beside the transaction")
