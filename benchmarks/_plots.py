"""The pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

OURS, OTHERS = "#1b6ca8", "#b8c4cc"


def bars(path: Path, title: str, unit: str, rows: Sequence[tuple[str, float, bool]]) -> None:
    """One bar a row, on a scale of powers of ten; those of ours in colour, each with its figure."""
    mpl.rcParams.update({"svg.hashsalt": "devsess", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(figsize=(8, 0.38 * len(rows) + 1.1))
    names, values = [name for name, _, _ in rows], [value for _, value, _ in rows]
    axes.barh(names, values, color=[OURS if ours else OTHERS for _, _, ours in rows])
    for at, value in enumerate(values):
        axes.annotate(f"{value:.3g}", (value, at), (4, 0), textcoords="offset points", va="center")
    axes.set_xscale("log")
    axes.set_xlim(right=max(values) * 3)
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.set_xlabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    # Without a date, so that the same figures make the same file.
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
