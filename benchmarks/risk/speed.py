"""The cost of an assessment, which grows with neither history nor users."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import best, typical
from benchmarks.risk.internet import world
from benchmarks.risk.people import Habits
from benchmarks.risk.scenes import scenes
from devsess import Client, Policy, SessionManager
from devsess.risk.assess import assess
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Profile, dump, learned, load
from devsess.risk_policy import Risk
from devsess.stores.items import Item
from devsess.stores.sqlite.store import SQLiteStore
from devsess.tuning.timing import Batch, each

if TYPE_CHECKING:
    from benchmarks._setting import Setting

DESCRIPTION = (
    "The assessment of a sign-in from an unknown device on a new network, in SQLite. The bound is"
    " 150 µs on a machine whose bare decode takes 69 µs. A login waits for the disk with risk and"
    " without: its figure is from the medians."
)

FEW, MANY = 100, 10_000
# Few enough for a round to pass between two turns of other programs.
AT_ONCE = 20
PAST, LONG = 1_000, 10_000
WHOLE = f"assess at {PAST:,} past sign-ins, the profile read and parsed"
LOGINS = 10


@frozen
class Case:
    """An account with a history, among others, and a sign-in to it."""

    store: SQLiteStore
    profile: Profile
    facts: Facts
    users: Sequence[str]

    def read(self, user: str) -> Profile:
        """The profile, from the store."""
        [item] = self.store.items("profile", user, limit=1)
        return load(item.body)

    def assess(self, user: str) -> object:
        """All that a sign-in adds, but for writing."""
        return assess(self.facts, self.read(user), Risk())


def history(past: int) -> tuple[Profile, Facts]:
    """The profile of somebody who signed in *past* times in a year, and an unusual sign-in."""
    habits = Habits(median=float(past), sigma=0.0, refreshes=0.0)
    profile, facts = Profile(), Facts(0.0)
    for scene in scenes(1, 0, world(1), habits):
        facts = scene.facts
        profile = learned(profile, facts, confirmed=True)
    assert facts.location is not None
    elsewhere = evolve(facts.location, asn=64_500, country_code="XX", city="elsewhere")
    away = evolve(facts, proof=Proof.NONE, network="192.0.2.0", location=elsewhere)
    return profile, evolve(away, at=away.at + 60)


def case(path: Path, past: int, accounts: int) -> Case:
    """An account of *past* sign-ins among *accounts* that have as many, in a file."""
    profile, facts = history(past)
    store, users = SQLiteStore(path), [f"user-{number:07d}" for number in range(accounts)]
    for user in users:
        item = Item("profile", user, "", dump(profile), 1, facts.at, facts.at + 400 * 86_400)
        store.put_item(item)
    return Case(store, profile, facts, users[:: accounts // AT_ONCE])


def lines(setting: Setting) -> list[Line]:
    """The parts of an assessment, the whole, and how it grows."""
    few = case(setting.folder / "few.db", PAST, FEW)
    many = case(setting.folder / "many.db", PAST, MANY // 10 if setting.quick else MANY)
    long = case(setting.folder / "long.db", LONG, FEW)
    _, grants = setting.signed_in("risk", 100)
    seconds = best(_batches(few, many, long) | {"": workload.decoding(grants)}, setting.rounds(100))
    for it in (few, many, long):
        it.store.close()
    return [*_lines(seconds), _size(few.profile), _login(setting)]


def _batches(few: Case, many: Case, long: Case) -> dict[str, Batch]:
    body, risk = dump(few.profile), Risk()
    numbers = range(AT_ONCE)
    return {
        WHOLE: partial(each, few.assess, few.users),
        "its assessing alone": lambda: each(
            lambda _: assess(few.facts, few.profile, risk), numbers
        ),
        "its reading alone": lambda: each(
            lambda it: few.store.items("profile", it, limit=1), few.users
        ),
        "its parsing alone": lambda: each(lambda _: load(body), numbers),
        "learning, and writing it as JSON": lambda: each(
            lambda _: dump(learned(few.profile, few.facts, confirmed=False)), numbers
        ),
        _AMONG: partial(each, many.assess, many.users),
        _AT_LONG: partial(each, long.assess, long.users),
    }


_AMONG = "assess among 100 times as many accounts, beside the same"
_AT_LONG = f"assess at {LONG:,} past sign-ins, beside {PAST:,}"
# 150 µs, where a bare decode takes 69.
MOST = 2.2
# Of both: times the whole, not times a decode.
GROWTH = 1.5


def _lines(seconds: dict[str, float]) -> list[Line]:
    decode, whole = seconds.pop(""), seconds[WHOLE]
    bounds = {WHOLE: (decode, MOST), _AMONG: (whole, GROWTH), _AT_LONG: (whole, GROWTH)}
    found = []
    for name, took in seconds.items():
        unit, most = bounds.get(name, (decode, None))
        found.append(Line(name, took / unit, most, microseconds=1e6 * took))
    return found


def _size(profile: Profile) -> Line:
    kilobytes = len(dump(profile).encode()) / 1_000
    return Line(f"a profile at {PAST:,} past sign-ins", kilobytes, 4, unit="KB", drifts=False)


def _login(setting: Setting) -> Line:
    """Sign-ins of accounts that have a profile, with risk and without."""
    policies = {"with": Policy(risk=Risk()), "without": Policy(risk=None)}
    managers = {
        name: SessionManager(setting.folder / f"{name}.db", keys=workload.SECRET, policy=policy)
        for name, policy in policies.items()
    }
    clients = [(f"user-{number}", workload.client(number)) for number in range(LOGINS)]
    batches: dict[str, Batch] = {
        name: partial(each, partial(_sign_in, it), clients) for name, it in managers.items()
    }
    seconds = typical(batches, setting.rounds(60))
    for it in managers.values():
        it.close()
    ratio = seconds["with"] / seconds["without"]
    took = 1e6 * seconds["with"]
    return Line("a login with risk, beside one without", ratio, 1.3, microseconds=took)


def _sign_in(manager: SessionManager, who: tuple[str, Client]) -> None:
    manager.login(*who)
