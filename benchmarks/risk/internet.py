"""
A made-up internet: countries with cities, networks and the agents that people use.

Assumptions, none of which is measured:

- A country has eight fixed access networks and three mobile carriers of falling size. A fixed
  one has addresses of its own in each city. A carrier has four gateways, in the largest cities,
  and a phone leaves through one of the two nearest.
- Hosting networks have exits in every city. The hosting list knows 95 % of them.
- A city file places 12 % of fixed networks' /24s in another city of the country, and knows no
  city for 8 % of them and for 30 % of carriers'. It places the others of carriers' at the
  gateway, wherever the phone is. Its radius is 30 km for fixed networks and 150 for carriers.
- Relays (such as Apple's) leave from the user's city, and are on no hosting list.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Literal, TypeAlias, TypeVar

from attrs import frozen

from devsess.models import Kind, Location

T = TypeVar("T")

COUNTRIES = 40
CITIES = 12
GATEWAYS = 4
# Shares of the fixed networks and of the mobile carriers of a country.
FIXED = (0.36, 0.22, 0.14, 0.09, 0.07, 0.05, 0.04, 0.03)
MOBILE = (0.45, 0.33, 0.22)
HOSTING, RELAYS = 60, 3
# Hosting networks that the list knows.
LISTED = 0.95
# Of a city file: its radius, /24s in a wrong city, and /24s without one.
RADIUS_KM = {"fixed": 30.0, "mobile": 150.0, "hosting": 50.0, "relay": 80.0}
WRONG_CITY = {"fixed": 0.12, "mobile": 0.0, "hosting": 0.12, "relay": 0.0}
NO_CITY = {"fixed": 0.08, "mobile": 0.30, "hosting": 0.08, "relay": 0.0}
SUBNETS = {"fixed": 400, "mobile": 60, "hosting": 60, "relay": 40}
# Where it knows no city: the middle of the country, give or take.
COUNTRY_RADIUS_KM = 500.0

NetworkKind: TypeAlias = Literal["fixed", "mobile", "hosting", "relay"]


@frozen
class Agent:
    """A browser on a system."""

    os: str
    browser: str
    kind: Kind


AGENTS: Sequence[tuple[Agent, float]] = (
    (Agent("iOS", "Mobile Safari", "phone"), 0.30),
    (Agent("Android", "Chrome Mobile", "phone"), 0.27),
    (Agent("Android", "Samsung Internet", "phone"), 0.06),
    (Agent("iOS", "Chrome Mobile iOS", "phone"), 0.03),
    (Agent("Windows", "Chrome", "desktop"), 0.14),
    (Agent("Windows", "Edge", "desktop"), 0.07),
    (Agent("macOS", "Safari", "desktop"), 0.05),
    (Agent("macOS", "Chrome", "desktop"), 0.04),
    (Agent("Windows", "Firefox", "desktop"), 0.02),
    (Agent("Linux", "Firefox", "desktop"), 0.02),
)


@frozen
class Network:
    """An autonomous system."""

    number: int
    kind: NetworkKind
    is_listed: bool = False


@frozen
class City:
    """A city, and its country."""

    name: str
    country: int
    latitude: float
    longitude: float


@frozen
class Address:
    """A /24 of a network in a city."""

    network: Network
    city: City
    subnet: int

    @property
    def text(self) -> str:
        """Its name; it has no real address."""
        return f"{self.network.number}/{self.city.name}/{self.subnet}"


@frozen
class World:
    """Everything that people and attackers sign in from; by country where there are two levels."""

    cities: Sequence[Sequence[City]]
    fixed: Sequence[Sequence[Network]]
    mobile: Sequence[Sequence[Network]]
    hosting: Sequence[Network]
    relays: Sequence[Network]


def world(seed: int) -> World:
    """The internet of *seed*."""
    random, numbers = Random(f"world {seed}"), iter(range(1_000, 100_000))

    def networks(kind: NetworkKind, count: int) -> list[Network]:
        return [Network(next(numbers), kind) for _ in range(count)]

    countries = range(COUNTRIES)
    return World(
        cities=[_cities(random, country) for country in countries],
        fixed=[networks("fixed", len(FIXED)) for _ in countries],
        mobile=[networks("mobile", len(MOBILE)) for _ in countries],
        hosting=[
            Network(next(numbers), "hosting", random.random() < LISTED) for _ in range(HOSTING)
        ],
        relays=networks("relay", RELAYS),
    )


def _cities(random: Random, country: int) -> list[City]:
    """Cities around a point, in a small, a middling or a large country."""
    latitude, longitude = random.uniform(-45, 65), random.uniform(-165, 165)
    spread = random.choice((2.0, 4.0, 10.0))
    wide = spread / max(0.3, math.cos(math.radians(latitude)))

    def city(number: int) -> City:
        north, east = random.uniform(-spread, spread), random.uniform(-wide, wide)
        east = max(-179.9, min(179.9, longitude + east))
        return City(f"city {country}-{number}", country, latitude + north, east)

    return [city(number) for number in range(CITIES)]


def located(world: World, address: Address) -> Location:
    """The answer of a city, a network and a hosting file together."""
    kind, owner = address.network.kind, address.network.number
    city, radius = _believed(world, address), RADIUS_KM[kind]
    middle = world.cities[address.city.country][0]
    point = city or middle
    return Location(
        city=city.name if city else None,
        country=f"country {address.city.country}",
        country_code=code(address.city.country),
        latitude=point.latitude,
        longitude=point.longitude,
        accuracy_km=radius if city else COUNTRY_RADIUS_KM,
        asn=owner,
        organisation=f"{kind} {owner}",
        is_hosting=address.network.is_listed,
    )


def _believed(world: World, address: Address) -> City | None:
    """The city that the file has for an address: always the same one for the same /24."""
    kind = address.network.kind
    unknown, wrong, other = _draws(address.text)
    if unknown < NO_CITY[kind]:
        return None
    if wrong >= WRONG_CITY[kind]:
        return address.city
    return world.cities[address.city.country][int(other * CITIES)]


def _draws(text: str) -> tuple[float, float, float]:
    """Numbers from 0 to 1 that depend on *text* alone."""
    one, two, three = struct.unpack("3I", blake2b(text.encode(), digest_size=12).digest())
    return one / 2**32, two / 2**32, three / 2**32


def code(country: int) -> str:
    """Two letters."""
    return chr(65 + country // 26) + chr(65 + country % 26)


def zipf(random: Random, many: Sequence[T]) -> T:
    """One of *many*, the first the likeliest."""
    return random.choices(many, [1 / (place + 1) for place in range(len(many))])[0]


def agent(random: Random, kind: Kind | None = None) -> Agent:
    """A common browser, of *kind* if that is given."""
    table = [(it, share) for it, share in AGENTS if kind in (None, it.kind)]
    return random.choices([it for it, _ in table], [share for _, share in table])[0]


def fixed(random: Random, world: World, city: City) -> Address:
    """Some /24 of one of the access networks in *city*."""
    return within(random, random.choices(world.fixed[city.country], FIXED)[0], city)


def mobile(random: Random, world: World, city: City) -> Address:
    """Some /24 of one of the carriers that serve *city*."""
    return through(random, world, random.choices(world.mobile[city.country], MOBILE)[0], city)


def through(random: Random, world: World, carrier: Network, city: City) -> Address:
    """Some /24 of *carrier* for a phone in *city*: at one of the two nearest gateways."""
    gateways = world.cities[city.country][:GATEWAYS]
    near = sorted(gateways, key=lambda it: _degrees(it, city))[:2]
    return within(random, carrier, random.choice(near))


def _degrees(one: City, other: City) -> float:
    return math.hypot(one.latitude - other.latitude, one.longitude - other.longitude)


def within(random: Random, network: Network, city: City) -> Address:
    """Some /24 of *network* in *city*."""
    return Address(network, city, random.randrange(SUBNETS[network.kind]))
