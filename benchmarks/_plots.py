"""The pictures of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TypeAlias

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

OURS, OTHERS, BOUND = "#1b6ca8", "#b8c4cc", "#b3261e"
# They differ without colours too.
STYLES = ("o-", "s-", "^-", "o--", "s--", "^--")

Point: TypeAlias = tuple[float, float]


def bars(path: Path, title: str, unit: str, rows: Sequence[tuple[str, float, bool]]) -> None:
    """One bar a row, on a scale of powers of ten; those of ours in colour, each with its figure."""
    with _picture(path, title, unit, 0.38 * len(rows) + 1.1) as axes:
        names, values = [name for name, _, _ in rows], [value for _, value, _ in rows]
        axes.barh(names, values, color=[OURS if ours else OTHERS for _, _, ours in rows])
        for at, value in enumerate(values):
            axes.annotate(
                f"{value:.3g}", (value, at), (4, 0), textcoords="offset points", va="center"
            )
        axes.set_xscale("log")
        axes.set_xlim(right=max(values) * 3)
        axes.invert_yaxis()


def curves(
    path: Path,
    title: str,
    unit: str,
    label: str,
    series: Mapping[str, Sequence[Point]],
    most: float,
) -> None:
    """One line a series over a scale of powers of ten, and a stroke that none may pass."""
    with _picture(path, title, unit, 3.4) as axes:
        for (name, points), style in zip(series.items(), cycle(STYLES), strict=False):
            axes.plot(*zip(*points, strict=True), style, label=name, linewidth=1.2, markersize=4)
        axes.axhline(most, color=BOUND, linewidth=1)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_ylabel(label)
        axes.legend(frameon=False, ncols=6, fontsize=9, loc="lower center")


def dots(
    path: Path, title: str, unit: str, rows: Sequence[tuple[str, Sequence[float], float]]
) -> None:
    """One row of dots each, and a stroke at the bound."""
    with _picture(path, title, unit, 0.5 * len(rows) + 1.1) as axes:
        for at, (_, values, most) in enumerate(rows):
            axes.plot(values, [at] * len(values), "o", color=OURS, alpha=0.5, markersize=5)
            axes.plot([most, most], [at - 0.3, at + 0.3], color=BOUND, linewidth=1.5)
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)


def shares(
    path: Path,
    title: str,
    unit: str,
    label: str,
    series: Mapping[str, Sequence[Point]],
    marks: Mapping[str, Point],
    most: float,
) -> None:
    """One line a series, both axes in per cent, a dot for each mark; a stroke none should pass."""
    with _picture(path, title, unit, 4.2) as axes:
        for (name, points), style in zip(
            series.items(), cycle(("-", "--", "-.", ":")), strict=False
        ):
            line = axes.plot(*zip(*points, strict=True), style, label=name, linewidth=1.6)
            if name in marks:
                axes.plot(*marks[name], "o", color=line[0].get_color(), markersize=5)
        axes.axvline(most, color=BOUND, linewidth=1)
        axes.set_xlim(0, 10)
        axes.set_ylim(0, 102)
        axes.set_ylabel(label)
        axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))


@contextmanager
def _picture(path: Path, title: str, unit: str, height: float) -> Iterator[Axes]:
    mpl.rcParams.update({"svg.hashsalt": "devsess", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(figsize=(8, height))
    yield axes
    axes.set_title(title, loc="left")
    axes.set_xlabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    # Without a date, so that the same figures make the same file.
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
