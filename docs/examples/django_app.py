"""
A Django app, in one file, whose users see on which devices they are signed in.

    pip install devsess[django]
    DEVSESS_SECRET=$(devsess keys new) python django_app.py runserver

Then open http://localhost:8000 and sign in as ada, password "lovelace".
"""

import hmac
import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect
from django.template import Context, Engine
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from devsess import SessionManager

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
SECOND_FACTOR = "123456"  # yours comes from an authenticator

PAGE = """<!doctype html><meta charset="utf-8"><title>My devices</title>
<h1>Signed in as {{ current.user_id }}</h1>
<table>{% for each in sessions %}
<tr><td>{{ each.device }}<td>{{ each.ip|default:"" }}<td>{{ each.last_seen_at|date:"d M H:i" }}
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
settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    SECRET_KEY=os.environ["DEVSESS_SECRET"],
    USE_TZ=True,
    # In place of CsrfViewMiddleware: this one looks where a request comes from.
    MIDDLEWARE=["devsess.adapters.django.SessionMiddleware"],
    DEVSESS={"manager": sessions, "endpoints": "/auth", "login_url": "/sign-in"},
)


def page(template: str, **context: object) -> HttpResponse:
    return HttpResponse(Engine().from_string(template).render(Context(context)))


@require_GET
def home(request):
    current = request.devsess.require()
    listed = sessions.list(current.user_id, current=current.id)
    return page(PAGE, current=current, sessions=listed)


def sign_in(request):
    current = request.devsess
    if request.method != "POST":
        return page(SIGN_IN, again=current.session)
    if current.session:
        if not hmac.compare_digest(request.POST.get("code", "").encode(), SECOND_FACTOR.encode()):
            return HttpResponse("that is not the code", status=403)
        current.step_up(amr=("otp",), acr="aal2")
    else:
        name, password = request.POST.get("name", ""), request.POST.get("password", "")
        if not hmac.compare_digest(password.encode(), USERS.get(name, "\0").encode()):
            return HttpResponse("wrong name or password", status=403)
        current.login(name, acr="aal1")
    return see(current.return_to(request.GET.get("return_to")))


@require_POST
def sign_out(request):
    request.devsess.logout()
    return see("/sign-in")


@require_POST
def sign_out_others(request):
    current = request.devsess.require()
    sessions.revoke_all(current.user_id, keep=current.id, reason="signed out by its user")
    return see("/")


@require_POST
def sign_out_device(request, session_id):
    user_id = request.devsess.require().user_id
    if not sessions.revoke(session_id, user_id=user_id, reason="signed out by its user"):
        return HttpResponse("there is no such device", status=404)
    return see("/")


@require_GET
def email(request):
    request.devsess.require(max_auth_age=300, acr="aal2")
    return HttpResponse("here you could change it: you proved yourself less than five minutes ago")


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
