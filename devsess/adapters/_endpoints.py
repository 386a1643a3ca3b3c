"""The JSON endpoints: refresh, logout, the caller's sessions, the public keys."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from devsess import browser
from devsess.adapters import _account_endpoints as accounts
from devsess.adapters import _csrf as csrf
from devsess.adapters import _held_endpoints as held_sign_ins
from devsess.adapters import _stale_page as stale_page
from devsess.adapters._body import (
    EMPTY_BODY,
    Body,
    BodyError,
    is_json,
    read_body,
    with_device_token,
)
from devsess.adapters._deciding import SIGNED_OUT, may_decide, may_end
from devsess.adapters._exchange import MAY_LIVE
from devsess.adapters._http import Answer, empty_answer, json_answer, script_answer
from devsess.adapters._openapi import description
from devsess.adapters._problem import problem
from devsess.errors import DevsessError, InvalidSessionError

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.models import Grant, Session

# Shorter than the time for which a retired key must be served.
_PUBLIC = ("Cache-Control", "public, max-age=300")


# Sessions on a page: by default, and at most.
PAGE = 50
MAX_PAGE = 1000
# Parameters of a query that are read.
MAX_FIELDS = 20

Handler: TypeAlias = "Callable[[Exchange, str, bytes | None], Awaitable[Answer]]"


def path_below(exchange: Exchange) -> str | None:
    """The request's path below the endpoints; None if the app answers it."""
    at, path = exchange.settings.endpoints, exchange.request.path
    if at is None or exchange.request.is_live:
        return None
    return path[len(at) :] if path == at or path.startswith(f"{at}/") else None


async def serve(exchange: Exchange, path: str, raw: bytes | None) -> Answer:
    """
    The answer to a request below the endpoints.

    Args:
        exchange: The request.
        path: The path below the endpoints.
        raw: The request's body; None if it is longer than _body.MAX_BODY.
    """
    exchange.is_at_endpoint = True
    methods, name = _route(path, has_accounts=exchange.settings.accounts > 1)
    if methods and exchange.request.is_preflight:
        return exchange.preflight(methods)
    answer = await _served(exchange, methods, name, raw)
    await exchange.look_for_ended()
    return exchange.ours(answer)


async def _served(
    exchange: Exchange, methods: Mapping[str, Handler], name: str, raw: bytes | None
) -> Answer:
    if not methods:
        return problem(404, "Nothing is served here.")
    method = "GET" if exchange.request.method == "HEAD" else exchange.request.method
    if method not in methods:
        return problem(405, f"Use {' or '.join(methods)}.", ("Allow", ", ".join(methods)))
    handler = methods[method]
    exchange.is_for_any_page = handler in _FOR_ANY_PAGE
    try:
        refusal = None if handler in _CHECK_THEMSELVES else await exchange.refusal()
        return refusal or await handler(exchange, name, raw)
    except DevsessError as error:
        answer = exchange.answer_to(error)
        if answer is None:
            raise
        return answer


def _route(path: str, *, has_accounts: bool) -> tuple[Mapping[str, Handler], str]:
    if path == f"/{browser.name()}":
        return _SCRIPT, ""
    if path in _ROUTES:
        return _ROUTES[path], ""
    if path in _ACCOUNT_ROUTES:
        return (_ACCOUNT_ROUTES[path] if has_accounts else {}), ""
    above, _, name = path.rpartition("/")
    return (_SESSION, name) if above == "/sessions" and name else ({}, "")


async def _refresh(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    body = await _read_body(exchange, raw)
    if isinstance(body, Answer):
        return body
    if body.refresh_token is not None:
        grant = await _refreshed(exchange, body)
        tokens = {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "refresh_token": grant.refresh_token,
        }
        return json_answer(200, {**tokens, **_refresh_members(grant)})
    if exchange.credentials.error or not exchange.credentials.refresh:
        raise exchange.missing()
    grant = await exchange.renew(exchange.credentials.refresh)
    return json_answer(200, _refresh_members(grant))


def _refresh_members(grant: Grant) -> dict[str, object]:
    return {"expires_in": grant.expires_in, "session": grant.session.to_dict()}


async def _refreshed(exchange: Exchange, body: Body) -> Grant:
    client = with_device_token(exchange.client, body)
    return await exchange.uses.refresh(body.refresh_token or "", client, touch=exchange.is_activity)


async def _read_body(exchange: Exchange, raw: bytes | None) -> Body | Answer:
    """
    The body, or the answer that refuses it.

    A refresh token in JSON needs no cookie beside it: none is read, so that no
    other site can make use of one.
    """
    try:
        body = read_body(exchange.request, exchange.settings, raw)
    except BodyError as error:
        return (await exchange.refusal()) or error.answer
    if body.refresh_token is None:
        return (await exchange.refusal()) or body
    exchange.leave_cookies_alone()
    return body


async def _logout(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    return await _ended(exchange, raw)


async def _logout_all(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    return await _ended(exchange, raw, all_accounts=True)


async def _ended(exchange: Exchange, raw: bytes | None, *, all_accounts: bool = False) -> Answer:
    """End the session; one that has ended already is no error (RFC 7009 §2.2)."""
    # The body of a form or a beacon is the app's own.
    body = await _read_body(exchange, raw if is_json(exchange.request) else b"")
    if isinstance(body, Answer):
        return body
    await exchange.authenticate()
    if exchange.session is None and body.refresh_token is not None:
        with suppress(InvalidSessionError):  # it has ended already, or a step-up overtook it
            exchange.session = (await _refreshed(exchange, body)).session
    return await _signed_out(exchange, body, all_accounts=all_accounts)


async def _signed_out(exchange: Exchange, body: Body, *, all_accounts: bool) -> Answer:
    """End the session, and say whether one may live on."""
    is_bad = exchange.credentials.error is not None
    missing = exchange.missing()  # now: a sign-out of all acts in another slot afterwards
    forget = body.forget_device
    await exchange.logout(forget_device=forget, all_accounts=all_accounts, body=body)
    if is_bad or any(isinstance(it, MAY_LIVE) for it in exchange.unended):
        return exchange.answer_to(missing) or empty_answer(401)
    return empty_answer(204)


async def _caller(exchange: Exchange) -> Session:
    await exchange.authenticate()
    return exchange.signed_in()


def _refusal_to_read(exchange: Exchange) -> Answer | None:
    """The answer that refuses a user's own data to a page of another site."""
    exchange.depends_on_user = True
    exchange.vary_on("Sec-Fetch-Site", "Origin")
    why = csrf.refusal_to_read(exchange.request, exchange.credentials, exchange.settings)
    return problem(403, f"{why[0].upper()}{why[1:]}.") if why else None


async def _session(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    """The session and its deadline; not activity, since asking must not move the deadline."""
    refusal = _refusal_to_read(exchange)
    if refusal:
        return refusal
    exchange.is_status_query = True
    await exchange.authenticate()
    session = exchange.session
    shown = None if session is None else {**session.to_dict(), "current": True}
    return json_answer(200, {"signed_in": session is not None, "session": shown})


async def _sessions(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    refusal = _refusal_to_read(exchange)
    if refusal:
        return refusal
    caller = await _caller(exchange)
    asked = _page_asked(exchange.request.query)
    if isinstance(asked, Answer):
        return asked
    limit, cursor = asked
    try:
        page = await exchange.sessions.live(
            caller.user_id, limit=limit, cursor=cursor, current=caller.id
        )
    except ValueError:
        return problem(404, "There is no such page: take the cursor from `next`.")
    listed = [session.to_dict() for session in page]
    return json_answer(200, {"sessions": listed, "next": page.next})


def _page_asked(query: str) -> tuple[int, str | None] | Answer:
    """The limit and the cursor of a query; other parameters are ignored."""
    try:
        asked = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return problem(400, f"At most {MAX_FIELDS} parameters.")
    limit = asked.get("limit", str(PAGE))
    if not re.fullmatch("[1-9][0-9]{0,3}", limit) or int(limit) > MAX_PAGE:
        return problem(400, f"The limit is a number from 1 to {MAX_PAGE}.")
    return int(limit), asked.get("cursor")


async def _accounts(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    return _refusal_to_read(exchange) or await accounts.listed(exchange)


async def _end(exchange: Exchange, session_id: str, _: bytes | None) -> Answer:
    await exchange.authenticate()
    if _is_own(exchange, session_id):  # no more than signing out
        return await _signed_out(exchange, EMPTY_BODY, all_accounts=False)
    caller = exchange.signed_in()
    await may_end(exchange, caller, session_id)
    if not (
        await exchange.sessions.revoke(
            session_id, user_id=caller.user_id, reason=SIGNED_OUT, actor=caller.user_id
        )
    ):
        return problem(404, "You have no such session.")
    return empty_answer(204)


def _is_own(exchange: Exchange, session_id: str) -> bool:
    """Whether that is the caller's session: the live one, else the only one that tokens name."""
    if exchange.session is not None:
        return exchange.session.id == session_id
    return stale_page.named(exchange.credentials, exchange.core) == {session_id}


async def _end_others(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    caller = await _caller(exchange)
    await may_end(exchange, caller)
    ended = await exchange.sessions.revoke_all(
        caller.user_id, keep=caller.id, reason=SIGNED_OUT, actor=caller.user_id
    )
    return json_answer(200, {"ended": [*ended]})


async def _held(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    refusal = _refusal_to_read(exchange)
    return refusal or await held_sign_ins.listed(exchange, await _caller(exchange))


async def _approve(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    caller = await _caller(exchange)
    return await held_sign_ins.approve(exchange, caller, raw, may_decide)


async def _refuse(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    return await held_sign_ins.refuse(exchange, await _caller(exchange), raw)


async def _keys(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    return json_answer(200, exchange.core.keys.jwks(), caching=_PUBLIC)


async def _script(_: Exchange, __: str, ___: bytes | None) -> Answer:
    return script_answer(browser.content())


async def _described(exchange: Exchange, _: str, __: bytes | None) -> Answer:
    at = exchange.request.mount + (exchange.settings.endpoints or "")
    has_accounts = exchange.settings.accounts > 1
    document = description(at, exchange.settings.cookie_names.access, has_accounts=has_accounts)
    return json_answer(200, document, caching=_PUBLIC)


# These check for other sites themselves, once they have read the body.
_CHECK_THEMSELVES = (_refresh, _logout, _logout_all)
# These look at accounts that a page was not made for, or at none.
_FOR_ANY_PAGE = (
    *(_session, _accounts, accounts.switch, _logout_all),
    *(_keys, _described, _script),
)
_SCRIPT: Mapping[str, Handler] = {"GET": _script}
_SESSION: Mapping[str, Handler] = {"DELETE": _end}
_ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/refresh": {"POST": _refresh},
    "/logout": {"POST": _logout},
    "/session": {"GET": _session},
    "/sessions": {"GET": _sessions},
    "/sessions/revoke-others": {"POST": _end_others},
    "/held": {"GET": _held},
    "/held/approve": {"POST": _approve},
    "/held/refuse": {"POST": _refuse},
    "/held/collect": {"POST": held_sign_ins.collect},
    "/jwks.json": {"GET": _keys},
    "/openapi.json": {"GET": _described},
}
_ACCOUNT_ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/accounts": {"GET": _accounts},
    "/accounts/switch": {"POST": accounts.switch},
    "/accounts/logout": {"POST": _logout_all},
}
