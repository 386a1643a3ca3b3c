"""
The place and the network in one record of an MMDB file.

There are two shapes, and a file may hold records of either:

    nested  MaxMind's: GeoLite2-City, GeoLite2-Country, GeoIP2-*; and dbip-*-lite as DB-IP
            itself gives them, without a radius and a time zone
    flat    dbip-city and geolite2-city of the package ip-location-db: `country_code`,
            `state1`, `city`, `latitude`, `longitude`, `timezone`; "" is an unknown value

A network is `autonomous_system_number` and `autonomous_system_organization` in both, at the
top or, in MaxMind's larger files, under `traits`.

Nothing is trusted: a value may be of any type. `checked` drops what cannot be.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import evolve, frozen

from devsess.geo.checked import checked, checked_asn, checked_name
from devsess.geo.countries import name_of
from devsess.models import Location

# The median radius of an address in GeoLite2-City: 100 km where the record names a city,
# 1,000 km where it names the country only (85,000 addresses drawn at random).
CITY_KM = 100.0
COUNTRY_KM = 1_000.0

_NUMBER = "autonomous_system_number"
_ORGANISATION = "autonomous_system_organization"

# The number of a network, and the name of the organisation that runs it.
Network: TypeAlias = tuple[int, str | None]


@frozen
class Reading:
    """
    How records are read.

    Attributes:
        locale: The language of names, such as "en" or "pt-BR"; English where one is missing.
        radius_km: The radius of a city in a record without one.
    """

    locale: str = "en"
    radius_km: float = CITY_KM


def place_in(record: object, reading: Reading) -> Location | None:
    """The place that *record* describes; None if it describes none."""
    if not isinstance(record, dict):
        return None
    raw = _flat(record) if "country_code" in record else _nested(record, reading.locale)
    place = checked(raw)
    return None if place is None else _completed(place, reading)


def network_in(record: object) -> Network | None:
    """The network that *record* describes; None if it describes none."""
    here = record if _at(record, _NUMBER) is not None else _at(record, "traits")
    number = checked_asn(_at(here, _NUMBER))
    return None if number is None else (number, checked_name(_at(here, _ORGANISATION)))


def _nested(record: dict[Any, Any], locale: str) -> Location:
    country, where = record.get("country"), record.get("location")
    return Location(
        _named(record.get("city"), locale),
        _named(country, locale),
        _at(where, "latitude"),
        _at(where, "longitude"),
        _at(where, "accuracy_radius"),
        _named(_first(record.get("subdivisions")), locale),
        _at(country, "iso_code"),
        _at(where, "time_zone"),
    )


def _flat(record: dict[Any, Any]) -> Location:
    return Location(
        city=record.get("city"),
        latitude=record.get("latitude"),
        longitude=record.get("longitude"),
        region=record.get("state1"),
        country_code=record.get("country_code"),
        time_zone=record.get("timezone"),
    )


def _completed(place: Location, reading: Reading) -> Location:
    missing: dict[str, Any] = {}
    if place.country is None:
        missing["country"] = name_of(place.country_code or "")
    if place.accuracy_km is None and place.latitude is not None:
        radius = reading.radius_km
        missing["accuracy_km"] = radius if place.city else max(radius, COUNTRY_KM)
    return evolve(place, **missing)


def _at(record: object, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None


def _named(record: object, locale: str) -> Any:
    names = _at(record, "names")
    return _at(names, locale) or _at(names, "en")


def _first(subdivisions: object) -> object:
    """The largest of the subdivisions, which stands first."""
    if isinstance(subdivisions, list):
        return subdivisions[0] if subdivisions else None
    return subdivisions
