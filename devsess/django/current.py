"""`request.devsess`: what `Current` has, and its methods for views that are `async`."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth import get_user
from django.utils.functional import SimpleLazyObject

from devsess._runtime.drive import drive
from devsess.adapters._current import Current
from devsess.adapters._guard import LOOK_INTERVAL, AsyncGuard
from devsess.adapters.django import RequestCurrent
from devsess.django.threads import Awaited, in_thread
from devsess.errors import DevsessError
from devsess.models import Session


class DjangoCurrent(RequestCurrent):
    """
    The session of a Django request.

    `session` and `client` wait for nothing, and are read alike in every view. The methods that
    may wait for the store, or for the user, have one with an `a` before it, as Django's own:
    `require` itself looks for no user on an event loop.

    Attributes:
        challenge: Why a permission refused the request; it replaces the 403 of that.
        clears_old: Whether the answer clears the cookie of an old session.
        joined: Sessions that were signed in or out within a transaction: the id, and the
            generation that was handed out, or None for one that was ended.
    """

    challenge: DevsessError | None = None
    clears_old = False
    joined: tuple[tuple[str, int | None], ...] = ()

    arequire = Awaited(Current.require)
    alogin = Awaited(Current.login)
    acollect = Awaited(Current.collect)
    alogout = Awaited(Current.logout)
    astep_up = Awaited(Current.step_up)
    aextend = Awaited(Current.extend)
    arequire_seniority = Awaited(Current.require_seniority)
    aaccounts = Awaited(Current.accounts)
    aswitch = Awaited(Current.switch)

    @contextmanager
    def _changing(self, *, cookies: bool = True) -> Iterator[None]:
        """`request.user` and `request.session` are those of who acts from then on."""
        if cookies:
            self._keep_data()
        with super()._changing(cookies=cookies):
            yield
        if cookies:
            self._forget_user()

    def _keep_data(self) -> None:
        """Save what this request wrote for an account that may stay signed in."""
        request = self._request
        may_stay = self._exchange.settings.accounts > 1 and self.session is not None
        if request is not None and may_stay and request.session.modified:
            request.session.save()

    def _forget_user(self) -> None:
        request = self._request
        if request is not None and hasattr(request, "user"):
            vars(request).pop("_cached_user", None)
            vars(request).pop("_acached_user", None)
            request.user = SimpleLazyObject(lambda: get_user(request))

    def aguard(self, *, every: float = LOOK_INTERVAL) -> AsyncGuard:
        """See Current.guard; of a view or consumer that is awaited, and ends with its session."""
        return AsyncGuard(self._watched(_looked), every)


def _looked(look: Coroutine[Any, None, Session | None]) -> Awaitable[Session | None]:
    return in_thread(_driven)(look)


def _driven(look: Coroutine[Any, None, Session | None]) -> Session | None:
    return drive(look)


# The request that this task or thread serves: a change of a password ends all sessions of
# the user but the one that it comes from.
SERVED: ContextVar[DjangoCurrent | None] = ContextVar("devsess.django.served", default=None)
