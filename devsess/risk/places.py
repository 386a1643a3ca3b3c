"""Places, and the travel between two of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from devsess.models import Location

EARTH_KM = 6371.0
# A radius for a database that has none: MaxMind's median for cities is 20 to 50 km.
RADIUS_KM = 50.0
# No radius is longer than half the way around the earth.
FARTHEST_KM = math.pi * EARTH_KM
# Seconds since the epoch that no record has reached: the year 10000.
LATEST = 253_402_300_800


@frozen
class Place:
    """
    A place and the instant of a sign-in there.

    Attributes:
        at: Seconds since the epoch.
        city: Its name.
        latitude, longitude: Degrees.
        radius_km: Around that point, in which the client probably was.
        network, asn: As in Facts.
    """

    at: float
    city: str
    latitude: float
    longitude: float
    radius_km: float
    network: str | None
    asn: int | None

    @property
    def cell(self) -> str:
        """The place to about 50 km: two databases put one city at two points."""
        return cell(self.latitude, self.longitude)


@frozen
class Travel:
    """
    Two sign-ins, and the speed between them.

    Attributes:
        km: Least distance: between the points, less both radii.
        hours: Time between them, never 0.
    """

    km: float
    hours: float

    @property
    def speed(self) -> float:
        """Kilometres an hour, at least."""
        return self.km / self.hours


def cell(latitude: float, longitude: float) -> str:
    """The half-degree square of a point."""
    return f"{math.floor(latitude * 2)},{math.floor(longitude * 2)}"


def place(at: float, network: str | None, location: Location | None) -> Place | None:
    """The place of a sign-in; None where the city or its point is not known, or is no point."""
    if location is None or not location.city or location.is_hosting:
        return None
    latitude, longitude = location.latitude, location.longitude
    if latitude is None or longitude is None:
        return None
    if not _is_point(latitude, longitude):
        return None
    radius = location.accuracy_km
    if radius is None or not 0 <= radius <= FARTHEST_KM:
        radius = RADIUS_KM
    return Place(at, location.city, latitude, longitude, radius, network, location.asn)


def is_sound(found: Place) -> bool:
    """Whether each value of *found*, which was read from a store, is of its type and can be."""
    numbers = (found.at, found.latitude, found.longitude, found.radius_km)
    if not {*map(type, numbers)} <= {int, float} or not isinstance(found.city, str):
        return False
    if not isinstance(found.network, str | None) or type(found.asn) not in (int, type(None)):
        return False
    is_near = 0 <= found.at < LATEST and 0 <= found.radius_km <= FARTHEST_KM
    return is_near and _is_point(found.latitude, found.longitude)


def _is_point(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180  # NaN fails both


def travel(old: Place, new: Place) -> Travel:
    """The travel from *old* to *new*, whichever was first."""
    km = max(0.0, distance_km(old, new) - old.radius_km - new.radius_km)
    return Travel(km, max(abs(new.at - old.at), 1.0) / 3600)


def distance_km(one: Place, other: Place) -> float:
    """Great-circle distance between two points, in kilometres (haversine)."""
    phi, psi = math.radians(one.latitude), math.radians(other.latitude)
    half_phi = math.sin((psi - phi) / 2)
    half_lambda = math.sin(math.radians(other.longitude - one.longitude) / 2)
    chord = half_phi**2 + math.cos(phi) * math.cos(psi) * half_lambda**2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))
