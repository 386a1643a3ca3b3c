"""The made-up population has the published shape, and its figures mean what they say."""

from __future__ import annotations

import json
from itertools import pairwise
from statistics import mean, median

import pytest
from attrs import evolve

from benchmarks.risk import __main__ as command
from benchmarks.risk import journeys, study, tables
from benchmarks.risk.attackers import ADDRESSES, COPIES
from benchmarks.risk.baselines import Everybody, Freeman, Rules
from benchmarks.risk.internet import World, code, world
from benchmarks.risk.people import Habits
from benchmarks.risk.replay import OWNER, Assessed, Variant, remembering, replay
from benchmarks.risk.scenes import Refresh, Scene, SignIn, scenes
from benchmarks.risk.study import MAIN, People
from benchmarks.risk.tally import ALL, Scores, Tally, at_rate, history
from devsess.models import Decision, Location
from devsess.risk import profile as profiles
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Memory, Part
from devsess.risk_policy import Risk

PEOPLE = 200


@pytest.fixture(scope="module")
def here() -> World:
    """The internet of one seed."""
    return world(7)


@pytest.fixture(scope="module")
def stories(here: World) -> list[list[Scene]]:
    """The events of each account."""
    return [list(scenes(7, number, here, Habits())) for number in range(PEOPLE)]


@pytest.fixture(scope="module")
def found(stories: list[list[Scene]]) -> People:
    """The figures, as assessed and without a locator."""
    variants = {MAIN: Variant(), "without": study.VARIANTS["without a locator"]}
    people = People({name: Tally() for name in variants})
    for story in stories:
        people.add(story, variants)
    return people


def sign_ins(stories: list[list[Scene]]) -> list[SignIn]:
    """All of the owners'."""
    return [it for story in stories for it in story if isinstance(it, SignIn)]


@pytest.mark.thorough
def test_the_population_has_the_published_shape(here: World) -> None:
    """3.8 sign-ins a year and account, the median 2, half in a country, two thirds on phones."""
    everybody = [sign_ins([[*scenes(7, number, here, Habits())]]) for number in range(1_000)]
    signed_in = [it.facts for each in everybody for it in each]
    assessed = [it.facts for each in everybody for it in each[1:]]
    firsts = [place_of(each[0].facts).country_code for each in everybody]

    assert 3.8 == pytest.approx(mean(map(len, everybody)), abs=0.3)
    assert 2 == median(map(len, everybody))
    assert 0.5 == pytest.approx(firsts.count(code(0)) / len(firsts), abs=0.04)
    assert 0.66 == pytest.approx(mean(it.kind == "phone" for it in signed_in), abs=0.03)
    assert 0.7 == pytest.approx(mean(it.is_proven for it in assessed), abs=0.03)


def test_a_seed_is_a_population(here: World) -> None:
    """The same seed makes the same people, and another one makes others."""
    again = list(scenes(7, 3, world(7), Habits()))

    assert again == list(scenes(7, 3, here, Habits()))
    assert again != list(scenes(8, 3, world(8), Habits()))


def test_scenes_come_in_order(stories: list[list[Scene]]) -> None:
    """An account begins with a sign-in, and time does not run backwards."""
    for story in stories:
        assert isinstance(story[0], SignIn)
        assert all(one.facts.at <= other.facts.at for one, other in pairwise(story))


def test_attackers_have_no_token(stories: list[list[Scene]]) -> None:
    """None of them proves a device; each kind tries at each sign-in."""
    for it in sign_ins(stories):
        assert tuple(ADDRESSES) == tuple(kind for kind, _ in it.attempts)
        assert {Proof.NONE} == {facts.proof for _, facts in it.attempts}


@pytest.mark.parametrize(
    ("kind", "is_abroad", "is_hosted"),
    [("VPN", False, True), ("proxy", False, False), ("very targeted", False, False)],
)
def test_an_attacker_comes_from_where_it_says(
    stories: list[list[Scene]], kind: str, is_abroad: bool, is_hosted: bool
) -> None:
    """From the victim's country, where it is known by its home; through its kind of network."""
    at_home = [it for it in sign_ins(stories) if it.why == "home"]
    tried = [
        (place_of(it.facts), place_of(facts))
        for it in at_home
        for who, facts in it.attempts
        if who == kind
    ]

    assert {is_abroad} == {own.country_code != other.country_code for own, other in tried}
    assert {is_hosted} == {(other.organisation or "")[:7] == "hosting" for _, other in tried}


def place_of(facts: Facts) -> Location:
    """Its location."""
    assert facts.location is not None
    return facts.location


def test_a_copy_has_its_session_s_token(stories: list[list[Scene]]) -> None:
    """A copy of the cookies has the proof too; some copies show the session's system."""
    refreshes = [it for story in stories for it in story if isinstance(it, Refresh)]
    copies = [facts for _, facts in (it.copied for it in refreshes)]

    assert {Proof.KNOWN} == {it.proof for it in copies}
    assert 0.3 < mean(it.os != it.session_os for it in copies) < 0.5
    assert set(COPIES) == {it.copied[0] for it in refreshes}


def test_the_owner_s_refreshes_are_on_its_own_system(stories: list[list[Scene]]) -> None:
    """A session does not change its device."""
    refreshes = [it.facts for story in stories for it in story if isinstance(it, Refresh)]

    assert all(it.os == it.session_os for it in refreshes)


def test_a_file_gives_an_address_one_city(here: World, stories: list[list[Scene]]) -> None:
    """Right or wrong, the same /24 is always in the same place."""
    places: dict[str, set[object]] = {}
    for it in sign_ins(stories):
        places.setdefault(it.facts.network or "", set()).add(it.facts.location)

    assert {1} == {len(each) for each in places.values()}


@pytest.mark.thorough
def test_policies_see_less_and_judge_the_same_people(found: People) -> None:
    """A variant changes what is shown, not what happens: each counts as many sign-ins."""
    tallies = found.tallies.values()

    assert 1 == len({it.scores.many(OWNER) for it in tallies})


def test_without_a_locator_nobody_is_challenged(found: People) -> None:
    """Unknown places count for nobody: the sum ends in the mild band at most."""
    assert 0 == study.rates(found.tallies["without"])["challenged"]


def test_a_rate_is_read_from_the_scores(stories: list[list[Scene]]) -> None:
    """The challenged share is that of the package's own decisions."""
    tally, decided = Tally(), []
    for story in stories[:100]:
        events = list(replay(story, Variant()))
        tally.account(events)
        decided += [
            it.assessment.decision is Decision.STEP_UP
            for it in events
            if isinstance(it, Assessed) and it.who == OWNER
        ]

    assert mean(decided) == pytest.approx(study.rates(tally)["challenged"])


def test_each_condition_of_travel_takes_alarms_away(found: People) -> None:
    """The chain falls, and ends where the package's own signal is."""
    rates = list(journeys.alarms(found.journeys).values())
    signal = 1_000 * found.tallies[MAIN].travels[OWNER] / found.tallies[MAIN].scores.many(OWNER)

    assert sorted(rates, reverse=True) == rates
    assert signal == pytest.approx(rates[-1], abs=0.8)


def test_notices_are_fewer_than_the_mild_band(found: People) -> None:
    """The limits of notices silence most of what young accounts do."""
    rates = study.rates(found.tallies[MAIN])

    assert rates["challenged"] < rates["notified"] < rates["challenged"] + rates["mild"]


def test_memories_are_as_before_afterwards() -> None:
    """A variant that forgets leaves the package as it was."""
    before = profiles.MEMORIES
    with remembering({part: Memory(1, 1) for part in Part}):
        assert before is not profiles.MEMORIES

    assert before is profiles.MEMORIES


def test_a_method_is_compared_at_a_rate() -> None:
    """Between two thresholds the share lies on a straight line."""
    scores = Scores()
    for who, each in ((OWNER, (0, 0, 0, 10)), ("naive", (0, 10, 10, 10))):
        for score in each:
            scores.add(who, [ALL], score)

    assert [(0.0, 0.0), (0.25, 0.75), (1.0, 1.0)] == scores.curve("naive")
    assert 0.375 == pytest.approx(at_rate(scores.curve("naive"), 0.125))
    assert 0.75 == pytest.approx(scores.share("naive", 10))


@pytest.mark.parametrize(
    ("past", "expected"), [(1, "1"), (3, "2–3"), (9, "7–9"), (50, "30–50"), (51, "over 50")]
)
def test_a_history_has_its_group(past: int, expected: str) -> None:
    """Each number of past sign-ins is in one group."""
    assert expected == history(past)


def test_the_published_model_prefers_the_usual(stories: list[list[Scene]]) -> None:
    """A usual sign-in scores below a strange one; one with a token below all."""
    everybody = Everybody()
    for story in stories:
        everybody.add(story)
    usual = stories[0][0].facts
    elsewhere = evolve(place_of(usual), asn=1, country_code="ZZ")
    strange = evolve(usual, network="nowhere", location=elsewhere)
    model = Freeman(everybody, knows_token=True)
    model.learn(usual)

    assert model.score(usual) < model.score(strange)
    assert float("-inf") == model.score(evolve(strange, proof=Proof.KNOWN))


def test_the_usual_rules_add_up(stories: list[list[Scene]]) -> None:
    """Of a sign-in like the one before, nothing is new but the device without its token."""
    rules, facts = Rules(), evolve(stories[0][0].facts, failures=0)
    again = evolve(facts, location=evolve(place_of(facts), is_hosting=False))
    rules.learn(again)

    assert 30 == rules.score(evolve(again, proof=Proof.NONE))
    assert 0 == rules.score(evolve(again, proof=Proof.KNOWN))


def test_every_figure_is_measured_and_shown() -> None:
    """A small run fills every table, and is JSON."""
    figures = json.loads(json.dumps(study.measured((3,), 16)))
    shown = tables.all_of(figures)

    assert 10 == len(shown)
    assert all(table.count("\n") >= 2 for table in shown.values())
    assert Risk().step_up_from == figures["risk"]["step_up_from"]


def test_held_out_seeds_are_held_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody looks at them by the way."""
    with pytest.raises(SystemExit):
        command.options(["--seeds", "3,61"])

    assert "held-out" in capsys.readouterr().err
