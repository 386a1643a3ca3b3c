"""Cookies (RFC 6265bis): read strictly, written so that no other site or script can touch them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterable, Iterator
from itertools import islice
from typing import Literal
from urllib.parse import quote

from attrs import field, frozen

from devsess._options import named
from devsess.errors import ConfigurationError
from devsess.policy import LONGEST_COOKIE, seconds

SameSite = Literal["Lax", "Strict", "None"]

# Name and value together; browsers drop a longer one (RFC 6265bis §5.6).
MAX_COOKIE = 4096
# Lines that clear twins: a header of more than 4 KB is too long for many a proxy.
MAX_CLEARED = 24
_PARTITIONED = "; Partitioned"
_LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Of a domain's name (RFC 1035 §2.3.4), as text; and of an attribute that browsers do not
# ignore (RFC 6265bis §5.6).
_LONGEST_NAME = 253
_LONGEST_PATH = 1024
# Printable ASCII without the two characters that end or change it: ";" and "\\".
_PATH = re.compile(r"/[!-:<-\[\]-~]*")


@frozen(kw_only=True, field_transformer=named)
class Cookies:
    """
    The names of the cookies, and where browsers send them.

    Attributes:
        name: The beginning of their names; two apps on one host need two.
        domain: Also sent to the subdomains of this one; None for this host alone.
        path: The cookies are sent below it alone. With another than "/", or with a *domain*, the
            names begin with `__Secure-`: others on the host, or its subdomains,
            may then set cookies of these names.
        samesite: "Lax" sends them when a person follows a link from another site,
            "Strict" does not, "None" sends them from within other sites' pages.
        partitioned: Keep them apart for each site that embeds this one (CHIPS).
        device_lifetime: Seconds after a sign-in that the device's cookie lives; 400
            days, the longest that browsers keep one.

    Raises:
        ConfigurationError: If no browser would do so.
    """

    name: str = "devsess"
    domain: str | None = None
    path: str = "/"
    samesite: SameSite = "Lax"
    partitioned: bool = False
    device_lifetime: float = field(default=LONGEST_COOKIE, converter=seconds)

    def __attrs_post_init__(self) -> None:
        for holds, message in self._laws():
            if not holds:
                raise ConfigurationError(f"Cookies: {message}")

    def _laws(self) -> Iterator[tuple[bool, str]]:
        name, domain = self.name, self.domain
        yield _is(_NAME, name), f"name must be letters, digits, - and _, not {name!r}"
        prefixed = str(name).lower().startswith(("__host-", "__secure-"))
        yield not prefixed, "name gets its prefix by itself: leave it out"
        at = f"domain must be a host's name in small letters, such as example.com, not {domain!r}"
        yield domain is None or (_is(_DOMAIN, domain) and not _is_address(domain)), at
        yield _is(_PATH, self.path), f"path must begin with /, not {self.path!r}"
        known = self.samesite in ("Lax", "Strict", "None")
        yield known, f"samesite must be Lax, Strict or None, not {self.samesite!r}"
        lifetime = "device_lifetime must be from a second to 400 days: no browser keeps one longer"
        yield 1 <= self.device_lifetime <= LONGEST_COOKIE, lifetime

    def names(self, *, secure: bool, slot: int | None = None) -> CookieNames:
        """
        The names of the three cookies; with *slot*, those of one of several accounts, which
        the name of the choice among them joins.

        The first one's are those of a browser with one account.
        `__Host-` makes browsers refuse them without Secure, with Domain, or with
        another Path: no subdomain and no plain http can set them (RFC 6265bis §4.1.3).
        """
        is_host = self.domain is None and self.path == "/"
        prefix = "" if not secure else "__Host-" if is_host else "__Secure-"
        end = f"-{slot}" if slot else ""
        names = [f"{it}{end}" for it in ("access", "refresh", "device")]
        names += [] if slot is None else ["slot"]
        return CookieNames(*(f"{prefix}{self.name}-{it}" for it in names))

    def attributes(self, *, secure: bool) -> str:
        """
        The attributes in Set-Cookie, all but the age.

        Raises:
            ConfigurationError: If browsers take it over https only, and *secure* is false.
        """
        if not secure and (self.samesite == "None" or self.partitioned):
            raise ConfigurationError(
                'samesite="None" and partitioned need Secure: not with insecure_cookies'
            )
        return "".join(
            (
                f"; Domain={self.domain}" if self.domain else "",
                f"; Path={self.path}",
                "; Secure" if secure else "",
                f"; HttpOnly; SameSite={self.samesite}",
                _PARTITIONED if self.partitioned else "",
            )
        )


@frozen
class CookieNames:
    """The names of the three cookies, and of the one that chooses among several accounts."""

    access: str
    refresh: str
    device: str
    slot: str | None = None
    every: frozenset[str] = field(init=False)

    @every.default
    def _every(self) -> frozenset[str]:
        return frozenset(filter(None, (self.access, self.refresh, self.device, self.slot)))


def read(header: str, wanted: Container[str]) -> tuple[dict[str, str], frozenset[str]]:
    """
    The *wanted* cookies of a Cookie header, and the names that it has twice.

    Names are compared exactly. Of two cookies of one name another site set one.
    """
    found: dict[str, str] = {}
    twice: frozenset[str] = frozenset()
    for part in header.split(";"):
        name, _, value = part.strip(" \t").partition("=")
        if name in wanted:
            if name in found:
                twice |= {name}
            found[name] = value
    return found, twice


def write(name: str, value: str, attributes: str, *, max_age: int | None) -> str:
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
    return f"{name}={value}{age}{attributes}"


def clear(name: str, attributes: str) -> str:
    """The Set-Cookie line that removes it: set as before, empty and expired."""
    return f"{name}=; Max-Age=0; Expires={_LONG_AGO}{attributes}"


def clear_twins(names: Iterable[str], host: str, path: str, own: str) -> list[str]:
    """
    The lines that remove cookies of these *names*, wherever else on the way to
    *path* at *host* they were set; not the ones that are set with the attributes *own*.

    A request does not say for which Domain and Path a cookie is: each that may
    have led here is cleared, the likeliest first.
    """
    return list(islice(_twins(names, host, path, own), MAX_CLEARED))


# One by one: a client chooses host and path, of which a thousand parts each have a million places.
def _twins(names: Iterable[str], host: str, path: str, own: str) -> Iterator[str]:
    secure = "; Secure" if "; Secure" in own else ""
    for name in sorted(names):
        if secure:  # of one place there may be two, one of them partitioned
            other = own.removesuffix(_PARTITIONED)
            yield f"{name}=; Max-Age=0{other if other != own else own + _PARTITIONED}"
        if name.startswith("__Host-"):
            continue
        for place in _places(host, path):
            if not own.startswith(f"{place};"):
                yield f"{name}=; Max-Age=0{place}{secure}"


def _places(host: str, path: str) -> Iterator[str]:
    domains = _domains(host)
    for at in _paths(path):
        for domain in (None, *domains):
            yield f"{f'; Domain={domain}' if domain else ''}; Path={at}"


def _domains(host: str) -> list[str]:
    """*host* and those above it; none where it is no name with a dot."""
    name = host.lower().partition(":")[0]
    if len(name) > _LONGEST_NAME or not _is(_DOMAIN, name) or _is_address(name):
        return []
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(len(labels) - 1)]


def _paths(path: str) -> Iterator[str]:
    """The paths whose cookies a browser sends to *path* (RFC 6265bis §5.1.4), "/" first."""
    yield "/"
    above = ""
    for part in quote(path).strip("/").split("/"):
        above += f"/{part}"
        if len(above) >= _LONGEST_PATH:
            return
        if part:
            yield above
        if above != "/":
            yield f"{above}/"


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# The names by default.
SECURE = Cookies().names(secure=True)
