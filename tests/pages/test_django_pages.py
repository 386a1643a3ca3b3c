"""The pages in Django: included below any prefix, with its CSRF middleware or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import httpx
import pytest
from _pages_site import FIREFOX, SECRET
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import include, path
from web._wsgi_driver import on_wsgi

from devsess import Client, Grant, SessionManager
from devsess.web import account_app

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
OURS = "devsess.adapters.django.SessionMiddleware"
FORM = ("Content-Type", "application/x-www-form-urlencoded")

Ask = Callable[..., httpx.Response]


@pytest.fixture
def sessions(empty_copy: Path) -> Iterator[SessionManager]:
    """A manager."""
    with SessionManager(empty_copy, keys=SECRET) as manager:
        yield manager


@pytest.fixture
def grant(sessions: SessionManager) -> Grant:
    """A person's sign-in."""
    return sessions.login("ada", Client(ip="192.0.2.1", user_agent=FIREFOX))


@pytest.fixture(params=[(CSRF, OURS), (OURS,), (CSRF,), ()], ids=["both", "ours", "csrf", "none"])
def ask(request: pytest.FixtureRequest, sessions: SessionManager, grant: Grant) -> Iterator[Ask]:
    """A function that asks a Django site for an answer, with the person's cookies."""
    site = ModuleType("site")
    pages = account_app(sessions)
    prefixes = ("account/", "bare", "<slug:tenant>/account/")
    site.urlpatterns = [path(it, include(pages.urls)) for it in prefixes]  # type: ignore[attr-defined]
    if not settings.configured:  # once a process: as the tests of the adapters do it
        settings.configure(
            ROOT_URLCONF="_framework_apps",
            ALLOWED_HOSTS=["*"],
            MIDDLEWARE=[OURS],
            SECURE_PROXY_SSL_HEADER=None,
        )
        django.setup()
    cookies = {"access": grant.access_token, "device": grant.device_token}
    jar = "; ".join(f"__Host-devsess-{name}={value}" for name, value in cookies.items())
    options: dict[str, Any] = {"MIDDLEWARE": request.param, "DEVSESS": {"manager": sessions}}
    with override_settings(ROOT_URLCONF=site, **options):
        app = WSGIHandler()

        def asked(method: str, url: str, body: bytes = b"", **more: str) -> httpx.Response:
            headers = [("Host", "app.example"), ("Accept", "text/html"), ("Cookie", jar), FORM]
            headers += [(name.replace("_", "-"), value) for name, value in more.items()]
            return on_wsgi(app, method, url, headers, body)

        yield asked


@pytest.mark.parametrize("prefix", ["/account", "/bare", "/acme/account"])
def test_pages_are_included_below_a_prefix(ask: Ask, prefix: str) -> None:
    """Also one without a slash at its end, and one that captures a part of the path."""
    shown = ask("GET", f"{prefix}/history")

    assert (200, True) == (shown.status_code, f'href="{prefix}/"' in shown.text)


def test_forms_need_no_token_of_django(ask: Ask, sessions: SessionManager, grant: Grant) -> None:
    """The pages see by themselves from which site a form comes; another one's is refused."""
    url = f"/account/devices/{grant.session.device.id}/name"
    refused = [ask("POST", url, b"name=x", Sec_Fetch_Site=it) for it in ("cross-site", "same-site")]
    refused.append(ask("POST", url, b"name=x", Origin="null"))
    assert ([403] * 3, None) == (
        [it.status_code for it in refused],
        sessions.devices("ada")[0].name,
    )

    assert 303 == ask("POST", url, b"name=x", Sec_Fetch_Site="same-origin").status_code
    assert "x" == sessions.devices("ada")[0].name


def test_signing_out_clears_the_cookies(ask: Ask, sessions: SessionManager, grant: Grant) -> None:
    """Whether a middleware does it, or the pages by themselves."""
    url = f"/account/sessions/{grant.session.id}/sign-out"
    answer = ask("POST", url, Sec_Fetch_Site="same-origin")

    assert 303 == answer.status_code
    cleared = [it.partition("=")[0] for it in answer.headers.get_list("set-cookie")]
    assert "__Host-devsess-access" in cleared
    assert not sessions.list("ada")
