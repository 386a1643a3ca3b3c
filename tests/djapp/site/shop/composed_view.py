"""A view of Django REST framework whose permissions the query chooses."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView

from devsess.django.rest import RecentAuthentication


class Nobody(BasePermission):
    """Refuses every request."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """See the class."""
        return False


class NoObject(BasePermission):
    """Refuses every object."""

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """See the class."""
        return False


class Missing(BasePermission):
    """Finds no object."""

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """See the class."""
        raise PermissionDenied


class Code(BasePermission):
    """Good once: it counts how often it was asked, and refuses from the second time on."""

    asked = 0

    def has_permission(self, request: Any, view: Any) -> bool:
        """See the class."""
        Code.asked += 1
        return Code.asked == 1


class ObjectCode(BasePermission):
    """As it, of an object."""

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """See the class."""
        return Code().has_permission(request, view)


recent: Any = RecentAuthentication(max_auth_age=300)
strong: Any = RecentAuthentication(acr="aal2")


class Alone(BasePermission):
    """Asks another permission, without a view."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """See the class."""
        return bool(recent.has_permission(request, None))


# By a name for the query: the permissions, and what the challenge names, or the status.
COMPOSED: dict[str, tuple[tuple[Any, ...], str | int]] = {
    "alone": ((recent,), "max_age"),
    "before another": ((recent, Nobody), "max_age"),
    "behind another": ((AllowAny, recent), "max_age"),
    "or nobody": ((recent | Nobody,), "max_age"),
    "nobody or": ((Nobody | recent,), "max_age"),
    "or anybody": ((recent | AllowAny,), 200),
    "or anybody, and nobody": ((recent | AllowAny, Nobody), 403),
    # What stands behind it has not been asked.
    "and nobody": ((recent & Nobody,), "max_age"),
    "both": ((recent & strong,), "max_age"),
    "another one": ((recent | AllowAny, strong), "acr_values"),
    "not": ((~recent,), 200),
    "not, and nobody": ((~recent, Nobody), 403),
    "not, and no object": ((~recent, NoObject), 403),
    "or its owner's": ((recent | NoObject,), "max_age"),
    "its owner's or": ((NoObject | recent,), "max_age"),
    "or anybody, and no object": ((recent | AllowAny, NoObject), 403),
    "both, and no object": ((recent | AllowAny, strong | NoObject), "acr_values"),
    "and no object": ((recent | (strong & NoObject),), "max_age"),
    "without a view": ((Alone,), 403),
    "a code, and": ((Code, recent), "max_age"),
    "a code and": ((Code & recent,), "max_age"),
    "and a code": ((recent & Code,), "max_age"),
    "or a code, and nobody": ((recent | Code, Nobody), 403),
    "of an object": ((AllowAny & ObjectCode, recent | NoObject), "max_age"),
    "and of an object": ((AllowAny | recent, (recent | NoObject) & ObjectCode), "max_age"),
    "missing": ((recent | AllowAny, (strong & Missing) | NoObject), "acr_values"),
    "or anybody, and missing": ((recent | AllowAny, AllowAny & Missing), 403),
}


class Composed(APIView):
    """Of one object."""

    def get_authenticators(self) -> list[Any]:
        """The project's, or the framework's own alone."""
        is_own = "own" in self.request.GET
        return [SessionAuthentication()] if is_own else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        """By the query."""
        given, _ = COMPOSED[self.request.GET["by"]]
        return [it() for it in given]

    def get(self, request: Any) -> Response:
        """Asks for the object; may handle that it is refused, and refuse of its own."""
        try:
            self.check_object_permissions(request, "a thing")
        except PermissionDenied:
            if "handled" in request.GET:
                return Response({}, status=403)
            raise
        return Response({})
