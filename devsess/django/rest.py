"""
Django REST framework: an authentication class and a permission.

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["devsess.django.rest.SessionAuthentication"],
    }

The middleware has checked the token, and where an unsafe request comes from, already.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission, OperationHolderMixin

from devsess.adapters._problem import CHALLENGE, INVALID_TOKEN, OVER
from devsess.django.middleware import exchange_in
from devsess.django.refusals import refusals_of
from devsess.errors import InvalidSessionError, StepUpRequiredError
from devsess.models import Session
from devsess.policy import Span


class SessionAuthentication(BaseAuthentication):
    """The user of the request's session, by cookie or token; `request.auth` is the Session."""

    def authenticate(self, request: Any) -> tuple[Any, Session] | None:
        """
        User and session; None where nobody is signed in.

        Raises:
            AuthenticationFailed: If a bearer token is no good.
        """
        plain = request._request
        # Before the view asks for permissions.
        refusals_of(request.parser_context.get("view"), plain.devsess)
        session = plain.devsess.session
        if session is None:
            if exchange_in(plain).credentials.by == "bearer":
                raise AuthenticationFailed(OVER)
            return None
        user = getattr(plain, "user", None) or get_user(plain)
        if not user.is_authenticated:
            return None  # the account is gone, or its password has changed
        if not user.is_active:
            raise AuthenticationFailed("The account is closed.")
        return user, session

    def authenticate_header(self, request: Any) -> str:
        """The challenge of a 401 (RFC 6750 §3)."""
        is_bad = exchange_in(request._request).credentials.can_sign_in
        return INVALID_TOKEN if is_bad else CHALLENGE


class RecentAuthentication(OperationHolderMixin, BasePermission):
    """
    A permission: the person proved themselves lately, or strongly enough.

        permission_classes = [IsAuthenticated, RecentAuthentication(max_auth_age=300)]

    A request that does not meet it gets the challenge of RFC 9470, whose client asks the
    person and comes again. It combines with others by `&`, `|` and `~`. Of a user whom another
    authentication class found, a session of somebody else's proves nothing.

    Args:
        max_auth_age, acr, trusted_device, risk_below: As for Current.require.
    """

    def __init__(
        self,
        *,
        max_auth_age: Span | None = None,
        acr: str | None = None,
        trusted_device: bool = False,
        risk_below: int | None = None,
    ) -> None:
        self._needed: dict[str, Any] = {
            "max_auth_age": max_auth_age,
            "acr": acr,
            "trusted_device": trusted_device,
            "risk_below": risk_below,
        }

    def __call__(self) -> RecentAuthentication:
        """The framework calls a permission's class; this is an instance already."""
        return self

    def has_permission(self, request: Any, view: Any) -> bool:
        """Whether the request meets it; if nothing else refuses it, the middleware challenges."""
        current = request._request.devsess
        session = current.session
        if session is not None and session.user_id != str(getattr(request.user, "pk", None)):
            return False
        try:
            current.require(**self._needed)
        except StepUpRequiredError as error:
            refusals = refusals_of(view, current)
            if refusals is not None:
                refusals.note(error)
            return False
        except InvalidSessionError:
            return False  # a 401, with the challenge of the authentication class
        return True

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:  # noqa: ARG002
        """The same for each object: `~` asks for that, and takes nothing for granted."""
        return self.has_permission(request, view)
