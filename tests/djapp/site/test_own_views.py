"""Views under ATOMIC_REQUESTS, Django's test cases, the admin, and what the checks say."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import own_settings as given
import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, transaction
from django.test import Client, SimpleTestCase, override_settings
from shop.visits import SAFARI, Shop, Visits

from devsess.django import manager
from devsess.django.checks import check_settings
from devsess.django.models import Session
from devsess.errors import RefreshTokenReusedError, SessionRevokedError

ACCESS = "__Host-devsess-access"


class ViewTests(Visits):
    """Each view is a transaction, which fails if the view does."""

    databases = ("default",)

    def setUp(self) -> None:
        super().setUp()
        atomic = patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True})
        self.enterContext(atomic)

    def signed_in(self) -> Client:
        browser = self.browser()
        assert browser.get("/own/sign-in/").content == b"done"
        return browser

    def who(self, browser: Client) -> bytes:
        return bytes(browser.get("/").content.strip())

    def test_a_sign_in_is_committed_with_its_view(self) -> None:
        """Or undone, and then no token is handed out."""
        browser = self.browser()
        answer = browser.get("/own/sign-in/?fail")
        assert (answer.status_code, self.live()) == (403, [])
        assert ACCESS not in answer.cookies
        assert not Group.objects.exists()
        assert self.who(self.signed_in()) == b"ada"
        assert Group.objects.exists()

    def test_a_sign_in_that_is_undone_leaves_the_one_before(self) -> None:
        """In the store and in the browser."""
        browser = self.signed_in()
        [before] = self.live()
        assert browser.get("/own/sign-in/?fail").status_code == 403
        assert [before.id] == [it.id for it in self.live()]
        assert self.who(browser) == b"ada"

    def test_a_sign_out_is_committed_with_its_view(self) -> None:
        """Or undone, and then the browser is still signed in."""
        browser = self.signed_in()
        answer = browser.get("/own/sign-out/?fail")
        assert (answer.status_code, len(self.live())) == (403, 1)
        assert ACCESS not in answer.cookies
        assert self.who(browser) == b"ada"
        browser.get("/own/sign-out/")
        assert (self.who(browser), self.live()) == (b"nobody", [])

    def test_a_step_up_is_committed_with_its_view(self) -> None:
        """Or undone, and then the browser keeps its tokens."""
        browser = self.signed_in()
        token = browser.cookies[ACCESS].value
        assert browser.get("/own/step-up/?fail").status_code == 403
        assert browser.cookies[ACCESS].value == token
        assert self.who(browser) == b"ada"
        assert browser.get("/own/step-up/").status_code == 200
        assert browser.cookies[ACCESS].value != token
        assert self.who(browser) == b"ada"

    def test_a_password_that_is_not_changed_ends_nothing(self) -> None:
        """The view marks its transaction, and answers all the same."""
        here, there = self.signed_in(), self.browser(SAFARI)
        there.get("/own/sign-in/")
        here.get("/password/?to=xK3!abcdef&fail")
        assert (self.who(here), self.who(there)) == (b"ada", b"ada")
        here.get("/password/?to=xK3!abcdef")
        assert len(self.live()) == 1

    def test_a_reset_and_a_sign_in_in_one_transaction(self) -> None:
        """The new session stays, and is the only one."""
        self.signed_in()
        browser = self.browser(SAFARI)
        assert browser.get("/reset/?to=xK3!abcdef").status_code == 200
        assert ["Safari"] == [str(it.device).split()[0] for it in self.live()]
        assert self.who(browser) == b"ada"


class CaseTests(Shop):
    """Within a TestCase, which is a transaction that nobody commits."""

    databases = ("default",)

    def test_a_revoked_session_is_not_accepted(self) -> None:
        """Though no commit comes; not from memory either."""
        grant = manager().login(self.id)
        manager().validate(grant.access_token)
        with transaction.atomic():
            manager().revoke(grant.session.id)
        with pytest.raises(SessionRevokedError):
            manager().validate(grant.access_token)

    def test_what_no_rollback_undoes_is_seen_in_the_test(self) -> None:
        """When the project's own block has ended."""
        grant = manager().login(self.id)
        newest = manager().refresh(grant.refresh_token)
        newest = manager().refresh(newest.refresh_token)
        with transaction.atomic():
            with pytest.raises(RefreshTokenReusedError):
                manager().refresh(grant.refresh_token)
            transaction.set_rollback(True)
        with pytest.raises(SessionRevokedError):
            manager().validate(newest.access_token)

    def test_a_sign_in_is_undone_with_the_test(self) -> None:
        """Its row is one of the test's own transaction."""
        self.client.force_login(self.user)
        assert [it.id for it in self.live()] == [it.pk for it in Session.objects.all()]

    def test_b_sign_in_is_undone_with_the_test(self) -> None:
        """So whichever of the two comes second finds nothing of the first."""
        self.test_a_sign_in_is_undone_with_the_test()

    def test_migrations_may_run_within_a_test(self) -> None:
        """They find nothing to do."""
        assert [] == manager().migrate()

    def test_the_admin_sees_what_the_test_has_written(self) -> None:
        """Its lists read over the same connection."""
        self.sign_in(self.browser())
        staff = Client()
        staff.force_login(User.objects.create_superuser("root", "", "toor"))
        answer = staff.get("/admin/devsess/session/?q=ada")
        [row] = answer.context["cl"].result_list
        form = {"action": "revoke", "_selected_action": [row.pk]}
        assert staff.post("/admin/devsess/session/", form, follow=True).status_code == 200
        assert self.live() == []


# The settings of a database, and what the check says.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"vendor": "mysql"}, 'must be SQLite or PostgreSQL, not mysql: name another with "database"'),
    ({"AUTOCOMMIT": False}, "remove its AUTOCOMMIT"),
    ({"vendor": "postgresql", "OPTIONS": {"isolation_level": 4}}, "remove isolation_level"),
]


class CheckTests(SimpleTestCase):
    """System checks."""

    def test_a_project_that_is_right(self) -> None:
        """Has nothing to say, and needs no router."""
        assert check_settings() == []

    def test_each_mistake_is_named(self) -> None:
        """With what to write."""
        for changes, says in WRONG:
            vendor = changes.pop("vendor", connection.vendor)
            with (
                self.subTest(says),
                patch.dict(connection.settings_dict, changes),
                patch.object(type(connections["default"]), "vendor", vendor),
            ):
                found = {it.id: it.msg for it in check_settings()}
                assert says in found.get("devsess.E001", ""), found

    def test_an_alias_that_is_not_there(self) -> None:
        """Is no path."""
        with (
            override_settings(DEVSESS={**given.DEVSESS, "store": "defualt"}),
            self.assertRaisesMessage(ImproperlyConfigured, "no alias of DATABASES"),
        ):
            manager()
