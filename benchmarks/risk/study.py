"""The figures: variants, populations and other methods, as JSON types."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import asdict, define, evolve, field

from benchmarks.risk import baselines, journeys
from benchmarks.risk.attackers import ADDRESSES, COPIES
from benchmarks.risk.baselines import Everybody
from benchmarks.risk.internet import code, world
from benchmarks.risk.people import CIRCUMSTANCES, Habits
from benchmarks.risk.replay import OWNER, Variant, replay
from benchmarks.risk.scenes import Scene, SignIn, scenes
from benchmarks.risk.tally import ALL, FEWER, HISTORIES, TEN, Scores, Tally, at_rate, span
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import MEMORIES, Memory, Part
from devsess.risk_policy import Risk

FOREVER = 100_000
THRESHOLDS = (10, 15, 20, 25, 30)
MAIN = "as it is"

Show = Callable[[Facts], Facts]
Report = Callable[[str], None]


def _without(*names: str) -> Show:
    """Facts whose location lacks some fields."""

    def shown(facts: Facts) -> Facts:
        where = facts.location
        return evolve(facts, location=where and evolve(where, **dict.fromkeys(names)))

    return shown


def _unlocated(facts: Facts) -> Facts:
    return evolve(facts, location=None)


def _unproven(facts: Facts) -> Facts:
    return evolve(facts, proof=Proof.NONE)


def _remembering(days: int | None = None, most: int | None = None) -> dict[Part, Memory]:
    return {part: Memory(most or it.most, days or it.days) for part, it in MEMORIES.items()}


NETWORK = ("asn", "organisation")
CITY = ("city", "latitude", "longitude", "accuracy_km")
VARIANTS: Mapping[str, Variant] = {
    MAIN: Variant(),
    "without device tokens": Variant(shown=_unproven),
    "without a hosting list": Variant(shown=_without("is_hosting")),
    "without a city file": Variant(shown=_without(*CITY)),
    "without a network file": Variant(shown=_without(*NETWORK)),
    "a country file alone": Variant(shown=_without(*NETWORK, *CITY, "is_hosting")),
    "network file and hosting list alone": Variant(
        shown=_without(*CITY, "country", "country_code")
    ),
    "without a locator": Variant(shown=_unlocated),
    "refreshes teach nothing": Variant(refreshes_teach=False),
    "a quarter of the caps": Variant(memories=_remembering(most=4)),
    "no caps": Variant(memories=_remembering(most=FOREVER)),
}
# Forgetting shows in the second year.
FORGETTING: Mapping[str, Variant] = {
    "addresses for 180 days, the rest for 400": Variant(),
    "providers for 180 days, too": Variant(
        memories={**MEMORIES, Part.PROVIDER: evolve(MEMORIES[Part.PROVIDER], days=180)}
    ),
    "everything for ever": Variant(memories=_remembering(days=FOREVER)),
    "everything for 180 days": Variant(memories=_remembering(days=180)),
    "everything for 60 days": Variant(memories=_remembering(days=60)),
}
POPULATIONS: Mapping[str, Habits] = {
    "busy": Habits(median=12, sigma=0.8),
    "one country": Habits(one_country=1.0),
    "tokens at half": Habits(clears=0.28, private=0.15),
    "four times the travel": Habits(trips=(32.0, 2.4), domestic=8.0),
}


@define
class People:
    """Some populations, counted once for each variant, and once as they are."""

    tallies: dict[str, Tally]
    journeys: Counter[int] = field(factory=Counter)
    everybody: Everybody = field(factory=Everybody)
    counts: list[int] = field(factory=list)
    phones: int = 0
    in_largest: int = 0

    def add(self, story: Sequence[Scene], variants: Mapping[str, Variant]) -> None:
        """Count all that happened at one account."""
        for name, variant in variants.items():
            events = list(replay(story, variant))
            self.tallies[name].account(events)
            if name == MAIN:
                self.journeys.update(journeys.passed(events, story[0].facts))
        signed_in = [it for it in story if isinstance(it, SignIn)]
        self.counts.append(len(signed_in))
        self.phones += sum(it.facts.kind == "phone" for it in signed_in)
        where = signed_in[0].facts.location
        self.in_largest += where is not None and where.country_code == code(0)
        self.everybody.add(story)


def stories(seeds: Sequence[int], people: int, habits: Habits) -> Iterator[list[Scene]]:
    """The scenes of each account of some populations."""
    for seed in seeds:
        here = world(seed)
        for number in range(people):
            yield list(scenes(seed, number, here, habits))


def counted(
    seeds: Sequence[int], people: int, habits: Habits, variants: Mapping[str, Variant]
) -> People:
    """Some populations, assessed by each variant."""
    found = People({name: Tally() for name in variants})
    for story in stories(seeds, people, habits):
        found.add(story, variants)
    return found


def measured(seeds: Sequence[int], people: int, report: Report = lambda _: None) -> dict[str, Any]:
    """
    All figures of the page.

    Args:
        people: Accounts a seed; a quarter of them for what is only compared.
        report: Is called with the name of each part as it begins.
    """
    fewer = max(1, people // 4)
    report("the points")
    found = counted(seeds, people, Habits(), {MAIN: Variant()})
    report("other methods")
    others = compared(seeds, people, found)
    return {
        "risk": asdict(Risk()),
        "seeds": list(seeds),
        "people": people,
        "sample": sample(),
        **described(found),
        "methods": others,
        **_variations(seeds, fewer, report),
    }


def sample() -> dict[str, dict[str, int]]:
    """How often each score comes among a few people: other figures mean other code."""
    scores = counted((1,), 60, Habits(), {MAIN: Variant()}).tallies[MAIN].scores
    return {
        who: {f"{score:g}": count for score, count in sorted(scores.of[who, ALL].items())}
        for who in (OWNER, *ADDRESSES)
    }


def _variations(seeds: Sequence[int], people: int, report: Report) -> dict[str, Any]:
    def each(habits: Habits, variants: Mapping[str, Variant]) -> dict[str, Any]:
        found = counted(seeds, people, habits, variants)
        return {name: rates(tally) for name, tally in found.tallies.items()}

    report("variants")
    variants = each(Habits(), VARIANTS)
    report("two years")
    forgetting, populations = each(Habits(years=2), FORGETTING), {}
    for name, habits in POPULATIONS.items():
        report(name)
        populations[name] = each(habits, {MAIN: Variant()})[MAIN]
    return {"variants": variants, "forgetting": forgetting, "populations": populations}


def described(found: People) -> dict[str, Any]:
    """The figures of the main population."""
    tally = found.tallies[MAIN]
    return {
        "rates": rates(tally),
        "population": population(found),
        "histories": histories(tally.scores),
        "circumstances": circumstances(tally.scores),
        "reasons": reasons(tally),
        "travel": journeys.alarms(found.journeys),
        "refreshes": refreshes(tally.refreshes),
        "curves": curves(tally.scores),
    }


def rates(tally: Tally) -> dict[str, Any]:
    """The cost of a variant, and its catch: of all, and below and from ten sign-ins on."""
    scores, risk = tally.scores, Risk()
    every = max(1, scores.many(OWNER))
    asks, mild = risk.step_up_from, risk.notify_from
    return {
        "challenged": scores.share(OWNER, asks),
        "mild": scores.share(OWNER, mild) - scores.share(OWNER, asks),
        "notified": tally.notified[OWNER] / every,
        "travel": 1_000 * tally.travels[OWNER] / every,
        "accounts": tally.challenged_accounts / max(1, tally.accounts),
        "token": scores.many(OWNER, "token") / every,
        "caught": {who: scores.share(who, asks) for who in ADDRESSES},
        "caught from ten": {who: scores.share(who, asks, TEN) for who in ADDRESSES},
        "caught below ten": {who: scores.share(who, asks, FEWER) for who in ADDRESSES},
        "told": {who: tally.notified[who] / max(1, scores.many(who)) for who in ADDRESSES},
    }


def population(found: People) -> dict[str, float]:
    """The marginals that are published, and those that are assumed."""
    tally = found.tallies[MAIN]
    refreshes = tally.refreshes
    return {
        "accounts": len(found.counts),
        "sign_ins": sum(found.counts),
        "assessed": tally.scores.many(OWNER),
        "refreshes": refreshes.many(OWNER),
        "mean": statistics.mean(found.counts),
        "median": statistics.median(found.counts),
        "phones": found.phones / sum(found.counts),
        "one country": found.in_largest / len(found.counts),
        "moved": refreshes.many(OWNER, "moved") / max(1, refreshes.many(OWNER)),
        "token": tally.scores.many(OWNER, "token") / max(1, tally.scores.many(OWNER)),
    }


def histories(scores: Scores) -> dict[str, dict[str, float]]:
    """By past sign-ins: how many, the challenged share, and the caught ones."""
    asks = Risk().step_up_from
    return {
        group: {
            "sign_ins": scores.many(OWNER, group),
            "challenged": scores.share(OWNER, asks, group),
            **{who: scores.share(who, asks, group) for who in ADDRESSES},
        }
        for group in map(span, HISTORIES)
    }


def circumstances(scores: Scores) -> dict[str, dict[str, float]]:
    """Where owners are challenged."""
    asks, every = Risk().step_up_from, max(1, scores.many(OWNER))
    return {
        why: {
            "share": scores.many(OWNER, why) / every,
            "challenged": scores.share(OWNER, asks, why),
        }
        for why in (*CIRCUMSTANCES, "token", "no token")
    }


def reasons(tally: Tally) -> dict[str, float]:
    """The commonest sets of signals for which owners are challenged; shares of all sign-ins."""
    every = max(1, tally.scores.many(OWNER))
    return {kinds: count / every for kinds, count in tally.reasons.most_common(8)}


def refreshes(scores: Scores) -> dict[str, dict[str, float]]:
    """By threshold: the refreshes that ask for a step-up, of owners and of copies."""
    found: dict[str, dict[str, float]] = {}
    for least in THRESHOLDS:
        found[str(least)] = {
            OWNER: scores.share(OWNER, least),
            **{str(kind): scores.share(kind, least) for kind in COPIES},
            "same system": _same_system(scores, least),
        }
    return found


def _same_system(scores: Scores, least: float) -> float:
    """Of all copies that show the session's system, those that are caught."""
    groups = [(scores.many(it, "the same system"), it) for it in COPIES]
    caught = sum(many * scores.share(it, least, "the same system") for many, it in groups)
    return caught / max(1, sum(many for many, _ in groups))


def compared(seeds: Sequence[int], people: int, found: People) -> dict[str, Any]:
    """Each method where it challenges as many sign-ins as the points do."""
    methods = baselines.methods(found.everybody)
    scores = {name: Scores() for name in methods}
    for story in stories(seeds, people, Habits()):
        for name, method in methods.items():
            for who, count, score in baselines.scored(story, method()):
                scores[name].add(who, (ALL, TEN if count >= 10 else FEWER), score)
    ours = found.tallies[MAIN].scores
    rate = ours.share(OWNER, Risk().step_up_from)
    return {
        "rate": rate,
        "points": {who: ours.share(who, Risk().step_up_from) for who in ADDRESSES},
        **{
            name: {who: at_rate(each.curve(who), rate) for who in ADDRESSES}
            for name, each in scores.items()
        },
        "curves": {"points": mixed(ours), **{name: mixed(it) for name, it in scores.items()}},
    }


def curves(scores: Scores) -> dict[str, list[tuple[float, float]]]:
    """Challenged and caught at each threshold, by attacker."""
    return {who: scores.curve(who) for who in ADDRESSES}


def mixed(scores: Scores) -> list[tuple[float, float]]:
    """The mean over all attackers but the very targeted, at rates up to a tenth."""
    each = [scores.curve(who) for who in ADDRESSES if who != "very targeted"]
    return [
        (rate / 500, statistics.mean(at_rate(curve, rate / 500) for curve in each))
        for rate in range(51)
    ]
