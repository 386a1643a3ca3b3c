"""
Charts as numbers: where each shape and each label stands. The templates draw them.

Shapes stand in a plane of PLANE units that is stretched to its place on the page; labels stand at
percentages of the same place outside it, so that their letters are never stretched. Both come
from the same numbers, so a label is always where its data is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from attrs import frozen

# Units of the stretched plane, each way.
PLANE: Final = 1_000
# Of the outline of land (static/land.svg): degrees to its units, and its north edge.
LAND_SCALE: Final = 2
LAND_NORTH: Final = 84
LAND_SIZE: Final = (720, 284)
# Greatest and smallest radius of a place.
_RADII: Final = (11.0, 1.6)
# Dots on the map: with a hundred they were 21 of the 55 KB of a page.
MOST_DOTS: Final = 40
# Of a bar, the part of its column that stays free.
_GAP: Final = 0.18
_NICE: Final = (1, 2, 3, 4, 5, 6, 8, 10)
# At most so many labels stand along an axis: on a phone more would touch.
MAX_LABELS: Final = 6


@frozen
class Label:
    """
    Words beside an axis.

    Attributes:
        at: Percent of the axis from its left or upper end.
        text: The words.
        anchor: "start", "middle" or "end": which part of the words stands there.
        is_spare: Whether it gives way where there is little room.
    """

    at: float
    text: str
    anchor: str = "middle"
    is_spare: bool = False


@frozen
class Layer:
    """
    The shapes of one series.

    Attributes:
        style: Its class in the style sheet.
        name: For the legend.
        path: Of whole spans.
        pale: Of the span that is not over yet.
    """

    style: str
    name: str
    path: str
    pale: str = ""


@frozen
class Column:
    """
    The clickable column of a bar.

    Attributes:
        x, width: In units of the plane.
        text: For people: the span and its numbers.
        href: Where a click leads, or None.
    """

    x: int
    width: int
    text: str
    href: str | None


@frozen
class Table:
    """
    The same numbers for those who do not see shapes.

    Attributes:
        head: Names of the columns.
        rows: Cells; the first names the row.
        links: Where the first cell of each row leads; empty where none does.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: tuple[str | None, ...] = ()


@frozen
class Chart:
    """
    A chart over two axes.

    Attributes:
        id: Names it within the page.
        title: For people.
        text: Its content in a sentence.
        layers: The series, the lowest first.
        across, up: Labels along the two axes.
        lines: Heights of the lines behind the shapes, in units of the plane.
        table: The same as a table.
        line: A path along the upper edge of the lowest layer, or empty.
        columns: Clickable ones, or none.
    """

    id: str
    title: str
    text: str
    layers: tuple[Layer, ...]
    across: tuple[Label, ...]
    up: tuple[Label, ...]
    lines: tuple[int, ...]
    table: Table
    line: str = ""
    columns: tuple[Column, ...] = ()


@frozen
class Series:
    """
    One kind of number: a value a span, or at an instant.

    Attributes:
        style: Its class in the style sheet.
        name: For the legend.
        values: One a bar, or a point.
    """

    style: str
    name: str
    values: tuple[float, ...]


@frozen
class Dot:
    """A place on the map, in the units of the outline."""

    x: float
    y: float
    radius: float
    text: str


def bars(series: Sequence[Series], top: float, *, pale_last: bool) -> tuple[Layer, ...]:
    """
    Stacked bars.

    Args:
        series: The lowest first; as many values each.
        top: The number at the upper end of the axis.
        pale_last: Whether the last bar's span is not over yet.
    """
    count = len(series[0].values)
    floors = [0.0] * count
    layers: list[Layer] = []
    for it in series:
        shapes = [
            _bar(at, count, floor, value, top)
            for at, (floor, value) in enumerate(zip(floors, it.values, strict=True))
        ]
        floors = [floor + value for floor, value in zip(floors, it.values, strict=True)]
        whole, last = (shapes[:-1], shapes[-1]) if pale_last else (shapes, "")
        layers.append(Layer(it.style, it.name, "".join(whole), last))
    return tuple(layers)


def _bar(at: int, count: int, floor: float, value: float, top: float) -> str:
    left, right = _edges(at, count)
    low, high = _up(floor, top), _up(floor + value, top)
    return f"M{left} {low}V{high}H{right}V{low}z" if low != high else ""


def _edges(at: int, count: int) -> tuple[int, int]:
    width = PLANE / count
    return round((at + _GAP / 2) * width), round((at + 1 - _GAP / 2) * width)


def columns(texts: Sequence[str], links: Sequence[str | None]) -> tuple[Column, ...]:
    """The clickable columns of bars, each as wide as its bar and the gap beside it."""
    ends = [round(at * PLANE / len(texts)) for at in range(len(texts) + 1)]
    return tuple(
        Column(left, right - left, text, link)
        for (left, right), text, link in zip(pairwise(ends), texts, links, strict=True)
    )


def areas(series: Sequence[Series], xs: Sequence[float], top: float) -> tuple[Layer, ...]:
    """
    Stacked areas between points.

    Args:
        series: The lowest first.
        xs: Where each point stands, from 0 to 1.
        top: The number at the upper end of the axis.
    """
    floor = [0.0] * len(xs)
    layers: list[Layer] = []
    for it in series:
        roof = [below + value for below, value in zip(floor, it.values, strict=True)]
        path = f"M{_points(xs, roof, top)}L{_points(xs[::-1], floor[::-1], top)}z"
        layers.append(Layer(it.style, it.name, path))
        floor = roof
    return tuple(layers)


def edge(values: Sequence[float], xs: Sequence[float], top: float) -> str:
    """The line through points."""
    return f"M{_points(xs, values, top)}"


def _points(xs: Sequence[float], ys: Sequence[float], top: float) -> str:
    """Points as a path joins them, without those that lie on the way from one to another."""
    points = [(round(x * PLANE), _up(y, top)) for x, y in zip(xs, ys, strict=True)]
    kept = points[:1]
    for point, following in pairwise(points[1:]):
        if not _is_between(kept[-1], point, following):
            kept.append(point)
    return "L".join(f"{x} {y}" for x, y in (*kept, *points[1:][-1:]))


def _is_between(start: tuple[int, int], point: tuple[int, int], end: tuple[int, int]) -> bool:
    (dx, dy), (ex, ey) = ((b[0] - a[0], b[1] - a[1]) for a, b in ((start, point), (point, end)))
    return dx * ey == dy * ex and dx * ex + dy * ey >= 0


def _up(value: float, top: float) -> int:
    return PLANE - round(min(value, top) / top * PLANE)


def nice_top(most: float) -> int:
    """The number at the upper end of an axis on which *most* has its place."""
    if most <= 2:
        return 2
    scale: int = 10 ** math.floor(math.log10(most))
    top: int = next(it * scale for it in _NICE if it * scale >= most)
    return top + top % 2


def heights(top: int) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    """Labels at nothing, half and *top*, and the lines behind the shapes there."""
    labels = tuple(Label(100 - 50 * half, short(top * half / 2), "end") for half in range(3))
    return labels, (0, PLANE // 2, PLANE)


def short(number: float) -> str:
    """A number on an axis: "900", "12k", "1.5M"."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:g}"


def spaced(texts: Sequence[str], *, centred: bool) -> tuple[Label, ...]:
    """
    Some of the *texts* of an axis, at the places of their data, the last always.

    Args:
        texts: One a bar, or a point.
        centred: Whether each stands in the middle of its bar; else points reach both ends.
    """
    count = len(texts)
    step = max(1, math.ceil(count / MAX_LABELS))
    chosen = enumerate(range(count - 1, -1, -step))
    labels = [_label(at, count, texts[at], centred, nth % 2 == 1) for nth, at in chosen]
    return tuple(reversed(labels))


def _label(at: int, count: int, text: str, centred: bool, is_spare: bool) -> Label:
    place = (at + 0.5) / count if centred else at / max(1, count - 1)
    percent = round(100 * place, 2)
    # At both ends the middle of the words would leave the page.
    anchor = "start" if percent < 4 else "end" if percent > 96 else "middle"
    return Label(percent, text, anchor, is_spare)


def dots(places: Iterable[tuple[float, float, int, str]]) -> tuple[Dot, ...]:
    """
    The MOST_DOTS greatest places on the map, the greatest first: small ones lie upon them.

    Args:
        places: Latitude, longitude, count and words of each.
    """
    found = sorted(places, key=lambda it: -it[2])[:MOST_DOTS]
    most = found[0][2] if found else 1
    greatest, least = _RADII
    return tuple(
        Dot(
            x=round((longitude + 180) * LAND_SCALE, 1),
            y=round((LAND_NORTH - latitude) * LAND_SCALE, 1),
            radius=round(max(least, greatest * math.sqrt(count / most)), 1),
            text=text,
        )
        for latitude, longitude, count, text in found
        if count > 0
    )


def shares(counts: Sequence[int]) -> tuple[float, ...]:
    """Each count as percent of the greatest: the length of its bar."""
    most = max(counts, default=0)
    return tuple(round(100 * it / most, 1) if most else 0.0 for it in counts)


def stacked_top(series: Sequence[Series]) -> int:
    """The upper end of an axis for all *series* on top of each other."""
    sums = [sum(values) for values in zip(*(it.values for it in series), strict=True)]
    return nice_top(max(sums, default=0))
