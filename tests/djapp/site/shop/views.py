"""Views as Django's tutorials write them; those of devsess are named."""

from typing import Any

from django.contrib.auth import aauthenticate, alogin, alogout, authenticate, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import View
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from devsess.django.rest import RecentAuthentication, SessionAuthentication


def home(request: Any) -> HttpResponse:
    """Looks at the user."""
    return render(request, "home.html")


def plain(request: Any) -> HttpResponse:
    """Looks at nobody."""
    return HttpResponse("plain")


@login_required
def mine(request: Any) -> HttpResponse:
    """For people who are signed in."""
    return HttpResponse(request.user.get_username())


class Pay(PermissionRequiredMixin, View):
    """For those who may."""

    permission_required = "auth.view_user"

    def get(self, request: Any) -> HttpResponse:
        """Pays."""
        return HttpResponse("paid")


def recent(request: Any) -> HttpResponse:
    """Of devsess: a recent sign-in."""
    return HttpResponse(request.devsess.require(max_auth_age=300).user_id)


def both(request: Any) -> HttpResponse:
    """Asks devsess, and looks at the user."""
    session = request.devsess.require()
    return HttpResponse(f"{session.user_id} {request.user}")


def in_and_required(request: Any) -> HttpResponse:
    """Looks at the user, signs somebody in past Django's `login`, and requires them."""
    assert str(request.user)
    request.devsess.login(request.GET["to"])
    return HttpResponse(request.devsess.require().user_id)


async def async_recent(request: Any) -> HttpResponse:
    """As `recent`, awaited; or asked for what waits for nothing."""
    if "at-once" in request.GET:
        return HttpResponse(request.devsess.require(max_auth_age=300).user_id)
    return HttpResponse((await request.devsess.arequire(max_auth_age=300)).user_id)


def add(request: Any, item: str) -> HttpResponse:
    """Keeps something in the session."""
    request.session["cart"] = [*request.session.get("cart", []), item]
    return HttpResponse("added")


def cart(request: Any) -> JsonResponse:
    """Its content."""
    return JsonResponse({"cart": request.session.get("cart", []), "user": str(request.user)})


async def async_home(request: Any) -> HttpResponse:
    """Looks at the user, without blocking."""
    user = await request.auser()
    return HttpResponse(user.get_username() if user.is_authenticated else "nobody")


async def async_sign_in(request: Any) -> HttpResponse:
    """Django's own, awaited."""
    user = await aauthenticate(request, username="ada", password=request.GET["password"])
    if user is None:
        return HttpResponse("no", status=403)
    await alogin(request, user)
    return HttpResponse(request.devsess.session.user_id)


async def async_sign_out(request: Any) -> HttpResponse:
    """Django's own, awaited."""
    await alogout(request)
    return HttpResponse("bye")


def token(request: Any) -> JsonResponse:
    """A program's tokens, past Django's `login`."""
    user = authenticate(request, username="ada", password=request.GET["password"])
    grant = request.devsess.login(str(user.pk), cookies=False)
    return JsonResponse({"access": grant.access_token})


def by_hand(request: Any) -> HttpResponse:
    """Signs in and remembers nothing after the browser is closed."""
    user = authenticate(request, username="ada", password=request.GET["password"])
    request.session.set_expiry(0)
    login(request, user)
    return HttpResponse("in")


@login_required
def set_password(request: Any) -> HttpResponse:
    """Sets one, and fails afterwards if it is asked to."""
    with transaction.atomic():
        request.user.set_password(request.GET["to"])
        request.user.save()
        if "fail" in request.GET:
            transaction.set_rollback(True)
    return HttpResponse("set")


@transaction.atomic
def reset(request: Any) -> HttpResponse:
    """A new password, and a sign-in with it."""
    user = User.objects.get(username="ada")
    user.set_password(request.GET["to"])
    user.save()
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("in")


def switch(request: Any) -> JsonResponse:
    """Past Django's own way, after something was kept: another user in, or out."""
    request.session["seen"] = True
    if "to" in request.GET:
        request.devsess.login(request.GET["to"])
    else:
        request.devsess.logout()
    return JsonResponse({"cart": request.session.get("cart", [])})


class Me(APIView):
    """The user."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        """Name, and device."""
        return Response({"user": str(request.user), "device": str(request.auth.device)})


class Recent(APIView):
    """For a recent sign-in."""

    permission_classes = (IsAuthenticated, RecentAuthentication(max_auth_age=300))

    def get(self, request: Any) -> Response:
        """Anything."""
        return Response({})


class ByKey(TokenAuthentication):
    """The user of a key in a header of its own, which leaves the cookies as they are."""

    def authenticate(self, request: Any) -> Any:
        """See the class."""
        key = request.headers.get("x-key")
        return None if key is None else self.authenticate_credentials(key)


class Two(Recent):
    """As it, for holders of a key too."""

    authentication_classes = (ByKey, SessionAuthentication)


class Either(APIView):
    """For staff, or a recent sign-in; or anybody, who asks for that."""

    def get_permissions(self) -> list[Any]:
        """By the query."""
        other = AllowAny if "any" in self.request.GET else IsAdminUser
        return [(RecentAuthentication(max_auth_age=300) | other)()]

    def get(self, request: Any) -> Response:
        """Anything, or a refusal or an error of its own."""
        if "crash" in self.request.GET:
            raise ZeroDivisionError
        return Response({}, status=403 if "own" in self.request.GET else 200)


def switch_account(request: Any, slot: int) -> HttpResponse:
    """Of devsess: looks at the user, switches, and looks again."""
    before = str(request.user)
    request.devsess.switch(slot)
    return HttpResponse(f"{before} {request.user} {request.session.get('cart')}")


def flush(request: Any) -> HttpResponse:
    """Ends the session past Django's `logout`."""
    request.session.flush()
    return HttpResponse(str(request.session.get("_auth_user_id") or "nobody"))
