"""The authentication of an `httpx.Client` or `httpx.AsyncClient` by a session of devsess."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping

import httpx

from devsess.client.core import Core
from devsess.client.ports import Blocking, OnLoop, OnStepUp, UntilSent, until_sent
from devsess.client.requests import Site
from devsess.client.tokens import TokenStore


class SessionAuth(httpx.Auth):
    """
    Sends a session's tokens with each request to its site, and renews them.

    One object serves any number of clients, threads and tasks; one store any number of objects,
    and of processes if it is a file or a keyring. Of all that need new tokens at once, one
    renews them. A request that is refused for want of them is sent once more, if its body is in
    memory. Requests to other origins get no tokens.

    A POST to the endpoint `logout` that is answered with 204 also empties the store, but for the
    device token; that too, if its JSON says `{"forget_device": true}`.

    Args:
        endpoints: The address of the endpoints: "https://api.example.com/auth".
        store: Keeps the tokens.
        on_step_up: Called with a `StepUp` where the server wants a newer or stronger sign-in. It
            gives the request that proves it, whose answer has the new tokens, or None; in an
            AsyncClient it may be an `async def`.

    Raises:
        ValueError: If *endpoints* is no such address.

    Requests raise, beside the errors of httpx:
        SessionEndedError: If the session has ended: sign in again.
        RenewalError: If new tokens are needed, and could not be had now.
        StepUpUnansweredError: If the server wants a step-up, and got none.
        TokenStoreError: If the store has something else than tokens.
    """

    def __init__(
        self, endpoints: str, store: TokenStore, *, on_step_up: OnStepUp | None = None
    ) -> None:
        self._site = Site(endpoints)
        self._core = Core(self._site, store, on_step_up)

    def __repr__(self) -> str:
        return f"<SessionAuth of {self._site}>"

    def keep(self, answer: Mapping[str, object]) -> None:
        """
        Keep the tokens of a sign-in, in place of those before.

        Args:
            answer: Its `access_token`, `refresh_token` and `device_token`, and if it has that
                `expires_in`, in seconds: without it an access token is used until it is refused.

        Raises:
            ValueError: If a token is missing.
            RenewalError: If another holder has locked the store for too long.
        """
        until_sent(self._core.keep(answer, Blocking()), None)

    async def keep_async(self, answer: Mapping[str, object]) -> None:
        """As `keep`, without making the event loop wait for a renewal that is under way."""
        await self._core.keep(answer, OnLoop())

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """For httpx."""
        work = self._core.exchange(request, Blocking())
        try:
            step = until_sent(work, None)
            while step is not None:
                response = yield step.request
                if step.whole:
                    response.read()
                step = until_sent(work, response)
        finally:
            work.close()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """For httpx."""
        work = self._core.exchange(request, OnLoop())
        try:
            step = await UntilSent(work, None)
            while step is not None:
                response = yield step.request
                if step.whole:
                    await response.aread()
                step = await UntilSent(work, response)
        finally:
            work.close()
