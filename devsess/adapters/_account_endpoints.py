"""The JSON endpoints of several accounts in one browser: which there are, and which one acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters._account import MAX_ACCOUNTS, Account
from devsess.adapters._body import BodyError, json_members
from devsess.adapters._http import Answer, json_answer
from devsess.adapters._problem import problem
from devsess.errors import InvalidSessionError

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.adapters._http import Request


async def listed(exchange: Exchange) -> Answer:
    """The accounts that are signed in here; none is no error, and asking is no activity."""
    exchange.is_status_query = True
    await exchange.authenticate()
    return json_answer(200, {"accounts": [it.to_dict() for it in await exchange.accounts()]})


async def switch(exchange: Exchange, _: str, raw: bytes | None) -> Answer:
    """
    Act for the account that the body names, from now on.

    The body is JSON, which no other site's form can send. A slot without a live session is a 404:
    a 401 would say that the current session had ended.
    """
    try:
        slot = _slot(exchange.request, raw)
    except BodyError as error:
        return error.answer
    await exchange.authenticate()
    try:
        session = await exchange.switch(slot)
    except InvalidSessionError:
        return problem(404, "No account is signed in there.")
    return json_answer(200, {"account": Account(slot, session, True).to_dict()})


def _slot(request: Request, raw: bytes | None) -> int:
    slot = json_members(request, raw).get("account")
    numbers = range(MAX_ACCOUNTS)
    if not isinstance(slot, int | float) or isinstance(slot, bool) or slot not in numbers:
        raise BodyError(400, f"account is a number from 0 to {MAX_ACCOUNTS - 1}.")
    return int(slot)  # 1.0 is a spelling of 1
