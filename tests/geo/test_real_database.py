"""A city database as it is published: GeoLite2 City of December 2019, from a wheel."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from devsess import Client, SessionManager
from devsess.geo import MaxMindLocator
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LAGOS, QUEBEC, LONDON = "41.206.1.1", "132.203.250.1", "161.23.81.31"
MINUTE, HOUR = 60, 3_600
DATABASE = Path(str(files("_geoip_geolite2") / "GeoLite2-City.mmdb"))


def _travel(ip: str, seconds: float) -> list[str]:
    """The sentences on travel where a sign-in from *ip* follows one from Lagos."""
    clock = FakeClock()
    locator = MaxMindLocator(DATABASE)
    with SessionManager("memory://", keys=SECRET, locator=locator, clock=clock) as sessions:
        sessions.login("ada", Client(ip=LAGOS, user_agent="curl/8.5.0"))
        clock.advance(seconds)
        found = sessions.login("ada", Client(ip=ip, user_agent="curl/8.5.0")).assessment
    return [it.message for it in found.signals if it.kind == "impossible_travel"]


def test_the_addresses_are_where_their_names_say() -> None:
    """A test of places that lie elsewhere would show nothing."""
    locator = MaxMindLocator(DATABASE)
    found = [locator.locate(ip) for ip in (LAGOS, QUEBEC, LONDON)]

    assert ["Lagos", "Québec", "London"] == [place and place.city for place in found]


def test_lagos_to_quebec_in_two_minutes_is_named_with_its_numbers() -> None:
    """8,318 km between the two points, less radii of 5 and 1,000 km."""
    [sentence] = _travel(QUEBEC, 2 * MINUTE)

    assert sentence.startswith("Lagos to Québec: 7,3")
    assert sentence.endswith("km/h")


@pytest.mark.parametrize(("ip", "seconds"), [(LONDON, 14 * HOUR), (QUEBEC, 14 * HOUR)])
def test_a_flight_is_no_signal(ip: str, seconds: float) -> None:
    """Lagos to London in fourteen hours is a journey."""
    assert [] == _travel(ip, seconds)
