"""
A Flask app whose users see on which devices they are signed in.

In the folder of this file:

    python -m pip install "../..[flask]"
    export DEVSESS_SECRET=$(devsess keys new)
    flask --app flask_app run

Then open http://localhost:5000 and sign in as ada, password "lovelace".
"""

import hmac
import os

from flask import Flask, redirect, render_template_string, request
from flask.typing import ResponseReturnValue

from devsess import SessionManager
from devsess.adapters.flask import current_session, init_app, require

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
CODE = "123456"  # yours comes from an authenticator, and allows few guesses
EMAILS: dict[str, str] = {}

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{{ title }}</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd }
label, input { display: block; margin-bottom: .6rem } input { padding: .3rem; width: 16rem }
form { margin: 0 } button { padding: .3rem .8rem } .error { color: #a00 }</style>
<h1>{{ title }}</h1>{% if error %}<p class="error">{{ error }}</p>{% endif %}"""
DEVICES = """<p>Signed in as <b>{{ user }}</b>.
<table><tr><th>Device<th>Address<th>Last active (UTC)<th>
{% for each in sessions %}<tr><td>{{ each.device }}<td>{{ each.ip or "" }}
<td>{{ each.last_seen_at.strftime("%d %b %H:%M") }}<td>
{% if each.is_current %}this device{% else %}
<form method="post" action="/devices/{{ each.id }}/sign-out"><button>Sign out</button></form>
{% endif %}{% endfor %}</table>
{% if sessions | length > 1 %}<form method="post" action="/sign-out-others">
<button>Sign out all other devices</button></form>{% endif %}
<p><a href="/email">Change my e-mail address</a>
<form method="post" action="/sign-out"><button>Sign out</button></form>"""
SIGN_IN = """<form method="post">
<label>Name <input name="name" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Sign in</button></form>"""
CONFIRM = """<p>You are signed in as <b>{{ user }}</b>. This needs the code from your authenticator.
<form method="post">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" autofocus></label>
<button>Confirm</button></form><p><a href="/">Back to my devices</a>
<form method="post" action="/sign-out"><button>Not {{ user }}? Sign out</button></form>"""
EMAIL = """<p>Now: {{ email or "none" }}
<form method="post"><label>New address <input name="email" type="email" autofocus></label>
<button>Save</button></form><p><a href="/">Back to my devices</a>"""

sessions = SessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)
app = Flask(__name__)
init_app(app, sessions, endpoints="/auth", login_url="/sign-in")


def page(title: str, body: str, **values: object) -> str:
    return render_template_string(HEAD + body, title=title, **values)


def is_right(given: str, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(given.encode(), expected.encode())


@app.get("/")
def home() -> str:
    current = current_session.require()
    listed = sessions.list(current.user_id, current=current.id)
    return page("My devices", DEVICES, user=current.user_id, sessions=listed)


@app.get("/sign-in")
def ask() -> str:
    """The form to sign in; for a person signed in, the one for the second factor."""
    if current_session.session:
        return page("Confirm that it is you", CONFIRM, user=current_session.session.user_id)
    return page("Sign in", SIGN_IN)


@app.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    form = request.form
    if current_session.session:
        if not is_right(form.get("code", ""), CODE):
            user = current_session.session.user_id
            return page("Confirm that it is you", CONFIRM, user=user, error="Wrong code."), 403
        current_session.step_up(amr=("otp",), acr="aal2")
    else:
        name = form.get("name", "")
        if not is_right(form.get("password", ""), USERS.get(name)):
            return page("Sign in", SIGN_IN, error="Wrong name or password."), 403
        current_session.login(name, acr="aal1")
    return redirect(current_session.return_to(request.args.get("return_to")), 303)


@app.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    current_session.logout()
    return redirect("/sign-in", 303)


@app.post("/sign-out-others")
def sign_out_others() -> ResponseReturnValue:
    current = current_session.require()
    sessions.revoke_all(current.user_id, keep=current.id, reason="signed out by its user")
    return redirect("/", 303)


@app.post("/devices/<session_id>/sign-out")
def sign_out_device(session_id: str) -> ResponseReturnValue:
    user_id = current_session.require().user_id
    if not sessions.revoke(session_id, user_id=user_id, reason="signed out by its user"):
        return page("There is no such device", '<p><a href="/">Back to my devices</a>'), 404
    return redirect("/", 303)


@app.get("/email")
@require(max_auth_age=300, acr="aal2")
def email() -> str:
    return page("My e-mail address", EMAIL, email=EMAILS.get(current_session.require().user_id))


@app.post("/email")
@require(max_auth_age=300, acr="aal2")
def change_email() -> ResponseReturnValue:
    EMAILS[current_session.require().user_id] = request.form.get("email", "")
    return redirect("/email", 303)
