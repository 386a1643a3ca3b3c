"""
Sign in with a provider that posts its answer: Apple (response_mode=form_post), SAML.

That post comes from the provider's page, so it brings no cookie of yours: a
sign-in there would lose the device, and nothing would tie the answer to the
browser that asked for it. The callback only keeps the answer, and sends the
browser on, by 303, to a route of your own, which it reaches with its cookies.

In the folder of this file:

    python -m pip install ../..
    export DEVSESS_SECRET=$(devsess keys new)
    export PROVIDER=https://provider.example/authorize
    python form_post_app.py
"""

import hmac
import os
import secrets
from html import escape
from http.cookies import SimpleCookie
from typing import TypeAlias
from urllib.parse import parse_qs, urlencode
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from devsess import SessionManager
from devsess.adapters.wsgi import SessionMiddleware

PROVIDER = os.environ.get("PROVIDER", "https://provider.example/authorize")
ANSWERS: dict[str, dict[str, str]] = {}  # yours are in a database, for a minute
STATE = "__Host-state"
MOST = 64 * 1024

Answer: TypeAlias = tuple[str, list[tuple[str, str]], str]  # status, headers, text

sessions = SessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)


def see_other(place: str, *headers: tuple[str, str]) -> Answer:
    return "303 See Other", [("Location", place), *headers], ""


def start(environ: WSGIEnvironment) -> Answer:
    """Ask the provider; the state ties its answer to this browser."""
    state = secrets.token_urlsafe(32)
    cookie = f"{STATE}={state}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"
    return see_other(f"{PROVIDER}?{urlencode({'state': state})}", ("Set-Cookie", cookie))


def callback(environ: WSGIEnvironment) -> Answer:
    """The provider's post, which comes without cookies: sign nobody in here."""
    size = min(int(environ.get("CONTENT_LENGTH") or 0), MOST)
    form = parse_qs(environ["wsgi.input"].read(size).decode("utf-8", "replace"))
    ticket = secrets.token_urlsafe(32)
    ANSWERS[ticket] = {name: values[0] for name, values in form.items()}
    return see_other(f"/finish?{urlencode({'ticket': ticket})}")


def finish(environ: WSGIEnvironment) -> Answer:
    """The same browser, now with its cookies: here the person is signed in."""
    ticket = parse_qs(environ.get("QUERY_STRING", "")).get("ticket", [""])[0]
    answer = ANSWERS.pop(ticket, {})
    kept = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(STATE)
    asked = kept.value if kept else ""
    if not asked or not hmac.compare_digest(asked.encode(), answer.get("state", "").encode()):
        return "403 Forbidden", [], "This answer is for another browser."
    user = verified(answer)
    environ["devsess"].login(user)
    return see_other("/", ("Set-Cookie", f"{STATE}=; Path=/; Secure; Max-Age=0"))


def verified(answer: dict[str, str]) -> str:
    """The person's name. Yours checks signature, issuer, audience and nonce of the answer first."""
    return answer["user"]


def home(environ: WSGIEnvironment) -> Answer:
    session = environ["devsess"].session
    who = escape(session.user_id) if session else "nobody"
    return "200 OK", [], f"Signed in as {who}. <a href='/start'>Sign in</a>"


NOT_FOUND: Answer = ("404 Not Found", [], "Not found.")
VIEWS = {
    ("GET", "/"): home,
    ("GET", "/start"): start,
    ("POST", "/callback"): callback,
    ("GET", "/finish"): finish,
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    view = VIEWS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    status, headers, body = view(environ) if view else NOT_FOUND
    start_response(status, [("Content-Type", "text/html; charset=utf-8"), *headers])
    return [body.encode()]


# Any site may post to the callback: the provider's does. It changes nothing.
application = SessionMiddleware(app, sessions, csrf_exempt=["/callback"])


if __name__ == "__main__":
    with make_server("localhost", 8000, application) as server:
        server.serve_forever()
