"""The rest of `request.session`: carts and messages, kept with the sign-in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as Row
from django.test import Client

from devsess.django import manager
from shop.visits import SAFARI, Shop


class DataTests(Shop):
    """The data of a session beside the sign-in."""

    def cart(self, browser: Client) -> Any:
        return browser.get("/cart/").json()["cart"]

    def test_a_cart_goes_along(self) -> None:
        """Data from before the sign-in is there after it, and once."""
        browser = self.browser()
        browser.post("/cart/tea/")
        assert self.cart(browser) == ["tea"]
        self.sign_in(browser)
        assert self.cart(browser) == ["tea"]
        assert Row.objects.count() == 1

    def test_its_cookie_is_stored_nowhere(self) -> None:
        """A cache that kept the answer would hand the cart to others."""
        assert self.browser().post("/cart/tea/")["Cache-Control"] == "no-store"

    def test_each_browser_has_its_own(self) -> None:
        """Two of one person do not share a cart."""
        browsers = [self.browser(), self.browser(SAFARI)]
        for browser, item in zip(browsers, ("tea", "salt"), strict=True):
            self.sign_in(browser)
            browser.post(f"/cart/{item}/")
        assert [self.cart(it) for it in browsers] == [["tea"], ["salt"]]

    def test_it_ends_with_a_sign_out(self) -> None:
        """And the row goes."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        browser.post("/accounts/logout/")
        assert (self.cart(browser), Row.objects.count()) == ([], 0)

    def test_the_next_person_does_not_find_it(self) -> None:
        """Nor where the session was ended elsewhere, and nobody signed out here."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        manager().revoke(self.live()[0].id)
        assert self.cart(browser) == []
        User.objects.create_user("bob", "", "builder")
        browser.post("/accounts/login/", {"username": "bob", "password": "builder"})
        assert browser.get("/cart/").json() == {"cart": [], "user": "bob"}

    def test_another_user_begins_anew(self) -> None:
        """A sign-in over a session of somebody else."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        User.objects.create_user("bob", "", "builder")
        browser.post("/accounts/login/", {"username": "bob", "password": "builder"})
        assert browser.get("/cart/").json() == {"cart": [], "user": "bob"}
        assert self.live() == []

    def test_a_session_that_changes_within_a_request(self) -> None:
        """By devsess's own methods: the data of before is neither read nor kept for the next."""
        bob = User.objects.create_user("bob", "", "builder")
        browser = self.browser()
        for to in (f"?to={bob.pk}", ""):
            self.sign_in(browser)
            browser.post("/cart/tea/")
            assert browser.get(f"/switch/{to}").json() == {"cart": []}
            found = browser.get("/cart/").json()
            assert found == {"cart": [], "user": "bob" if to else "AnonymousUser"}

    def test_an_account_of_others_leaves_nothing(self) -> None:
        """Its key is none of a user's here, so that Django sees nobody."""
        browser = self.browser()
        browser.get("/switch/?to=robot")
        browser.post("/cart/tea/")
        assert self.cart(browser) == ["tea"]
        self.sign_in(browser)
        assert browser.get("/cart/").json() == {"cart": [], "user": "ada"}

    def test_the_same_user_keeps_it(self) -> None:
        """A second sign-in takes the place of the first."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        self.sign_in(browser)
        assert (self.cart(browser), len(self.live())) == (["tea"], 1)

    def test_a_key_of_signed_in_data_opens_nothing(self) -> None:
        """To know it, or to make one up, gives an empty session of another key."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        row = Row.objects.get()
        for key in (row.session_key, "a" * 32, "not.a.token", "x"):
            thief = Client()
            thief.cookies["__Host-devsess-access"] = key
            assert self.cart(thief) == []
            thief.post("/cart/salt/")
            assert thief.cookies["__Host-devsess-access"].value != key

    def test_nothing_is_written_for_those_who_keep_nothing(self) -> None:
        """No cookie and no row for a visitor."""
        browser = self.browser()
        answer = browser.get("/")
        assert (len(answer.cookies), Row.objects.count()) == (0, 0)
