"""One request to an ASGI app, sent as the tests of its guards need it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from devsess import AsyncSessionManager

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def answer_to_one(
    app: Any, sessions: AsyncSessionManager, *, user: str | None, path: str = "/"
) -> Any:
    """The answer to a request of *user*, a week after the sign-in."""

    async def ask() -> httpx.Response:
        headers = {}
        if user is not None:
            week_ago = sessions._core.now() - 7 * 86_400
            grant = await sessions.login(user, auth_time=week_ago)
            headers["Authorization"] = f"Bearer {grant.access_token}"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
            return await client.get(path, headers=headers)

    async def scenario() -> httpx.Response:
        async with sessions:
            return await ask()

    return asyncio.run(scenario())
