"""`request.devsess`: what `Current` has, and its methods for views that are `async`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

from devsess._runtime.drive import drive
from devsess.adapters._current import Current
from devsess.adapters._guard import LOOK_INTERVAL, AsyncGuard
from devsess.errors import DevsessError
from devsess.models import Grant, Session
from devsess.policy import Span

P = ParamSpec("P")
T = TypeVar("T")


class DjangoCurrent(Current):
    """
    The session of a Django request.

    `session`, `client` and `require` wait for nothing, and are called alike in every view.
    The methods that may wait for the store have one with an `a` before it, as Django's own.

    Attributes:
        challenge: Why a permission refused the request; it replaces the 403 of that.
        clears_old: Whether the answer clears the cookie of an old session.
    """

    challenge: DevsessError | None = None
    clears_old = False

    def alogin(
        self,
        user_id: str,
        *,
        amr: Sequence[str] = ("pwd",),
        acr: str | None = None,
        auth_time: datetime | float | None = None,
        persistent: bool = False,
        claims: Mapping[str, object] | None = None,
        lifetime: Span | None = None,
        cookies: bool = True,
    ) -> Awaitable[Grant]:
        """See Current.login."""
        return _in_thread(self.login)(
            user_id,
            amr=amr,
            acr=acr,
            auth_time=auth_time,
            persistent=persistent,
            claims=claims,
            lifetime=lifetime,
            cookies=cookies,
        )

    def acollect(self, pending_token: str, *, cookies: bool = True) -> Awaitable[Grant]:
        """See Current.collect."""
        return _in_thread(self.collect)(pending_token, cookies=cookies)

    def alogout(self, *, forget_device: bool = False) -> Awaitable[None]:
        """See Current.logout."""
        return _in_thread(self.logout)(forget_device=forget_device)

    def astep_up(self, *, amr: Sequence[str], acr: str | None = None) -> Awaitable[Grant]:
        """See Current.step_up."""
        return _in_thread(self.step_up)(amr=amr, acr=acr)

    def aextend(self, by: Span) -> Awaitable[Session]:
        """See Current.extend."""
        return _in_thread(self.extend)(by)

    def arequire_seniority(
        self, *, ends: str | None = None, ends_others: bool = False
    ) -> Awaitable[Session]:
        """See Current.require_seniority."""
        return _in_thread(self.require_seniority)(ends=ends, ends_others=ends_others)

    def aguard(self, *, every: float = LOOK_INTERVAL) -> AsyncGuard:
        """See Current.guard; of a view or consumer that is awaited, and ends with its session."""
        return AsyncGuard(self._watched(_looked), every)


def _looked(look: Coroutine[Any, None, Session | None]) -> Awaitable[Session | None]:
    return _in_thread(_driven)(look)


def _driven(look: Coroutine[Any, None, Session | None]) -> Session | None:
    return drive(look)


def _in_thread(method: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    called: Any = sync_to_async(method, thread_sensitive=True)
    return called  # type: ignore[no-any-return]


# The request that this task or thread serves: a change of a password ends all sessions of
# the user but the one that it comes from.
SERVED: ContextVar[DjangoCurrent | None] = ContextVar("devsess.django.served", default=None)
