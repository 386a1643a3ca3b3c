"""An ASGI response on its way: our headers beside the app's, or our answer in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.adapters._carrier import is_token
from devsess.adapters._cors import ALLOW_ORIGIN
from devsess.adapters._http import ACCEPT_HINTS, NO_STORE, PRIVATE, VARIES, Answer, Header
from devsess.adapters._problem import problem
from devsess.errors import ConfigurationError, DevsessError

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange

Message: TypeAlias = MutableMapping[str, Any]
RawHeader: TypeAlias = tuple[bytes, bytes]

_ALLOW_ORIGIN = ALLOW_ORIGIN.encode()
_BEGINNINGS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class Response:
    """The response to one exchange, over http or a WebSocket."""

    def __init__(
        self,
        exchange: Exchange,
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._exchange = exchange
        self._is_live = exchange.request.is_live
        self._can_deny = self._is_live and exchange.request.takes_cookies
        self._send = send
        self._is_replaced = False
        self._is_closed = False  # the WebSocket, by the app

    async def send(self, message: Message) -> None:
        """The app's send; a 500 after `require` refused becomes that refusal."""
        if self._is_replaced:
            return
        if message["type"] in _BEGINNINGS:
            if self._exchange.unawaited:
                self._raise_unawaited()
            answer = self._exchange.in_place_of_500() if message.get("status") == 500 else None
            if answer is not None:
                self._is_replaced = True
                await self.answer(answer)
                return
            if self._exchange.has_cookies_to_update:
                await self._exchange.update_cookies()
            message = {**message, "headers": self._beside(message.get("headers") or ())}
            if self._is_live and is_token(message.get("subprotocol") or ""):
                message["subprotocol"] = None  # a token is never sent back
        elif message["type"] == "websocket.close":
            if await self._is_closed_for_ours():
                return
            self._is_closed = True
            if not self._exchange.has_begun:
                await self._refuse(message)
                return
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        """Answer in place of the app; a WebSocket is refused before it opens."""
        await self._exchange.update_cookies()
        headers = self._beside(_raw(answer.headers))
        if self._is_live and not self._can_deny:
            await self._send({"type": "websocket.close", "code": close_code(answer)})
            return
        kind = "websocket.http.response" if self._is_live else "http.response"
        body = b"" if self._exchange.request.method == "HEAD" else answer.body
        await self._send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
        await self._send({"type": f"{kind}.body", "body": body, "more_body": False})

    async def failed(self, error: Exception) -> None:
        """Answer an error that the app raised, or raise it again."""
        plain = _plain(error)
        answer = self._exchange.answer_to(plain) if isinstance(plain, DevsessError) else None
        if (self._is_replaced or self._is_closed) and answer is not None:
            return  # the app answered already, and raised afterwards
        if self._exchange.has_begun:
            await self._break_off(error, answer)
        elif answer is not None:
            await self.answer(answer)
        else:
            if self._exchange.has_cookies:
                await self.answer(self._exchange.crashed())
            raise error

    async def _is_closed_for_ours(self) -> bool:
        """Whether a framework closes a WebSocket for an error of ours, whose answer is sent."""
        failure = self._exchange.failure
        error = _plain(failure) if isinstance(failure, Exception) else None
        if not isinstance(error, DevsessError) or isinstance(error, ConfigurationError):
            return False
        await self.failed(error)
        self._is_replaced = True
        return True

    async def _break_off(self, error: Exception, answer: Answer | None) -> None:
        if self._is_live and answer is not None:
            await self._send({"type": "websocket.close", "code": close_code(answer)})
        elif _plain(error) is self._exchange.ended_by:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            raise error

    async def _refuse(self, message: Message) -> None:
        """Close a WebSocket that never opened; its cookies must still arrive."""
        if self._can_deny and self._exchange.has_cookies:
            self._is_replaced = True
            await self.answer(problem(403, "This connection was refused."))
        else:
            self._exchange.has_begun = True
            await self._send(message)

    def _raise_unawaited(self) -> None:
        names, self._exchange.unawaited = self._exchange.unawaited, ()
        raise RuntimeError(f"{' and '.join(names)} was called without await: nothing was done")

    def _beside(self, headers: Iterable[RawHeader]) -> list[RawHeader]:
        self._exchange.has_begun = True
        kept = list(headers)
        own = {bytes(name).lower(): value for name, value in kept}
        ours = self._exchange.headers(
            is_html=bytes(own.get(b"content-type", b"")).startswith(b"text/html"),
            is_marked=b"cache-control" in own,
            is_shared=_ALLOW_ORIGIN in own,
        )
        if not ours:
            return kept
        if NO_STORE in ours:  # in place of the app's
            kept = [it for it in kept if bytes(it[0]).lower() != b"cache-control"]
        return [*kept, *_raw(ours)]


def _plain(error: Exception) -> Exception:
    """The only error in a group that a task group made."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def close_code(answer: Answer) -> int:
    """The close code (RFC 6455 §7.4.1): a policy was violated, or try again later."""
    return 1013 if answer.status == 503 else 1008


def _raw(headers: Iterable[Header]) -> list[RawHeader]:
    """Names in lower case, as ASGI has them."""
    return [_COMMON.get(header) or _encoded(header) for header in headers]


def _encoded(header: Header) -> RawHeader:
    name, value = header
    return name.lower().encode("latin-1"), value.encode("latin-1")


# Nearly every response has some of these: they are encoded once.
_COMMON = {header: _encoded(header) for header in (PRIVATE, NO_STORE, ACCEPT_HINTS, *VARIES)}
