"""
LAW: which tokens a request carries, and who renews them.

1. The refresh token is presented under the store's lock alone, and is read again under it.
2. A successor is saved before it is used. One that could not be saved is as a lost answer: the
   server gives another for the same token (docs/tokens-and-keys.md, Lost answers).
3. An answer that finds another refresh token in the store than was presented is dropped: the
   lock was lost, and the other holder's tokens are the newer ones.
4. Only devsess ends a session here: a 401 with its challenge. Any other answer keeps the tokens.
5. Tokens go to the origin of the endpoints alone, and come from there.
6. A request is sent again for the user whom it was first sent for, and for no other.
7. A request that is sent under the lock takes no longer than others wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from threading import Lock

import httpx

from devsess.client.challenges import EXPIRED, STEP_UP, StepUp, challenge_of
from devsess.client.errors import (
    RenewalError,
    SessionEndedError,
    StepUpUnansweredError,
    TokenStoreError,
)
from devsess.client.ports import OnStepUp, Port, Send
from devsess.client.requests import (
    Site,
    forgets_device,
    in_time,
    is_repeatable,
    json_of,
    retry_after,
)
from devsess.client.tokens import Release, Tokens, TokenStore
from devsess.client.waiting import locked, threads_of

# Seconds to wait for another holder of the lock.
PATIENCE = 30.0
# Sendings of one request: each but the last follows tokens that somebody else has renewed.
MAX_SENDS = 4

# Those whose `on_step_up` runs in this task or thread: a request of its own must not ask again.
_ASKING: ContextVar[tuple[Core, ...]] = ContextVar("_ASKING", default=())
_ENDED = "the session has ended, or was signed out: sign in again"


class Core:
    """The tokens of one store, sent to one site and renewed there."""

    def __init__(self, site: Site, store: TokenStore, on_step_up: OnStepUp | None) -> None:
        self._site = site
        self._store = store
        self._on_step_up = on_step_up
        # As last read or saved. Nobody else's changes are in it until the server refuses it.
        self._tokens = Tokens()
        # An access token that was refused, of a request that could not be sent twice.
        self._refused: str | None = None
        self._proof_lock = Lock()
        # The threads that have the store's lock or this one, or try to.
        self._renewers = threads_of(store)
        self._provers: list[int] = []

    # Requests.

    async def exchange(self, request: httpx.Request, port: Port) -> None:
        """Send *request*, with tokens and once more where it is refused for want of new ones."""
        if not self._site.has(request.url):
            await Send(request)
        elif self._site.is_sign_out(request):
            await self._sign_out(request, port)
        else:
            await self._send_until_accepted(request, await self._current(request, port), port)

    async def _send_until_accepted(
        self, request: httpx.Request, tokens: Tokens, port: Port
    ) -> None:
        left = {EXPIRED, STEP_UP}
        for _ in range(MAX_SENDS):
            response = await self._send_once(request, tokens)
            challenge = challenge_of(response) if tokens.access_token else None
            if challenge is None or challenge.error not in left:
                return
            if not is_repeatable(request):
                self._refused = tokens.access_token if challenge.error == EXPIRED else None
                return
            await port.read(response)
            if challenge.error == EXPIRED:
                found = await self._lock_and_renew(tokens, request, port)
            else:
                found = await self._stepped_up(challenge.step_up, tokens, request, port)
            before, (tokens, is_ours) = tokens, found
            if tokens.user != before.user:
                return
            if is_ours:
                left.discard(challenge.error)

    async def _send_once(
        self, request: httpx.Request, tokens: Tokens, *, whole: bool = False
    ) -> httpx.Response:
        if tokens.access_token:
            request.headers["Authorization"] = f"Bearer {tokens.access_token}"
        if tokens.device_token:
            request.headers["Devsess-Device"] = tokens.device_token
        return await Send(request, whole=whole)

    async def _current(self, request: httpx.Request, port: Port) -> Tokens:
        if not self._tokens.is_signed_in:
            self._tokens = self._store.load()
        tokens = self._tokens
        if not tokens.is_signed_in:
            return tokens
        if tokens.access_token is None or tokens.access_token == self._refused:
            return (await self._lock_and_renew(tokens, request, port))[0]
        if not tokens.is_due(time.time()):
            return tokens
        try:
            return (await self._lock_and_renew(tokens, request, port))[0]
        except RenewalError:
            return tokens  # the rest of its life may be enough

    # Renewal.

    async def _lock_and_renew(
        self, used: Tokens, request: httpx.Request, port: Port
    ) -> tuple[Tokens, bool]:
        """Tokens that are newer than those *used*, and whether they were renewed here."""
        release = await self._locked(port)
        try:
            stored = self._store.load()
            is_other = stored.access_token not in (None, used.access_token)
            if is_other and stored.is_signed_in and not stored.is_due(time.time()):
                self._tokens = stored
                return stored, False
            return await self._renew_locked(stored, request), True
        finally:
            release()

    async def _locked(self, port: Port) -> Release:
        return await locked(self._renewers, self._store.try_lock, port, PATIENCE)

    async def _renew_locked(self, stored: Tokens, request: httpx.Request) -> Tokens:
        """The successors of *stored*, which was read under the lock."""
        if not stored.is_signed_in:
            self._tokens = stored
            raise SessionEndedError(_ENDED)
        response = await Send(in_time(self._site.refresh(stored, request)), whole=True)
        self._check_origin(response)
        if response.status_code == 401 and challenge_of(response) is not None:
            return self._save_unless_superseded(stored.signed_out(), stored)
        return self._save_unless_superseded(_successor(response, stored), stored)

    def _check_origin(self, response: httpx.Response) -> None:
        """Nothing that a redirect led to has a say about the tokens."""
        if not self._site.has(response.url):
            raise RenewalError("the server redirects to another origin, whose answer is no renewal")

    def _save_unless_superseded(self, tokens: Tokens, presented: Tokens) -> Tokens:
        """*tokens*, saved; or those that another holder has saved since."""
        found = self._store.load()
        if found.refresh_token == presented.refresh_token:
            self._store.save(tokens)
            found = tokens
        self._tokens = found
        if not found.is_signed_in:
            raise SessionEndedError(_ENDED)
        return found

    # Step-up, sign-out, sign-in.

    async def _stepped_up(
        self, wanted: StepUp, used: Tokens, request: httpx.Request, port: Port
    ) -> tuple[Tokens, bool]:
        """As `_lock_and_renew`, by the application's proof; of many requests one asks for it."""
        if self._on_step_up is None:
            raise StepUpUnansweredError("this needs a step-up", challenge=wanted)
        if self in _ASKING.get():
            raise StepUpUnansweredError("the step-up itself needs a step-up", challenge=wanted)
        release = await locked(self._provers, _trying(self._proof_lock), port, None)
        try:
            if self._tokens.access_token != used.access_token:
                return self._tokens, False
            proof = await self._ask(self._on_step_up, wanted, port)
            if proof is None:
                raise StepUpUnansweredError("nobody answered the step-up", challenge=wanted)
            return await self._prove(self._site.own(proof, request), wanted, port), True
        finally:
            release()

    async def _ask(self, question: OnStepUp, wanted: StepUp, port: Port) -> httpx.Request | None:
        asking = _ASKING.get()
        _ASKING.set((*asking, self))
        try:
            return await port.ask(question, wanted)
        finally:
            _ASKING.set(asking)

    async def _prove(self, proof: httpx.Request, wanted: StepUp, port: Port) -> Tokens:
        """
        The tokens that *proof* gives.

        Locked, since a refresh that crossed a step-up would be refused as by an ended session.
        """
        release = await self._locked(port)
        try:
            tokens, response = await self._send_locked(proof, self._store.load())
            if not response.is_success:
                raise StepUpUnansweredError(
                    f"the step-up was refused: {response.status_code}",
                    challenge=wanted,
                    status=response.status_code,
                )
            self._check_origin(response)
            return self._save_unless_superseded(_successor(response, tokens), tokens)
        finally:
            release()

    async def _sign_out(self, request: httpx.Request, port: Port) -> None:
        release = await self._locked(port)
        try:
            tokens, response = await self._send_locked(request, self._store.load())
            if response.status_code == 204:
                self._tokens = tokens.signed_out(forget_device=forgets_device(request))
                self._store.save(self._tokens)
        except SessionEndedError:
            if forgets_device(request):
                self._tokens = Tokens()
                self._store.save(self._tokens)
            raise
        finally:
            release()

    async def _send_locked(
        self, request: httpx.Request, tokens: Tokens
    ) -> tuple[Tokens, httpx.Response]:
        """The answer to *request*, and the tokens that it carried."""
        in_time(request)
        response = await self._send_once(request, tokens, whole=True)
        challenge = challenge_of(response) if tokens.access_token else None
        if challenge is not None and challenge.error == EXPIRED and is_repeatable(request):
            tokens = await self._renew_locked(tokens, request)
            response = await self._send_once(request, tokens, whole=True)
        return tokens, response

    async def keep(self, answer: Mapping[str, object], port: Port) -> None:
        """Keep the tokens of a sign-in in place of those before."""
        release = await self._locked(port)
        try:
            try:
                before = self._store.load()
            except TokenStoreError:
                before = Tokens()
            tokens = before.followed_by(answer, time.time())
            self._store.save(tokens)
            self._tokens = tokens
        finally:
            release()


def _successor(response: httpx.Response, tokens: Tokens) -> Tokens:
    """The tokens in *response*, in place of *tokens*."""
    status = response.status_code
    if not response.is_success:
        raise RenewalError(
            f"the server did not renew the tokens: {status}",
            status=status,
            retry_after=retry_after(response),
        )
    try:
        return tokens.followed_by(json_of(response), time.time())
    except ValueError as error:
        raise RenewalError(f"the server gave no tokens: {error}", status=status) from None


def _trying(lock: Lock) -> Callable[[], Release | None]:
    return lambda: lock.release if lock.acquire(blocking=False) else None
