"""A list of the networks of hosting providers and VPNs."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeAlias

from devsess.errors import ConfigurationError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 addresses mapped into IPv6 (RFC 4291 §2.5.5.2).
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# How much of a malformed line a message shows.
_SHOWN = 60


class Hosting(Protocol):
    """Anything that knows the networks of hosting providers and VPNs."""

    def is_hosting(self, ip: str) -> bool | None:
        """Whether *ip*, in its normal spelling, belongs to one; None if that is not known."""
        ...


class Networks:
    """
    Networks of both versions of IP. An address is looked up by bisection.

    Args:
        networks: In any order; they may overlap.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in networks:
            if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
                mapped = int(network.network_address) & 0xFFFF_FFFF
                network = ipaddress.IPv4Network((mapped, network.prefixlen - 96))
            first = int(network.network_address)
            ranges[network.version].append((first, first + network.num_addresses - 1))
        self._bounds = {version: _bounds(found) for version, found in ranges.items()}

    def __contains__(self, address: Address) -> bool:
        # Bounds alternate: the first address of a range, and the first behind it.
        return bisect_right(self._bounds[address.version], int(address)) % 2 == 1

    def __bool__(self) -> bool:
        return any(self._bounds.values())


def _bounds(ranges: list[tuple[int, int]]) -> list[int]:
    bounds: list[int] = []
    for first, last in sorted(ranges):
        if bounds and first <= bounds[-1]:
            bounds[-1] = max(bounds[-1], last + 1)
        else:
            bounds += [first, last + 1]
    return bounds


def read_networks(path: str) -> Networks:
    """
    The networks in the file at *path*: a prefix or an address a line, # before a comment.

    Raises:
        ConfigurationError: If a line is neither, or there is none at all; names the line.
        OSError: If the file cannot be read.
    """
    with Path(path).open(encoding="utf-8-sig", errors="replace") as lines:
        networks = Networks(
            _network(text, path, number)
            for number, line in enumerate(lines, 1)
            if (text := line.partition("#")[0].strip())
        )
    if not networks:
        raise ConfigurationError(
            f"the list of hosting networks {path} is empty: write one prefix a line,"
            " such as 192.0.2.0/24"
        )
    return networks


def _network(text: str, path: str, number: int) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        shown = repr(text[:_SHOWN])
        raise ConfigurationError(
            f"{path}, line {number}: {shown} is no network, such as 192.0.2.0/24 or"
            f" 2001:db8::/32 ({str(error)[: 2 * _SHOWN]})"
        ) from error
