"""Lets a policy assess what happens at an account, and the account learn, as the package would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

from attrs import field, frozen

from benchmarks.risk.attackers import Attacker, Copy
from benchmarks.risk.people import DAY, Circumstance
from benchmarks.risk.scenes import Refresh, Scene, SignIn
from devsess.models import Assessment
from devsess.risk import profile as profiles
from devsess.risk.assess import assess
from devsess.risk.facts import Facts
from devsess.risk.notices import notifies
from devsess.risk.profile import Memory, Part, Profile, learned
from devsess.risk.refreshes import assess_refresh, taught
from devsess.risk_policy import Risk

Owner: TypeAlias = Literal["owner"]
Who: TypeAlias = Attacker | Owner
OWNER: Owner = "owner"


def _whole(facts: Facts) -> Facts:
    return facts


@frozen
class Variant:
    """
    One way to assess the same population.

    Attributes:
        risk: The points.
        shown: What is left of the facts, such as without a city file.
        refreshes_teach: Whether refreshes teach the profile.
        memories: What a profile remembers, if not as the package has it.
    """

    risk: Risk = field(factory=Risk)
    shown: Callable[[Facts], Facts] = _whole
    refreshes_teach: bool = True
    memories: Mapping[Part, Memory] = field(factory=lambda: profiles.MEMORIES)


@frozen
class Assessed:
    """
    A sign-in, as the policy assesses it.

    Attributes:
        why: Where the owner was.
        facts: As they are, even where the policy sees less.
        profile: Of the account, before it.
        is_notified: Whether the owner would be notified of it.
    """

    who: Who
    why: Circumstance
    facts: Facts
    profile: Profile
    assessment: Assessment
    is_notified: bool


@frozen
class Refreshed:
    """
    A refresh by the owner, or of a copy, as the policy assesses it.

    Attributes:
        moved: Whether the owner's address is another than before.
    """

    who: Copy | Owner
    facts: Facts
    moved: bool
    assessment: Assessment


def replay(scenes: Iterable[Scene], variant: Variant) -> Iterator[Assessed | Refreshed]:
    """Each sign-in but the first and each refresh of one account, assessed."""
    profile, notified = Profile(), list[float]()
    with remembering(variant.memories):
        for scene in scenes:
            facts = variant.shown(scene.facts)
            if isinstance(scene, Refresh):
                yield from _refreshed(scene, profile, variant)
                if variant.refreshes_teach:
                    profile = taught(profile, facts, variant.risk)
                continue
            if profile.sign_ins:
                yield from _assessed(scene, profile, variant, notified)
            profile = learned(profile, facts, confirmed=facts.is_proven)


def _assessed(
    scene: SignIn, profile: Profile, variant: Variant, notified: list[float]
) -> Iterator[Assessed]:
    """The owner's sign-in, and the attempts; a notice of the owner's own goes to *notified*."""
    recent = sum(at > scene.facts.at - DAY for at in notified)
    tried: tuple[tuple[Who, Facts], ...] = ((OWNER, scene.facts), *scene.attempts)
    for who, facts in tried:
        found = assess(variant.shown(facts), profile, variant.risk)
        is_notified = notifies(found, variant.risk, sign_ins=profile.sign_ins, recent=recent)
        if who == OWNER and is_notified:
            notified.append(facts.at)
        yield Assessed(who, scene.why, facts, profile, found, is_notified)


def _refreshed(scene: Refresh, profile: Profile, variant: Variant) -> Iterator[Refreshed]:
    moved = scene.facts.network != scene.before
    tried: tuple[tuple[Copy | Owner, Facts], ...] = ((OWNER, scene.facts), scene.copied)
    for who, facts in tried:
        found = assess_refresh(variant.shown(facts), profile, variant.risk)
        yield Refreshed(who, facts, moved, found)


@contextmanager
def remembering(memories: Mapping[Part, Memory]) -> Iterator[None]:
    """Let profiles remember so much, for a while."""
    before = profiles.MEMORIES
    profiles.MEMORIES = memories
    try:
        yield
    finally:
        profiles.MEMORIES = before
