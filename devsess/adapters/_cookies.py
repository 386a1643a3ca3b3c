"""Cookies (RFC 6265bis): read strictly, written so that no other site or script can touch them."""

from __future__ import annotations

from collections.abc import Container

from attrs import frozen

from devsess.errors import BadTokenError

# Name and value together; browsers drop what is longer (RFC 6265bis §5.6).
MAX_COOKIE = 4096
_LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"


@frozen
class CookieNames:
    """What the three cookies are called."""

    access: str
    refresh: str
    device: str


# The prefix makes browsers refuse them without Secure, with Domain, or with
# another Path: no subdomain and no plain http can set them (RFC 6265bis §4.1.3.2).
SECURE = CookieNames("__Host-devsess-access", "__Host-devsess-refresh", "__Host-devsess-device")
INSECURE = CookieNames("devsess-access", "devsess-refresh", "devsess-device")


def read(header: str, wanted: Container[str]) -> dict[str, str]:
    """
    The *wanted* cookies of a Cookie header, by name; names are compared exactly.

    Raises:
        BadTokenError: If one of them came twice: somebody else set the other one.
    """
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, _, value = part.strip(" \t").partition("=")
        if name in wanted:
            if name in found:
                raise BadTokenError(f"the cookie {name} came twice")
            found[name] = value
    return found


def write(name: str, value: str, *, secure: bool, max_age: int | None) -> str:
    """
    The Set-Cookie line; without *max_age* it ends with the browser.

    Raises:
        ValueError: If no browser would keep it.
    """
    size = len(name) + len(value)
    if size > MAX_COOKIE:
        raise ValueError(
            f"the cookie {name} has {size} bytes and may have {MAX_COOKIE}: "
            "use a shorter user id, issuer or amr"
        )
    age = "" if max_age is None else f"; Max-Age={max_age}"
    return f"{name}={value}{age}{_attributes(secure)}"


def clear(name: str, *, secure: bool) -> str:
    """The Set-Cookie line that removes it: as it was set, empty and over."""
    return f"{name}=; Max-Age=0; Expires={_LONG_AGO}{_attributes(secure)}"


def _attributes(secure: bool) -> str:
    return f"; Path=/{'; Secure' if secure else ''}; HttpOnly; SameSite=Lax"
