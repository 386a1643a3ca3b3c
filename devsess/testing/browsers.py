"""Test clients of frameworks that a wrapped app takes for browsers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from devsess.adapters._cookies import Cookies

if TYPE_CHECKING:
    from devsess.models import Grant

Client = TypeVar("Client")

_HEADER = "Sec-Fetch-Site"


def as_browser(client: Client) -> Client:
    """
    Have a test client send the headers of a browser on a page of the app; return the client.

    Without `Sec-Fetch-Site` or `Origin` a request that changes something is a 403.
    An httpx client at an http address goes over to https, where it keeps Secure cookies.

    Args:
        client: Of httpx (blocking or not), Starlette or FastAPI, Flask, or Django.

    Raises:
        TypeError: If it is none of these.
        ValueError: If an httpx client has no `base_url`.
    """
    _kind(client)[0](client)
    return client


def sign_in(
    client: Client, grant: Grant, *, cookies: Cookies | None = None, insecure_cookies: bool = False
) -> Client:
    """
    Let a test client be the browser that *grant* was given to; and give it back.

    Args:
        client: As for `as_browser`, which is done too.
        grant: The result of `login` of the manager that wraps the app.
        cookies: As the middleware's setting.
        insecure_cookies: As the middleware's setting.

    Raises:
        TypeError, ValueError: As for `as_browser`.
    """
    as_browser(client)
    settings = cookies or Cookies()
    names = settings.names(secure=not insecure_cookies)
    tokens = {names.access: grant.access_token, names.refresh: grant.refresh_token}
    if grant.device_token:
        tokens[names.device] = grant.device_token
    for name, token in tokens.items():
        _kind(client)[1](client, name, token, settings)
    return client


def _kind(client: object) -> tuple[Callable[[Any], None], Callable[..., None]]:
    # By the names of modules: none of them is imported here, nor needs to be installed.
    made_by = {each.__module__.partition(".")[0] for each in type(client).__mro__}
    for package, does in _KINDS.items():
        if package in made_by:
            return does
    raise TypeError(
        f"a test client of httpx, Starlette, Flask or Django is needed, not {type(client).__name__}"
    )


def _httpx(client: Any) -> None:
    if not client.base_url.host:
        raise ValueError("give the client a base_url: its cookies belong to a host")
    client.headers[_HEADER] = "same-origin"
    if client.base_url.scheme == "http":
        client.base_url = client.base_url.copy_with(scheme="https")


def _set_in_httpx(client: Any, name: str, value: str, settings: Cookies) -> None:
    client.cookies.set(
        name, value, domain=_domain(client.base_url.host, settings), path=settings.path
    )


def _domain(host: str, settings: Cookies) -> str:
    """Where `http.cookiejar` keeps a cookie that an answer of *host* sets."""
    if settings.domain:
        return f".{settings.domain}"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host else f"{host}.local"
    return host


def _flask(client: Any) -> None:
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"


def _set_in_flask(client: Any, name: str, value: str, settings: Cookies) -> None:
    host = client.application.config["SERVER_NAME"] or "localhost"
    at = {"domain": settings.domain or host.partition(":")[0], "path": settings.path}
    client.set_cookie(name, value, origin_only=settings.domain is None, **at)


def _django(client: Any) -> None:
    client.defaults["HTTP_SEC_FETCH_SITE"] = "same-origin"


def _set_in_django(client: Any, name: str, value: str, _: Cookies) -> None:
    client.cookies[name] = value


_KINDS: dict[str, tuple[Callable[[Any], None], Callable[..., None]]] = {
    "flask": (_flask, _set_in_flask),
    "django": (_django, _set_in_django),
    "httpx": (_httpx, _set_in_httpx),
    "httpx2": (_httpx, _set_in_httpx),
}
