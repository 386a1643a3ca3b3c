"""The manager of a project whose sessions are in its own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from devsess.django.transactions import watch_of
from devsess.manager import SessionManager

if TYPE_CHECKING:
    from devsess._runtime.drive import OperationFunction
    from devsess.django.own_store import OwnStore
    from devsess.models import Client, Session

P = ParamSpec("P")
T = TypeVar("T")


class JoiningManager(SessionManager):
    """
    A SessionManager whose calls join the transaction that their thread is in, if it is in one.

    Without a transaction each call is one of its own. Within one it is as `bound` has it.
    """

    def __init__(self, store: OwnStore, **options: Any) -> None:
        super().__init__(store, **options)
        self._own = store
        self._hit = self._remembered

    @property
    def is_within(self) -> bool:
        """Whether this thread is in a transaction of the project's, so that calls join it."""
        return self._own.is_open

    def _remembered(self, token: str, client: Client | None, now: float) -> Any:
        """Memory's answer; none within a transaction, which may have changed what it knows."""
        return None if self._own.is_within else self._core.cache.hit(token, client, now)

    def _here(self) -> Self:
        """This manager, within the transaction that is open."""
        if self._core.is_joined:
            return self
        wrapper = self._own.wrapper
        watch_of(wrapper).write_apart()  # of a transaction that was cut off, or is a test's
        if wrapper.in_atomic_block or (wrapper.connection and not wrapper.autocommit):
            return self.bound(wrapper)
        return self

    def _read(self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return SessionManager._read(self._here(), operation, *args, **kwargs)

    def _write(self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return SessionManager._write(self._here(), operation, *args, **kwargs)

    def _end(self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return SessionManager._end(self._here(), operation, *args, **kwargs)

    def _settle_rest(self, own: int | None = None) -> None:
        SessionManager._settle_rest(self._here(), own)

    def _validated(self, now: float, token: str, client: Client | None, **how: bool) -> Session:
        return SessionManager._validated(self._here(), now, token, client, **how)
