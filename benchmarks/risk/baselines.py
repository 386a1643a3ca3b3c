"""
Two other methods, over the same sign-ins: a published one, and rules as they are usually written.

Freeman, Jain, Dürmuth, Biggio, Giacinto: Who Are You? A Statistical Approach to Measuring User
Authenticity (NDSS 2016), equation 4 without attack data:

    p(x) / p(x | user) for the address and the agent, times p(user | attack) / p(user)

Each probability is interpolated over levels (address, network, country; agent, system) with the
weights of Wiefling et al. (TOPS 2022), who took the same model; values that a user has never
shown get the mass 1/(n + 1), spread as everybody's. Everybody's counts come from the owners'
sign-ins of the whole population, later ones too: a favour to the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import inf, log

from attrs import define, field

from benchmarks.risk.replay import OWNER, Who
from benchmarks.risk.scenes import Scene, SignIn
from devsess.models import Location
from devsess.risk.facts import Facts
from devsess.risk.places import distance_km, place

# Levels of a value, the finest first, with their weights.
WHERE = (0.6, 0.3, 0.1)
AGENT = (0.8, 0.2)


def _levels(facts: Facts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    where = facts.location or Location()
    places = (f"net {facts.network}", f"asn {where.asn}", f"cc {where.country_code}")
    return places, (f"agent {facts.agent}", f"os {facts.os}")


@define
class Everybody:
    """Counts over all accounts."""

    values: Counter[str] = field(factory=Counter)
    sign_ins: int = 0
    accounts: int = 0

    def add(self, scenes: Iterable[Scene]) -> None:
        """Count an account."""
        self.accounts += 1
        for scene in scenes:
            if isinstance(scene, SignIn):
                self.sign_ins += 1
                self.values.update(it for levels in _levels(scene.facts) for it in levels)

    def share(self, value: str) -> float:
        """Of a value; unseen ones count as seen once."""
        return (self.values[value] + 1) / (self.sign_ins + 1)


@define
class Freeman:
    """The model, for one account at a time."""

    everybody: Everybody
    knows_token: bool = False
    has_prior: bool = True
    seen: Counter[str] = field(factory=Counter)
    count: int = 0

    def score(self, facts: Facts) -> float:
        """The logarithm of how much likelier another than the owner is."""
        if self.knows_token and facts.is_proven:
            return -inf
        found = 0.0
        for levels, weights in zip(_levels(facts), (WHERE, AGENT), strict=True):
            found += log(self._global(levels, weights)) - log(self._own(levels, weights))
        if self.has_prior:
            found += log(self.everybody.sign_ins / self.everybody.accounts / self.count)
        return round(found, 2)

    def _global(self, levels: tuple[str, ...], weights: tuple[float, ...]) -> float:
        shares = (self.everybody.share(it) for it in levels)
        return sum(share * weight for share, weight in zip(shares, weights, strict=True))

    def _own(self, levels: tuple[str, ...], weights: tuple[float, ...]) -> float:
        unseen = 1 / (self.count + 1)
        shares = (self.seen[it] / self.count for it in levels)
        own = sum(share * weight for share, weight in zip(shares, weights, strict=True))
        return (1 - unseen) * own + unseen * self._global(levels, weights)

    def learn(self, facts: Facts) -> None:
        """Count a sign-in of the owner."""
        self.count += 1
        self.seen.update(it for levels in _levels(facts) for it in levels)


@define
class Rules:
    """Points for what is new, as blog posts and products list them."""

    knows_token: bool = True
    seen: set[str] = field(factory=set)
    last: Facts | None = None
    count: int = 0

    def score(self, facts: Facts) -> float:
        """The sum."""
        (network, _, country), (agent, _) = _levels(facts)
        is_known = facts.is_proven if self.knows_token else agent in self.seen
        where = facts.location or Location()
        points = {
            30: not is_known,
            10: network not in self.seen,
            40: country not in self.seen,
            35: self._is_too_fast(facts),
            20: bool(where.is_hosting),
            15: facts.failures >= 3,
            5: self.last is not None and facts.at - self.last.at > 90 * 86_400,
        }
        return sum(worth for worth, holds in points.items() if holds)

    def _is_too_fast(self, facts: Facts) -> bool:
        if self.last is None:
            return False
        old = place(self.last.at, self.last.network, self.last.location)
        new = place(facts.at, facts.network, facts.location)
        if old is None or new is None:
            return False
        km, hours = distance_km(old, new), max(new.at - old.at, 1.0) / 3_600
        return km > 100 and km / hours > 1_000

    def learn(self, facts: Facts) -> None:
        """Remember a sign-in of the owner."""
        self.seen.update(it for levels in _levels(facts) for it in levels)
        self.last, self.count = facts, self.count + 1


Method = Freeman | Rules


def methods(everybody: Everybody) -> dict[str, Callable[[], Method]]:
    """A new account of each method."""
    return {
        "rules as usually written, with the token": Rules,
        "Freeman et al. as published": lambda: Freeman(everybody),
        "Freeman et al. without the prior, with the token": lambda: Freeman(
            everybody, knows_token=True, has_prior=False
        ),
    }


def scored(scenes: Iterable[Scene], method: Method) -> Iterator[tuple[Who, int, float]]:
    """Who signs in at an account, after how many sign-ins, and the method's score."""
    for scene in scenes:
        if not isinstance(scene, SignIn):
            continue
        if method.count:
            yield OWNER, method.count, method.score(scene.facts)
            for who, facts in scene.attempts:
                yield who, method.count, method.score(facts)
        method.learn(scene.facts)
