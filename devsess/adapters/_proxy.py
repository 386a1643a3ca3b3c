"""
The client's address: the connection's other end, or the one that trusted proxies name.

Headers are believed only as far as a chain of trusted proxies leads (RFC 9700
§4.13), read from the right: everything left of the first stranger may be made up.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from devsess import _app as apps
from devsess._client import MAX_HINT, Hints
from devsess.adapters._http import HINTS, Request
from devsess.adapters._settings import Network, ProxyHeader, Settings
from devsess.devices.addresses import address
from devsess.models import Client

_HINTS = frozenset(HINTS)
# The greatest length read of a header, and number of proxies in a row.
MAX_HEADER = 4096
MAX_HOPS = 20

_PORT = re.compile(r":[0-9]{1,5}")
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 §5.6.2
_QUOTED = r'"(?:[^"\\]|\\.)*"'
# An address that must be quoted, since ":" and "[" stand in no token, and by some proxies is not.
_BARE = r"(?:\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+)"
_VALUE = rf"(?:{_BARE}|{_TOKEN}|{_QUOTED})"
_PAIR = rf"{_TOKEN}={_VALUE}"
# One element of RFC 7239 §4: pairs, each name once.
_ELEMENT = re.compile(rf"{_PAIR}(?:[ \t]*;[ \t]*{_PAIR})*")
_FOR = re.compile(rf"(?:^|;)[ \t]*for=({_VALUE})", re.IGNORECASE)
_VALUE_HERE = re.compile(_VALUE)
_STRINGS = re.compile(_QUOTED)


def client_of(request: Request, settings: Settings, device_token: str | None) -> Client:
    """The client of *request*, as the manager sees it."""
    headers = request.headers
    hints = None if _HINTS.isdisjoint(headers) else _hints(headers)
    proxies, named_in = settings.trusted_proxies, settings.proxy_header
    return Client(
        client_address(request.peer, headers, proxies, named_in),
        apps.with_app(headers.get("user-agent"), headers.get(apps.HEADER)),
        hints,
        device_token,
    )


def _hints(headers: Mapping[str, str]) -> Hints | None:
    sent = ((name, headers.get(name)) for name in HINTS)
    return Hints((name, hint) for name, hint in sent if hint and len(hint) <= MAX_HINT) or None


def client_address(
    peer: str | None,
    headers: Mapping[str, str],
    trusted: tuple[Network, ...],
    header: ProxyHeader,
) -> str | None:
    """The client's address in its one normal spelling; None if it is unknown."""
    here = address(peer) if peer else None
    value = headers.get(header)
    if value is None or not trusted or (peer and here is None):
        return here
    if len(value) > MAX_HEADER:  # our proxy wrote its end
        value = value[-MAX_HEADER:].partition(",")[2]
    hops = _forwarded(value) if header == "forwarded" else _forwarded_for(value)
    for _, hop in zip(range(MAX_HOPS), hops, strict=False):
        if not _is_trusted(here, trusted):
            break
        if hop is None:
            break  # it cannot be read: the last hop that could is the best there is
        here = hop
    return here


@lru_cache(maxsize=1024)
def _is_trusted(text: str | None, trusted: tuple[Network, ...]) -> bool:
    if text is None:
        return "unix" in trusted
    ip = ipaddress.ip_address(text)
    return any(network != "unix" and ip in network for network in trusted)


def _forwarded_for(text: str) -> Iterator[str | None]:
    """The addresses of an X-Forwarded-For, from the right; None for a malformed one."""
    while text is not None:
        text, comma, last = text.rpartition(",")
        yield _node(last.strip(" \t"))
        if not comma:
            return


def _forwarded(text: str) -> Iterator[str | None]:
    """
    The `for` of each element of a Forwarded header (RFC 7239), from the right; None if malformed.

    The rightmost comma followed by a whole element divides: text that a client
    wrote further left cannot swallow the element of a proxy.
    """
    rest = text
    while True:
        start = len(rest)
        for _ in range(MAX_HOPS):
            start = rest.rfind(",", 0, start)
            element = rest[start + 1 :].strip(" \t")
            if start < 0 or _ELEMENT.fullmatch(element):
                break
        yield _for(element)
        if start < 0:
            return
        rest = rest[:start]


def _for(element: str) -> str | None:
    if not _ELEMENT.fullmatch(element):
        return None
    # Strings are blanked first: a "for=" inside one is no parameter.
    blank = _STRINGS.sub(lambda found: "x" * len(found[0]), element)
    found = [match.start(1) for match in _FOR.finditer(blank)]
    if len(found) != 1:
        return None
    match = _VALUE_HERE.match(element, found[0])
    return _node(match[0].strip('"')) if match else None


def _node(text: str) -> str | None:
    """The address of a node (RFC 7239 §6), its port dropped; None for unknown and obfuscated."""
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        return address(bracketed[1])
    host, colon, port = text.partition(":")
    if colon and ":" not in port and _PORT.fullmatch(colon + port):
        text = host
    return address(text)
