"""A WSGI response on its way: our headers beside the app's, or our answer in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from devsess._runtime.drive import drive
from devsess.adapters._cors import ALLOW_ORIGIN
from devsess.adapters._http import NO_STORE, Answer, Header
from devsess.errors import DevsessError

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import StartResponse

    from devsess.adapters._exchange import Exchange

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
    OptExcInfo = ExcInfo | tuple[None, None, None]


class Response:
    """The response to one exchange."""

    def __init__(
        self,
        exchange: Exchange,
        start_response: StartResponse,
    ) -> None:
        self._exchange = exchange
        self._start_response = start_response
        self._instead: Answer | None = None

    def start(
        self, status: str, headers: list[Header], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """The app's start_response; a 500 after `require` refused becomes that refusal."""
        if status.startswith("500"):
            if exc_info is not None:
                self._exchange.failure = exc_info[1]
            self._instead = self._exchange.in_place_of_500()
        if self._instead is not None:
            # Nothing failed any more, and some servers raise what they are handed.
            late = exc_info if self._exchange.has_begun else None
            self._begin(self._instead.status_line, list(self._instead.headers), late)
            return _discard
        return self._begin(status, headers, exc_info)

    def answer(self, answer: Answer) -> list[bytes]:
        """Answer in place of the app."""
        exc_info = sys.exc_info() if self._exchange.has_begun else None
        self._begin(answer.status_line, list(answer.headers), exc_info)
        return self._content(answer)

    def _content(self, answer: Answer) -> list[bytes]:
        return [] if self._exchange.request.method == "HEAD" else [answer.body]

    def body(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        """The app's body: untouched if the response has begun as the app wants it."""
        is_begun = self._exchange.has_begun and self._instead is None
        if is_begun and not self._exchange.is_guarded:
            return parts
        return Watched(parts, self)

    @property
    def replacement(self) -> list[bytes] | None:
        """The body that replaces the app's, or None."""
        return None if self._instead is None else self._content(self._instead)

    def is_over(self, error: Exception) -> bool:
        """Whether *error* only says that a guarded response ends here."""
        return error is self._exchange.ended_by

    def failed(self, error: Exception) -> Iterable[bytes]:
        """
        Answer an error that the app raised, or raise it again.

        With cookies to be set, both: the answer carries them, and the server
        sees the error after it.
        """
        answer = self._exchange.answer_to(error) if isinstance(error, DevsessError) else None
        if answer is not None:
            return self.answer(answer)
        if self._exchange.has_cookies and not self._exchange.has_begun:
            return _then_raise(self.answer(self._exchange.crashed()), error)
        raise error

    def _begin(
        self, status: str, headers: list[Header], exc_info: OptExcInfo | None
    ) -> Callable[[bytes], object]:
        if self._exchange.has_cookies_to_update:
            drive(self._exchange.update_cookies())
        self._exchange.has_begun = True
        own = {name.lower(): value for name, value in headers}
        ours = self._exchange.headers(
            is_html=own.get("content-type", "").startswith("text/html"),
            is_marked="cache-control" in own,
            is_shared=ALLOW_ORIGIN in own,
        )
        if NO_STORE in ours:  # in place of the app's
            headers = [it for it in headers if it[0].lower() != "cache-control"]
        headers = [*headers, *ours] if ours else headers
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)


class Watched:
    """An app's body that begins, and fails, while it is read: generators do."""

    def __init__(self, parts: Iterable[bytes], response: Response) -> None:
        self._parts = parts
        self._response = response
        self._reading = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self._reading

    def close(self) -> None:
        """Close the app's body, also one that was never read (PEP 3333)."""
        self._reading.close()
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()

    def _read(self) -> Generator[bytes]:
        sent = False
        try:
            for part in self._parts:
                if self._response.replacement is not None:
                    break
                yield part
                sent = True
            yield from self._response.replacement or ()
        except Exception as error:
            if not sent:
                yield from self._response.failed(error)
            elif not self._response.is_over(error):
                raise


def _then_raise(parts: list[bytes], error: Exception) -> Iterator[bytes]:
    yield from parts
    raise error


def _discard(_: bytes) -> None:
    """Drop the body that an app writes to a replaced answer."""
