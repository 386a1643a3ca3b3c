"""A view of Django REST framework whose permissions the query chooses."""

from __future__ import annotations

from typing import Any

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
    "and nobody": ((recent & Nobody,), 403),
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
    "missing": ((recent | AllowAny, (strong & Missing) | NoObject), 403),
}


class Composed(APIView):
    """Of one object."""

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
