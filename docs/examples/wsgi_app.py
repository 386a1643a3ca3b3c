"""
A plain WSGI app whose users see on which devices they are signed in. No framework.

    pip install devsess
    DEVSESS_SECRET=$(devsess keys new) python wsgi_app.py

Then open http://localhost:8000 and sign in as ada, password "lovelace".
"""

import hmac
import os
from html import escape
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from devsess import Session, SessionManager
from devsess.adapters.wsgi import SessionMiddleware

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
SECOND_FACTOR = "123456"  # yours comes from an authenticator

PAGE = """<!doctype html><meta charset="utf-8"><title>My devices</title>
<h1>Signed in as {user}</h1>
<table>{rows}</table>
<form method="post" action="/sign-out-others"><button>Sign out other devices</button></form>
<form method="post" action="/sign-out"><button>Sign out</button></form>
<p><a href="/email">Change the e-mail address</a>"""
FORM = """<!doctype html><meta charset="utf-8"><title>Sign in</title>
<form method="post">{fields}<button>Sign in</button></form>"""
SIGN_IN = """<label>Name <input name="name" autofocus></label>
<label>Password <input name="password" type="password"></label>"""
CODE = '<label>Code <input name="code" inputmode="numeric" autofocus></label>'

sessions = SessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)


def home(current, environ):
    session = current.require()
    listed = sessions.list(session.user_id, current=session.id)
    rows = "".join(f"<tr><td>{escape(str(it.device))}<td>{button(it)}" for it in listed)
    return "200 OK", PAGE.format(user=escape(session.user_id), rows=rows)


def button(session: Session) -> str:
    if session.is_current:
        return "this device"
    action = f"/devices/{session.id}/sign-out"
    return f'<form method="post" action="{action}"><button>Sign out</button></form>'


def ask(current, environ):
    return "200 OK", FORM.format(fields=CODE if current.session else SIGN_IN)


def sign_in(current, environ):
    form = form_of(environ)
    if current.session:
        if not hmac.compare_digest(form.get("code", "").encode(), SECOND_FACTOR.encode()):
            return "403 Forbidden", "that is not the code"
        current.step_up(amr=("otp",), acr="aal2")
    else:
        name, password = form.get("name", ""), form.get("password", "")
        if not hmac.compare_digest(password.encode(), USERS.get(name, "\0").encode()):
            return "403 Forbidden", "wrong name or password"
        current.login(name, acr="aal1")
    wanted = parse_qs(environ["QUERY_STRING"]).get("return_to", ["/"])[0]
    return "303 See Other", current.return_to(wanted)


def sign_out(current, environ):
    current.logout()
    return "303 See Other", "/sign-in"


def sign_out_others(current, environ):
    session = current.require()
    sessions.revoke_all(session.user_id, keep=session.id, reason="signed out by its user")
    return "303 See Other", "/"


def sign_out_device(current, environ):
    session_id, user_id = environ["PATH_INFO"].split("/")[2], current.require().user_id
    if not sessions.revoke(session_id, user_id=user_id, reason="signed out by its user"):
        return "404 Not Found", "there is no such device"
    return "303 See Other", "/"


def email(current, environ):
    current.require(max_auth_age=300, acr="aal2")
    return "200 OK", "here you could change it: you proved yourself less than five minutes ago"


def form_of(environ) -> dict[str, str]:
    body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 10_000))
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


ROUTES = {
    ("GET", "/"): home,
    ("GET", "/sign-in"): ask,
    ("POST", "/sign-in"): sign_in,
    ("POST", "/sign-out"): sign_out,
    ("POST", "/sign-out-others"): sign_out_others,
    ("GET", "/email"): email,
}


def app(environ, start_response):
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    view = ROUTES.get((method, path))
    if method == "POST" and path.startswith("/devices/"):
        view = sign_out_device
    if view is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there is no such page"]
    status, text = view(environ["devsess"], environ)
    headers = [("Content-Type", "text/html; charset=utf-8")]
    if status.startswith("303"):
        headers, text = [*headers, ("Location", text)], ""
    start_response(status, headers)
    return [text.encode()]


application = SessionMiddleware(app, sessions, endpoints="/auth", login_url="/sign-in")

if __name__ == "__main__":
    make_server("127.0.0.1", 8000, application).serve_forever()
