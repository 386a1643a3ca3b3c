"""Which store a path or URL means: one line a backend."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore, Store


def blocking_store(store: Store | str | os.PathLike[str]) -> Store:
    """
    *store* itself, or the one at that location.

    Raises:
        ConfigurationError: If it is no store, or one that must be awaited.
        StoreUnavailableError: If it cannot be opened.
    """
    found = any_store(store)
    if is_async(found):
        raise ConfigurationError("this store must be awaited: use AsyncSessionManager")
    return cast("Store", found)


def any_store(store: Store | AsyncStore | str | os.PathLike[str]) -> Store | AsyncStore:
    """
    *store* itself, or the one at that location.

    Raises:
        ConfigurationError: If it is no store.
        StoreUnavailableError: If it cannot be opened.
    """
    if isinstance(store, (str, os.PathLike)):
        return open_store(store)
    if not callable(getattr(store, "changes", None)):
        raise ConfigurationError(
            f"store must be a path, a URL or a Store, not {type(store).__name__}"
        )
    return store


def is_async(store: Store | AsyncStore) -> bool:
    """Whether *store* must be awaited."""
    return inspect.iscoroutinefunction(store.get)


def open_store(location: str | os.PathLike[str]) -> Store:
    """
    The store at *location*: a path, `sqlite:///file.db`, or `memory://`.

    Raises:
        ConfigurationError: If no such URL is known; it may hold a password and is not quoted.
        StoreUnavailableError: If the store cannot be opened.
    """
    text = os.fspath(location)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _sqlite(text)
    opener = _OPENERS.get(scheme.lower())
    if opener is None:
        known = ", ".join(f"{name}://" for name in _OPENERS)
        raise ConfigurationError(f"no store is known for {scheme}:// URLs: use a path, or {known}")
    return opener(rest)


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


def _memory(rest: str) -> Store:
    from devsess.stores.memory import MemoryStore

    if rest:
        raise ConfigurationError("memory:// takes nothing behind it: it is this process's own")
    return MemoryStore()


def _sqlite(path: str) -> Store:
    from devsess.stores.sqlite import SQLiteStore

    return SQLiteStore(path)


def _sqlite_url(rest: str) -> Store:
    return _sqlite(_path(rest))


def _path(rest: str) -> str:
    # sqlite:///file.db is relative, sqlite:////tmp/file.db absolute, as elsewhere.
    if not rest.startswith("/") or "?" in rest or len(rest) == 1:
        raise ConfigurationError("write sqlite:///file.db, or sqlite:////folder/file.db")
    return unquote(rest[1:])


_OPENERS: dict[str, Callable[[str], Store]] = {"sqlite": _sqlite_url, "memory": _memory}
