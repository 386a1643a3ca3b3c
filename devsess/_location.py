"""The place and the network of an address: a record of its own, which stores keep."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class Location:
    """
    The place and the network of an address, as far as a locator knows them.

    Attributes:
        city: The city's name, for people.
        country: The country's name, for people.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        accuracy_km: Radius around the point in which the client probably is.
        region: The name of the state or province, for people.
        country_code: The country, as two capital letters (ISO 3166-1 alpha-2).
        time_zone: Its name in the IANA time zone database: "Africa/Lagos".
        asn: The number of the autonomous system that announces the address (RFC 6793).
        organisation: The name of the organisation that runs that system.
        is_hosting: Whether the address belongs to a hosting provider or VPN; None where no
            list was asked. False proves nothing: no list is complete.
    """

    city: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    accuracy_km: float | None = None
    region: str | None = None
    country_code: str | None = None
    time_zone: str | None = None
    asn: int | None = None
    organisation: str | None = None
    is_hosting: bool | None = None

    def __str__(self) -> str:
        return ", ".join(part for part in (self.city, self.country) if part)

    def to_dict(self) -> dict[str, Any]:
        """This location as JSON types; null where a value is not known."""
        return {
            "city": self.city,
            "region": self.region,
            "country": self.country,
            "countryCode": self.country_code,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "accuracyKm": self.accuracy_km,
            "timeZone": self.time_zone,
            "asn": self.asn,
            "organisation": self.organisation,
            "isHosting": self.is_hosting,
        }
