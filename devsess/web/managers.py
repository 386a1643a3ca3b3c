"""A manager as pages see it: awaited, whichever it is."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, TypeAlias, cast

from devsess.async_manager import AsyncSessionManager
from devsess.errors import ConfigurationError
from devsess.manager import SessionManager

AnyManager: TypeAlias = SessionManager | AsyncSessionManager


class _Awaited:
    """A SessionManager whose methods are awaited; they never suspend."""

    def __init__(self, manager: SessionManager) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._manager, name)
        if not iscoroutinefunction(getattr(AsyncSessionManager, name, None)):
            return found

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return found(*args, **kwargs)

        return awaited


def is_blocking(manager: AnyManager) -> bool:
    """
    Whether *manager* blocks.

    Raises:
        ConfigurationError: If it is no manager.
    """
    validate = getattr(manager, "validate", None)
    if not callable(validate):
        kind = type(manager).__name__
        raise ConfigurationError(f"pages need a SessionManager or AsyncSessionManager, not {kind}")
    return not iscoroutinefunction(validate)


def awaited(manager: AnyManager) -> AsyncSessionManager:
    """*manager* with the methods of AsyncSessionManager: both have the same ones."""
    if is_blocking(manager):
        return cast("AsyncSessionManager", _Awaited(cast("SessionManager", manager)))
    return cast("AsyncSessionManager", manager)
