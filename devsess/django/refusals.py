"""
Whether a refusal of Django REST framework is that of a `RecentAuthentication`.

The framework tells a view that it was refused, and neither by which permission nor what that is
made of. So they are asked again: which one refuses, and whether it would let the request in if
the person proved themselves. Only then is there a challenge, and only where the view leaves the
refusal to the framework.
"""

from __future__ import annotations

from typing import Any

from devsess.django.current import DjangoCurrent
from devsess.errors import StepUpRequiredError


class Refusals:
    """Those of one view, which serves one request."""

    def __init__(self, view: Any, current: DjangoCurrent) -> None:
        self._view = view
        self._current = current
        self._unmet: StepUpRequiredError | None = None
        self._is_supposed = False
        self._objects: tuple[Any, ...] = ()
        self._refusal: Exception | None = None
        self._reason: StepUpRequiredError | None = None
        self._check, self._deny = view.check_object_permissions, view.permission_denied
        self._handle = view.handle_exception
        view.check_object_permissions, view.permission_denied = self._checked, self._denied
        view.handle_exception = self._handled

    def passes(self, unmet: StepUpRequiredError) -> bool:
        """Whether a permission that is not met passes all the same: where it is supposed to be."""
        self._unmet = self._unmet or unmet
        return self._is_supposed

    # In place of the view's methods.

    def _checked(self, request: Any, obj: Any) -> None:
        before, self._objects = self._objects, (obj,)
        try:
            self._check(request, obj)
        finally:
            self._objects = before

    def _denied(self, request: Any, *args: Any, **kwargs: Any) -> None:
        reason = self._reason_now(request)
        try:
            self._deny(request, *args, **kwargs)
        except Exception as refusal:
            self._refusal, self._reason = refusal, reason
            raise

    def _handled(self, error: Exception) -> Any:
        if error is self._refusal:
            self._current.challenge = self._reason
        return self._handle(error)

    def _reason_now(self, request: Any) -> StepUpRequiredError | None:
        """What the request must meet to be let in, as far as the permission that refuses knows."""
        unmet = self._unmet
        for permission in self._view.get_permissions():
            self._unmet = None
            if not self._lets_in(permission, request):
                return self._unmet if self._would_let_in(permission, request) else None
        return unmet  # of an object that was not known yet when a permission was first not met

    def _lets_in(self, permission: Any, request: Any) -> bool:
        for obj in self._objects:
            return bool(permission.has_object_permission(request, self._view, obj))
        return bool(permission.has_permission(request, self._view))

    def _would_let_in(self, permission: Any, request: Any) -> bool:
        if self._unmet is None:
            return False
        self._is_supposed = True
        try:
            return self._lets_in(permission, request)
        except Exception:  # noqa: BLE001 - asked for more than before, it refuses in its own way
            return False
        finally:
            self._is_supposed = False


def refusals_of(view: Any, current: DjangoCurrent) -> Refusals | None:
    """Those of *view*; None if it is none of the framework's."""
    if not hasattr(view, "permission_denied"):
        return None
    known = getattr(view.permission_denied, "__self__", None)
    return known if isinstance(known, Refusals) else Refusals(view, current)
