"""Several accounts in one browser, by views under ATOMIC_REQUESTS that fail."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import own_settings as given
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from shop.visits import FIREFOX, KEYS, Visits

from devsess.django import manager

CHOICE = "__Host-devsess-slot"


@override_settings(DEVSESS={**given.DEVSESS, "accounts": 3})
class UndoneTests(Visits):
    """Ada is in the first slot, bob in the second, and acts; then a view fails."""

    databases = ("default",)

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True}))
        self.bob, self.eve = (
            User.objects.create_user(name, "", name, id=next(KEYS)) for name in ("bob", "eve")
        )
        self.browser_of_both = Client(headers={"user-agent": FIREFOX})
        self.acts("login:ada")
        self.acts("login:bob")
        self.acts("user")  # the first request binds the session, and its cookies follow

    def acts(self, *acts: str) -> Any:
        return self.browser_of_both.get("/acts/", {"do": acts})

    def cookies(self) -> dict[str, str]:
        """All that the browser has, but for the token of forms."""
        found = self.browser_of_both.cookies.items()
        return {name: it.value for name, it in found if name != "csrftoken"}

    def users(self) -> Any:
        """Who is signed in, by slot; the one who acts; and how many sessions the store has."""
        found = self.browser_of_both.get("/auth/accounts").json()["accounts"]
        names = {str(it.pk): it.username for it in (self.user, self.bob, self.eve)}
        [*current] = [names[it["session"]["userId"]] for it in found if it["current"]]
        live = sum(len(manager().list(it)) for it in names)
        return [names[it["session"]["userId"]] for it in found], current, live

    def test_what_is_undone_leaves_all_as_they_were(self) -> None:
        """In the store and in the browser: a sign-in, a sign-out, with a switch or without."""
        before = self.users()
        assert before == (["ada", "bob"], ["bob"], 2)
        cookies = self.cookies()
        for acts in (
            ("login:eve",),
            (f"enter:{self.eve.pk}",),
            ("login:ada",),
            ("logout",),
            ("end:one",),
            ("end:all",),
            ("switch:0", "login:eve"),
            ("switch:0", "logout"),
            ("switch:0", "end:all"),
            ("login:eve", "switch:0"),
            ("flush", "login:eve"),
            ("flush", "switch:0"),
            ("put:tea", "login:eve", "put:milk"),
            ("step:otp",),
        ):
            with self.subTest(acts=acts):
                answer = self.acts(*acts, "fail:")
                assert answer.status_code == 403
                assert not set(answer.cookies) - {"csrftoken"}
                assert self.users() == before
                assert self.cookies() == cookies
                assert self.acts("user", "cart").json() == ["bob", None]

    def test_a_switch_stands(self) -> None:
        """Nothing of it is in the store: the browser acts for whom the answer says."""
        answer = self.acts("switch:0", "fail:")
        assert (answer.status_code, answer.cookies[CHOICE].value) == (403, "0")
        assert self.users() == (["ada", "bob"], ["ada"], 2)

    def test_a_renewal_that_is_undone_hands_out_no_token(self) -> None:
        """Of an account that the view lists, signs in beside, or switches to."""
        for acts in (("list",), ("switch:0",), ("login:eve",)):
            with self.subTest(acts=acts):
                self.acts("switch:1")
                self.browser_of_both.cookies.pop("__Host-devsess-access", None)
                answer = self.acts(*acts, "fail:")
                assert answer.status_code == 403
                assert "__Host-devsess-access" not in answer.cookies
                assert self.users()[0] == ["ada", "bob"]

    def test_a_flush_alone_signs_out(self) -> None:
        """Its session ends with the answer, which is after the transaction: in both places."""
        assert self.acts("flush", "fail:").status_code == 403
        assert self.users() == (["ada"], [], 1)
