"""A WSGI response on its way: our headers beside the app's, or our answer in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from devsess._drivers import run
from devsess.adapters._http import Answer, Header, beside
from devsess.errors import DevsessError

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import StartResponse

    from devsess.adapters._exchange import Exchange
    from devsess.flows import Call

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
    OptExcInfo = ExcInfo | tuple[None, None, None]


class Response:
    """The response to one exchange."""

    def __init__(
        self,
        exchange: Exchange,
        start_response: StartResponse,
        perform: Callable[[Call], object],
    ) -> None:
        self._exchange = exchange
        self._start_response = start_response
        self._perform = perform
        self._instead: Answer | None = None

    def start(
        self, status: str, headers: list[Header], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """The app's start_response; a 500 after `require` refused becomes that refusal."""
        if status.startswith("500"):
            self._instead = self._exchange.in_place_of_500()
        if self._instead is not None:
            self._begin(self._instead.status_line, list(self._instead.headers), exc_info)
            return _discard
        return self._begin(status, headers, exc_info)

    def answer(self, answer: Answer) -> list[bytes]:
        """Answer in the app's stead."""
        exc_info = sys.exc_info() if self._exchange.has_begun else None
        self._begin(answer.status_line, list(answer.headers), exc_info)
        return [] if self._exchange.request.method == "HEAD" else [answer.body]

    def body(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        """The app's body: untouched if the response has begun as the app wants it."""
        is_begun = self._exchange.has_begun and self._instead is None
        return parts if is_begun and not self._exchange.is_guarded else self._watched(parts)

    def failed(self, error: Exception) -> Iterable[bytes]:
        """
        Answer an error that the app raised, or raise it again.

        With cookies to be set, both: the answer carries them, and the server
        hears of the error behind it.
        """
        answer = self._exchange.answer_to(error) if isinstance(error, DevsessError) else None
        if answer is not None:
            return self.answer(answer)
        if self._exchange.has_cookies and not self._exchange.has_begun:
            return _then_raise(self.answer(self._exchange.crashed()), error)
        raise error

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
        except Exception as error:
            if error is self._exchange.over and sent:
                return
            if sent:
                raise
            yield from self.failed(error)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def _begin(
        self, status: str, headers: list[Header], exc_info: OptExcInfo | None
    ) -> Callable[[bytes], object]:
        if self._exchange.is_unsettled:
            run(self._exchange.settle(), self._perform)
        self._exchange.has_begun = True
        kinds = [value for name, value in headers if name.lower() == "content-type"]
        ours = self._exchange.headers(kinds[0] if kinds else "")
        headers = beside(headers, ours) if ours else headers
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)


def _then_raise(parts: list[bytes], error: Exception) -> Iterator[bytes]:
    yield from parts
    raise error


def _discard(_: bytes) -> None:
    """What an app writes below an answer that was replaced."""
