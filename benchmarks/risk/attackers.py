"""
Attackers: each has the password of an account, and no token of its devices.

- naive: from any country, with any common browser.
- VPN: from the victim's country, any common browser, through a hosting network.
- proxy: the same, through a residential proxy or a phone: access networks by their size.
- targeted: from the victim's city with the victim's browser and system; three in ten through a
  hosting network, the others as the proxy.
- very targeted: from the victim's own provider, too.

One in seven has guessed thrice before.

And a session's cookies may be copied, with its device's token: its copy is refreshed from abroad,
through a VPN or through a proxy in the victim's country, a third each; half of them show the
victim's agent, which costs one header, the others any common one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Literal, TypeAlias

from benchmarks.risk import internet
from benchmarks.risk.internet import Address, Agent, City
from benchmarks.risk.people import Person

Attacker: TypeAlias = Literal["naive", "VPN", "proxy", "targeted", "very targeted"]
FAILED_BEFORE = 0.15


def naive(r: Random, victim: Person) -> Address:
    """From any country; half through hosting networks."""
    return _exit(r, victim, internet.zipf(r, r.choice(victim.world.cities)), hosted=0.5)


def vpn(r: Random, victim: Person) -> Address:
    """Through a hosting network, from the victim's country."""
    return _exit(r, victim, _in_country(r, victim), hosted=1)


def proxy(r: Random, victim: Person) -> Address:
    """Through somebody's home or phone in the victim's country."""
    return _exit(r, victim, _in_country(r, victim), hosted=0)


def targeted(r: Random, victim: Person) -> Address:
    """From the victim's city."""
    return _exit(r, victim, victim.city, hosted=0.3)


def very_targeted(r: Random, victim: Person) -> Address:
    """From the victim's provider, in the victim's city."""
    return internet.within(r, victim.home.network, victim.city)


ADDRESSES: Mapping[Attacker, Callable[[Random, Person], Address]] = {
    "naive": naive,
    "VPN": vpn,
    "proxy": proxy,
    "targeted": targeted,
    "very targeted": very_targeted,
}


Copy: TypeAlias = Literal["abroad", "VPN", "proxy"]
COPIES: Mapping[Copy, Callable[[Random, Person], Address]] = {
    "abroad": naive,
    "VPN": vpn,
    "proxy": proxy,
}


def agent(r: Random, victim: Person, kind: Attacker) -> Agent:
    """Any common one, or one of the victim's."""
    return own(r, victim) if "targeted" in kind else internet.agent(r)


def own(r: Random, victim: Person) -> Agent:
    """The agent of one of the victim's devices."""
    return r.choice([it.agent for it in (victim.phone, victim.computer) if it is not None])


def copy_of(r: Random, victim: Person, session: Agent) -> tuple[Copy, Address, Agent]:
    """Where a copied session is refreshed, and with which agent."""
    kind = r.choice(tuple(COPIES))
    return kind, COPIES[kind](r, victim), session if r.random() < 0.5 else internet.agent(r)


def _in_country(r: Random, victim: Person) -> City:
    return internet.zipf(r, victim.world.cities[victim.city.country])


def _exit(r: Random, victim: Person, city: City, *, hosted: float) -> Address:
    world, drawn = victim.world, r.random()
    if drawn < hosted:
        return internet.within(r, r.choice(world.hosting), city)
    if r.random() < 0.7:
        return internet.fixed(r, world, city)
    return internet.mobile(r, world, city)
