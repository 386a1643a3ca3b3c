"""Addresses: one spelling each, and their networks."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from devsess._client import MAX_ADDRESS


def address(ip: str | None) -> str | None:
    """
    *ip* in its one normal spelling, or None if it is no address.

    Space around it, brackets and a zone (RFC 4007) are dropped; an IPv4
    address mapped into IPv6 (RFC 4291 §2.5.5.2) is that IPv4 address.

    Raises:
        TypeError: If *ip* is neither text nor None.
    """
    return _located(ip)[0]


def network(address: str | None) -> str | None:
    """
    The network of *address*: its first 24 bits (IPv4) or 48 bits (IPv6), the rest zero.

    None for None, and for a text that is no address.

    Raises:
        TypeError: If *address* is neither text nor None.
    """
    return _located(address)[1]


def _located(text: str | None) -> tuple[str | None, str | None]:
    if text is None:
        return None, None
    if not isinstance(text, str):
        raise TypeError(f"an address must be a str or None, not {type(text).__name__}")
    return _parsed_address(text) if len(text) <= MAX_ADDRESS else (None, None)


@lru_cache(maxsize=4096)
def _parsed_address(text: str) -> tuple[str | None, str | None]:
    try:
        ip = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None, None
    if isinstance(ip, ipaddress.IPv6Address):
        # Through the number, which knows no zone.
        ip = ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
    host_bits = 8 if ip.version == 4 else 80
    return str(ip), str(type(ip)(int(ip) >> host_bits << host_bits))
