"""The site of `devsess demo --web`: Ada's pages, behind a sign-in page without a password."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote

from devsess.adapters._settings import is_local_path
from devsess.adapters.wsgi import SessionMiddleware
from devsess.cli._scenes import ADA
from devsess.web import Look, account_app
from devsess.web.assets import assets

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from devsess.adapters.wsgi import Current
    from devsess.manager import SessionManager

NAME: Final = "Example app"
ACCOUNT, OPERATORS, SIGN_IN = "/account", "/operators", "/sign-in"
# Where an application asks for a second proof, this one takes a press of the button.
_AMR, _ACR = ("pwd", "otp"), "aal2"
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{icon}" type="image/svg+xml">
<link rel="stylesheet" href="{style}"></head>
<body class="ds-narrow"><header class="ds-bar"><span class="ds-brand">{app}</span></header>
<main class="ds-main"><h1>{title}</h1>
<p class="ds-lead">{sentence}</p>
<form method="post" action="{action}"><button class="ds-button ds-primary">{title}</button></form>
</main></body></html>
"""


def demo_site(
    sessions: SessionManager, operators: WSGIApplication | None = None
) -> WSGIApplication:
    """
    Ada's pages below /account, the operators' below /operators.

    Args:
        sessions: The manager.
        operators: The operators' pages, which see to it who may see them.
    """
    look = Look(name=NAME, home=f"{ACCOUNT}/")
    account = account_app(sessions, look=look, step_up_url=SIGN_IN).wsgi
    mounts = {ACCOUNT: account} | ({OPERATORS: operators} if operators else {})

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        for mount, app in mounts.items():
            if path.startswith(f"{mount}/"):
                return app(_below(environ, mount), start_response)
        if path == SIGN_IN:
            return _sign_in(environ, start_response)
        there = f"{path}/" if path in mounts else f"{ACCOUNT}/"
        return _see(start_response, there)

    with _without_a_warning():
        return SessionMiddleware(site, sessions, insecure_cookies=True, login_url=SIGN_IN)


@contextmanager
def _without_a_warning() -> Iterator[None]:
    """Safari keeps a `Secure` cookie on https alone, on this machine too: that is known here."""
    log = logging.getLogger("devsess")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.disabled = True
        try:
            yield
        finally:
            log.disabled = False


def _below(environ: WSGIEnvironment, mount: str) -> WSGIEnvironment:
    script, path = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
    return {**environ, "SCRIPT_NAME": script + mount, "PATH_INFO": path.removeprefix(mount)}


def _sign_in(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A page with one button; pressed, it signs in, or proves again that it is Ada."""
    current: Current = environ["devsess"]
    query = environ.get("QUERY_STRING", "")
    there = parse_qs(query).get("return_to", [""])[-1]
    if not is_local_path(there):
        there = f"{ACCOUNT}/"
    if environ["REQUEST_METHOD"] == "POST":
        if current.session is None:
            current.login(ADA, amr=_AMR, acr=_ACR)
        else:
            current.step_up(amr=_AMR, acr=_ACR)
        return _see(start_response, there)
    is_known = current.session is not None
    page = _PAGE.format(
        title=_PROVE if is_known else _ENTER,
        app=NAME,
        sentence="In this demo a press of the button takes the place of a password.",
        style=ACCOUNT + assets()["devsess.css"].path,
        icon=ACCOUNT + assets()["icon.svg"].path,
        action=escape(f"{SIGN_IN}?return_to={quote(there, safe='/')}"),
    )
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", _POLICY),
        ],
    )
    return [page.encode()]


_ENTER: Final = f"Sign in as {ADA}"
_PROVE: Final = "Prove that it is you"


def _see(start_response: StartResponse, there: str) -> Iterable[bytes]:
    start_response("303 See Other", [("Location", there), ("Cache-Control", "no-store")])
    return [b""]
