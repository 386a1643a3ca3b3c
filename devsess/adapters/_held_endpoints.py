"""The JSON endpoints of held sign-ins: the browser that waits, and the device that approves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.adapters._body import Body, BodyError, json_members, with_device_token
from devsess.adapters._http import Answer, empty_answer, json_answer
from devsess.adapters._problem import problem
from devsess.errors import SignInHeldError
from devsess.models import iso
from devsess.requirement import check_is_user

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.models import Grant, Session

Handler: TypeAlias = "Callable[[Exchange, str, bytes | None], Awaitable[Answer]]"
MayAct: TypeAlias = "Callable[[Exchange, Session], Awaitable[None]]"

# Seconds after which a browser that waits may ask again.
ASK_AGAIN = "3"


async def collect(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    """
    Collect a held sign-in: 202 while it waits; else cookies, or tokens where they are asked for.

    The body is JSON, which no other site's form can send: nobody is signed in by surprise.
    """
    try:
        members = json_members(exchange.request, raw)
        pending, device = _text(members, "pending_token"), members.get("device_token")
        as_tokens = _as_tokens(exchange, members)
        if not isinstance(device, str | None):
            raise BodyError(400, "Tokens are texts.")
    except BodyError as error:
        return error.answer
    client = None
    if as_tokens:
        client = with_device_token(exchange.client, Body(device_token=device))
        exchange.leave_cookies_alone()
    else:
        await exchange.authenticate()
    try:
        grant = await exchange.collect(pending, client, cookies=not as_tokens)
    except SignInHeldError as error:
        waits = {"code": error.code, "expires_at": iso(error.expires_at)}
        return json_answer(202, waits, ("Retry-After", ASK_AGAIN))
    return json_answer(200, _members(grant, as_tokens=as_tokens))


def _as_tokens(exchange: Exchange, members: Mapping[str, Any]) -> bool:
    """Whether the tokens go into the answer, as programs want them, and not into cookies."""
    wanted = members.get("tokens", not exchange.settings.reads_cookies)
    if not isinstance(wanted, bool):
        raise BodyError(400, "tokens is true or false.")
    if wanted and not exchange.settings.reads_header:
        raise BodyError(400, "Tokens come in cookies here.")
    return wanted or not exchange.settings.reads_cookies


def _members(grant: Grant, *, as_tokens: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "expires_in": grant.expires_in,
        "session": grant.session.to_dict(),
    }
    if not as_tokens:
        return found
    return {
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "refresh_token": grant.refresh_token,
        "device_token": grant.device_token,
        **found,
    }


async def listed(exchange: Exchange, caller: Session) -> Answer:
    """The account's held sign-ins, for its owner's other device."""
    found = await exchange.sessions.held(caller.user_id)
    return json_answer(200, {"held": [it.to_dict() for it in found]})


async def approve(exchange: Exchange, caller: Session, raw: bytes | None, may: MayAct) -> Answer:
    """Approve the one whose code is in the body, as *caller*, who *may* do it."""
    try:
        code = _text(json_members(exchange.request, raw), "code")
    except BodyError as error:
        return error.answer
    await may(exchange, caller)
    if not await exchange.sessions.approve(caller.user_id, code, by=caller.id, actor=None):
        return problem(404, "No sign-in waits with this code.")
    return empty_answer(204)


async def refuse(exchange: Exchange, caller: Session, raw: bytes | None) -> Answer:
    """
    Refuse the one whose code is in the body; any session of the account may.

    But for an impersonation: a refusal ends the session of one that was collected.
    """
    check_is_user(caller)
    try:
        code = _text(json_members(exchange.request, raw), "code")
    except BodyError as error:
        return error.answer
    if not await exchange.sessions.refuse(caller.user_id, code, actor=caller.user_id):
        return problem(404, "No sign-in waits with this code.")
    return empty_answer(204)


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST[name] or not _is_text(value):
        raise BodyError(400, f"{name} is missing, or no such text.")
    return value


# A token is measured again where it is parsed.
_LONGEST = {"code": 64, "pending_token": 16 * 1024}


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
