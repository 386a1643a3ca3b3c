"""
A Django app, in one file, whose users see on which devices they are signed in.

In the folder of this file:

    python -m pip install "../..[django]"
    export DEVSESS_SECRET=$(devsess keys new)
    python django_app.py runserver

Then open http://localhost:8000 and sign in as ada, password "lovelace".
"""

import hmac
import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import Context, Engine
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from devsess import SessionManager

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
{% for each in sessions %}<tr><td>{{ each.device }}<td>{{ each.ip|default:"" }}
<td>{{ each.last_seen_at|date:"d M H:i" }}<td>
{% if each.is_current %}this device{% else %}
<form method="post" action="/devices/{{ each.id }}/sign-out"><button>Sign out</button></form>
{% endif %}{% endfor %}</table>
{% if sessions|length > 1 %}<form method="post" action="/sign-out-others">
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
EMAIL = """<p>Now: {{ email|default:"none" }}
<form method="post"><label>New address <input name="email" type="email" autofocus></label>
<button>Save</button></form><p><a href="/">Back to my devices</a>"""

sessions = SessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)
settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    SECRET_KEY=os.environ["DEVSESS_SECRET"],
    TIME_ZONE="UTC",
    USE_TZ=True,
    # In place of CsrfViewMiddleware: this one looks where a request comes from.
    MIDDLEWARE=["devsess.adapters.django.SessionMiddleware"],
    DEVSESS={"manager": sessions, "endpoints": "/auth", "login_url": "/sign-in"},
)


def page(title: str, body: str, status: int = 200, **values: object) -> HttpResponse:
    template = Engine().from_string(HEAD + body)
    return HttpResponse(template.render(Context({"title": title, **values})), status=status)


def is_right(given: str, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(given.encode(), expected.encode())


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    current = request.devsess.require()
    listed = sessions.list(current.user_id, current=current.id)
    return page("My devices", DEVICES, user=current.user_id, sessions=listed)


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Asks to sign in, or a person signed in for the second factor."""
    return confirm(request) if request.devsess.session else let_in(request)


def confirm(request: HttpRequest) -> HttpResponse:
    user, error = request.devsess.session.user_id, None
    if request.method == "POST":
        if is_right(request.POST.get("code", ""), CODE):
            request.devsess.step_up(amr=("otp",), acr="aal2")
            return see(request.devsess.return_to(request.GET.get("return_to")))
        error = "Wrong code."
    status = 403 if error else 200
    return page("Confirm that it is you", CONFIRM, status, user=user, error=error)


def let_in(request: HttpRequest) -> HttpResponse:
    error = None
    if request.method == "POST":
        name = request.POST.get("name", "")
        if is_right(request.POST.get("password", ""), USERS.get(name)):
            request.devsess.login(name, acr="aal1")
            return see(request.devsess.return_to(request.GET.get("return_to")))
        error = "Wrong name or password."
    return page("Sign in", SIGN_IN, 403 if error else 200, error=error)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    request.devsess.logout()
    return see("/sign-in")


@require_POST
def sign_out_others(request: HttpRequest) -> HttpResponse:
    current = request.devsess.require()
    sessions.revoke_all(current.user_id, keep=current.id, reason="signed out by its user")
    return see("/")


@require_POST
def sign_out_device(request: HttpRequest, session_id: str) -> HttpResponse:
    user_id = request.devsess.require().user_id
    if not sessions.revoke(session_id, user_id=user_id, reason="signed out by its user"):
        return page("There is no such device", '<p><a href="/">Back to my devices</a>', 404)
    return see("/")


@require_http_methods(["GET", "POST"])
def email(request: HttpRequest) -> HttpResponse:
    user_id = request.devsess.require(max_auth_age=300, acr="aal2").user_id
    if request.method == "POST":
        EMAILS[user_id] = request.POST.get("email", "")
        return see("/email")
    return page("My e-mail address", EMAIL, email=EMAILS.get(user_id))


def see(where: str) -> HttpResponse:
    response = HttpResponseRedirect(where)
    response.status_code = 303
    return response


urlpatterns = [
    path("", home),
    path("sign-in", sign_in),
    path("sign-out", sign_out),
    path("sign-out-others", sign_out_others),
    path("devices/<session_id>/sign-out", sign_out_device),
    path("email", email),
]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
