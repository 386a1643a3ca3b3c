"""An option of the middleware is the same in its signature, record, docstring and documentation."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _framework_apps import django_app
from attrs import fields
from django.http import HttpResponse
from django.test import override_settings

from devsess import ConfigurationError, Policy, Privacy, SessionManager
from devsess.adapters import asgi, django, flask, wsgi
from devsess.adapters._middleware import default_settings
from devsess.adapters._settings import Settings
from devsess.tokens.keys import generate_secret

PAGE = Path(__file__).parents[2] / "docs" / "web.md"
SHOWN = {"none": (), "1 day": 86_400, "`Cookies()`": wsgi.Cookies()}


def options_of(function: Any) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of *function*."""
    parameters = inspect.signature(function).parameters
    return {
        name: each
        for name, each in parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }


WRONG: dict[str, Any] = {
    "transport": "query",
    "trusted_proxies": ["localhost"],
    "proxy_header": "x-real-ip",
    "origins": ["*"],
    "csrf_exempt": ["hooks"],
    "public": ["/open"],
    "passive": "/poll",
    "recent_auth": -1,
    "cookies": "devsess",
    "endpoints": "/",
    "login_url": "//evil.example",
    "accounts": 6,
}
OPTIONS = options_of(wsgi.SessionMiddleware)


def rows() -> dict[str, str]:
    """The documented default of each option, from the table below "Settings"."""
    section = PAGE.read_text("utf-8").partition("\n## Settings\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE))


def test_the_record_takes_the_options() -> None:
    """The record takes each option, and one number of the manager's policy."""
    taken = {each.name for each in fields(Settings) if each.init} - {"device_retention"}

    assert set(OPTIONS) == taken


def test_the_docstring_explains_the_options() -> None:
    """The class that users read explains each option, in the order of the signature."""
    docstring = inspect.cleandoc(wsgi.SessionMiddleware.__doc__ or "")
    explained = re.findall(r"^ {4}(\w+): ", docstring.partition("Raises:")[0], re.MULTILINE)

    assert ["app", "manager", *OPTIONS] == explained


@pytest.mark.parametrize("name", OPTIONS)
def test_the_documentation_names_its_default(name: str) -> None:
    """The table has a row for each option, with the default of the signature."""
    default = OPTIONS[name].default
    shown = rows()[name]

    assert (
        default == SHOWN[shown] if shown in SHOWN else f"`{default!r}`".replace("'", '"') == shown
    )


def test_the_documentation_names_no_other() -> None:
    """The table has no row for an option that does not exist."""
    assert set(OPTIONS) == set(rows())


@pytest.mark.parametrize("entry", [asgi.SessionMiddleware, flask.init_app], ids=["asgi", "flask"])
def test_each_way_in_takes_the_same(entry: Any) -> None:
    """Every way to wrap an app takes the same options, with the same defaults."""
    assert OPTIONS == options_of(entry)


@pytest.fixture
def sessions() -> Iterator[SessionManager]:
    """A manager in memory."""
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        yield sessions


def test_django_says_that_its_manager_is_missing(sessions: SessionManager) -> None:
    """A setting without a manager is refused with an error that names its kind."""
    django_app(time.time, sessions)  # configures Django
    with (
        override_settings(DEVSESS={"endpoints": "/auth"}),
        pytest.raises(ConfigurationError, match=r"needs a devsess\.SessionManager"),
    ):
        django.SessionMiddleware(lambda _: HttpResponse())


@pytest.mark.parametrize("name", WRONG)
def test_an_error_begins_with_the_options_name(sessions: SessionManager, name: str) -> None:
    """An option that cannot work is refused when the app is wrapped, by its name."""
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        wsgi.SessionMiddleware(lambda *_: [], sessions, **{name: WRONG[name]})


def test_pages_alone_have_the_middlewares_defaults() -> None:
    """The settings of pages without a middleware are those of one without an option."""
    policy = Policy(privacy=Privacy(device_retention=86_400))
    with SessionManager("memory://", keys=generate_secret(), policy=policy) as manager:
        middleware = wsgi.SessionMiddleware(lambda *_: [], manager)

        assert middleware._settings == default_settings(manager)
