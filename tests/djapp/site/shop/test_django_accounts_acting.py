"""Staff who act as a user in one slot, beside their own account in another one."""

from __future__ import annotations

from django.conf import settings
from django.test import Client, override_settings

from devsess import Client as Visitor
from devsess.django import manager
from shop.visits import FIREFOX, TwoPeople

ACCESS = "__Host-devsess-access"


@override_settings(DEVSESS={**settings.DEVSESS, "accounts": 3})
class ActingTests(TwoPeople):
    """Ada is staff, in the first slot; in the second one she acts as bob."""

    def acting(self) -> Client:
        browser = self.browser()
        self.enter(browser, "ada", "lovelace")
        [staff] = self.live()
        acted = manager().impersonate(str(self.bob.pk), staff, Visitor(user_agent=FIREFOX))
        browser.cookies[f"{ACCESS}-1"] = acted.access_token
        return browser

    def behind(self) -> list[str | None]:
        """Who is behind each live session of bob's."""
        return [it.impersonator for it in manager().list(str(self.bob.pk))]

    def test_both_are_listed(self) -> None:
        """And it says who is behind which."""
        browser = self.acting()
        found = browser.get("/auth/accounts").json()["accounts"]
        assert [(it["slot"], it["current"], it["session"]["userId"]) for it in found] == [
            (0, True, self.id),
            (1, False, str(self.bob.pk)),
        ]
        assert [it["session"].get("impersonator") for it in found] == [None, self.id]
        assert self.who(browser) == "ada"

    def test_one_switches_there_and_back(self) -> None:
        """By a view or the endpoint; the user of the page is whom she acts as."""
        browser = self.acting()
        assert browser.get("/acts/", {"do": ["switch:1", "user"]}).json()[1] == "bob"
        assert self.who(browser) == "bob"
        assert browser.get("/recent/").status_code == 401  # it meets no requirement
        assert self.switch(browser, 0).status_code == 200
        assert (self.who(browser), self.behind()) == ("ada", [self.id])
        assert self.switch(browser, 1).status_code == 200
        assert self.who(browser) == "bob"

    def test_a_sign_out_ends_it_alone(self) -> None:
        """She is still signed in as herself."""
        browser = self.acting()
        self.bob_enters()
        self.switch(browser, 1)
        browser.post("/accounts/logout/")
        assert (self.who(browser), len(self.live())) == ("nobody", 1)
        assert self.behind() == [None]  # bob's own, in another browser
        assert self.users(browser) == [self.id]
        assert self.switch(browser, 1).status_code == 404
        assert self.switch(browser, 0).status_code == 200

    def bob_enters(self) -> None:
        """Bob himself, in another browser."""
        self.enter(self.browser(), "bob", "marley")

    def test_it_ends_with_the_session_that_began_it(self) -> None:
        """The slot counts as empty then, whether she signs out or in again."""
        for how in ("/accounts/logout/", "again"):
            with self.subTest(how=how):
                browser = self.acting()
                if how == "again":
                    self.switch(browser, 1)
                    self.enter(browser, "ada", "lovelace")
                    assert (self.who(browser), self.users(browser)) == ("ada", [self.id])
                else:
                    browser.post(how)
                    assert (self.who(browser), self.users(browser)) == ("nobody", [])
                assert self.switch(browser, 1).status_code == 404
                manager().revoke_all(self.id)
                manager().revoke_all(str(self.bob.pk))

    def test_a_sign_out_of_all_ends_both(self) -> None:
        """In whichever she acts; bob's own session stays."""
        for slot in (0, 1):
            with self.subTest(slot=slot):
                browser = self.acting()
                self.bob_enters()
                self.switch(browser, slot)
                headers = {"Sec-Fetch-Site": "same-origin"}
                assert browser.post("/auth/accounts/logout", headers=headers).status_code == 204
                assert (self.live(), self.behind(), self.users(browser)) == ([], [None], [])
                manager().revoke_all(str(self.bob.pk))

    def test_bob_signs_in_there(self) -> None:
        """In the place of her who acted as him: his own session, which she does not end."""
        browser = self.acting()
        self.enter(browser, "bob", "marley")
        assert (self.behind(), self.users(browser)) == ([None], [self.id, str(self.bob.pk)])
        browser.post("/accounts/logout/")
        assert (self.behind(), self.users(browser)) == ([], [self.id])
