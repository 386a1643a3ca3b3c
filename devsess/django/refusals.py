"""
Whether a refusal of Django REST framework is that of a `RecentAuthentication`.

The framework tells a view that it was refused, and not by which permission. So the answers within
composed permissions are noted as the framework asks for them, and are put together once more as
if the person had proved themselves. Only if that lets the request in is there a challenge, and
only where the view leaves the refusal to the framework.

No permission is asked on our behalf: a code that is good once would be used up, and one that
stands behind a `RecentAuthentication` would be tried by somebody whom that keeps from it. One
that was not asked is taken to let the request in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.permissions import AND, NOT, OR

from devsess.django.current import DjangoCurrent
from devsess.errors import StepUpRequiredError


class Refusals:
    """
    Those of one view, which serves one request.

    They are there before the framework asks for permissions if our authentication class was
    asked. Else the answers of the first round are not known: a refusal behind a
    `RecentAuthentication` that is not met is taken for its own.
    """

    def __init__(self, view: Any, current: DjangoCurrent) -> None:
        self._current = current
        self._composed: list[_Composed] = []
        self._asked: _Noted | None = None
        self._unmet: StepUpRequiredError | None = None
        self._refusal: Exception | None = None
        self._reason: StepUpRequiredError | None = None
        self._permissions, self._deny = view.get_permissions, view.permission_denied
        self._handle = view.handle_exception
        view.get_permissions, view.permission_denied = self._given, self._denied
        view.handle_exception = self._handled

    def note(self, unmet: StepUpRequiredError) -> None:
        """A permission is not met: of the one that is being asked, or one by itself."""
        noted = self if self._asked is None else self._asked
        noted._unmet = noted._unmet or unmet

    def ask(self, noted: _Noted, question: Callable[..., Any], *about: Any) -> Any:
        """The answer of *noted* to the framework."""
        before, self._asked = self._asked, noted
        try:
            return question(*about)
        finally:
            self._asked = before

    # In place of the view's methods.

    def _given(self) -> list[Any]:
        given = [_watched(self, it) for it in self._permissions()]
        self._composed = [it for it in given if isinstance(it, _Composed)]
        self._unmet = None
        return given

    def _denied(self, request: Any, *args: Any, **kwargs: Any) -> None:
        refused = [it for it in self._composed if it.refused is not None]
        reason = refused[0].reason() if refused else self._unmet
        try:
            self._deny(request, *args, **kwargs)
        except Exception as refusal:
            self._refusal, self._reason = refusal, reason
            raise

    def _handled(self, error: Exception) -> Any:
        if error is self._refusal:
            self._current.challenge = self._reason
        return self._handle(error)


class _Composed:
    """
    A composed permission, of others whose answers are noted.

    Attributes:
        refused: The question that it has answered with no.
    """

    def __init__(self, refusals: Refusals, permission: Any) -> None:
        self._parts: list[_Noted] = []
        self._tree = _rebuilt(permission, lambda *it: self._part(refusals, *it))
        self.refused: str | None = None

    def _part(self, refusals: Refusals, *given: Any) -> _Noted:
        self._parts.append(_Noted(refusals, *given))
        return self._parts[-1]

    def has_permission(self, request: Any, view: Any) -> Any:
        return self._answer("has_permission", request, view)

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> Any:
        return self._answer("has_object_permission", request, view, obj)

    def _answer(self, question: str, *about: Any) -> Any:
        answer = getattr(self._tree, question)(*about)
        self.refused = None if answer else question
        return answer

    def reason(self) -> StepUpRequiredError | None:
        """What the request must meet for this to let it in, as far as that is known."""
        unmet = [it._unmet for it in self._parts if it._unmet is not None]
        supposed = _rebuilt(self._tree, lambda part, _: _Supposed(part))
        about = (None,) * (2 if self.refused == "has_permission" else 3)
        return unmet[0] if unmet and getattr(supposed, str(self.refused))(*about) else None


class _Noted:
    """A part of a composed permission; *helps* says whether its yes is one of the whole."""

    def __init__(self, refusals: Refusals, permission: Any, helps: bool) -> None:
        self._refusals = refusals
        self._permission = permission
        self._helps = helps
        self._answers: dict[str, bool] = {}
        self._unmet: StepUpRequiredError | None = None

    def has_permission(self, request: Any, view: Any) -> Any:
        return self._answer("has_permission", request, view)

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> Any:
        return self._answer("has_object_permission", request, view, obj)

    def _answer(self, question: str, *about: Any) -> Any:
        answer = self._refusals.ask(self, getattr(self._permission, question), *about)
        self._answers[question] = bool(answer)
        return answer

    def supposed(self, question: str) -> bool:
        """Its answer if the person had proved themselves."""
        return self._unmet is not None or self._answers.get(question, self._helps)


class _Supposed:
    """In the place of a part: nobody is asked."""

    def __init__(self, part: _Noted) -> None:
        self._part = part

    def has_permission(self, *_: Any) -> bool:
        return self._part.supposed("has_permission")

    def has_object_permission(self, *_: Any) -> bool:
        return self._part.supposed("has_object_permission")


def _watched(refusals: Refusals, permission: Any) -> Any:
    """A permission that is not composed stays: its refusal is that of the view, at once."""
    is_composed = type(permission) in (AND, OR, NOT)
    return _Composed(refusals, permission) if is_composed else permission


def _rebuilt(permission: Any, part: Callable[[Any, bool], Any], helps: bool = True) -> Any:
    """The same operators, with *part* of each permission in its place."""
    kind = type(permission)
    if kind is NOT:
        return NOT(_rebuilt(permission.op1, part, not helps))
    if kind in (AND, OR):
        return kind(_rebuilt(permission.op1, part, helps), _rebuilt(permission.op2, part, helps))
    return part(permission, helps)


def refusals_of(view: Any, current: DjangoCurrent) -> Refusals | None:
    """Those of *view*; None if it is none of the framework's."""
    if not hasattr(view, "permission_denied"):
        return None
    known = getattr(view.permission_denied, "__self__", None)
    return known if isinstance(known, Refusals) else Refusals(view, current)
