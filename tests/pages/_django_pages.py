"""A Django project with the pages, and one request after another; prints "works"."""

from __future__ import annotations

import sys
from typing import Any

import django
from django.conf import settings
from django.test import Client as Browser

from devsess import Client, SessionManager

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
wrapped, path = sys.argv[1] == "wrapped", sys.argv[2]
sessions = SessionManager(path, keys=SECRET)

settings.configure(
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["app.example"],
    ROOT_URLCONF=__name__,
    # Django's own check of forms stands beside, and leaves the pages alone.
    MIDDLEWARE=[
        *(["devsess.adapters.django.SessionMiddleware"] if wrapped else []),
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    DEVSESS={"manager": sessions},
)
django.setup()

from django.urls import include  # noqa: E402
from django.urls import path as at  # noqa: E402

from devsess.web import account_app  # noqa: E402

urlpatterns = [at("account/", include(account_app(sessions).urls))]


def main() -> None:
    grant = sessions.login("ada", Client(user_agent=AGENT))
    browser = Browser(
        enforce_csrf_checks=True, headers={"user-agent": AGENT, "host": "app.example"}
    )
    for name in ("access", "refresh", "device"):
        browser.cookies[f"__Host-devsess-{name}"] = getattr(grant, f"{name}_token")
    page: Any = browser.get("/account/", secure=True)
    text = page.content.decode()
    assert page.status_code == 200, text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    style = text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert browser.get(style, secure=True).headers["Content-Type"].startswith("text/css")
    device = text.split("/account/devices/")[1].split('"')[0]
    there = f"/account/devices/{device}/name"
    body = "name=%C3%89t%C3%A9"
    kind = "application/x-www-form-urlencoded"
    same = {"sec-fetch-site": "same-origin"}
    forged = browser.post(there, body, kind, secure=True, headers={"sec-fetch-site": "cross-site"})
    assert forged.status_code == 403
    done = browser.post(there, body, kind, secure=True, headers=same)
    assert done.headers["Location"] == f"/account/devices/{device}?done=named", done.content
    assert "Été" in browser.get("/account/", secure=True).content.decode()
    out = browser.post(f"/account/devices/{device}/sign-out", "", kind, secure=True, headers=same)
    assert out.status_code == 303
    assert {it.value for name, it in out.cookies.items() if "access" in name} == {""}, out.cookies
    assert not sessions.list("ada")
    assert browser.get("/account/nothing", secure=True).status_code in (401, 404)
    sessions.close()
    print("works")


if __name__ == "__main__":
    main()
