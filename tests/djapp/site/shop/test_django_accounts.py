"""Several accounts in one browser, by Django's own views."""

from __future__ import annotations

from django.conf import settings
from django.test import override_settings

from devsess.django import manager
from shop.visits import TwoPeople

ACCESS = "__Host-devsess-access"


@override_settings(DEVSESS={**settings.DEVSESS, "accounts": 3})
class AccountsTests(TwoPeople):
    """Two people, one browser."""

    def test_a_second_login_keeps_the_first(self) -> None:
        """Django's `login` flushes the session of another user, who stays signed in."""
        browser = self.both()
        assert self.users(browser) == [self.id, str(self.bob.pk)]
        assert self.who(browser) == "bob"
        assert self.switch(browser, 0).status_code == 200
        assert self.who(browser) == "ada"

    def test_logout_ends_one(self) -> None:
        """Also where another sign-in follows within the request; the other one stays."""
        browser = self.both()
        browser.post("/accounts/logout/")
        assert self.who(browser) == "nobody"
        assert manager().list(str(self.bob.pk)) == []
        assert self.users(browser) == [self.id]

    def test_each_has_data_of_its_own(self) -> None:
        """What lies in a cart stays there while the other account acts."""
        browser = self.both()
        browser.post("/cart/tea/")
        self.switch(browser, 0)
        browser.post("/cart/milk/")
        assert b"milk" in browser.get("/cart/").content
        assert b"tea" not in browser.get("/cart/").content
        self.switch(browser, 1)
        assert b"tea" in browser.get("/cart/").content

    def test_a_cart_survives_the_sign_in_of_another(self) -> None:
        """Its owner has not left."""
        browser = self.browser()
        self.enter(browser, "ada", "lovelace")
        browser.post("/cart/milk/")
        self.enter(browser, "bob", "marley")
        assert b"milk" not in browser.get("/cart/").content
        self.switch(browser, 0)
        assert b"milk" in browser.get("/cart/").content

    def test_data_of_nobody_lies_in_the_slot_that_acts(self) -> None:
        """After a sign-out of the second account, and the first one's cookies stay as they are."""
        browser = self.both()
        before = browser.cookies[ACCESS].value
        browser.post("/accounts/logout/")
        browser.post("/cart/tea/")
        assert b"tea" in browser.get("/cart/").content
        assert browser.cookies[ACCESS].value == before
        assert self.switch(browser, 0).status_code == 200
        assert self.who(browser) == "ada"

    def test_a_flush_without_a_sign_in_is_a_sign_out(self) -> None:
        """Of the account that acts."""
        browser = self.both()
        assert browser.get("/accounts-flush/").content == b"nobody"
        assert manager().list(str(self.bob.pk)) == []
        assert self.users(browser) == [self.id]

    def test_a_view_switches(self) -> None:
        """`request.user` and `request.session` are the account's at once."""
        browser = self.both()
        self.switch(browser, 0)
        browser.post("/cart/milk/")
        self.switch(browser, 1)
        answer = browser.get("/accounts-switch/0/")
        assert answer.content == b"bob ada ['milk']"
        assert self.who(browser) == "ada"

    def test_forms_from_before_a_switch_are_refused(self) -> None:
        """By their CSRF token, whether a view switches or the endpoint."""
        for how in ("endpoint", "view"):
            with self.subTest(how=how):
                browser = self.both(enforce_csrf_checks=True)
                old = self.form_token(browser)
                if how == "view":
                    browser.get("/accounts-switch/0/")
                else:
                    assert self.switch(browser, 0).status_code == 200
                form = {"csrfmiddlewaretoken": old}
                answer = browser.post("/accounts/logout/", form, secure=True)
                assert answer.status_code == 403
                assert len(self.live()) >= 1
                form = {"csrfmiddlewaretoken": self.form_token(browser)}
                answer = browser.post("/accounts/logout/", form, secure=True)
                assert answer.status_code == 302

    def test_the_test_client_knows_the_first_slot(self) -> None:
        """Its own sign-ins replace each other; the login view adds to them."""
        browser = self.browser()
        browser.force_login(self.user)
        browser.force_login(self.bob)
        assert (self.users(browser), self.live()) == ([str(self.bob.pk)], [])
        self.enter(browser, "ada", "lovelace")
        assert self.users(browser) == [str(self.bob.pk), self.id]
        browser.logout()
        assert (manager().list(str(self.bob.pk)), len(self.live())) == ([], 1)
