"""Statistics as charts: sign-ins and open sessions by the day, ends of sessions by their age."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.web.admin import charts
from devsess.web.admin.charts import Chart, Series, Table
from devsess.web.admin.numbers import refused
from devsess.web.admin.saying import day_words, number, span_words
from devsess.web.times import DAY, HOUR
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.statistics import Day, Share, Stats
    from devsess.web.admin.visit import AdminVisit

# Ages at which the table of survival has a row.
AGES: Final = (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY)
# How sessions end, as the chart tells it apart: class, words, reasons; the last has all others.
WAYS: Final = (
    ("ds-three ds-apart", msg("timed out"), (EXPIRED,)),
    ("ds-second ds-apart", msg("replaced by a new sign-in"), (REPLACED, EVICTED)),
    ("ds-four ds-apart", msg("signed out"), ("logout", "signed out by its user")),
    ("ds-five ds-apart", msg("ended by devsess, the application or staff"), None),
)
# Days of each month, short enough to stand along an axis on a phone.
AXIS_DAYS: Final = (
    *(msg("{day} Jan"), msg("{day} Feb"), msg("{day} Mar"), msg("{day} Apr")),
    *(msg("{day} May"), msg("{day} Jun"), msg("{day} Jul"), msg("{day} Aug")),
    *(msg("{day} Sep"), msg("{day} Oct"), msg("{day} Nov"), msg("{day} Dec")),
)


def sign_ins(visit: AdminVisit, stats: Stats) -> Chart:
    """Sign-ins and failures, a bar a day."""
    say, days = visit.words.say, stats.days
    came = [it.counts.signed_in for it in days]
    failed = [it.counts.failed + refused(it.counts) for it in days]
    series = (
        Series("ds-one", say("signed in"), tuple(came)),
        Series("ds-second", say("failed or refused"), tuple(failed)),
    )
    top = charts.stacked_top(series)
    up, lines = charts.heights(top)
    links = [visit.link("/day", {"on": it.date.isoformat()}) for it in days]
    rows = [
        (day_words(visit, it.date), number(visit, a), number(visit, b))
        for it, a, b in zip(days, came, failed, strict=True)
    ]
    bar = msg("{day}: {came} signed in, {failed} failed or refused")
    texts = [say(bar, day=day, came=a, failed=b) for day, a, b in rows]
    return Chart(
        "sign-ins",
        say("Sign-ins and failures a day"),
        say(
            "{came} signed in, {failed} failed or refused; today so far in pale",
            came=number(visit, sum(came)),
            failed=number(visit, sum(failed)),
        ),
        charts.bars(series, top, pale_last=_is_partial(visit, days)),
        charts.spaced([_axis_day(visit, it.date) for it in days], centred=True),
        up,
        lines,
        Table(
            (say("Day"), say("signed in"), say("failed or refused")),
            tuple(rows),
            tuple(links),
        ),
        columns=charts.columns(texts, links),
    )


def _is_partial(visit: AdminVisit, days: Sequence[Day]) -> bool:
    return days[-1].date >= visit.today


def _axis_day(visit: AdminVisit, on: date) -> str:
    return visit.words.say(AXIS_DAYS[on.month - 1], day=on.day)


def open_sessions(visit: AdminVisit, stats: Stats) -> Chart:
    """Sessions open at the end of each day, as a line."""
    say, days = visit.words.say, stats.days
    values = tuple(float(it.open) for it in days)
    xs = [at / max(1, len(days) - 1) for at in range(len(days))]
    series = (Series("ds-area", say("open sessions"), values),)
    top = charts.stacked_top(series)
    up, lines = charts.heights(top)
    return Chart(
        "open",
        say("Sessions open at once"),
        say(
            "{now} now; {then} at the end of {day}",
            now=number(visit, stats.active),
            then=number(visit, days[0].open),
            day=day_words(visit, days[0].date),
        ),
        charts.areas(series, xs, top),
        charts.spaced([_axis_day(visit, it.date) for it in days], centred=False),
        up,
        lines,
        Table(
            (say("Day"), say("open at its end")),
            tuple((day_words(visit, it.date), number(visit, it.open)) for it in days),
        ),
        line=charts.edge(values, xs, top),
    )


def survival(visit: AdminVisit, stats: Stats) -> Chart | None:
    """How sessions end: by their age, the share that lives on, and what ended the others."""
    shares = _shown_ages(stats.survival)
    if not shares:
        return None
    say, longest = visit.words.say, shares[-1].age
    xs = [0.0, *(it.age / longest for it in shares)]
    series = (
        Series("ds-area", say("still open"), (1.0, *(it.alive for it in shares))),
        *(
            Series(style, say(words), (0.0, *(_over(it, reasons) for it in shares)))
            for style, words, reasons in WAYS
        ),
    )
    return Chart(
        "survival",
        say("How sessions end"),
        _half(visit, stats),
        charts.areas(series, xs, 1.0),
        _ages(visit, longest),
        tuple(charts.Label(100 - it, f"{it} %", "end") for it in (0, 50, 100)),
        (0, 500, 1_000),
        _survival_table(visit, shares, [it.name for it in series]),
        line=charts.edge(series[0].values, xs, 1.0),
    )


def _shown_ages(shares: Sequence[Share]) -> list[Share]:
    """Up to the age at which hardly one is left."""
    found: list[Share] = []
    for it in shares:
        found.append(it)
        if it.alive < 0.001:
            break
    return found


def _over(share: Share, reasons: Iterable[str] | None) -> float:
    if reasons is not None:
        return sum(share.over.get(it, 0.0) for it in reasons)
    named = {it for _, _, given in WAYS if given for it in given}
    return sum(part for reason, part in share.over.items() if reason not in named)


def _half(visit: AdminVisit, stats: Stats) -> Markup:
    median = stats.median_lifespan.get("all")
    if median is None:
        return visit.words.say("More than half of the sessions live on.")
    return visit.words.say("Half of them have ended after {age}.", age=span_words(visit, median))


def _ages(visit: AdminVisit, longest: float) -> tuple[charts.Label, ...]:
    """The sign-in, and every quarter of the longest age."""
    marks = [charts.Label(0, visit.words.say("sign-in"), "start")]
    for quarter in (1, 2, 3, 4):
        text = span_words(visit, longest * quarter / 4)
        anchor = "end" if quarter == 4 else "middle"
        marks.append(charts.Label(25 * quarter, text, anchor, quarter % 2 == 1))
    return tuple(marks)


def _survival_table(visit: AdminVisit, shares: Sequence[Share], names: Sequence[str]) -> Table:
    rows = []
    for age in AGES:
        reached = [it for it in shares if it.age <= age]
        if reached and age <= 2 * shares[-1].age:
            at = reached[-1]
            parts = [at.alive, *(_over(at, reasons) for _, _, reasons in WAYS)]
            rows.append((span_words(visit, age), *(f"{100 * it:.0f} %" for it in parts)))
    return Table((visit.words.say("Age"), *names), tuple(rows))
