"""Open the store that a path or URL names: one line a backend."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore, Store


class OwnLocation(str):
    """
    The location of a store that the program opens itself.

    Args:
        text: Names it; no password is in it.
        opened: Opens it, for a manager that blocks.
    """

    def __new__(cls, text: str, opened: Callable[[], Store | AsyncStore]) -> OwnLocation:
        made = super().__new__(cls, text)
        made.opened = opened
        return made

    opened: Callable[[], Store | AsyncStore]


def store_at(
    store: Store | AsyncStore | str | os.PathLike[str], *, is_awaited: bool
) -> Store | AsyncStore:
    """
    *store* itself, or the one at that location.

    Args:
        store: A store, a path, or a URL.
        is_awaited: Whether the manager that asks awaits its store.

    Raises:
        ConfigurationError: If it is no store, no such URL is known, or it says that it is made for
            the other manager.
        StoreUnavailableError: If it cannot be opened.
    """
    if isinstance(store, (str, os.PathLike)):
        return open_store(store, is_awaited=is_awaited)
    if not callable(getattr(store, "changes", None)):
        raise ConfigurationError(
            f"store must be a path, a URL or a Store, not {type(store).__name__}"
        )
    # A store that blocks in its coroutines would stop an event loop at each call.
    if getattr(store, "is_awaited", is_awaited) is not is_awaited:
        manager = "SessionManager" if is_awaited else "AsyncSessionManager"
        raise ConfigurationError(f"this store is made for {manager}")
    return store


def is_async(store: Store | AsyncStore) -> bool:
    """Whether the calls of *store* are awaited."""
    return inspect.iscoroutinefunction(store.get)


def open_store(location: str | os.PathLike[str], *, is_awaited: bool = False) -> Store | AsyncStore:
    """
    The store at *location*: a path, or a URL of one of the schemes below.

    Raises:
        ConfigurationError: If no such URL is known; it may hold a password and is not quoted.
        StoreUnavailableError: If the store cannot be opened.
    """
    if isinstance(location, OwnLocation):
        return location.opened()
    text = os.fspath(location)
    scheme, separator, _ = text.partition("://")
    if not separator:
        return _sqlite(text)
    opener = _OPENERS.get(scheme.lower())
    if opener is None:
        known = ", ".join(f"{name}://" for name in _OPENERS)
        raise ConfigurationError(f"no store is known for {scheme}:// URLs: use a path, or {known}")
    return opener(text, is_awaited)


def file_of(location: str) -> str | None:
    """
    The path of the file that the store at *location* is kept in; None if it is in none.

    Raises:
        ConfigurationError: If it is a URL of a file, and names none.
    """
    scheme, separator, rest = location.partition("://")
    if not separator:
        return location
    return _path(rest) if scheme.lower() == "sqlite" else None


def _memory(url: str, is_awaited: bool) -> Store:  # noqa: ARG001 - it serves both managers
    from devsess.stores.memory import MemoryStore

    if url.partition("://")[2]:
        raise ConfigurationError("memory:// takes nothing behind it: it is this process's own")
    return MemoryStore()


def _sqlite(path: str) -> Store:
    from devsess.stores.sqlite import SQLiteStore

    return SQLiteStore(path)


def _sqlite_url(url: str, is_awaited: bool) -> Store:  # noqa: ARG001 - it serves both managers
    return _sqlite(_path(url.partition("://")[2]))


def _redis(url: str, is_awaited: bool) -> AsyncStore:
    try:
        from devsess.stores.redis import RedisStore
    except ImportError as error:
        raise _missing("redis-py", "redis") from error
    return RedisStore(url, is_awaited=is_awaited)


def _postgres(url: str, is_awaited: bool) -> AsyncStore:
    try:
        from devsess.stores.postgres import PostgresStore
    except ImportError as error:
        raise _missing("psycopg and its pool", "postgres") from error
    return PostgresStore(url, is_awaited=is_awaited)


def postgres_options() -> frozenset[str]:
    """
    The options that a `postgresql://` URL takes beside the store's own: libpq's.

    Raises:
        ConfigurationError: If the driver is not installed.
    """
    try:
        from devsess.stores.postgres.settings import libpq_options
    except ImportError as error:
        raise _missing("psycopg and its pool", "postgres") from error
    return libpq_options()


def _mongodb(url: str, is_awaited: bool) -> AsyncStore:
    try:
        from devsess.stores.mongodb import MongoStore
    except ImportError as error:
        raise _missing("PyMongo", "mongodb") from error
    return MongoStore(url, is_awaited=is_awaited)


def _missing(driver: str, extra: str) -> ConfigurationError:
    return ConfigurationError(f"this store needs {driver}: pip install 'devsess[{extra}]'")


def _path(rest: str) -> str:
    # sqlite:///file.db is relative, sqlite:////tmp/file.db absolute, as elsewhere.
    if not rest.startswith("/") or "?" in rest or len(rest) == 1:
        raise ConfigurationError("write sqlite:///file.db, or sqlite:////folder/file.db")
    return unquote(rest[1:])


# For each scheme a function of the whole URL, and of whether the manager awaits its store.
_OPENERS: dict[str, Callable[[str, bool], Store | AsyncStore]] = {
    "sqlite": _sqlite_url,
    "memory": _memory,
    "redis": _redis,
    "rediss": _redis,
    "valkey": _redis,
    "valkeys": _redis,
    "redis+cluster": _redis,
    "redis+sentinel": _redis,
    "postgresql": _postgres,
    "postgres": _postgres,
    "mongodb": _mongodb,
    "mongodb+srv": _mongodb,
}
