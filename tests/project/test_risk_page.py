"""The page on risk has the code's own points, and the recorded figures of those points."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from attrs import asdict, evolve, fields

from benchmarks.risk import page as pages
from benchmarks.risk import study, tables
from benchmarks.risk.__main__ import HELD_OUT, RECORDED
from devsess.risk.places import distance_km, place
from devsess.risk.signals import SIGNALS
from devsess.risk_policy import Points, Risk

DOC = (pages.DOCS / "risk.md").read_text("utf-8")


@cache
def recorded() -> dict[str, Any]:
    """The figures of the seeds that were held out."""
    found: dict[str, Any] = json.loads(RECORDED.read_text("utf-8"))
    return found


def test_the_page_quotes_the_recorded_figures() -> None:
    """Every figure on it, and every sentence around them, is drawn from the file."""
    expected = pages.page(recorded())

    assert expected == DOC
    assert "<" not in re.sub(r"`[^`]*`", "", DOC)


def test_the_figures_are_those_of_these_points() -> None:
    """A change of points or thresholds is measured again, on the seeds that are held out."""
    now, then = asdict(Risk()), recorded()["risk"]
    names = ("points", *pages.THRESHOLDS)

    assert [now[name] for name in names] == [then[name] for name in names]
    assert list(HELD_OUT) == recorded()["seeds"]


def test_the_figures_are_those_of_this_code() -> None:
    """A change of signals, profiles or people that changes a score is measured again."""
    assert study.sample() == recorded()["sample"]


@pytest.mark.parametrize("name", [it.name for it in fields(Points)])
def test_the_page_has_the_points_of_the_code(name: str) -> None:
    """Each has its line, with its number and its sentence."""
    [(number, sentence)] = re.findall(rf"^\| `{name}` +\| ([+-]\d+) \| (.+) \|$", DOC, re.MULTILINE)

    assert getattr(Points(), name) == int(number)
    assert sentence.endswith(".")


@pytest.mark.parametrize("of", [Points(), Risk()])
def test_every_setting_is_described(of: Points | Risk) -> None:
    """A setting that its record's docstring does not have would be missing on the page."""
    assert [it.name for it in fields(type(of))] == list(pages.described(of))


def test_the_example_is_a_sum() -> None:
    """A reader who adds the lines up gets the last one."""
    block = DOC.partition("```text\n")[2].partition("```")[0]
    *lines, total = [int(it) for it in re.findall(r"^ *([+-]\d+)  ", block, re.MULTILINE)]

    assert len(lines) > 2
    assert total == sum(lines)


def test_the_example_has_its_true_distance() -> None:
    """Lagos and Québec are 8,315 km apart, less both radii of 20 km."""
    here, there = (place(0.0, None, it) for it in (pages.LAGOS, pages.QUEBEC))

    assert here is not None
    assert there is not None
    assert 8_315 == round(distance_km(here, there))
    assert "8,275 km in 2 minutes" in DOC


def test_reasons_name_signals() -> None:
    """Each signal in the table of challenges is one of the package's."""
    named = {kind for kinds in recorded()["reasons"] for kind in kinds.split(", ")}

    assert named <= SIGNALS.keys()


@pytest.mark.parametrize("who", tables.AIMS)
def test_an_aim_that_is_missed_is_said_so(who: str) -> None:
    """A worse figure shows in the table and in the sentence above it."""
    found = recorded()
    rates = {**found["rates"], "caught": {**found["rates"]["caught"], who: 0.0}}
    worse = {**found, "rates": rates}

    assert f"{who} attackers" in tables.missed(worse)
    assert "| missed |" in tables.caught(worse)


def test_too_many_challenges_and_alarms_are_said_so() -> None:
    """The two bounds from above are aims like the others."""
    worse = {**recorded()["rates"], "challenged": 0.021, "travel": 1.1}

    assert 2 == len(set(tables.missed({"rates": worse})) - set(tables.missed(recorded())))


def test_the_table_follows_the_points() -> None:
    """Another number in the code is another number on the page."""
    assert "| `hosting` | -3 |" in pages.points(evolve(Points(), hosting=-3))
