"""How many sessions are open to each user, as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.admin import charts
from devsess.web.admin.charts import Chart, Label, Series, Table
from devsess.web.admin.saying import number

if TYPE_CHECKING:
    from devsess.statistics import Stats, UserCount
    from devsess.web.admin.visit import AdminVisit


def sessions_per_user(visit: AdminVisit, stats: Stats) -> Chart | None:
    """Users by their open sessions, a bar a size; None where nobody has one."""
    mean = stats.mean_sessions_per_user
    if mean is None:
        return None
    say, counts = visit.words.say, stats.sessions_per_user
    series = (Series("ds-one", say("users"), tuple(it.count for it in counts)),)
    top = charts.stacked_top(series)
    up, lines = charts.heights(top)
    return Chart(
        "per-user",
        say("Sessions per user"),
        say(
            "{users} with open sessions now, {mean} each on average",
            users=number(visit, sum(it.count for it in counts)),
            mean=visit.words.decimal(mean),
        ),
        charts.bars(series, top, pale_last=False),
        _across(visit, counts),
        up,
        lines,
        Table(
            (say("open sessions"), say("users")),
            tuple((_size(visit, it), number(visit, it.count)) for it in counts),
        ),
    )


def _across(visit: AdminVisit, counts: tuple[UserCount, ...]) -> tuple[Label, ...]:
    """Few and short: each has its place on a phone too."""
    return tuple(
        Label(round(100 * (at + 0.5) / len(counts), 2), _size(visit, it))
        for at, it in enumerate(counts)
    )


def _size(visit: AdminVisit, it: UserCount) -> str:
    text = f"{it.least}" if it.least == it.most else f"{it.least}–{it.most}"
    if it.most is None:
        text = f"{it.least}+"
    # Between right-to-left letters its parts would change places.
    return f"\u2066{text}\u2069" if visit.words.direction == "rtl" else text
