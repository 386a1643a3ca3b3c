"""
Tokens of other libraries, exchanged by the programs that hold them.

    urlpatterns = [path("exchange/", exchange_view(simplejwt))]

A program posts `{"token": ...}` once, and has the three tokens of devsess from then on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from devsess.django import exchange as exchanging

if TYPE_CHECKING:
    from devsess.models import Grant

# Longer than a token of any of them.
_MOST = 8192
_NO = {"detail": "This token is not good, or was exchanged already: sign in again."}
_WAIT = {"detail": "This token was exchanged a moment ago. If the answer was lost, ask again."}


class Reader:
    """
    How to read the tokens of one library.

    Args:
        kind: Its name, in the count.
        read: User and time of the sign-in, of a token that is good; else None.
        end: Makes the token worthless where it came from.
        identity: The part of a token's text that only one token has, and has in one way.
    """

    def __init__(
        self,
        kind: str,
        read: Callable[[str], tuple[Any, float] | None],
        end: Callable[[str], None],
        identity: Callable[[str], str] = str,
    ) -> None:
        self.kind = kind
        self.read = read
        self.end = end
        self.identity = identity


def exchange_view(reader: Reader) -> Callable[[HttpRequest], JsonResponse]:
    """A view that exchanges a token; 401 if it cannot, 409 if it was just now."""

    @csrf_exempt
    @require_POST
    def view(request: HttpRequest) -> JsonResponse:
        token = _token(request)
        if token is None or not exchanging.is_open():
            return JsonResponse(_NO, status=401)
        try:
            grant = _exchanged(request, reader, token)
        except exchanging.WaitError:
            seconds = str(int(exchanging.GRACE))
            return JsonResponse(_WAIT, status=409, headers={"Retry-After": seconds})
        return JsonResponse(_NO, status=401) if grant is None else _answer(grant)

    checked: Callable[[HttpRequest], JsonResponse] = view
    return checked


def _token(request: HttpRequest) -> str | None:
    try:
        body = json.loads(request.body[:_MOST])
    except (ValueError, RecursionError):
        return None
    token = body.get("token") if isinstance(body, Mapping) else None
    # Other text is no token of any of them, and some databases take no NUL.
    if not isinstance(token, str) or not (token.isascii() and token.isprintable()):
        return None
    return token or None


def _exchanged(request: HttpRequest, reader: Reader, token: str) -> Grant | None:
    digest = exchanging.digest_of(reader.kind, reader.identity(token))
    session, record = exchanging.again(digest)
    if record is None:
        grant = _first(request, reader, token, digest)
    elif session is None or exchanging.is_presented(session):
        return None
    elif exchanging.is_recent(record):
        raise exchanging.WaitError
    else:
        grant = exchanging.replace(request.devsess, record, session, cookies=False)
    if grant is None and exchanging.again(digest)[0] is not None:
        raise exchanging.WaitError  # another request was first: it ended the token, perhaps
    return grant


def _first(request: HttpRequest, reader: Reader, token: str, digest: str) -> Grant | None:
    found = reader.read(token)
    if found is None or not found[0].is_active:
        return None
    user_id = found[0]._meta.pk.value_to_string(found[0])
    old = exchanging.Old(reader.kind, digest, user_id, found[1])
    grant = exchanging.sign_in(request.devsess, old, cookies=False)
    if grant is not None:
        reader.end(token)
    return grant


def _answer(grant: Grant) -> JsonResponse:
    names = ("access_token", "refresh_token", "device_token", "expires_in")
    content = {name: getattr(grant, name) for name in names}
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


def _of_simplejwt(token: Any) -> tuple[Any, float] | None:
    from rest_framework_simplejwt.exceptions import TokenError
    from rest_framework_simplejwt.settings import api_settings
    from rest_framework_simplejwt.tokens import RefreshToken
    from rest_framework_simplejwt.utils import get_md5_hash_password

    try:
        old = RefreshToken(token)
        user_id = old[api_settings.USER_ID_CLAIM]
    except (TokenError, KeyError):
        return None
    field = api_settings.USER_ID_FIELD
    user = get_user_model()._default_manager.filter(**{field: user_id}).first()
    if user is None:
        return None
    if api_settings.CHECK_REVOKE_TOKEN:
        of_password = old.get(api_settings.REVOKE_TOKEN_CLAIM)
        if of_password != get_md5_hash_password(user.password):
            return None
    return user, float(old.get("iat", 0))


def _signed(token: str) -> str:
    """The part that the signature covers: the signature can be written in many ways."""
    return token.rpartition(".")[0]


def _end_of_simplejwt(token: Any) -> None:
    from rest_framework_simplejwt.tokens import RefreshToken

    old = RefreshToken(token)
    if hasattr(old, "blacklist"):
        old.blacklist()


def _of_knox(token: str) -> tuple[Any, float] | None:
    from knox.auth import TokenAuthentication
    from rest_framework.exceptions import AuthenticationFailed

    try:
        user, old = TokenAuthentication().authenticate_credentials(token.encode())
    except AuthenticationFailed:
        return None
    return user, float(old.created.timestamp())


def _end_of_knox(token: str) -> None:
    from knox.auth import TokenAuthentication

    _, old = TokenAuthentication().authenticate_credentials(token.encode())
    old.delete()


def _of_authtoken(token: str) -> tuple[Any, float] | None:
    from rest_framework.authtoken.models import Token

    old = Token.objects.select_related("user").filter(key=token).first()
    if old is None or old.key != token:  # databases find it in other letters, too
        return None
    return old.user, float(old.created.timestamp())


def _end_of_authtoken(token: str) -> None:
    from rest_framework.authtoken.models import Token

    Token.objects.filter(key=token).delete()


simplejwt = Reader("simplejwt", _of_simplejwt, _end_of_simplejwt, _signed)
knox = Reader("knox", _of_knox, _end_of_knox)
authtoken = Reader("authtoken", _of_authtoken, _end_of_authtoken)
