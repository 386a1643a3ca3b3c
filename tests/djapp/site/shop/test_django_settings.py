"""Each mistake in the settings is named, with what to write instead."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any

import attrs
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, SimpleTestCase, override_settings

import devsess.django
from devsess.django import conf
from devsess.django.checks import check_settings
from devsess.django.middleware import SessionMiddleware
from shop import settings as given

OURS, DJANGOS = given.MIDDLEWARE[1], "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
OTHERS = [it for it in given.MIDDLEWARE if it != OURS]
NO_SESSIONS = [it for it in given.INSTALLED_APPS if it != "django.contrib.sessions"]
NO_USERS = [it for it in given.INSTALLED_APPS if it != "django.contrib.auth"]
ENGINES = "django.contrib.sessions.backends"
OF_COOKIES = f"{ENGINES}.signed_cookies"
WRONG: list[tuple[str, Any, str, str]] = [
    ("DEVSESS", {}, "E001", 'needs one of "database", "store" and "manager", and has none'),
    ("DEVSESS", None, "E001", "must be a dict"),
    ("DEVSESS", {"database": "devsess", "store": "a.db"}, "E001", "has store and database"),
    ("DEVSESS", {"database": "other"}, "E001", "'other' is no alias of DATABASES"),
    ("DEVSESS", {"store": "defualt"}, "E001", "is no alias of DATABASES"),
    ("DEVSESS", {"store": "memory://", "exchange_until": "soon"}, "E001", "2027-01-31"),
    ("DEVSESS", {"manager": "shop.settings.PLACE"}, "E001", "must be a SessionManager"),
    ("DEVSESS", {"manager": "shop.nothing.here"}, "E001", "shop.nothing"),
    ("MIDDLEWARE", OTHERS, "E002", f'write "{OURS}" in the place of'),
    ("MIDDLEWARE", [*given.MIDDLEWARE, DJANGOS], "E003", f'remove "{DJANGOS}"'),
    ("MIDDLEWARE", [AUTH, *given.MIDDLEWARE], "E004", f'write "{OURS}" before "{AUTH}"'),
    ("SESSION_ENGINE", "django.contrib.sessions.backends.db", "E005", "devsess.django.sessions"),
    ("SESSION_COOKIE_NAME", "sessionid", "E006", "__Host-devsess-access"),
    ("INSTALLED_APPS", NO_SESSIONS, "E007", "has no table"),
    ("DEVSESS", {**given.DEVSESS, "session_engine": f"{ENGINES}.cookies"}, "E009", "cookies"),
    ("DEVSESS", {**given.DEVSESS, "session_engine": "shop.settings"}, "E009", "SessionStore"),
    ("DEVSESS", {**given.DEVSESS, "session_engine": ""}, "E009", "name one of Django's"),
    ("DEVSESS", {**given.DEVSESS, "session_engine": given.SESSION_ENGINE}, "E009", "itself"),
    ("DEVSESS", {**given.DEVSESS, "session_engine": OF_COOKIES}, "E009", "cannot be ended"),
    ("INSTALLED_APPS", NO_USERS, "W001", "django.contrib.auth"),
    ("DATABASE_ROUTERS", [], "E008", "devsess.django.router.Router"),
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"keys": "short"}, "DEVSESS"),
    ({"no_such_option": 1}, "no_such_option"),
    ({"login_url": "no-such-name"}, "login_url"),
    ({"trusted_proxies": ["everybody"]}, "trusted_proxies"),
]


class CheckTests(SimpleTestCase):
    """System checks."""

    def test_a_project_that_is_right(self) -> None:
        """Has nothing to say."""
        assert check_settings() == []

    def test_each_mistake_is_named(self) -> None:
        """By its number, and by what to write."""
        for name, value, code, says in WRONG:
            with self.subTest(code=code, says=says), override_settings(**{name: value}):
                found = {it.id: f"{it.msg} {it.hint}" for it in check_settings()}
                assert says in found.get(f"devsess.{code}", ""), found

    def test_what_no_check_sees_is_improperly_configured(self) -> None:
        """An option that cannot work is refused when the middleware is made."""
        for options, says in REFUSED:
            with (
                self.subTest(says),
                override_settings(DEVSESS={"store": "memory://", **options}),
                self.assertRaisesMessage(ImproperlyConfigured, says),
            ):
                SessionMiddleware(lambda request: request)

    def test_no_secret_is_shown(self) -> None:
        """Reports of errors have the text of each local variable."""
        found = {"store": "postgresql://app:hush@db/site", "keys": "Qz7rT2mX9vLk4WnB8sYd3HgF6pJc"}
        for options in (found, {**found, "keys": None}):
            with override_settings(DEVSESS=options):
                shown = repr(conf.read())
            hidden = ("hush", "Qz7rT2mX9v", *map(str, conf.secret_keys()))
            assert not [it for it in hidden if it in shown], shown

    def test_without_the_setting_nothing_is_a_key_error(self) -> None:
        """Nor an attribute's."""
        with override_settings():
            del settings.DEVSESS
            with self.assertRaisesMessage(ImproperlyConfigured, "DEVSESS must be a dict"):
                SessionMiddleware(lambda request: request)

    def test_a_view_that_the_middleware_decorates_is_refused(self) -> None:
        """It would guard nothing."""
        from devsess.errors import ConfigurationError

        with pytest.raises(ConfigurationError):
            SessionMiddleware(lambda request: request).process_request(RequestFactory().get("/"))


class PostgresTests(SimpleTestCase):
    """The store is where Django's own connection goes."""

    def test_libpqs_options_are_the_stores(self) -> None:
        """All that tells libpq where to go, and how; names and values as they are."""
        from psycopg.conninfo import conninfo_to_dict

        options = {
            "service": "a b",
            "passfile": "/a b/c&d",
            "sslmode": "verify-full",
            "target_session_attrs": "read-write",
            "options": "-c search_path=devsess",
            "keepalives": 1,
        }
        there = {"USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "OPTIONS": options}
        for name, dbname in (("", {}), (None, {"dbname": "postgres"}), ("a/b", {"dbname": "a/b"})):
            found = conninfo_to_dict(conf.postgres_url({**there, "NAME": name}))
            assert found == {**options, "keepalives": "1", **dbname}
        named = {**there, "NAME": "x", "USER": "a@", "PASSWORD": "+ /", "HOST": "/run", "PORT": 5}
        found = conninfo_to_dict(conf.postgres_url({**named, "OPTIONS": {"pool": True}}))
        assert found == {
            "dbname": "x",
            "user": "a@",
            "password": "+ /",
            "host": "/run",
            "port": "5",
        }


class Records(SimpleTestCase):
    """The app's records, which stand in the reports of errors."""

    def test_no_record_shows_a_secret(self) -> None:
        """No field of tokens, keys or a store's URL is in a repr."""
        secret = re.compile(r"(^|_)(claims|keys|password|secret|store|token)$")
        shown = []
        for found in pkgutil.walk_packages(devsess.django.__path__, "devsess.django."):
            module = importlib.import_module(found.name)
            for name, kind in inspect.getmembers(module, inspect.isclass):
                if attrs.has(kind) and kind.__module__ == found.name:
                    shown += [
                        f"{name}.{it.name}"
                        for it in attrs.fields(kind)
                        if it.repr and secret.search(it.name)
                    ]
        assert [] == shown
