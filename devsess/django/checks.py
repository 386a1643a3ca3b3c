"""System checks: what is missing in the settings, and what to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from devsess.adapters._cookies import Cookies
from devsess.django.project import project

MIDDLEWARE = "devsess.django.middleware.SessionMiddleware"
ENGINE = "devsess.django.sessions"
ROUTER = "devsess.django.router.Router"
_DJANGO = "django.contrib.sessions.middleware.SessionMiddleware"
_AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"


def check_settings(app_configs: Any = None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    """All that keeps the app from working, each with what to write."""
    try:
        options = project().options
        if options.manager is None:
            options.location()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="devsess.E001")]
    return [
        *_middleware(),
        *_session(dict(options.middleware)),
        *_engine(options.session_engine),
        *_data(str(options.session_engine)),
        *_router(options.database),
    ]


def _middleware() -> Iterator[CheckMessage]:
    classes = [_class(path) for path in settings.MIDDLEWARE]
    ours = [
        n for n, it in enumerate(classes) if it is not None and issubclass(it, _class(MIDDLEWARE))
    ]
    if not ours:
        hint = f'write "{MIDDLEWARE}" in the place of "{_DJANGO}"'
        yield Error("MIDDLEWARE lacks that of devsess", hint=hint, id="devsess.E002")
    if _DJANGO in settings.MIDDLEWARE:
        yield Error(
            "Django's SessionMiddleware would hide the session of devsess",
            hint=f'remove "{_DJANGO}" from MIDDLEWARE',
            id="devsess.E003",
        )
    if ours and _AUTH in settings.MIDDLEWARE and settings.MIDDLEWARE.index(_AUTH) < ours[0]:
        yield Error(
            "AuthenticationMiddleware needs the session of devsess",
            hint=f'write "{MIDDLEWARE}" before "{_AUTH}"',
            id="devsess.E004",
        )


def _session(options: dict[str, Any]) -> Iterator[CheckMessage]:
    if settings.SESSION_ENGINE != ENGINE:
        hint = f'write SESSION_ENGINE = "{ENGINE}"; DEVSESS["session_engine"] takes the one before'
        yield Error("SESSION_ENGINE is not that of devsess", hint=hint, id="devsess.E005")
    given = options.get("cookies", Cookies())
    if isinstance(given, Cookies):
        name = given.names(secure=not options.get("insecure_cookies")).access
        if name != settings.SESSION_COOKIE_NAME:
            yield Error(
                "SESSION_COOKIE_NAME is not the cookie that signs in: test clients would not",
                hint=f'write SESSION_COOKIE_NAME = "{name}"',
                id="devsess.E006",
            )


def _engine(engine: str) -> Iterator[CheckMessage]:
    # Late: it imports Django's auth, which the module of an app may not.
    from devsess.django.sessions import engine_named

    try:
        engine_named(engine)
    except ImproperlyConfigured as error:
        hint = 'name one of Django\'s, such as "django.contrib.sessions.backends.cached_db"'
        yield Error(str(error), hint=hint, id="devsess.E009")


def _data(engine: str) -> Iterator[CheckMessage]:
    needs_app = engine.rpartition(".")[2] in ("db", "cached_db")
    if needs_app and "django.contrib.sessions" not in settings.INSTALLED_APPS:
        hint = 'add "django.contrib.sessions" to INSTALLED_APPS, or name another "session_engine"'
        yield Error(f"{engine} has no table", hint=hint, id="devsess.E007")
    if "django.contrib.auth" not in settings.INSTALLED_APPS:
        yield CheckWarning(
            "nobody can be signed in without a model of users",
            hint='add "django.contrib.auth" and "django.contrib.contenttypes" to INSTALLED_APPS',
            id="devsess.W001",
        )


def _router(alias: str | None) -> Iterator[CheckMessage]:
    if alias not in (None, "default") and ROUTER not in settings.DATABASE_ROUTERS:
        yield Error(
            f"the test runner would put the tables of all apps into the database {alias!r}",
            hint=f'add "{ROUTER}" to DATABASE_ROUTERS',
            id="devsess.E008",
        )


def _class(path: str) -> Any:
    try:
        found = import_string(path)
    except ImportError:
        return None  # Django says so itself
    return found if isinstance(found, type) else None
