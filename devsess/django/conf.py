"""`settings.DEVSESS`: read once, and each mistake in it named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from attrs import field, frozen
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import resolve_url
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from devsess.errors import ConfigurationError
from devsess.manager import SessionManager
from devsess.policy import Policy
from devsess.stores.open import OwnLocation, postgres_options
from devsess.tokens.keys import Keys

DATA_ENGINE = "django.contrib.sessions.backends.db"
# Options of the app; all others are those of the middleware.
_OWN = (
    *("manager", "keys", "store", "database", "policy", "session_engine", "locator", "on_event"),
    *("exchange_until", "exchange_cookie"),
)
# Options of a database that are about Django's own connections alone.
_OF_DJANGO = ("pool", "isolation_level", "server_side_binding", "cursor_factory", "client_encoding")
_SALT = "devsess.django.keys"
# A store that is neither a path nor a URL: the alias of a database, or a mistake.
_WORD = re.compile(r"\w+")
# As psycopg numbers it.
_READ_COMMITTED = 2
_ABOUT = "see docs/django.md"


@frozen
class Options:
    """
    The project's settings.

    Attributes:
        manager: A manager of the project's own, or None: then one is made.
        keys, policy, locator, on_event: For the manager that is made.
        store: A path or URL, or None.
        own: An alias of DATABASES, whose own connection the store uses, or None.
        database: An alias of DATABASES, for a database of the store's own, or None.
        session_engine: Where Django's session keeps all but the sign-in.
        exchange_until: Until when credentials of other libraries are exchanged, or None.
        exchange_cookie: The cookie of the sessions of `django.contrib.sessions`.
        middleware: The options of the middleware.
    """

    manager: SessionManager | None
    keys: Keys | str | bytes | list[str | bytes] = field(repr=False)
    policy: Policy
    locator: Any
    on_event: Any
    store: str | None = field(repr=False)
    own: str | None
    database: str | None
    session_engine: str
    exchange_until: datetime | None
    exchange_cookie: str
    middleware: Mapping[str, Any]

    @property
    def tables(self) -> str | None:
        """The alias of the database that has the store's tables, if there is one."""
        return self.database if self.own is None else self.own

    def location(self) -> str:
        """The store's path or URL: of the alias as it is now, which in tests is another one."""
        if self.own is not None:
            return own_location(self.own)
        return self.store if self.store is not None else location_of(self.database or "")

    def made(self, location: str) -> SessionManager:
        """
        A manager over the store at *location*.

        Raises:
            ImproperlyConfigured: If the settings cannot work.
            StoreUnavailableError: If the store cannot be opened.
        """
        kind, store = _kind_of(location)
        try:
            return kind(
                store,
                keys=self.keys,
                policy=self.policy,
                locator=self.locator,
                on_event=self.on_event,
            )
        except ConfigurationError as error:
            raise ImproperlyConfigured(f"DEVSESS: {error}") from error


def read() -> Options:
    """
    The options in `settings.DEVSESS`.

    Raises:
        ImproperlyConfigured: If there are none, or they cannot work.
    """
    given = getattr(settings, "DEVSESS", None)
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"DEVSESS must be a dict in the settings; {_ABOUT}")
    named = [name for name in ("manager", "store", "database") if given.get(name) is not None]
    if len(named) != 1:
        there = " and ".join(named) or "none"
        raise ImproperlyConfigured(
            f'DEVSESS needs one of "database", "store" and "manager", and has {there}; {_ABOUT}'
        )
    policy, engine = _imported(given.get("policy")), given.get("session_engine")
    return Options(
        manager=_manager(given.get("manager")),
        keys=given["keys"] if given.get("keys") is not None else secret_keys(),
        policy=Policy() if policy is None else policy,
        locator=_imported(given.get("locator")),
        on_event=_imported(given.get("on_event")),
        store=_store(given.get("store")),
        own=_own(given.get("store")),
        database=_alias(given.get("database")),
        session_engine=DATA_ENGINE if engine is None else engine,
        exchange_until=_until(given.get("exchange_until")),
        exchange_cookie=given.get("exchange_cookie", "sessionid"),
        middleware={name: value for name, value in given.items() if name not in _OWN},
    )


def _imported(value: object) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise ImproperlyConfigured(f"DEVSESS: {error}") from error


def _until(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise ImproperlyConfigured('DEVSESS: write exchange_until as a date, "2027-01-31"')
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _manager(value: object) -> SessionManager | None:
    found = _imported(value)
    if found is not None and not callable(getattr(found, "validate", None)):
        raise ImproperlyConfigured(
            f"DEVSESS: manager must be a SessionManager or its dotted path, not {value!r}"
        )
    checked: SessionManager | None = found
    return checked


def _store(value: object) -> str | None:
    if value is None or _own(value) is not None:
        return None
    if isinstance(value, str) and _WORD.fullmatch(value):
        raise ImproperlyConfigured(
            f"DEVSESS: store {value!r} is no alias of DATABASES; a path has a dot or a slash in it"
        )
    return str(value)


def _own(value: object) -> str | None:
    return value if isinstance(value, str) and value in settings.DATABASES else None


def table(name: str) -> str:
    """The name of a table of the store: in the project's own database it has a prefix."""
    given = getattr(settings, "DEVSESS", None)
    store = given.get("store") if isinstance(given, Mapping) else None
    return name if _own(store) is None else f"devsess_{name}"


def _alias(value: object) -> str | None:
    if value is None:
        return None
    if value not in settings.DATABASES:
        raise ImproperlyConfigured(f"DEVSESS: database {value!r} is no alias of DATABASES")
    return str(value)


def secret_keys() -> list[str | bytes]:
    """Keys of SECRET_KEY, and of SECRET_KEY_FALLBACKS, which verify what they signed before."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [salted_hmac(_SALT, "", secret, algorithm="sha256").hexdigest() for secret in secrets]


def own_location(alias: str) -> OwnLocation:
    """
    The location of the store over Django's own connection to *alias*, as that is now.

    Raises:
        ImproperlyConfigured: If devsess cannot be in that database, or join its transactions.
    """
    from django.db import connections

    connection = connections[alias]
    found = connection.settings_dict
    wrong = _obstacle(connection.vendor, found)
    if wrong is not None:
        raise ImproperlyConfigured(f"DEVSESS: store {alias!r}: {wrong}; {_ABOUT}")
    try:
        from devsess.django.own_store import OwnStore
    except ImportError as error:
        raise ImproperlyConfigured(
            f"DEVSESS: store {alias!r} needs SQLAlchemy: pip install 'devsess[sqlalchemy]'"
        ) from error
    return OwnLocation(f"django://{alias}/{found['NAME']}", lambda: OwnStore(alias))


def _obstacle(vendor: str, found: Mapping[str, Any]) -> str | None:
    """The reason against the store in a database of these settings, and what to write; or None."""
    if vendor not in ("sqlite", "postgresql"):
        return f'it must be SQLite or PostgreSQL, not {vendor}: name another with "database"'
    if not found["AUTOCOMMIT"]:
        return "remove its AUTOCOMMIT: devsess joins the transactions of atomic()"
    if vendor == "sqlite":
        return None
    level = found["OPTIONS"].get("isolation_level")
    if level not in (None, _READ_COMMITTED):
        return "remove isolation_level of its OPTIONS: devsess needs READ COMMITTED"
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return None if is_psycopg3 else "it needs psycopg 3: pip install 'psycopg[binary]>=3.2'"


def _kind_of(location: str) -> tuple[type[SessionManager], Any]:
    """The class of a manager over *location*, and what that takes."""
    if not isinstance(location, OwnLocation):
        return SessionManager, location
    from devsess.django.joining import JoiningManager  # late: it needs SQLAlchemy

    return JoiningManager, location.opened()


def location_of(alias: str) -> str:
    """
    The location of the store in the database *alias*, as the connection has it now.

    A database in memory, as of a test, has a store in this process's memory.

    Raises:
        ImproperlyConfigured: If devsess has no store for its engine.
    """
    from django.db import connections

    connection = connections[alias]
    found = connection.settings_dict
    name = str(found["NAME"])
    if connection.vendor == "sqlite":
        return "memory://" if name == ":memory:" or "mode=memory" in name else name
    if connection.vendor == "postgresql":
        return postgres_url(found)
    raise ImproperlyConfigured(
        f"DEVSESS: database {alias!r} must be SQLite or PostgreSQL, not {connection.vendor};"
        ' name another store with "store"'
    )


def postgres_url(found: Mapping[str, Any]) -> str:
    """
    The store's URL for a PostgreSQL database of Django's settings.

    Raises:
        ImproperlyConfigured: If an option of it is neither libpq's nor about Django alone.
    """
    user, password = quote(found["USER"], safe=""), quote(found["PASSWORD"], safe="")
    who = f"{user}{':' if password else ''}{password}{'@' if user else ''}"
    name = "postgres" if found["NAME"] is None else str(found["NAME"])  # as Django does
    query = {
        name: found[part] for name, part in (("host", "HOST"), ("port", "PORT")) if found[part]
    }
    query |= _for_libpq(found["OPTIONS"])
    return f"postgresql://{who}/{quote(name, safe='')}" + (
        f"?{urlencode(query, quote_via=quote)}" if query else ""
    )


def _for_libpq(options: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name, value in options.items() if name not in _OF_DJANGO}
    try:
        refused = sorted(wanted.keys() - postgres_options())
    except ConfigurationError as error:
        raise ImproperlyConfigured(f"DEVSESS: {error}") from error
    if refused:
        raise ImproperlyConfigured(
            f"DEVSESS: the store's connections cannot have {' and '.join(refused)} of the"
            f' database\'s OPTIONS: name an alias without, or the store by "store"; {_ABOUT}'
        )
    return wanted


def login_path(given: object) -> str | None:
    """
    The path of the sign-in page: a URL's name, a path, or by default `LOGIN_URL`.

    Raises:
        ImproperlyConfigured: If nothing has that name.
    """
    from django.urls import NoReverseMatch

    wanted = settings.LOGIN_URL if given is None else given
    try:
        return str(resolve_url(wanted))
    except NoReverseMatch as error:
        raise ImproperlyConfigured(f"DEVSESS: login_url: {error}") from error
