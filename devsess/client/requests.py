"""The server's endpoints, and requests to them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping

import httpx

from devsess.client.errors import RenewalError
from devsess.client.tokens import Tokens

# Seconds for each wait of a request under the lock: half of what others wait for that.
LONGEST = 15.0
_DIGITS = re.compile(r"[0-9]{1,6}")
# Headers of the application's request that one in its name carries too: by the user agent and
# the app's name a session knows its device, and a renewal for a timer is no activity.
_INHERITED = ("User-Agent", "Devsess-App", "Devsess-Passive")


class Site:
    """
    The origin that gets the tokens, and the endpoints on it.

    Args:
        endpoints: The address below which the endpoints are served.

    Raises:
        ValueError: If it is no address with a scheme and a host.
    """

    def __init__(self, endpoints: str) -> None:
        self._endpoints = httpx.URL(endpoints.rstrip("/"))
        if self._endpoints.scheme not in ("http", "https") or not self._endpoints.host:
            raise ValueError(f"write the endpoints as https://host/auth, not {endpoints!r}")

    def __str__(self) -> str:
        return str(self._endpoints)

    def has(self, url: httpx.URL) -> bool:
        """Whether *url* is of this origin."""
        return _origin(url) == _origin(self._endpoints)

    def is_sign_out(self, request: httpx.Request) -> bool:
        """Whether *request* signs out at the endpoint for it."""
        return request.method == "POST" and request.url.path == self._below("logout").path

    def refresh(self, tokens: Tokens, request: httpx.Request) -> httpx.Request:
        """The request that renews *tokens*, for the sake of *request*."""
        members = {"refresh_token": tokens.refresh_token, "device_token": tokens.device_token}
        renewal = httpx.Request("POST", self._below("refresh"), json=members)
        renewal.stream = _SentOnce(renewal.content)
        return _like(request, renewal)

    def own(self, proof: httpx.Request, request: httpx.Request) -> httpx.Request:
        """
        The application's *proof*, sent for the sake of *request*.

        Raises:
            ValueError: If it would carry the tokens elsewhere.
        """
        if not self.has(proof.url):
            raise ValueError("on_step_up gives a request to the origin of the endpoints")
        return _like(request, proof)

    def _below(self, name: str) -> httpx.URL:
        return self._endpoints.copy_with(path=f"{self._endpoints.path.rstrip('/')}/{name}")


class _SentOnce(httpx.SyncByteStream, httpx.AsyncByteStream):
    """
    A body that a redirect cannot send elsewhere.

    Raises:
        RenewalError: When it is to be sent once more.
    """

    def __init__(self, body: bytes) -> None:
        self._left: bytes | None = body

    def _take(self) -> bytes:
        body, self._left = self._left, None
        if body is None:
            raise RenewalError("the server redirects the renewal: write its address as endpoints")
        return body

    def __iter__(self) -> Iterator[bytes]:
        yield self._take()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._take()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _like(request: httpx.Request, other: httpx.Request) -> httpx.Request:
    """*other* with the timeout and some headers of *request*, where it has none."""
    if "timeout" in request.extensions:
        other.extensions.setdefault("timeout", request.extensions["timeout"])
    for name in _INHERITED:
        if name in request.headers:
            other.headers.setdefault(name, request.headers[name])
    return other


def in_time(request: httpx.Request) -> httpx.Request:
    """*request*, each wait of which ends while others still wait for the lock that it is under."""
    given: dict[str, float | None] = request.extensions.get("timeout") or {}
    waits = ("connect", "read", "write", "pool")
    limited = {name: min(LONGEST, given.get(name) or LONGEST) for name in waits}
    request.extensions["timeout"] = limited
    return request


def is_repeatable(request: httpx.Request) -> bool:
    """Whether *request* can be sent twice: its body is in memory, and not read from elsewhere."""
    return isinstance(request.stream, httpx.ByteStream)


def forgets_device(request: httpx.Request) -> bool:
    """Whether a sign-out says that the device is to be forgotten."""
    if not is_repeatable(request) or not request.content:
        return False
    try:
        return json.loads(request.content).get("forget_device") is True
    except (ValueError, AttributeError):
        return False


def json_of(response: httpx.Response) -> Mapping[str, object]:
    """
    The members of a JSON answer.

    Raises:
        ValueError: If it is no JSON object.
    """
    try:
        members = response.json()
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise ValueError("the answer is no JSON object")
    return members


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait; None if it does not say so in seconds."""
    text = response.headers.get("retry-after", "")
    return float(text) if _DIGITS.fullmatch(text) else None
