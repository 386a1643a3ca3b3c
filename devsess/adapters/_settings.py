"""How an app is wrapped: the middleware's arguments, checked once."""

from __future__ import annotations

import ipaddress
import logging
import warnings
from collections.abc import Iterable
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from devsess.adapters import _cookies as cookies
from devsess.adapters._http import PASSIVE_HEADER, Header, Request
from devsess.errors import ConfigurationError
from devsess.policy import Span, seconds

Transport = Literal["both", "cookie", "bearer"]
ProxyHeader = Literal["x-forwarded-for", "forwarded"]
# "unix" stands for the other end of a Unix socket, which has no address.
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network | Literal["unix"]

# Schemes whose pages have no origin of their own, or are no pages.
_NO_ORIGINS = ("", "about", "blob", "data", "file", "filesystem", "ftp", "javascript", "ws", "wss")

log = logging.getLogger("devsess")


@frozen
class Settings:
    """
    The arguments of a SessionMiddleware, in the form they are used in.

    Attributes:
        required: Whether nobody passes without a session, but to sign in.
        reads_header: Whether `Authorization` is looked at.
        reads_cookies: Whether cookies are looked at, and set.
        trusted_proxies: Networks whose word on the client's address is taken.
        proxy_header: The one header in which they give it.
        origins: Other origins that may act for a signed-in browser.
        csrf_exempt: Paths that anybody may post to; "/hooks/" means all below it.
        public: Paths that `required` excepts.
        passive: Paths that are no activity.
        recent_auth: How old a sign-in may be that ends other sessions, or None.
        cookie_names: What the cookies are called.
        cookie_attributes: All else that is said of them, but for their age.
        device_lifetime: Seconds after a sign-in that the device's cookie lives.
        secure: Whether cookies travel over https only.
        clear_site_data: Whether a sign-out empties the browser's cache of the site.
        endpoints: Where the JSON endpoints are served, or None.
        login_url: Where a person is sent to sign in, or None.
    """

    required: bool
    reads_header: bool
    reads_cookies: bool
    trusted_proxies: tuple[Network, ...]
    proxy_header: ProxyHeader
    origins: frozenset[str]
    csrf_exempt: frozenset[str]
    public: frozenset[str]
    passive: frozenset[str]
    recent_auth: float | None
    cookie_names: cookies.CookieNames
    cookie_attributes: str
    device_lifetime: float
    secure: bool
    clear_site_data: bool
    endpoints: str | None
    login_url: str | None

    # For an answer that depends on who asks (RFC 9110 §12.5.5).
    vary: Header = field(init=False)

    @vary.default
    def _vary(self) -> Header:
        names = ("Cookie",) * self.reads_cookies + ("Authorization",) * self.reads_header
        return ("Vary", ", ".join(names))

    def is_closed(self, request: Request) -> bool:
        """Whether *request* needs a session to reach the app."""
        if not self.required or is_among(request.path, self.public):
            return False
        login = None if self.login_url is None else self.login_url.partition("?")[0]
        return login is None or request.mount + request.path != below_mount(login, request.mount)

    def is_passive(self, request: Request) -> bool:
        """Whether a timer sent *request*, and no person: it keeps no session alive."""
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


def settings(
    *,
    required: bool,
    transport: Transport,
    trusted_proxies: Iterable[str],
    proxy_header: ProxyHeader,
    origins: Iterable[str],
    csrf_exempt: Iterable[str],
    public: Iterable[str],
    passive: Iterable[str],
    recent_auth: Span | None,
    insecure_cookies: bool,
    called: cookies.Cookies,
    device_retention: float,
    clear_site_data: bool,
    endpoints: str | None,
    login_url: str | None,
) -> Settings:
    """
    The settings; insecure cookies are warned of.

    Raises:
        ConfigurationError: If an argument cannot work; the message says which.
    """
    if not required and public:
        raise ConfigurationError("public excepts paths from required=True, which is not set")
    _one_of("transport", transport, ("both", "cookie", "bearer"))
    _one_of("proxy_header", proxy_header, ("x-forwarded-for", "forwarded"))
    if not isinstance(called, cookies.Cookies):
        raise ConfigurationError(f"cookies must be a Cookies, not {called!r}")
    if insecure_cookies:
        _warn()
    return Settings(
        required=bool(required),
        reads_header=transport != "cookie",
        reads_cookies=transport != "bearer",
        trusted_proxies=tuple(map(_network, _texts("trusted_proxies", trusted_proxies))),
        proxy_header=proxy_header,
        origins=frozenset(map(_origin, _texts("origins", origins))),
        csrf_exempt=_paths("csrf_exempt", csrf_exempt),
        public=_paths("public", public),
        passive=_paths("passive", passive),
        recent_auth=None if recent_auth is None else _span("recent_auth", recent_auth),
        cookie_names=called.names(secure=not insecure_cookies),
        cookie_attributes=called.attributes(secure=not insecure_cookies),
        device_lifetime=min(called.device_lifetime, max(1.0, device_retention)),
        secure=not insecure_cookies,
        clear_site_data=bool(clear_site_data),
        endpoints=None if endpoints is None else _below("endpoints", endpoints),
        login_url=None if login_url is None else _path("login_url", login_url),
    )


def _warn() -> None:
    message = (
        "insecure_cookies=True: session cookies travel over plain http, where anybody on the way"
        " reads them, and subdomains may set them. For development only."
    )
    log.warning(message)
    warnings.warn(message, stacklevel=4)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} must be a list of texts, not {values!r}")
    found = tuple(values)
    if not all(isinstance(value, str) for value in found):
        raise ConfigurationError(f"{name} must hold texts only")
    return found


def _network(text: str) -> Network:
    if text == "unix":
        return "unix"
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"trusted_proxies: {error}") from error


def _origin(text: str) -> str:
    found = normal_origin(text)
    if found is None:
        raise ConfigurationError(f"origins: write {text!r} as https://host or https://host:port")
    return found


def normal_origin(text: str) -> str | None:
    """
    An origin (RFC 6454 §6.2) in its one spelling, without a default port; None if it is none.

    Pages within apps and extensions have schemes of their own: `capacitor`, `tauri`.
    """
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


def _path(name: str, text: str) -> str:
    if not isinstance(text, str) or not is_local_path(text):
        raise ConfigurationError(f"{name} must be a path that begins with one /, not {text!r}")
    return text


def _paths(name: str, values: Iterable[str]) -> frozenset[str]:
    return frozenset(_path(name, path) for path in _texts(name, values))


def _span(name: str, value: Span) -> float:
    try:
        return seconds(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def _below(name: str, text: str) -> str:
    path = _path(name, text).rstrip("/")
    if not path:
        raise ConfigurationError(f"{name} must be a path of its own, such as /auth, not {text!r}")
    return path


def is_local_path(text: str) -> bool:
    """Whether a browser that follows *text* stays on this site."""
    if not text.startswith("/") or text.startswith(("//", "/\\")):
        return False
    return text.isascii() and text.isprintable() and "\\" not in text and " " not in text
