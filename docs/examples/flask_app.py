"""
A Flask app whose users see on which devices they are signed in.

    pip install devsess[flask]
    DEVSESS_SECRET=$(devsess keys new) flask --app flask_app run

Then open http://localhost:5000 and sign in as ada, password "lovelace".
"""

import hmac
import os

from flask import Flask, redirect, render_template_string, request

from devsess import SessionManager
from devsess.adapters.flask import current_session, init_app, require

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
SECOND_FACTOR = "123456"  # yours comes from an authenticator

PAGE = """<!doctype html><meta charset="utf-8"><title>My devices</title>
<h1>Signed in as {{ current.user_id }}</h1>
<table>{% for each in sessions %}
<tr><td>{{ each.device }}<td>{{ each.ip or "" }}<td>{{ each.last_seen_at.strftime("%d %b %H:%M") }}
<td>{% if each.is_current %}this device{% else %}
<form method="post" action="/devices/{{ each.id }}/sign-out"><button>Sign out</button></form>
{% endif %}{% endfor %}
</table>
<form method="post" action="/sign-out-others"><button>Sign out other devices</button></form>
<form method="post" action="/sign-out"><button>Sign out</button></form>
<p><a href="/email">Change the e-mail address</a>"""

SIGN_IN = """<!doctype html><meta charset="utf-8"><title>Sign in</title>
<form method="post">{% if again %}
<label>Code <input name="code" inputmode="numeric" autofocus></label>
{% else %}
<label>Name <input name="name" autofocus></label>
<label>Password <input name="password" type="password"></label>
{% endif %}<button>Sign in</button></form>"""

sessions = SessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)
app = Flask(__name__)
init_app(app, sessions, endpoints="/auth", login_url="/sign-in")


@app.get("/")
@require
def home() -> str:
    current = current_session.session
    listed = sessions.list(current.user_id, current=current.id)
    return render_template_string(PAGE, current=current, sessions=listed)


@app.get("/sign-in")
def ask() -> str:
    return render_template_string(SIGN_IN, again=current_session.session)


@app.post("/sign-in")
def sign_in():
    if current_session.session:
        if not hmac.compare_digest(request.form.get("code", "").encode(), SECOND_FACTOR.encode()):
            return "that is not the code", 403
        current_session.step_up(amr=("otp",), acr="aal2")
    else:
        name, password = request.form.get("name", ""), request.form.get("password", "")
        if not hmac.compare_digest(password.encode(), USERS.get(name, "\0").encode()):
            return "wrong name or password", 403
        current_session.login(name, acr="aal1")
    return redirect(current_session.return_to(request.args.get("return_to")), 303)


@app.post("/sign-out")
def sign_out():
    current_session.logout()
    return redirect("/sign-in", 303)


@app.post("/sign-out-others")
@require
def sign_out_others():
    current = current_session.session
    sessions.revoke_all(current.user_id, keep=current.id, reason="signed out by its user")
    return redirect("/", 303)


@app.post("/devices/<session_id>/sign-out")
@require
def sign_out_device(session_id: str):
    user_id = current_session.session.user_id
    if not sessions.revoke(session_id, user_id=user_id, reason="signed out by its user"):
        return "there is no such device", 404
    return redirect("/", 303)


@app.get("/email")
@require(max_auth_age=300, acr="aal2")
def email() -> str:
    return "here you could change it: you proved yourself less than five minutes ago, twice"
