"""Flask and Django apps that answer the user's id, each with another way to know it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _workload as workload
from benchmarks.middleware import cookies_of
from benchmarks.served import made
from benchmarks.served.made import Made
from devsess import Grant


def flask(_: Path) -> Made:
    """Looks at nothing."""
    from flask import Flask

    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "nobody")
    return made.bare(app)


def flask_devsess(folder: Path) -> Made:
    """Cookies, the CSRF check, and the client's address, as browsers meet them."""
    from flask import Flask

    from devsess.adapters.flask import current_session, init_app

    app = Flask("devsess")
    grants = _signed_in(folder)
    init_app(app, workload.opened(folder / "devsess.db"))
    app.add_url_rule("/", view_func=lambda: current_session.require().user_id)
    return made.cookies(app, [cookies_of(it) for it in grants])


def flask_cookie(_: Path) -> Made:
    """Flask's own: the cookie is the session, and is signed."""
    from flask import Flask, session

    app = Flask("cookie")
    app.secret_key = workload.SECRET
    app.add_url_rule("/", view_func=lambda: str(session["user_id"]))
    serializer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookies = [f"session={serializer.dumps({'user_id': it})}" for it in made.USERS]
    return made.cookies(app, cookies)


def flask_jwt_extended(folder: Path) -> Made:
    """A blocklist in SQLite, as its docs have it."""
    import sqlite3

    from flask_jwt_extended import create_access_token, get_jwt_identity, jwt_required

    from benchmarks._peer_flask import make_app

    db = sqlite3.connect(folder / "blocklist.db", check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("CREATE TABLE blocklist (id INTEGER PRIMARY KEY, jti TEXT, created_at TEXT)")
    db.execute("CREATE INDEX blocklist_jti ON blocklist (jti)")

    def is_revoked(jti: str) -> bool:
        return db.execute("SELECT id FROM blocklist WHERE jti = ?", (jti,)).fetchone() is not None

    app = make_app(is_revoked)
    app.add_url_rule("/", view_func=jwt_required()(lambda: str(get_jwt_identity())))
    with app.app_context():
        tokens = [create_access_token(identity=it) for it in made.USERS]
    return made.bearers(app, tokens)


def django(folder: Path) -> Made:
    """Looks at nothing."""
    return made.bare(_django(folder, [], lambda _: "nobody"))


def django_devsess(folder: Path) -> Made:
    """Cookies, the CSRF check, and the client's address, as browsers meet them."""
    grants = _signed_in(folder)
    manager = workload.opened(folder / "devsess.db")
    app = _django(
        folder,
        ["devsess.adapters.django.SessionMiddleware"],
        lambda request: request.devsess.require().user_id,
        DEVSESS={"manager": manager},
    )
    return made.cookies(app, [cookies_of(it) for it in grants])


def django_sessions(folder: Path) -> Made:
    """Django's own, in the database."""
    app = _django(
        folder,
        ["django.contrib.sessions.middleware.SessionMiddleware"],
        lambda request: request.session["user_id"],
    )
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    keys = []
    for user in made.USERS:
        session = SessionStore()
        session["user_id"] = user
        session.create()
        keys.append(session.session_key)
    return made.cookies(app, [f"sessionid={key}" for key in keys])


def _django(
    folder: Path, middleware: Sequence[str], who: Callable[[Any], str], **settings: Any
) -> Any:
    import django as package
    from django.conf import settings as configured
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db"}
    database["OPTIONS"] = {"init_command": "PRAGMA journal_mode = WAL"}
    urls = (path("", lambda request: HttpResponse(who(request))),)
    configured.configure(
        ROOT_URLCONF=urls,
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY=workload.SECRET,
        MIDDLEWARE=middleware,
        INSTALLED_APPS=["django.contrib.sessions"],
        DATABASES={"default": database},
        CONN_MAX_AGE=None,
        **settings,
    )
    package.setup()
    return get_wsgi_application()


def _signed_in(folder: Path) -> list[Grant]:
    with workload.opened(folder / "devsess.db") as sessions:
        return workload.signed_in(sessions, made.COUNT)


APPS: dict[str, Callable[[Path], Made]] = {
    "Flask": flask,
    "Flask, devsess": flask_devsess,
    "Flask, its own session cookie": flask_cookie,
    "Flask, flask-jwt-extended with a blocklist": flask_jwt_extended,
    "Django": django,
    "Django, devsess": django_devsess,
    "Django, its own sessions in the database": django_sessions,
}
