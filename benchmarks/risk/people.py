"""
Made-up people, and where they sign in from.

Published (Wiefling, Jørgensen, Thunem, Lo Iacono: Pump Up Password Security!, ACM TOPS 2022, of
3.3 million accounts): 3.8 successful sign-ins a year and account, the median 2; half from one
country; two thirds on phones. Everything else in `Habits` is assumed, and stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from random import Random
from typing import Literal, TypeAlias

from attrs import define, frozen

from benchmarks.risk import internet
from benchmarks.risk.internet import Address, Agent, City, Network, World

DAY = 86_400.0
YEAR = 365 * DAY
START = 1_750_000_000.0

Circumstance: TypeAlias = Literal["home", "another city", "travel", "VPN", "relay", "borrowed"]
CIRCUMSTANCES: tuple[Circumstance, ...] = (
    "home",
    "another city",
    "travel",
    "VPN",
    "relay",
    "borrowed",
)


@frozen(kw_only=True)
class Habits:
    """
    The numbers of a population; shares of people or of their sign-ins, unless said otherwise.

    Attributes:
        years: How long each account is observed.
        one_country: People of the largest country.
        median, sigma: Sign-ins a year: lognormal, rounded, at least 1.
        follows: Sign-ins that follow another one of the same person within hours.
        computer: People who have a computer beside their phone.
        phone: Their sign-ins on the phone.
        job: People who sign in from a fixed place of work, too.
        clears: Tokens that are gone by the next sign-in.
        private: People whose browsers keep no token at all.
        new_device: Devices replaced a year, a quarter of them by another kind of agent.
        borrowed: Sign-ins in another's browser.
        travellers: People who travel often.
        trips: Journeys abroad a year of theirs, and of the others; 5 and 8 days long.
        domestic: Stays in another city of the country a year, of three days each.
        roams: Sign-ins abroad on a phone that leave through the carrier at home.
        vpn: People with a VPN.
        through_vpn: Their sign-ins through it, and those of the others through some VPN.
        vpn_at_home: Exits of VPNs in the user's own country.
        relay: People with Safari on an iPhone whose addresses are a relay's.
        failures: Sign-ins that came after three failures.
        refreshes: Refreshes of a bound session in the 30 days after a sign-in, mean.
    """

    years: float = 1.0
    one_country: float = 0.5
    median: float = 2.0
    sigma: float = 1.13
    follows: float = 0.25
    computer: float = 0.7
    phone: float = 0.53
    job: float = 0.4
    clears: float = 0.06
    private: float = 0.08
    new_device: float = 0.30
    borrowed: float = 0.010
    travellers: float = 0.06
    trips: tuple[float, float] = (8.0, 0.6)
    domestic: float = 2.0
    roams: float = 0.35
    vpn: float = 0.05
    through_vpn: tuple[float, float] = (0.6, 0.004)
    vpn_at_home: float = 0.6
    relay: float = 0.12
    failures: float = 0.02
    refreshes: float = 3.0


@frozen
class Stay:
    """A time away from home."""

    start: float
    end: float
    city: City


@define
class Device:
    """A browser of a person's own, and whether it has the account's token."""

    agent: Agent
    has_token: bool = False


@define
class Person:
    """The owner of an account, at the instant until which it was `lived`."""

    random: Random
    world: World
    habits: Habits
    city: City
    home: Address
    carrier: Network
    work: Address | None
    vpn: Network | None
    is_private: bool
    uses_relay: bool
    phone: Device
    computer: Device | None
    stays: tuple[Stay, ...]
    now: float = START


def person(seed: int, number: int, world: World, habits: Habits) -> Person:
    """Person *number* of the population of *seed*."""
    r = Random(f"person {seed} {number}")
    abroad = 1 + int(r.random() ** 1.5 * (internet.COUNTRIES - 1))
    country = 0 if r.random() < habits.one_country else abroad
    city, phone = internet.zipf(r, world.cities[country]), internet.agent(r, "phone")
    has_relay = phone.browser == "Mobile Safari" and r.random() < habits.relay
    return Person(
        random=r,
        world=world,
        habits=habits,
        city=city,
        home=internet.fixed(r, world, city),
        carrier=internet.mobile(r, world, city).network,
        work=internet.fixed(r, world, city) if r.random() < habits.job else None,
        vpn=internet.zipf(r, world.hosting) if r.random() < habits.vpn else None,
        is_private=r.random() < habits.private,
        uses_relay=has_relay,
        phone=Device(phone),
        computer=Device(internet.agent(r, "desktop")) if r.random() < habits.computer else None,
        stays=_stays(r, world, habits, city),
    )


def _stays(r: Random, world: World, habits: Habits, home: City) -> tuple[Stay, ...]:
    """Everything that takes a person away from home; journeys abroad come first."""
    often, seldom = habits.trips
    trips, days = (often, 5) if r.random() < habits.travellers else (seldom, 8)

    def stays(rate: float, days: float, city: Callable[[], City]) -> list[Stay]:
        starts = [START + r.random() * YEAR * habits.years for _ in range(poisson(r, rate))]
        return [Stay(start, start + days * DAY, city()) for start in starts]

    def abroad() -> City:
        nearby = [(home.country + step) % internet.COUNTRIES for step in (1, 2, 3, 5, 8, 13)]
        return internet.zipf(r, world.cities[internet.zipf(r, nearby)])

    away = stays(trips * habits.years, days, abroad)
    cities = world.cities[home.country]
    return (*away, *stays(habits.domestic * habits.years, 3, lambda: internet.zipf(r, cities)))


def instants(who: Person) -> list[float]:
    """When a person signs in, in order."""
    r, habits = who.random, who.habits
    count = max(1, round(habits.years * r.lognormvariate(log(habits.median), habits.sigma)))
    found: list[float] = []
    for _ in range(count):
        if found and r.random() < habits.follows:
            found.append(r.choice(found) + r.expovariate(1 / 4) * 3_600)
        else:
            found.append(START + r.random() * YEAR * habits.years)
    return sorted(found)


def live(who: Person, at: float) -> None:
    """The changes that come by themselves between two sign-ins: tokens, devices, addresses."""
    r, habits = who.random, who.habits
    years, who.now = (at - who.now) / YEAR, at
    for device in (who.phone, who.computer):
        if device is not None:
            _age(r, habits, device, years)
    if r.random() < 2.4 * years:  # the provider gives another address, most months
        who.home = internet.within(r, who.home.network, who.city)
    if r.random() < 0.2 * years:
        who.home = internet.fixed(r, who.world, who.city)


def _age(r: Random, habits: Habits, device: Device, years: float) -> None:
    if r.random() < habits.clears:
        device.has_token = False
    if r.random() < habits.new_device * years:
        device.has_token = False
        if r.random() < 0.25:
            device.agent = internet.agent(r, device.agent.kind)


def device(who: Person) -> tuple[Device, bool]:
    """The browser of the next sign-in, and whether it is borrowed."""
    r, habits = who.random, who.habits
    if r.random() < habits.borrowed:
        return Device(internet.agent(r)), True
    on_phone = who.computer is None or r.random() < habits.phone
    return (who.phone if on_phone or who.computer is None else who.computer), False


def address(who: Person, agent: Agent, at: float) -> tuple[Address, Circumstance]:
    """Where a person is by then, with *agent*, and why there."""
    r, habits, is_phone = who.random, who.habits, agent.kind == "phone"
    often, seldom = habits.through_vpn
    stay = next((it for it in who.stays if it.start <= at < it.end), None)
    here = stay.city if stay else who.city
    if r.random() < (often if who.vpn else seldom):
        return _vpn(who, here), "VPN"
    if who.uses_relay and agent.browser == "Mobile Safari":
        return internet.within(r, r.choice(who.world.relays), here), "relay"
    if stay is None:
        return _at_home(who, is_phone=is_phone), "home"
    if here.country == who.city.country:
        return _on_the_road(who, here, is_phone=is_phone), "another city"
    if is_phone and r.random() < habits.roams:
        return internet.through(r, who.world, who.carrier, who.city), "travel"
    return _on_the_road(who, here, is_phone=is_phone), "travel"


def _vpn(who: Person, here: City) -> Address:
    r, world = who.random, who.world
    elsewhere = internet.zipf(r, r.choice(world.cities))
    exit_ = here if r.random() < who.habits.vpn_at_home else elsewhere
    return internet.within(r, who.vpn or r.choice(world.hosting), exit_)


def _on_the_road(who: Person, city: City, *, is_phone: bool) -> Address:
    """A hotel's network, or a carrier: at home the own one, abroad a local one."""
    r, world = who.random, who.world
    if not is_phone or r.random() < 0.5:
        return internet.fixed(r, world, city)
    if city.country == who.city.country:
        return internet.through(r, world, who.carrier, city)
    return internet.mobile(r, world, city)


def _at_home(who: Person, *, is_phone: bool) -> Address:
    """At home, at work, on the carrier's network, or in a café."""
    r, drawn = who.random, who.random.random()
    if is_phone and drawn < 0.42:
        return internet.through(r, who.world, who.carrier, who.city)
    if who.work is not None and drawn < 0.60:
        return who.work
    return internet.fixed(r, who.world, who.city) if drawn > 0.97 else who.home


def poisson(random: Random, mean: float) -> int:
    """A count with that mean (Knuth)."""
    limit, count, product = exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count
