"""
The made-up world of `devsess demo --web`: cities with their networks, and the browsers people use.

Cities and time zones are real, providers are invented. Attacks come from the blocks of
addresses that are kept for documentation (RFC 5737).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from attrs import frozen

from devsess.models import Kind, Location


@frozen
class Network:
    """
    A provider's block of addresses in one place.

    Attributes:
        prefix: The addresses begin with it: two or three numbers, or an IPv6 /48.
        location: The answer of the locator for each of them.
    """

    prefix: str
    location: Location

    def part(self, random: Random) -> Network:
        """One of its /24s, as a household or a phone has."""
        return Network(f"{self.prefix}.{random.randrange(1, 255)}", self.location)

    def address(self, random: Random) -> str:
        """One of its addresses."""
        if ":" in self.prefix:
            return f"{self.prefix}::{random.randrange(1, 0xFFFF):x}"
        missing = 3 - self.prefix.count(".")
        return ".".join([self.prefix, *(str(random.randrange(1, 255)) for _ in range(missing))])


@frozen
class City:
    """A place to live in, with a provider for homes, one for phones, and its clock."""

    home: Network
    carrier: Network
    utc_offset: float
    weight: float


# Name, country, code, time zone, its offset in hours, latitude, longitude, homes, phones, share.
_CITIES = """\
Lagos|Nigeria|NG|Africa/Lagos|1|6.45|3.39|102.89|105.112|9
Abuja|Nigeria|NG|Africa/Lagos|1|9.06|7.49|102.91|105.113|4
Accra|Ghana|GH|Africa/Accra|0|5.56|-0.20|154.160|154.161|3
Nairobi|Kenya|KE|Africa/Nairobi|3|-1.29|36.82|105.160|105.161|4
Cairo|Egypt|EG|Africa/Cairo|2|30.04|31.24|41.32|41.33|3
Cape Town|South Africa|ZA|Africa/Johannesburg|2|-33.92|18.42|105.184|105.185|3
Casablanca|Morocco|MA|Africa/Casablanca|1|33.57|-7.59|105.128|105.129|2
London|United Kingdom|GB|Europe/London|0|51.51|-0.13|81.96|86.128|8
Manchester|United Kingdom|GB|Europe/London|0|53.48|-2.24|81.97|86.129|2
Berlin|Germany|DE|Europe/Berlin|1|52.52|13.41|84.128|80.187|6
Hamburg|Germany|DE|Europe/Berlin|1|53.55|9.99|84.129|80.188|3
Munich|Germany|DE|Europe/Berlin|1|48.14|11.58|84.130|80.189|3
Paris|France|FR|Europe/Paris|1|48.86|2.35|82.64|92.184|5
Lyon|France|FR|Europe/Paris|1|45.76|4.84|82.65|92.185|2
Madrid|Spain|ES|Europe/Madrid|1|40.42|-3.70|83.32|88.24|3
Barcelona|Spain|ES|Europe/Madrid|1|41.39|2.17|83.33|88.25|2
Lisbon|Portugal|PT|Europe/Lisbon|0|38.72|-9.14|85.240|85.241|2
Warsaw|Poland|PL|Europe/Warsaw|1|52.23|21.01|83.8|83.9|2
Istanbul|Türkiye|TR|Europe/Istanbul|3|41.01|28.98|85.96|85.97|3
Dubai|United Arab Emirates|AE|Asia/Dubai|4|25.20|55.27|86.96|86.97|2
Riyadh|Saudi Arabia|SA|Asia/Riyadh|3|24.71|46.68|86.60|86.61|2
Mumbai|India|IN|Asia/Kolkata|5.5|19.08|72.88|103.21|106.192|4
Bengaluru|India|IN|Asia/Kolkata|5.5|12.97|77.59|103.22|106.193|3
Kathmandu|Nepal|NP|Asia/Kathmandu|5.75|27.72|85.32|103.10|103.11|1
Singapore|Singapore|SG|Asia/Singapore|8|1.35|103.82|116.86|116.87|2
Tokyo|Japan|JP|Asia/Tokyo|9|35.68|139.69|126.72|126.73|2
Sydney|Australia|AU|Australia/Sydney|11|-33.87|151.21|101.160|101.161|2
São Paulo|Brazil|BR|America/Sao_Paulo|-3|-23.55|-46.63|177.32|177.33|4
Buenos Aires|Argentina|AR|America/Argentina/Buenos_Aires|-3|-34.60|-58.38|181.16|181.17|2
Mexico City|Mexico|MX|America/Mexico_City|-6|19.43|-99.13|187.144|187.145|2
New York|United States|US|America/New_York|-5|40.71|-74.01|68.160|166.194|5
Toronto|Canada|CA|America/Toronto|-5|43.65|-79.38|99.224|99.225|2
"""


def _city(line: str, number: int) -> City:
    name, country, code, zone, offset, *point, homes, phones, weight = line.split("|")

    def network(prefix: str, kind: str, asn: int, radius: float) -> Network:
        latitude, longitude = map(float, point)
        place = Location(
            city=name,
            country=country,
            latitude=latitude,
            longitude=longitude,
            accuracy_km=radius,
            country_code=code,
            time_zone=zone,
            asn=asn,
            organisation=f"{name} {kind}",
            is_hosting=False,
        )
        return Network(prefix, place)

    # Private numbers (RFC 6996).
    asn = 64_512 + 2 * number
    return City(
        home=network(homes, "Fibre", asn, 20),
        carrier=network(phones, "Mobile", asn + 1, 80),
        utc_offset=float(offset),
        weight=float(weight),
    )


def _hosting(prefix: str, city: str, country: str, code: str, asn: int) -> Network:
    return Network(
        prefix,
        Location(
            city=city,
            country=country,
            latitude=52.37,
            longitude=4.90,
            accuracy_km=50,
            country_code=code,
            asn=asn,
            organisation=f"{city} Rented Servers",
            is_hosting=True,
        ),
    )


CITIES: Sequence[City] = [_city(line, at) for at, line in enumerate(_CITIES.splitlines())]
HOME = CITIES[0]
# An office that has IPv6, a thief, and a network from which stolen passwords are tried.
OFFICE = Network("2001:db8:17", HOME.home.location)
THIEF = _hosting("198.51.100", "Amsterdam", "Netherlands", "NL", 65_001)
ATTACK = _hosting("203.0.113", "Amsterdam", "Netherlands", "NL", 65_002)
# The person at this machine.
_HERE = Network("127.0.0", HOME.home.location)


class MadeUpLocator:
    """The locator of this world."""

    never_waits = True

    def __init__(self) -> None:
        networks = [OFFICE, THIEF, ATTACK, _HERE]
        networks += [it for city in CITIES for it in (city.home, city.carrier)]
        self._places = {it.prefix: it.location for it in networks}

    def locate(self, ip: str) -> Location | None:
        """The place of the network that *ip* is in."""
        if ":" in ip:
            return self._places.get(":".join(ip.split(":")[:3]))
        numbers = ip.split(".")
        return self._places.get(".".join(numbers[:3])) or self._places.get(".".join(numbers[:2]))


def a_city(random: Random) -> City:
    """A city, large ones more often."""
    return random.choices(CITIES, [it.weight for it in CITIES])[0]


_APPLE, _WINDOWS = "Macintosh; Intel Mac OS X 10_15_7", "Windows NT 10.0; Win64; x64"
_LINUX, _ANDROID = "X11; Linux x86_64", "Linux; Android 10; K"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1"
_IOS = "iPhone; CPU iPhone OS 18_7 like Mac OS X"


def _chrome(system: str, rest: str = "Safari/537.36") -> str:
    return f"Mozilla/5.0 ({system}) {_WEBKIT} Chrome/142.0.0.0 {rest}"


CHROME_ON_MAC = _chrome(_APPLE)
SAFARI_ON_IPHONE = f"Mozilla/5.0 ({_IOS}) {_SAFARI} Mobile/15E148 Safari/604.1"
FIREFOX_ON_WINDOWS = f"Mozilla/5.0 ({_WINDOWS}; rv:145.0) Gecko/20100101 Firefox/145.0"
CHROME_ON_LINUX = _chrome(_LINUX)
SAFARI_ON_IPAD = (
    f"Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1"
)
CHROME_ON_TABLET = _chrome("Linux; Android 14; SM-X210")
_SAMSUNG = (
    f"Mozilla/5.0 (Linux; Android 15; SM-S931B) {_WEBKIT} SamsungBrowser/29.0"
    " Chrome/136.0.0.0 Mobile Safari/537.36"
)
SCRIPT = "python-requests/2.32.5"

AGENTS: dict[Kind, Sequence[tuple[str, float]]] = {
    "phone": [
        (SAFARI_ON_IPHONE, 30),
        (_chrome(_ANDROID, "Mobile Safari/537.36"), 27),
        (_SAMSUNG, 6),
        ("Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", 3),
    ],
    "desktop": [
        (_chrome(_WINDOWS), 14),
        (f"{_chrome(_WINDOWS)} Edg/142.0.0.0", 7),
        (CHROME_ON_MAC, 5),
        (f"Mozilla/5.0 ({_APPLE}) {_SAFARI} Safari/605.1.15", 5),
        (FIREFOX_ON_WINDOWS, 3),
        (f"Mozilla/5.0 ({_LINUX}; rv:145.0) Gecko/20100101 Firefox/145.0", 2),
        (CHROME_ON_LINUX, 1),
    ],
    "tablet": [
        (
            f"Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
            3,
        ),
        (CHROME_ON_TABLET, 2),
    ],
}


def an_agent(random: Random, kind: Kind) -> str:
    """A common browser on devices of *kind*."""
    table = AGENTS[kind]
    return random.choices([agent for agent, _ in table], [share for _, share in table])[0]
