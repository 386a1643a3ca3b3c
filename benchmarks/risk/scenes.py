"""The events of each account, in order: its owner's sign-ins and refreshes, and attempts."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from attrs import evolve, frozen

from benchmarks.risk import attackers, internet, people
from benchmarks.risk.attackers import ADDRESSES, Attacker, Copy
from benchmarks.risk.internet import Address, Agent, World
from benchmarks.risk.people import DAY, Circumstance, Habits, Person
from devsess.risk.facts import Facts, Proof


@frozen
class SignIn:
    """
    A success of the owner, and the attempts of others in the same instant.

    Attributes:
        facts: Of the owner.
        why: Where the owner was.
        attempts: Each attacker, who leaves nothing behind, with the facts.
    """

    facts: Facts
    why: Circumstance
    attempts: tuple[tuple[Attacker, Facts], ...]


@frozen
class Refresh:
    """
    A refresh of the owner's session, and one of a copy of it.

    Attributes:
        facts: Of the owner.
        copied: Of the copy, and where that is.
        before: The owner's address at the sign-in or refresh before.
    """

    facts: Facts
    copied: tuple[Copy, Facts]
    before: str


Scene = SignIn | Refresh


def scenes(seed: int, number: int, world: World, habits: Habits) -> Iterator[Scene]:
    """All that happens at account *number* of *seed*."""
    who = people.person(seed, number, world, habits)
    random = Random(f"attempts {seed} {number}")
    instants = people.instants(who)
    for at, following in zip(instants, [*instants[1:], float("inf")], strict=True):
        people.live(who, at)
        device, is_borrowed = people.device(who)
        where, why = people.address(who, device.agent, at)
        proof = Proof.KNOWN if device.has_token else Proof.NONE
        facts = _facts(who, at, where, device.agent, proof, _failed(who.random, habits.failures))
        attempts = tuple((kind, _attempt(random, who, kind, at)) for kind in ADDRESSES)
        yield SignIn(facts, "borrowed" if is_borrowed else why, attempts)
        device.has_token = not (who.is_private or is_borrowed)
        if device.has_token:
            yield from _refreshes(who, device.agent, where, at, following, random)


def _refreshes(
    who: Person, agent: Agent, where: Address, at: float, following: float, random: Random
) -> Iterator[Refresh]:
    """Those of a session that is tied to its device, until the next sign-in or for 30 days."""
    end, r = min(following, at + 30 * DAY), who.random
    count = people.poisson(r, who.habits.refreshes)
    for instant in sorted(r.uniform(at, end) for _ in range(count)):
        before = where.text
        where, _ = people.address(who, agent, instant)
        kind, place, other = attackers.copy_of(random, who, agent)
        own = _facts(who, instant, where, agent, Proof.KNOWN)
        copy = _facts(who, instant, place, other, Proof.KNOWN)
        own, copy = evolve(own, session_os=agent.os), evolve(copy, session_os=agent.os)
        yield Refresh(own, (kind, copy), before)


def _attempt(random: Random, victim: Person, kind: Attacker, at: float) -> Facts:
    where = ADDRESSES[kind](random, victim)
    agent = attackers.agent(random, victim, kind)
    return _facts(victim, at, where, agent, Proof.NONE, _failed(random, attackers.FAILED_BEFORE))


def _facts(
    who: Person, at: float, where: Address, agent: Agent, proof: Proof, failures: int = 0
) -> Facts:
    return Facts(
        at=at,
        proof=proof,
        network=where.text,
        location=internet.located(who.world, where),
        os=agent.os,
        browser=agent.browser,
        kind=agent.kind,
        failures=failures,
    )


def _failed(random: Random, share: float) -> int:
    return 3 if random.random() < share else 0
