"""
A believable population, seeded: made through a manager whose clock jumps from one act to the next.

The same seed gives the same lives up to *now*; ids and tokens are as random as always.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

from attrs import define

from devsess.cli._lives import Person, Stage, Story, life, person
from devsess.cli._scenes import Ada, answer, clean_up, night, stolen, support, upkeep
from devsess.cli._town import MadeUpLocator
from devsess.manager import SessionManager
from devsess.policy import DAY, Policy
from devsess.stores.sqlite.unsynced import UnsyncedStore

PEOPLE, DAYS, SEED = 360, 90, 7
_GIVEN = """\
Amina Tunde Chidi Ngozi Kwame Wanjiru Omar Layla Thabo Zanele Emma Oliver Jonas Lena Felix Clara
Louis Chloe Mateo Lucia Tiago Ines Jakub Zofia Emre Elif Rashid Noura Arjun Priya Sita Wei Yuki
Liam Sofia Diego Camila Noah Grace Ravi"""
_FAMILY = """\
Bakare Eze Adeyemi Mensah Kamau Hassan Farouk Nkosi Dlamini Smith Taylor Weber Fischer Wagner
Moreau Bernard Garcia Romero Silva Costa Nowak Kowalska Demir Kaya Saud Sharma Iyer Thapa Tan
Sato Brown Souza Lima Gomez Torres Miller Davis Roy Khan Okonkwo"""


@define
class JumpingClock:
    """A clock that stands where it was set last."""

    at: float

    def now(self) -> datetime:
        """The instant."""
        return datetime.fromtimestamp(self.at, UTC)

    def elapsed(self) -> float:
        """The same in seconds."""
        return self.at


def populate(
    path: Path,
    *,
    keys: str,
    policy: Policy,
    now: float,
    people: int = PEOPLE,
    days: int = DAYS,
    seed: int = SEED,
    progress: Callable[[float], object] = lambda _: None,
) -> None:
    """
    Fill the database *path* with the sign-ins of *people* in the *days* before *now*.

    Args:
        path: A file that can be made anew: no commit waits for the disk.
        keys: As for the manager.
        policy: As for the manager; with risk on.
        now: Seconds since 1970.
        people: How many accounts, beside Ada's.
        days: How far back.
        seed: Of all that is drawn.
        progress: Called with the share that is done.

    Raises:
        StoreUnavailableError: If the store did not answer.
    """
    start = now - days * DAY
    clock = JumpingClock(start)
    heard: list[Callable[..., object]] = []
    with SessionManager(
        UnsyncedStore(path),
        keys=keys,
        policy=policy,
        clock=clock,
        locator=MadeUpLocator(),
        on_event=lambda event: [each(event) for each in heard],
    ) as sessions:
        stage = Stage(sessions, start, now)
        heard.append(stage.heard)
        _play(stage, clock, _stories(stage, people, seed), _random(f"answers {seed}"), progress)
        clock.at = now
        sessions.purge()


def _stories(stage: Stage, people: int, seed: int) -> list[Story]:
    names = [f"{given}.{family}".lower() for family in _FAMILY.split() for given in _GIVEN.split()]
    random = _random(f"people {seed}")
    chosen = random.sample(names, min(people, len(names)))
    chosen += [f"{chosen[0]}.{number}" for number in range(people - len(chosen))]
    lives: list[Person] = [person(random, name) for name in chosen]
    stories = [
        life(stage, _random(f"{seed} {who.user_id} {at}"), who, browser)
        for who in lives
        for at, browser in enumerate(who.browsers)
    ]
    return [
        *stories,
        upkeep(stage),
        Ada(stage, _random(f"Ada {seed}")).story(),
        night(stage, _random(f"night {seed}"), lives),
        clean_up(stage, _random(f"morning {seed}")),
        stolen(stage, _random(f"stolen {seed}"), lives[0]),
        support(stage, _random(f"support {seed}"), lives),
    ]


def _random(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - nothing here is a secret


def _play(
    stage: Stage,
    clock: JumpingClock,
    stories: list[Story],
    random: Random,
    progress: Callable[[float], object],
) -> None:
    """All stories at once, each instant in its turn."""
    order, turns = count(), list[tuple[float, int, Story]]()

    def go_on(story: Story) -> None:
        at = next(story, None)
        if at is not None and at < stage.end:
            heapq.heappush(turns, (at, next(order), story))

    for story in stories:
        go_on(story)
    while turns:
        at, _, story = heapq.heappop(turns)
        clock.at = max(clock.at, at)
        go_on(story)
        for question in stage.unread():
            go_on(answer(stage, random, question))
        progress((clock.at - stage.start) / (stage.end - stage.start))
