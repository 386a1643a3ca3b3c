"""A user and their browsers, for the tests."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, TestCase, TransactionTestCase

from devsess.django import manager

SWITCH = "/auth/accounts/switch"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Safari/605.1.15"


# The project's settings, as no test has overridden them.
given = import_module(os.environ["DJANGO_SETTINGS_MODULE"])
KEYS = count(1000, 10)  # the keys that the database gives lie between


@cache
def proxy() -> Any:
    """The user's model, as an admin of the project's shows it."""

    class Member(User):
        class Meta:
            proxy = True
            app_label = "shop"

    return Member


class Visits(TransactionTestCase):
    """One user, and browsers."""

    databases = tuple(settings.DATABASES)

    def setUp(self) -> None:
        super().setUp()
        # The sessions of a test before are not undone, and its user's key would come again.
        key = next(KEYS)
        self.user = User.objects.create_user("ada", "ada@example.com", "lovelace", id=key)
        self.id = str(self.user.pk)

    def sign_in(self, client: Client, password: str = "lovelace", query: str = "") -> Any:
        form = {"username": "ada", "password": password}
        return client.post(f"/accounts/login/{query}", form)

    def live(self) -> list[Any]:
        return manager().list(self.id)

    def browser(self, agent: str = FIREFOX) -> Client:
        return Client(headers={"user-agent": agent})


class Shop(TestCase, Visits):
    """Each test is undone."""


class TwoPeople(Shop):
    """And one browser."""

    def setUp(self) -> None:
        super().setUp()
        self.bob = User.objects.create_user("bob", "", "marley", id=next(KEYS))

    def both(self, **options: Any) -> Client:
        """A browser that is signed in to both, of whom bob acts."""
        headers = {"user-agent": FIREFOX}
        if options:
            headers |= {"origin": "https://testserver", "sec-fetch-site": "same-origin"}
        browser = Client(headers=headers, **options)
        self.enter(browser, "ada", "lovelace")
        self.enter(browser, "bob", "marley")
        return browser

    def enter(self, browser: Client, name: str, password: str) -> None:
        token = {}
        if browser.handler.enforce_csrf_checks:
            token = {"csrfmiddlewaretoken": self.form_token(browser)}
        form = {"username": name, "password": password, **token}
        assert browser.post("/accounts/login/", form, secure=True).status_code == 302

    def form_token(self, browser: Client) -> str:
        browser.get("/accounts/login/", secure=True)
        return str(browser.cookies["csrftoken"].value)

    def who(self, browser: Client) -> str:
        return str(browser.get("/").content.strip().decode())

    def switch(self, browser: Client, slot: int) -> Any:
        headers = {"Sec-Fetch-Site": "same-origin"}
        body = {"account": slot}
        return browser.post(SWITCH, body, content_type="application/json", headers=headers)

    def users(self, browser: Client) -> list[str]:
        found: list[dict[str, Any]] = browser.get("/auth/accounts").json()["accounts"]
        return [str(it["session"]["userId"]) for it in found]
