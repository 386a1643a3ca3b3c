"""A location without the values that no place has: files and services hold all sorts."""

from __future__ import annotations

import re

from devsess._text import clean_text
from devsess.models import Location

# Longer than any name of a place: what is longer is no name.
_LONGEST_NAME = 256
# Half the way around the earth: no place is farther from another one.
FARTHEST_KM = 20_038.0
# AS 0 is reserved (RFC 7607); numbers have 32 bits (RFC 6793).
_GREATEST_ASN = 2**32 - 1
_TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
# For users: stands for a country that is not known.
_UNKNOWN_COUNTRY = "ZZ"

_NOWHERE = (Location(), Location(is_hosting=False))


def checked(found: object) -> Location | None:
    """
    *found* with None in place of each value that cannot be; None if nothing is known then.

    Names lose control characters; a name longer than 256 characters is none. Coordinates go
    together. A radius is positive, and no longer than half the way around the earth.

    Raises:
        TypeError: If *found* is neither a Location nor None.
    """
    if found is None:
        return None
    if not isinstance(found, Location):
        raise TypeError(f"a locator must answer a Location or None, not {type(found).__name__}")
    latitude = _number(found.latitude, -90.0, 90.0)
    longitude = _number(found.longitude, -180.0, 180.0)
    is_placed = latitude is not None and longitude is not None
    location = Location(
        checked_name(found.city),
        checked_name(found.country),
        latitude if is_placed else None,
        longitude if is_placed else None,
        (_number(found.accuracy_km, 0.0, FARTHEST_KM) or None) if is_placed else None,
        checked_name(found.region),
        _country_code(found.country_code),
        _time_zone(found.time_zone),
        checked_asn(found.asn),
        checked_name(found.organisation),
        found.is_hosting if isinstance(found.is_hosting, bool) else None,
    )
    return None if location in _NOWHERE else location


def checked_name(value: object) -> str | None:
    """*value* without control characters, if it can be a name."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return None
    return clean_text(value, _LONGEST_NAME)


def _number(value: object, least: float, most: float) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if least <= value <= most else None  # which NaN is not


def _country_code(value: object) -> str | None:
    if not isinstance(value, str) or len(value) != len(_UNKNOWN_COUNTRY):
        return None
    code = value.upper()
    return code if _COUNTRY.fullmatch(code) and code != _UNKNOWN_COUNTRY else None


def _time_zone(value: object) -> str | None:
    return value if isinstance(value, str) and _TIME_ZONE.fullmatch(value) else None


def checked_asn(value: object) -> int | None:
    """*value*, if it can be the number of an autonomous system."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return int(value) if 1 <= value <= _GREATEST_ASN else None
