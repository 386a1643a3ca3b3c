"""Charts: shapes and labels stand where their numbers are."""

from __future__ import annotations

import itertools
import re

import pytest

from devsess.web.admin import charts
from devsess.web.admin.charts import PLANE, Series
from devsess.web.assets import assets


@pytest.mark.parametrize(
    ("most", "top"),
    [
        (0, 2),
        (1, 2),
        (2, 2),
        (3, 4),
        (7, 8),
        (9, 10),
        (11, 20),
        (33, 40),
        (100, 100),
        (101, 200),
        (5_001, 6_000),
        (9_060, 10_000),
        (105_373, 200_000),
    ],
)
def test_the_top_of_an_axis(most: int, top: int) -> None:
    """The next number that people read easily, and that has a half."""
    assert top == charts.nice_top(most)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (950, "950"), (6_000, "6k"), (12_500, "12.5k"), (1_500_000, "1.5M")],
)
def test_numbers_on_an_axis(number: int, text: str) -> None:
    """Short enough for a phone."""
    assert text == charts.short(number)


def test_bars_stand_on_each_other() -> None:
    """The second series begins where the first ends; the day that is not over is apart."""
    came, failed = charts.bars(
        [Series("one", "came", (50, 100)), Series("two", "failed", (25, 0))],
        100,
        pale_last=True,
    )
    assert "M45 1000V500H455V1000z" == came.path
    assert "M545 1000V0H955V1000z" == came.pale
    assert "M45 500V250H455V500z" == failed.path
    assert "" == failed.pale


def test_without_a_pale_bar() -> None:
    """A time that is over has none."""
    [layer] = charts.bars([Series("one", "came", (1, 2))], 2, pale_last=False)
    assert ("", 2) == (layer.pale, layer.path.count("M"))


def test_labels_stand_under_their_bars() -> None:
    """A label's percent is the middle of its bar; the last bar has one, and no label leaves."""
    labels = charts.spaced([f"day {at}" for at in range(30)], centred=True)
    assert charts.MAX_LABELS == len(labels)
    assert "day 29" == labels[-1].text
    bars = [charts._edges(at, 30) for at in range(30)]
    for label in labels:
        left, right = bars[int(label.text.split()[1])]
        assert abs((left + right) / 2 / PLANE * 100 - label.at) < 0.1
    assert "end" == labels[-1].anchor
    assert [False, True] == sorted({it.is_spare for it in labels})
    assert not labels[-1].is_spare


def test_labels_stand_under_their_points() -> None:
    """Points reach both ends, and so do their labels."""
    labels = charts.spaced(["a", "b", "c"], centred=False)
    assert [(0, "start"), (50, "middle"), (100, "end")] == [(it.at, it.anchor) for it in labels]
    assert 1 == len(charts.spaced(["a"], centred=False))


def test_columns_cover_the_plane() -> None:
    """Each click meets one column."""
    found = charts.columns(["a"] * 7, [None] * 7)
    assert PLANE == sum(it.width for it in found)
    assert all(a.x + a.width == b.x for a, b in itertools.pairwise(found))


def test_areas_lie_on_each_other() -> None:
    """The floor of the second is the roof of the first."""
    low, high = charts.areas([Series("a", "", (1, 0)), Series("b", "", (0, 1))], (0, 1), 1)
    assert "M0 0L1000 1000L1000 1000L0 1000z" == low.path
    assert "M0 0L1000 0L1000 1000L0 0z" == high.path


@pytest.mark.parametrize(
    ("ys", "path"),
    [
        ((5,), "M0 500"),
        ((5, 5), "M0 500L1000 500"),
        ((5, 5, 5), "M0 500L1000 500"),
        ((0, 5, 10), "M0 1000L1000 0"),
        ((5, 10, 5), "M0 500L500 0L1000 500"),
        ((0, 0, 10, 10), "M0 1000L333 1000L667 0L1000 0"),
    ],
)
def test_points_on_the_way_are_left_out(ys: tuple[float, ...], path: str) -> None:
    """A line is the same without them; a point from which it goes back is none."""
    xs = [at / max(1, len(ys) - 1) for at in range(len(ys))]

    assert path == charts.edge(ys, xs, 10)
    assert "M0 0L0 1000L0 500" == charts.edge((10, 5, 0, 5), (0, 0, 0, 0), 10)
    assert "M0 0L0 500L1000 0" == charts.edge((10, 10, 5, 5, 10), (0, 0, 0, 0, 1), 10)


def test_places_on_the_map() -> None:
    """By the scale of the outline, the greatest first; the size is the area."""
    big, small = charts.dots([(6.5, 3.5, 1, "small"), (-33.9, 151.2, 100, "big")])
    assert ("big", 662.4, 235.8) == (big.text, big.x, big.y)
    assert ("small", 367.0, 155.0) == (small.text, small.x, small.y)
    assert big.radius > small.radius
    assert () == charts.dots([])
    assert () == charts.dots([(0, 0, 0, "nobody")])


def test_a_map_has_the_greatest_places() -> None:
    """So many that the page stays light."""
    found = charts.dots([(0, 0, count, f"{count}") for count in range(1, 101)])

    assert [f"{100 - it}" for it in range(charts.MOST_DOTS)] == [it.text for it in found]


def test_the_outline_of_land() -> None:
    """At most 8 KB, within the size that places are drawn for, and its source is named."""
    land = assets()["land.svg"].content.decode()
    path = re.search(r' d="([^"]+)"', land)
    assert path is not None
    assert len(path[1]) <= 8_192
    assert f'viewBox="0 0 {charts.LAND_SIZE[0]} {charts.LAND_SIZE[1]}"' in land
    assert "Natural Earth" in land


def test_shares_of_the_greatest() -> None:
    """The first bar is whole; nothing has none."""
    assert (100.0, 50.0, 0.0) == charts.shares([10, 5, 0])
    assert (0.0,) == charts.shares([0])
    assert () == charts.shares([])
