"""
The options of a SessionMiddleware: each checked, and converted to the form it is used in.

An option stands in the signature and the docstring of `_middleware.Middleware`, where
users read it, is handed on there, and is one field of the record here. Its row in
docs/web.md is the last place; a test compares them all.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import warnings
from collections.abc import Iterable
from copy import copy
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen
from attrs.converters import optional

from devsess._options import named, one_of, texts
from devsess.adapters._account import MAX_ACCOUNTS
from devsess.adapters._cookies import CookieNames, Cookies
from devsess.adapters._http import PASSIVE_HEADER, Header, Request
from devsess.errors import ConfigurationError
from devsess.policy import seconds

Transport = Literal["both", "cookie", "bearer"]
ProxyHeader = Literal["x-forwarded-for", "forwarded"]
# "unix" stands for the other end of a Unix socket, which has no address.
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network | Literal["unix"]

# Schemes whose pages have no origin of their own, or are no pages.
_NO_ORIGINS = ("", "about", "blob", "data", "file", "filesystem", "ftp", "javascript", "ws", "wss")

# A scheme, a host's name of 253 characters, and a port take less.
_LONGEST_ORIGIN = 512

_PARAMETER = re.compile(r"[A-Za-z0-9_-]+")

log = logging.getLogger("devsess")


def _networks(values: Iterable[str]) -> tuple[Network, ...]:
    return tuple(map(_network, texts(values)))


def _network(text: str) -> Network:
    if text == "unix":
        return "unix"
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _origins(values: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_origin, texts(values)))


def _origin(text: str) -> str:
    origin = normal_origin(text)
    if origin is None:
        raise ConfigurationError(f"write {text!r} as https://host or https://host:port")
    return origin


def _path(text: str) -> str:
    if not isinstance(text, str) or not is_local_path(text):
        raise ConfigurationError(f"must be a path that begins with one /, not {text!r}")
    return text


def _paths(values: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_path, texts(values)))


def _prefix(text: str) -> str:
    path = _path(text).rstrip("/")
    if not path:
        raise ConfigurationError(f"must be a path of its own, such as /auth, not {text!r}")
    return path


def _parameter(text: str) -> str:
    if not isinstance(text, str) or not _PARAMETER.fullmatch(text):
        raise ConfigurationError(f"must be a name of letters, digits, - and _, not {text!r}")
    return text


def _accounts(number: int) -> int:
    if type(number) is not int or not 1 <= number <= MAX_ACCOUNTS:
        raise ConfigurationError(f"must be a number from 1 to {MAX_ACCOUNTS}, not {number!r}")
    return number


def _cookies(cookies: Cookies) -> Cookies:
    if not isinstance(cookies, Cookies):
        raise ConfigurationError(f"must be a Cookies, not {cookies!r}")
    return cookies


@frozen(kw_only=True, field_transformer=named)
class Settings:
    """
    The options, as SessionMiddleware documents them, and the values derived from them.

    An option has no default here: it stands in the signature, so a type checker
    finds an option that is not passed on.

    Attributes:
        device_retention: Seconds that the manager's policy keeps a device.
        slot: The slot whose cookies these name; see `slots`.
        slots: With `accounts` above 1, these settings for each of the five slots: a lowered
            option leaves cookies in the upper ones.
        reads_header: Whether `Authorization` is read.
        reads_cookies: Whether cookies are read, and set.
        secure: Whether cookies travel over https only.
        cookie_names: The names of the three cookies.
        cookie_attributes: The attributes of each, but for its age.
        device_lifetime: Seconds after a sign-in that the device's cookie lives.
        vary: For an answer that depends on the user (RFC 9110 §12.5.5).

    Raises:
        ConfigurationError: If an option cannot work; the message names it.
    """

    required: bool = field(converter=bool)
    transport: Transport = field(validator=one_of(*get_args(Transport)))
    trusted_proxies: tuple[Network, ...] = field(converter=_networks)
    proxy_header: ProxyHeader = field(validator=one_of(*get_args(ProxyHeader)))
    origins: frozenset[str] = field(converter=_origins)
    csrf_exempt: frozenset[str] = field(converter=_paths)
    public: frozenset[str] = field(converter=_paths)
    passive: frozenset[str] = field(converter=_paths)
    recent_auth: float | None = field(converter=optional(seconds))
    insecure_cookies: bool = field(converter=bool)
    cookies: Cookies = field(converter=_cookies)
    clear_site_data: bool = field(converter=bool)
    endpoints: str | None = field(converter=optional(_prefix))
    login_url: str | None = field(converter=optional(_path))
    return_parameter: str = field(converter=_parameter)
    accounts: int = field(converter=_accounts)

    device_retention: float
    slot: int = field(default=0, init=False)
    slots: tuple[Settings, ...] = field(default=(), init=False, eq=False, repr=False)
    reads_header: bool = field(init=False)
    reads_cookies: bool = field(init=False)
    secure: bool = field(init=False)
    cookie_names: CookieNames = field(init=False)
    cookie_attributes: str = field(init=False)
    device_lifetime: float = field(init=False)
    vary: Header = field(init=False)

    @public.validator
    def _needs_required(self, option: Attribute[Any], public: frozenset[str]) -> None:
        if public and not self.required:
            raise ConfigurationError(
                f"{option.name}: excepts paths from required=True, which is not set"
            )

    @accounts.validator
    def _needs_cookies(self, option: Attribute[Any], accounts: int) -> None:
        if accounts > 1 and self.transport == "bearer":
            raise ConfigurationError(
                f'{option.name}: more than one lie in cookies, which transport="bearer" never reads'
            )

    @reads_header.default
    def _reads_header(self) -> bool:
        return self.transport != "cookie"

    @reads_cookies.default
    def _reads_cookies(self) -> bool:
        return self.transport != "bearer"

    @secure.default
    def _secure(self) -> bool:
        return not self.insecure_cookies

    @cookie_names.default
    def _cookie_names(self) -> CookieNames:
        return self.cookies.names(secure=self.secure, slot=0 if self.accounts > 1 else None)

    @cookie_attributes.default
    def _cookie_attributes(self) -> str:
        return self.cookies.attributes(secure=self.secure)

    @device_lifetime.default
    def _device_lifetime(self) -> float:
        return min(self.cookies.device_lifetime, max(1.0, self.device_retention))

    @vary.default
    def _vary(self) -> Header:
        names = ("Cookie",) * self.reads_cookies + ("Authorization",) * self.reads_header
        return ("Vary", ", ".join(names))

    def __attrs_post_init__(self) -> None:
        if self.accounts > 1:
            object.__setattr__(self, "slots", tuple(map(self._in_slot, range(MAX_ACCOUNTS))))

    def _in_slot(self, slot: int) -> Settings:
        return self._with(slot=slot, cookie_names=self.cookies.names(secure=self.secure, slot=slot))

    def without_exceptions(self) -> Settings:
        """These for pages that are devsess's own: each request that comes by cookie is checked."""
        return self._with(
            csrf_exempt=frozenset(), transport="both", reads_header=True, reads_cookies=True
        )

    def _with(self, **changes: object) -> Settings:
        other = copy(self)  # not evolve: its options have been converted already
        for name, value in changes.items():
            object.__setattr__(other, name, value)
        return other

    def is_closed(self, request: Request) -> bool:
        """Whether *request* needs a session to reach the app."""
        if not self.required or is_among(request.path, self.public):
            return False
        login = None if self.login_url is None else self.login_url.partition("?")[0]
        return login is None or request.mount + request.path != below_mount(login, request.mount)

    def is_passive(self, request: Request) -> bool:
        """Whether *request* is no activity: a timer sent it, not a person."""
        if request.headers.get(PASSIVE_HEADER) == "1":
            return True
        return bool(self.passive) and is_among(request.path, self.passive)

    def is_exempt(self, path: str) -> bool:
        """Whether *path* is one that anybody may post to."""
        return is_among(path, self.csrf_exempt)


def below_mount(path: str, mount: str) -> str:
    """*path* as browsers see it; one that names the mount point already stays as it is."""
    return path if path == mount or path.startswith(f"{mount}/") else mount + path


def is_among(path: str, paths: frozenset[str]) -> bool:
    """Whether *path* is one of *paths*, or below one that ends with a slash; "/" is one page."""
    if path in paths:
        return True
    if "//" in path or "/." in path or "\\" in path:
        return False  # an app may read another path in it
    return any(each.endswith("/") and each != "/" and path.startswith(each) for each in paths)


def normal_origin(text: str) -> str | None:
    """
    An origin (RFC 6454 §6.2) in its one spelling, without a default port; None if it is none.

    Pages within apps and extensions have schemes of their own: `capacitor`, `tauri`.
    """
    if len(text) > _LONGEST_ORIGIN:  # urlsplit remembers what it was given
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme in _NO_ORIGINS or not parts.hostname or not bare:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + ("" if port in (None, default) else f":{port}")


def is_local(origin: str) -> bool:
    """Whether browsers keep Secure cookies of *origin* over plain http: it is this machine."""
    host = urlsplit(origin).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_local_path(text: str) -> bool:
    """Whether a browser that follows *text* stays on this site."""
    if not text.startswith("/") or text.startswith(("//", "/\\")):
        return False
    return text.isascii() and text.isprintable() and "\\" not in text and " " not in text


def warn_of_insecure_cookies() -> None:
    """Warn the caller of the middleware that makes these settings, and write it to the log."""
    message = (
        "insecure_cookies=True: session cookies travel over plain http, where anybody on the way"
        " reads them, and subdomains may set them. For development only."
    )
    log.warning(message)
    warnings.warn(message, stacklevel=3)
