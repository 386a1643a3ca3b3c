"""A WSGI response on its way: our headers beside the app's, or our answer in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from devsess.adapters._http import Answer, Header
from devsess.errors import DevsessError

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import StartResponse

    from devsess.adapters._exchange import Exchange

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
    OptExcInfo = ExcInfo | tuple[None, None, None]


class Response:
    """The response to one exchange."""

    def __init__(self, exchange: Exchange, start_response: StartResponse) -> None:
        self._exchange = exchange
        self._start_response = start_response
        self._instead: Answer | None = None

    def start(
        self, status: str, headers: list[Header], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """The app's start_response; a 500 after `require` refused becomes that refusal."""
        noted = self._exchange.noted
        if noted is not None and status.startswith("500"):
            self._instead = self._exchange.answer_to(noted)
        if self._instead is not None:
            self._begin(self._instead.status_line, list(self._instead.headers), exc_info)
            return _discard
        return self._begin(status, headers, exc_info)

    def answer(self, answer: Answer, exc_info: OptExcInfo | None = None) -> list[bytes]:
        """Answer in the app's stead."""
        self._begin(answer.status_line, list(answer.headers), exc_info)
        return [] if self._exchange.request.method == "HEAD" else [answer.body]

    def answer_error(self, error: DevsessError) -> list[bytes]:
        """Answer an error that the app raised, or raise it again."""
        answer = self._exchange.answer_to(error)
        if answer is None:
            raise error
        return self.answer(answer, sys.exc_info() if self._exchange.has_begun else None)

    def body(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        """The app's body: untouched if the response has begun as the app wants it."""
        if self._exchange.has_begun and self._instead is None:
            return parts
        return self._watched(parts)

    def _watched(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        # An app that is a generator begins, and fails, while its body is read.
        sent = False
        try:
            for part in parts:
                if self._instead is not None:
                    break
                yield part
                sent = True
            if self._instead is not None:
                yield self._instead.body
        except DevsessError as error:
            if sent:
                raise
            yield from self.answer_error(error)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def _begin(
        self, status: str, headers: list[Header], exc_info: OptExcInfo | None
    ) -> Callable[[bytes], object]:
        self._exchange.has_begun = True
        if exc_info is None:
            return self._start_response(status, self._beside(headers))
        return self._start_response(status, self._beside(headers), exc_info)

    def _beside(self, headers: list[Header]) -> list[Header]:
        kinds = [value for name, value in headers if name.lower() == "content-type"]
        ours = self._exchange.headers(kinds[0] if kinds else "")
        if not ours:
            return headers
        replaced = {name.lower() for name, _ in ours} - {"set-cookie"}
        return [*(it for it in headers if it[0].lower() not in replaced), *ours]


def _discard(_: bytes) -> None:
    """What an app writes below an answer that was replaced."""
