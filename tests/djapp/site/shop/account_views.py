"""A view that does what its query says, one act after another; and the same view, awaited."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from django.contrib.auth import alogin, alogout, login, logout
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse

from devsess.errors import LoginDeniedError

_BACKEND = "django.contrib.auth.backends.ModelBackend"


def _sees(request: Any) -> list[Any]:
    session = request.devsess.session
    return [session and session.user_id, request.session.get("_auth_user_id")]


def _login(request: Any, name: str) -> str:
    try:
        login(request, User.objects.get(username=name), _BACKEND)
    except LoginDeniedError:
        return "refused"
    return "in"


def _fail(_: Any, __: str) -> None:
    raise PermissionDenied


def _end(request: Any, how: str) -> None:
    request.devsess.logout(all_accounts=how == "all")


def _put(request: Any, item: str) -> None:
    request.session["cart"] = [*request.session.get("cart", []), item]


def _change(request: Any, password: str) -> None:
    request.user.set_password(password)
    request.user.save()


_ACTS: dict[str, Callable[[Any, str], Any]] = {
    "flush": lambda request, _: request.session.flush(),
    "login": _login,
    "logout": lambda request, _: logout(request),
    "switch": lambda request, slot: request.devsess.switch(int(slot)).user_id,
    "enter": lambda request, user_id: request.devsess.login(user_id).session.user_id,
    "token": lambda request, user_id: request.devsess.login(user_id, cookies=False) and None,
    "end": _end,
    "step": lambda request, amr: request.devsess.step_up(amr=[amr]) and None,
    "list": lambda request, _: [it.session.user_id for it in request.devsess.accounts()],
    "sees": lambda request, _: _sees(request),
    "user": lambda request, _: str(request.user),
    "put": _put,
    "cart": lambda request, _: request.session.get("cart"),
    "password": _change,
    "fail": _fail,
}


def acts(request: Any) -> JsonResponse | HttpResponse:
    """What each act of `do` gave, such as `do=flush&do=switch:0`."""
    said = []
    for each in request.GET.getlist("do"):
        name, _, argument = each.partition(":")
        said.append(_ACTS[name](request, argument))
    return JsonResponse(said, safe=False)


def streamed(request: Any) -> StreamingHttpResponse:
    """Ends the session while its answer is on its way."""

    def parts() -> Iterator[str]:
        yield "begun"
        request.session.flush()

    return StreamingHttpResponse(parts())


async def _alogin(request: Any, name: str) -> None:
    await alogin(request, await User.objects.aget(username=name), _BACKEND)


async def _asees(request: Any, _: str) -> list[Any]:
    session = request.devsess.session
    return [session and session.user_id, await request.session.aget("_auth_user_id")]


async def _aswitch(request: Any, slot: str) -> str:
    return str((await request.devsess.aswitch(int(slot))).user_id)


async def _aenter(request: Any, user_id: str) -> str:
    return str((await request.devsess.alogin(user_id)).session.user_id)


async def _aend(request: Any, _: str) -> None:
    await request.devsess.alogout()


async def _auser(request: Any, _: str) -> str:
    return str(await request.auser())


_ASYNC_ACTS: dict[str, Callable[[Any, str], Awaitable[Any]]] = {
    "flush": lambda request, _: request.session.aflush(),
    "login": _alogin,
    "logout": lambda request, _: alogout(request),
    "switch": _aswitch,
    "enter": _aenter,
    "end": _aend,
    "sees": _asees,
    "user": _auser,
}


async def async_acts(request: Any) -> JsonResponse:
    """As `acts`."""
    said = []
    for each in request.GET.getlist("do"):
        name, _, argument = each.partition(":")
        said.append(await _ASYNC_ACTS[name](request, argument))
    return JsonResponse(said, safe=False)
