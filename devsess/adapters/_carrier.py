"""Where tokens travel: `Authorization: Bearer` (RFC 6750 §2.1) or cookies, never a URL."""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from devsess._client import MAX_DEVICE_TOKEN
from devsess.adapters import _cookies as cookies
from devsess.adapters._http import Request
from devsess.errors import BadTokenError

if TYPE_CHECKING:
    from devsess.adapters._settings import Settings

DEVICE_HEADER = "devsess-device"
# Scripts can give a WebSocket no header; before a token, this is a subprotocol's name.
_BEARER_PROTOCOL = "devsess.bearer."
# The letters of a device token.
_DEVICE_LETTERS = f"{string.ascii_letters}{string.digits}._~-".encode()


@frozen(slots=False)  # every request makes one: without slots it costs half as much
class Credentials:
    """
    The credentials of a request.

    Attributes:
        by: The way they came, header or cookies; None without either.
        access: The access token, or None.
        refresh: The refresh token, or None; for refresh, logout and renewal alone.
        device: The device token, or None.
        error: The reason why they cannot be used, or None.
        twice: Names of cookies that the request has twice: another site set one of the two.
    """

    by: Literal["bearer", "cookie"] | None = None
    access: str | None = field(default=None, repr=False)
    refresh: str | None = field(default=None, repr=False)
    device: str | None = field(default=None, repr=False)
    error: BadTokenError | None = None
    twice: frozenset[str] = frozenset()

    @property
    def can_sign_in(self) -> bool:
        """Whether any of them could sign a user in."""
        return bool(self.access or self.refresh or self.error)


def read_credentials(request: Request, settings: Settings) -> Credentials:
    """The credentials of *request*; with `Authorization`, cookies are not read."""
    authorization = request.headers.get("authorization")
    if request.offered and settings.reads_header:
        tokens = [each for each in request.offered if is_token(each)]
        if tokens:
            return _in_protocols(tokens, authorization)
    if authorization is not None and settings.reads_header:
        return _in_header(authorization, _device(request.headers.get(DEVICE_HEADER)))
    cookie = request.headers.get("cookie")
    if cookie is None or not settings.reads_cookies:
        return device_alone(request)
    return _in_cookies(cookie, settings.cookie_names)


def is_in_header(request: Request, settings: Settings) -> bool:
    """Whether a header has the place of credentials, so that no cookie is read."""
    if not settings.reads_header:
        return False
    return "authorization" in request.headers or any(map(is_token, request.offered))


def device_alone(request: Request) -> Credentials:
    """The device token in the header of *request*, and nothing else."""
    return Credentials(device=_device(request.headers.get(DEVICE_HEADER)))


def _device(token: str | None) -> str | None:
    # Other text is no token of ours: it is dropped, and never sent back in a cookie.
    if not token or len(token) > MAX_DEVICE_TOKEN or not token.isascii():
        return None
    return None if token.encode().translate(None, _DEVICE_LETTERS) else token


def is_token(protocol: str) -> bool:
    """Whether a subprotocol is no protocol but carries a token."""
    return protocol.startswith(_BEARER_PROTOCOL)


def without_tokens(protocols: Iterable[str]) -> list[str]:
    """The subprotocols that an app may see, and choose from."""
    return [each for each in protocols if not is_token(each)]


def _in_protocols(tokens: list[str], authorization: str | None) -> Credentials:
    scheme = (authorization or "").partition(" ")[0].lower()
    if len(tokens) > 1 or scheme == "bearer":  # RFC 6750 §2: one way only
        return Credentials("bearer", error=BadTokenError("more than one token came"))
    access = tokens[0].removeprefix(_BEARER_PROTOCOL)
    error = None if access else BadTokenError(f"there is no token behind {_BEARER_PROTOCOL}")
    return Credentials("bearer", access=access or None, error=error)


def _in_header(authorization: str, device: str | None) -> Credentials:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return Credentials(device=device)  # another scheme: Basic, Digest
    token = token.strip(" ")
    error = None if token else BadTokenError("there is no token behind Bearer")
    return Credentials("bearer", access=token or None, device=device, error=error)


def _in_cookies(cookie: str, names: cookies.CookieNames) -> Credentials:
    found, twice = cookies.read(cookie, names.every)
    if twice:
        error = BadTokenError(f"the cookie {' and '.join(sorted(twice))} came twice")
        return Credentials("cookie", error=error, twice=twice)
    access, refresh = found.get(names.access), found.get(names.refresh)
    device = _device(found.get(names.device))
    return Credentials("cookie" if access or refresh else None, access, refresh, device)
