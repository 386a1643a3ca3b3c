"""
A plain WSGI app whose users see on which devices they are signed in. No framework.

In the folder of this file:

    python -m pip install ../..
    export DEVSESS_SECRET=$(devsess keys new)
    python wsgi_app.py

Then open http://localhost:8000 and sign in as ada, password "lovelace".
"""

import hmac
import os
import re
from html import escape
from typing import TypeAlias
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from devsess import Session, SessionManager
from devsess.adapters.wsgi import Current, SessionMiddleware

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
CODE = "123456"  # yours comes from an authenticator, and allows few guesses
EMAILS: dict[str, str] = {}

Page: TypeAlias = tuple[str, list[tuple[str, str]], str]  # status, headers, text

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0 }}
th, td {{ text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd }}
label, input {{ display: block; margin-bottom: .6rem }} input {{ padding: .3rem; width: 16rem }}
form {{ margin: 0 }} button {{ padding: .3rem .8rem }} .error {{ color: #a00 }}</style>
<h1>{title}</h1><p class="error">{error}</p>"""
DEVICES = """<p>Signed in as <b>{user}</b>.
<table><tr><th>Device<th>Address<th>Last active (UTC)<th>{rows}</table>
<form method="post" action="/sign-out-others"><button>Sign out all other devices</button></form>
<p><a href="/email">Change my e-mail address</a>
<form method="post" action="/sign-out"><button>Sign out</button></form>"""
SIGN_IN = """<form method="post">
<label>Name <input name="name" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Sign in</button></form>"""
CONFIRM = """<p>You are signed in as <b>{user}</b>. This needs the code from your authenticator.
<form method="post">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" autofocus></label>
<button>Confirm</button></form><p><a href="/">Back to my devices</a>
<form method="post" action="/sign-out"><button>Not {user}? Sign out</button></form>"""
EMAIL = """<p>Now: {email}
<form method="post"><label>New address <input name="email" type="email" autofocus></label>
<button>Save</button></form><p><a href="/">Back to my devices</a>"""
NOT_FOUND = '<p><a href="/">Back to my devices</a>'

sessions = SessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)


def page(title: str, body: str, status: str = "200 OK", error: str = "", **values: str) -> Page:
    safe = {name: escape(value) for name, value in values.items() if name != "rows"}
    text = (HEAD + body).format(title=title, error=error, rows=values.get("rows", ""), **safe)
    return status, [("Content-Type", "text/html; charset=utf-8")], text


def see(where: str) -> Page:
    return "303 See Other", [("Location", where), ("Content-Type", "text/plain")], ""


def is_right(given: str, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(given.encode(), expected.encode())


def form_of(environ: WSGIEnvironment) -> dict[str, str]:
    size = environ.get("CONTENT_LENGTH") or "0"
    body = environ["wsgi.input"].read(min(int(size) if size.isdecimal() else 0, 10_000))
    return {name: it[0] for name, it in parse_qs(body.decode("utf-8", "replace")).items()}


def home(current: Current, environ: WSGIEnvironment) -> Page:
    session = current.require()
    listed = sessions.list(session.user_id, current=session.id)
    return page("My devices", DEVICES, user=session.user_id, rows="".join(map(row, listed)))


def row(session: Session) -> str:
    action = f"/devices/{session.id}/sign-out"
    button = f'<form method="post" action="{action}"><button>Sign out</button></form>'
    seen = session.last_seen_at.strftime("%d %b %H:%M")
    cells = (escape(str(session.device)), escape(session.ip or ""), seen)
    last = "this device" if session.is_current else button
    return "<tr>" + "".join(f"<td>{cell}" for cell in (*cells, last))


def ask(current: Current, environ: WSGIEnvironment) -> Page:
    """The form to sign in; for a person signed in, the one for the second factor."""
    if current.session:
        return page("Confirm that it is you", CONFIRM, user=current.session.user_id)
    return page("Sign in", SIGN_IN)


def sign_in(current: Current, environ: WSGIEnvironment) -> Page:
    form = form_of(environ)
    if current.session:
        if not is_right(form.get("code", ""), CODE):
            user, error = current.session.user_id, "Wrong code."
            return page("Confirm that it is you", CONFIRM, "403 Forbidden", error, user=user)
        current.step_up(amr=("otp",), acr="aal2")
    else:
        name = form.get("name", "")
        if not is_right(form.get("password", ""), USERS.get(name)):
            return page("Sign in", SIGN_IN, "403 Forbidden", "Wrong name or password.")
        current.login(name, acr="aal1")
    wanted = parse_qs(environ.get("QUERY_STRING", "")).get("return_to", ["/"])[0]
    return see(current.return_to(wanted))


def sign_out(current: Current, environ: WSGIEnvironment) -> Page:
    current.logout()
    return see("/sign-in")


def sign_out_others(current: Current, environ: WSGIEnvironment) -> Page:
    session = current.require()
    sessions.revoke_all(session.user_id, keep=session.id, reason="signed out by its user")
    return see("/")


def sign_out_device(current: Current, environ: WSGIEnvironment) -> Page:
    session_id, user_id = environ["PATH_INFO"].split("/")[2], current.require().user_id
    if not sessions.revoke(session_id, user_id=user_id, reason="signed out by its user"):
        return page("There is no such device", NOT_FOUND, "404 Not Found")
    return see("/")


def email(current: Current, environ: WSGIEnvironment) -> Page:
    session = current.require(max_auth_age=300, acr="aal2")
    return page("My e-mail address", EMAIL, email=EMAILS.get(session.user_id, "none"))


def change_email(current: Current, environ: WSGIEnvironment) -> Page:
    session = current.require(max_auth_age=300, acr="aal2")
    EMAILS[session.user_id] = form_of(environ).get("email", "")
    return see("/email")


ROUTES = [
    ("GET", r"/", home),
    ("GET", r"/sign-in", ask),
    ("POST", r"/sign-in", sign_in),
    ("POST", r"/sign-out", sign_out),
    ("POST", r"/sign-out-others", sign_out_others),
    ("POST", r"/devices/[^/]+/sign-out", sign_out_device),
    ("GET", r"/email", email),
    ("POST", r"/email", change_email),
]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    views = [view for method, path, view in ROUTES if method == asked[0] and fits(path, asked[1])]
    if views:
        status, headers, text = views[0](environ["devsess"], environ)
    else:
        status, headers, text = page("There is no such page", NOT_FOUND, "404 Not Found")
    start_response(status, headers)
    return [text.encode()]


def fits(pattern: str, path: str) -> bool:
    return re.fullmatch(pattern, path) is not None


application = SessionMiddleware(app, sessions, endpoints="/auth", login_url="/sign-in")

if __name__ == "__main__":
    make_server("127.0.0.1", 8000, application).serve_forever()
