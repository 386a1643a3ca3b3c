"""Writes of sessions within a transaction of the project's: both are committed, or neither."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from unittest.mock import patch

import own_settings as given
import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, connections, transaction
from django.test import override_settings
from shop.visits import FIREFOX, Visits

from devsess import Policy
from devsess.django import manager
from devsess.django.lending import ConnectionApart, meanings
from devsess.django.receivers import _with
from devsess.errors import (
    ConfigurationError,
    InvalidSessionError,
    LoginDeniedError,
    RefreshTokenReusedError,
    SessionNotFoundError,
    SessionRevokedError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.models import Client as Described
from devsess.models import EventType
from devsess.stores.sqlalchemy.lent import LentStore
from devsess.stores.sqlalchemy.ports import Isolation
from devsess.stores.sqlalchemy.schema import SLOTS

T = TypeVar("T")
HEARD: list[Any] = []


class StopError(Exception):
    """The project changes its mind."""


def elsewhere(work: Callable[[], T]) -> T:
    """The result of *work* in a thread and connection of its own."""

    def closing() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result(30)


def _slot(user_id: str) -> int:
    """The lock that an account shares with others."""
    return zlib.crc32(user_id.encode()) % SLOTS


def pay(name: str = "order") -> None:
    """The project's own write."""
    Group.objects.create(name=name)


def is_paid(name: str = "order") -> bool:
    """Whether it is committed."""
    return elsewhere(lambda: bool(Group.objects.filter(name=name).exists()))


def failures() -> int:
    """How many accounts or networks have failed sign-ins on record."""

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM devsess_items WHERE kind = 'failures'")
            return int(cursor.fetchone()[0])

    return elsewhere(count)


# Memory answers for a minute, unless it hears of a change.
LONG = {**given.DEVSESS, "policy": Policy(max_staleness=60), "on_event": HEARD.append}


@override_settings(DEVSESS=LONG)
class TransactionTests(Visits):
    """In a transaction, and after it."""

    databases = ("default",)

    def setUp(self) -> None:
        super().setUp()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM devsess_items")  # no test's are undone
        self.sessions = manager()
        self.grant = self.sessions.login(self.id)
        self.token = self.grant.access_token
        HEARD.clear()

    def is_live(self, **options: Any) -> bool:
        try:
            return self.sessions.validate(self.token, **options).user_id == self.id
        except InvalidSessionError:
            return False

    def heard(self) -> list[Any]:
        """The sessions whose end was heard of."""
        return [it.session_id for it in HEARD if it.type == EventType.SESSION_REVOKED]

    def test_both_are_committed(self) -> None:
        """Memory, which would answer for a minute, hears of it by then."""
        assert self.is_live()
        with transaction.atomic():
            pay()
            assert list(self.sessions.revoke_all(self.id, reason="paid")) == [self.grant.session.id]
        assert is_paid()
        with pytest.raises(SessionRevokedError):
            self.sessions.validate(self.token)
        assert [self.grant.session.id] == self.heard()

    def test_or_neither(self) -> None:
        """After a rollback the sessions live on, in memory too, and nobody heard of anything."""
        assert self.is_live()
        with suppress(StopError), transaction.atomic():
            pay()
            self.sessions.revoke_all(self.id)
            assert not self.is_live()
            raise StopError
        assert not is_paid()
        assert self.is_live()
        assert self.is_live(fresh=True)
        self.sessions.refresh(self.grant.refresh_token)
        assert [] == self.heard()

    def test_memory_hears_at_the_commit(self) -> None:
        """A row that another thread read before it is not believed after it."""
        with transaction.atomic():
            self.sessions.revoke(self.grant.session.id)
            assert not self.is_live()
            assert elsewhere(self.is_live)  # and it is in memory now
            assert [] == self.heard()
        assert not self.is_live()
        assert not elsewhere(self.is_live)

    def test_other_processes_hear_of_it(self) -> None:
        """By the store's log, which is written with the commit."""
        with override_settings(DEVSESS={**given.DEVSESS, "audience": None, "policy": Policy()}):
            other = manager()
        assert other is not self.sessions
        other.validate(self.token)
        with transaction.atomic():
            self.sessions.revoke(self.grant.session.id)
        with pytest.raises(SessionRevokedError):
            other.validate(self.token)

    def test_a_function_of_the_projects_that_fails_hides_nothing(self) -> None:
        """Memory hears of a commit before the functions that Django calls after it."""
        assert self.is_live()

        def fail() -> None:
            assert not self.is_live()
            raise StopError

        with suppress(StopError), transaction.atomic():
            transaction.on_commit(fail)
            self.sessions.revoke(self.grant.session.id)
        assert not self.is_live()
        assert [self.grant.session.id] == self.heard()

    def test_a_savepoint_undoes_its_part(self) -> None:
        """Of the rows, of the log, and of what is heard."""
        other = self.sessions.login(self.id)
        HEARD.clear()
        with transaction.atomic():
            self.sessions.revoke(other.session.id)
            with suppress(StopError), transaction.atomic():
                self.sessions.revoke(self.grant.session.id)
                raise StopError
            pay()
        assert is_paid()
        assert self.is_live(fresh=True)
        assert [other.session.id] == self.heard()

    def test_a_sign_in_joins(self) -> None:
        """A user and their first session are made together, or not at all."""
        with suppress(StopError), transaction.atomic():
            undone = self.sessions.login(self.id)
            self.sessions.validate(undone.access_token)
            raise StopError
        with pytest.raises(SessionNotFoundError):
            self.sessions.validate(undone.access_token)
        with transaction.atomic():
            kept = self.sessions.login(self.id)
        self.sessions.validate(kept.access_token)

    def test_a_change_of_the_password_joins(self) -> None:
        """The sessions end with it, or neither."""
        self.user.set_password("xK3!abcdef")
        with suppress(StopError), transaction.atomic():
            self.user.save()
            assert not self.is_live()
            raise StopError
        assert self.is_live()
        self.user.set_password("xK3!abcdef")
        with transaction.atomic():
            self.user.save()
            assert elsewhere(self.is_live)
        assert not self.is_live()

    def test_a_deletion_joins(self) -> None:
        """Of the user."""
        with suppress(StopError), transaction.atomic():
            self.user.delete()
            raise StopError
        assert self.is_live()
        User.objects.get(pk=self.id).delete()
        assert not self.is_live()

    def test_without_a_transaction_a_call_is_committed_at_once(self) -> None:
        """And another connection sees it."""
        assert elsewhere(lambda: self.is_live(fresh=True))
        self.sessions.revoke(self.grant.session.id)
        assert not elsewhere(lambda: self.is_live(fresh=True))

    def test_no_rollback_brings_a_thief_back(self) -> None:
        """A session that ends since its refresh token was used again ends whatever happens."""
        for ending in (StopError, None):
            with self.subTest(ending):
                grant = self.sessions.login(self.id)
                newest = self.sessions.refresh(grant.refresh_token)
                newest = self.sessions.refresh(newest.refresh_token)
                self.sessions.validate(newest.access_token)
                with suppress(StopError), transaction.atomic():
                    pay(f"order {ending}")
                    with pytest.raises(RefreshTokenReusedError):
                        self.sessions.refresh(grant.refresh_token)
                    # In memory from here on, which would answer for a minute.
                    elsewhere(partial(self.sessions.validate, newest.access_token))
                    if ending:
                        raise ending
                with pytest.raises(SessionRevokedError):
                    self.sessions.validate(newest.access_token)
                assert is_paid(f"order {ending}") is (ending is None)

    def test_a_refused_sign_in_stays_on_record(self) -> None:
        """And so does a failure that the project records."""
        client = Described("192.0.2.7", FIREFOX, device_token=self.grant.device_token)
        self.sessions.block_device(self.id, self.grant.session.device.id)
        with suppress(StopError), transaction.atomic():
            with pytest.raises(LoginDeniedError):
                self.sessions.login(self.id, client)
            self.sessions.record_failure(self.id, client)
            assert connection.needs_rollback is False
            raise StopError
        assert failures()  # before any other call
        assert EventType.LOGIN_DENIED in [it.type for it in self.sessions.history(self.id)]

    def test_each_failure_in_a_block_counts(self) -> None:
        """Three guesses in one transaction are three, when it has ended."""
        with transaction.atomic():
            for _ in range(3):
                self.sessions.record_failure(self.id, Described("192.0.2.7", FIREFOX))
            with pytest.raises(TypeError, match="user_id"):
                self.sessions.record_failure(5)  # type: ignore[arg-type]
        with connection.cursor() as cursor:
            cursor.execute("SELECT body FROM devsess_items WHERE kind = 'failures'")
            assert 3 in json.loads(cursor.fetchone()[0])[0]

    def test_a_manager_that_was_bound_before_joins(self) -> None:
        """Other processes hear of what it ends in a block that is opened later."""
        with override_settings(DEVSESS={**given.DEVSESS, "audience": None, "policy": Policy()}):
            other = manager()
        other.validate(self.token)
        bound = self.sessions.bound(connections["default"])
        with transaction.atomic():
            bound.revoke(self.grant.session.id)
            assert [] == self.heard()
        assert [self.grant.session.id] == self.heard()
        with pytest.raises(SessionRevokedError):
            other.validate(self.token)

    def test_a_block_within_a_transaction_by_hand_is_refused(self) -> None:
        """Its end commits nothing, and a rollback behind it would bring a thief back."""
        transaction.set_autocommit(False)
        try:
            with pytest.raises(ConfigurationError, match="atomic"), transaction.atomic():
                self.sessions.revoke(self.grant.session.id)
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)
        assert self.is_live()

    def test_users_in_another_database_end_their_sessions_for_good(self) -> None:
        """Their password is committed there, and no rollback here takes the ending back."""

        def committed(call: Callable[[], object], using: str) -> None:
            assert "people" == using
            call()

        with suppress(StopError), transaction.atomic():
            with patch.object(transaction, "on_commit", committed):
                _with("people", lambda: self.sessions.revoke_all(self.id))
            raise StopError
        assert not self.is_live()

    def test_a_connection_that_works_is_kept(self) -> None:
        """A call that fails drops neither the project's settings nor its temporary tables."""
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE basket (item text)")
        with pytest.raises(StoreUnavailableError), meanings(connection):
            raise DatabaseError("a deadlock")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM basket")
            assert (0,) == cursor.fetchone()

    def test_a_connection_apart_is_of_no_pool(self) -> None:
        """Those that hold one of a pool would wait for each other's second."""
        pooled = patch.dict(connection.settings_dict["OPTIONS"], {"pool": {"max_size": 1}})
        with pooled, ConnectionApart("default").lend(Isolation.WRITE) as driver:
            assert [(1,)] == driver.execute("SELECT 1").fetchall()

    def test_a_validation_within_touches_nothing(self) -> None:
        """It would have to write over another connection, which waits for this transaction."""
        policy = {**LONG, "policy": Policy(touch_interval=0, max_staleness=0)}
        with override_settings(DEVSESS=policy):
            sessions = manager()
            grant = sessions.login(self.id, Described("192.0.2.7", FIREFOX))
            moved = Described("203.0.113.9", FIREFOX, device_token=grant.device_token)
            with transaction.atomic():
                pay()
                with patch.object(LentStore, "write", side_effect=AssertionError):
                    sessions.validate(grant.access_token, moved)
                    sessions.validate(grant.access_token, moved)

    def test_a_ticket_is_used_whatever_happens(self) -> None:
        """Once."""
        ticket = self.sessions.ticket(self.sessions.validate(self.token), "download")
        with suppress(StopError), transaction.atomic():
            self.sessions.redeem(ticket, "download")
            raise StopError
        with pytest.raises(TokenExpiredError):
            self.sessions.redeem(ticket, "download")

    def test_a_transaction_that_failed_takes_nothing(self) -> None:
        """Until it is left; and what follows is as ever."""
        with suppress(DatabaseError), transaction.atomic():
            with suppress(DatabaseError), transaction.atomic(savepoint=False):
                raise DatabaseError
            for call in (self.sessions.revoke, self.sessions.get):
                with pytest.raises(StoreUnavailableError, match="failed before"):
                    call(self.grant.session.id)
        assert self.is_live()
        assert self.sessions.revoke(self.grant.session.id)

    def test_autocommit_that_is_off_is_refused(self) -> None:
        """Nothing would tell the manager of its commit."""
        transaction.set_autocommit(False)
        try:
            with pytest.raises(ConfigurationError, match="atomic"):
                self.sessions.revoke(self.grant.session.id)
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)
        assert self.is_live()

    def test_a_connection_that_closes_within_is_a_rollback(self) -> None:
        """The writes that no rollback may undo are made with the next call."""
        with suppress(DatabaseError), transaction.atomic():
            self.sessions.revoke(self.grant.session.id)
            self.sessions.record_failure(self.id, Described("192.0.2.7", FIREFOX))
            connection.close()
        assert self.is_live(fresh=True)
        assert failures()

    def test_an_open_transaction_keeps_no_other_account_waiting(self) -> None:
        """The log is locked for the moment of the commit alone, and numbers are drawn apart."""
        if connection.vendor == "sqlite":
            return  # which has one writer at a time
        with transaction.atomic():
            self.sessions.revoke(self.grant.session.id)
            self.sessions.revoke_all(self.id)
            for other in ("one", "two", "three"):  # accounts share locks, and not all of these

                def end(user_id: str = other) -> None:
                    self.sessions.revoke(self.sessions.login(user_id).session.id)
                    self.sessions.login(user_id)
                    self.sessions.revoke_all(user_id)

                if _slot(other) != _slot(self.id):
                    elsewhere(end)
        assert not self.is_live()

    def test_a_snapshot_is_refused(self) -> None:
        """Sign-ins and endings that were committed meanwhile would be overlooked."""
        if connection.vendor == "sqlite":
            return  # which has one kind of isolation
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            with pytest.raises(ConfigurationError, match="repeatable read"):
                self.sessions.revoke(self.grant.session.id)
        assert self.sessions.revoke(self.grant.session.id)

    def test_a_connection_that_is_lost_is_made_anew(self) -> None:
        """One call fails; the next is on another connection, as Django's own would be."""
        if connection.vendor == "sqlite":
            return  # which has no server
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [number] = cursor.fetchone()

        def cut() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [number])

        elsewhere(cut)
        with pytest.raises(StoreUnavailableError):
            self.sessions.get(self.grant.session.id)
        assert self.is_live(fresh=True)

    def test_an_instant_is_kept_as_it_is(self) -> None:
        """And the times and flags of a session, over Django's own types."""
        found, made = self.sessions.get(self.grant.session.id), self.grant.session
        for name in ("created_at", "expires_at", "auth_time", "persistent", "amr", "claims"):
            assert getattr(found, name) == getattr(made, name)
