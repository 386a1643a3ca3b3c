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
