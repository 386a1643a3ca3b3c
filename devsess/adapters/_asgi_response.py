"""An ASGI response on its way: our headers beside the app's, or our answer in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.adapters._http import Answer, Header
    from devsess.errors import DevsessError

Message: TypeAlias = MutableMapping[str, Any]
RawHeader: TypeAlias = tuple[bytes, bytes]

# Close codes of RFC 6455 §7.4.1: a policy was violated; try again later.
_REFUSED, _LATER = 1008, 1013


class Response:
    """The response to one exchange, over http or a WebSocket."""

    def __init__(
        self,
        exchange: Exchange,
        scope: MutableMapping[str, Any],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._exchange = exchange
        self._is_live = scope["type"] == "websocket"
        self._can_deny = "websocket.http.response" in (scope.get("extensions") or {})
        self._send = send
        self._is_replaced = False

    async def send(self, message: Message) -> None:
        """The app's send; a 500 after `require` refused becomes that refusal."""
        if self._is_replaced:
            return
        if message["type"] == "http.response.start":
            answer = self._noted(message["status"])
            if answer is not None:
                self._is_replaced = True
                await self.answer(answer)
                return
        if message["type"] in ("http.response.start", "websocket.accept"):
            self._exchange.has_begun = True
            message = {**message, "headers": self._beside(message.get("headers") or ())}
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        """Answer in the app's stead; a WebSocket is refused before it opens."""
        self._exchange.has_begun = True
        if self._is_live and not self._can_deny:
            await self._send({"type": "websocket.close", "code": _REFUSED})
            return
        kind = "websocket.http.response" if self._is_live else "http.response"
        body = b"" if self._exchange.request.method == "HEAD" else answer.body
        start = {"status": answer.status, "headers": self._beside(_raw(answer.headers))}
        await self._send({"type": f"{kind}.start", **start})
        await self._send({"type": f"{kind}.body", "body": body})

    async def answer_error(self, error: DevsessError) -> None:
        """Answer an error that the app raised, or raise it again."""
        if self._is_replaced:
            return  # answered already: the app sent its 500, and raised on
        answer = self._exchange.answer_to(error)
        if answer is None:
            raise error
        if not self._exchange.has_begun:
            await self.answer(answer)
        elif self._is_live:
            code = _LATER if isinstance(error, StoreUnavailableError) else _REFUSED
            await self._send({"type": "websocket.close", "code": code})
        else:
            raise error

    def _noted(self, status: int) -> Answer | None:
        noted = self._exchange.noted
        return self._exchange.answer_to(noted) if noted is not None and status == 500 else None

    def _beside(self, headers: Any) -> list[RawHeader]:
        kept = [(bytes(name), bytes(value)) for name, value in headers]
        kinds = [value for name, value in kept if name.lower() == b"content-type"]
        ours = _raw(self._exchange.headers(kinds[0].decode("latin-1") if kinds else ""))
        if not ours:
            return kept
        replaced = {name for name, _ in ours} - {b"set-cookie"}
        return [*(it for it in kept if it[0].lower() not in replaced), *ours]


def _raw(headers: Any) -> list[RawHeader]:
    """Names in lower case, as ASGI has them."""
    found: list[Header] = list(headers)
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in found]
