"""MMDB files, made here: those of a writer, and those that no writer would make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

LAGOS: dict[str, Any] = {
    "city": {"geoname_id": 2332459, "names": {"en": "Lagos", "ru": "Лагос"}},
    "continent": {"code": "AF", "names": {"en": "Africa"}},
    "country": {"iso_code": "NG", "names": {"en": "Nigeria", "fr": "Nigéria"}},
    "location": {
        "accuracy_radius": 20,
        "latitude": 6.4474,
        "longitude": 3.3903,
        "time_zone": "Africa/Lagos",
    },
    "subdivisions": [{"iso_code": "LA", "names": {"en": "Lagos State"}}],
}
QUEBEC: dict[str, Any] = {
    "country_code": "CA",
    "state1": "Quebec",
    "state2": "",
    "city": "Québec",
    "postcode": "G1V",
    "latitude": 46.8123,
    "longitude": -71.2145,
    "timezone": "America/Toronto",
}
LAVAL: dict[str, Any] = {
    "autonomous_system_number": 111,
    "autonomous_system_organization": "Université Laval",
}

MARKER = b"\xab\xcd\xefMaxMind.com"


def write(
    path: Path,
    records: Mapping[str, Any],
    *,
    version: int = 6,
    kind: str = "GeoLite2-City",
    description: str = "",
) -> Path:
    """A file with *records* by network; one for IPv6 holds IPv4 too, as the real ones do."""
    writer = MMDBWriter(
        ip_version=version,
        database_type=kind,
        languages=["en"] if description else [],
        description={"en": description} if description else {},
        ipv4_compatible=version == 6,
    )
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def write_raw(path: Path, data: bytes, metadata: Mapping[str, Any] | None = None) -> Path:
    """A file in which every IPv4 address has the record that *data* begins with."""
    standard: dict[str, Any] = {
        "node_count": 1,
        "record_size": 24,
        "ip_version": 4,
        "database_type": "Test",
        "languages": [],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "description": {},
    }
    found = {**standard, **(metadata or {})}
    first = (1 + 16).to_bytes(3, "big")
    path.write_bytes(first + first + bytes(16) + data + MARKER + encoded(found))
    return path


def encoded(value: object) -> bytes:
    """*value* in MaxMind's binary format."""
    if isinstance(value, dict):
        pairs = b"".join(encoded(key) + encoded(it) for key, it in value.items())
        return _control(7, len(value)) + pairs
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(encoded, value))
    if isinstance(value, int):
        digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _control(6 if len(digits) <= 4 else 9, len(digits)) + digits
    text = str(value).encode()
    return _control(2, len(text)) + text


def _control(kind: int, size: int) -> bytes:
    more = b""
    if size >= 65_821:
        size, more = 31, (size - 65_821).to_bytes(3, "big")
    elif size >= 285:
        size, more = 30, (size - 285).to_bytes(2, "big")
    elif size >= 29:
        size, more = 29, bytes([size - 29])
    first = bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
    return first + more
