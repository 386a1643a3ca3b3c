"""On ASGI a method that was called without `await` is an error before the response begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from _one_request import answer_to_one

from devsess import AsyncSessionManager
from devsess.adapters.asgi import AsyncCurrent, SessionMiddleware
from devsess.tokens.keys import generate_secret

CALLS: dict[str, Callable[[AsyncCurrent], Any]] = {
    "login": lambda current: current.login("ada"),
    "logout": lambda current: current.logout(),
    "step_up": lambda current: current.step_up(amr=("otp",)),
    "extend": lambda current: current.extend(60),
}


def answer(view: Callable[[AsyncCurrent], Any]) -> httpx.Response:
    """The answer of an app that runs *view* and then responds."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await view(scope["devsess"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sessions = AsyncSessionManager("memory://", keys=generate_secret())
    response: httpx.Response = answer_to_one(SessionMiddleware(app, sessions), sessions, user="ada")
    return response


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("name", CALLS)
def test_a_missing_await_is_an_error(name: str) -> None:
    """The error names the method that was not awaited."""

    async def view(current: AsyncCurrent) -> None:
        CALLS[name](current)

    with pytest.raises(RuntimeError, match=f"{name} was called without await"):
        answer(view)


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_later_call_hides_no_missing_await() -> None:
    """A method that is awaited does not excuse an earlier one that was not."""

    async def view(current: AsyncCurrent) -> None:
        CALLS["logout"](current)
        await current.extend(60)

    with pytest.raises(RuntimeError, match="logout was called without await"):
        answer(view)


def test_a_task_counts_as_awaited() -> None:
    """A call that a task has begun before the response counts as awaited."""

    async def view(current: AsyncCurrent) -> None:
        await asyncio.gather(current.extend(60), asyncio.create_task(current.extend(90)))

    assert 200 == answer(view).status_code
