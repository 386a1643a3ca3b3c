"""Statistics as cards, charts and rankings, in the page's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from attrs import frozen
from markupsafe import Markup

from devsess._client import UNKNOWN
from devsess.models import Location
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED
from devsess.web.admin import charts
from devsess.web.admin.charts import Chart, Dot, Series, Table
from devsess.web.admin.saying import day_words, kind_words, number, reason_words
from devsess.web.times import DAY, HOUR
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.statistics import Day, DeviceCount, Share, Stats
    from devsess.stores.counting import Measures
    from devsess.web.admin.visit import AdminVisit, Count

# Rows of a ranking.
MOST: Final = 8
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
# The signs of trouble in a period, by the names of the measures.
UNUSUAL: Final[Mapping[str, str]] = {
    "risk_notify": msg("Unusual enough to ask the owner"),
    "risk_step_up": msg("Unusual enough for a second proof"),
    "risk_deny": msg("Unusual enough to refuse"),
    "reused": msg("Refresh tokens used again"),
    "confirmed": msg("Confirmed as the owner’s"),
    "disowned": msg("Said not to be the owner’s"),
    "stepped_up": msg("Second proofs given"),
    "held": msg("Waited for approval"),
    "impersonated": msg("Impersonations"),
}


@frozen
class Card:
    """One number, and what it counts."""

    number: str
    name: Markup


@frozen
class Row:
    """One row of a ranking: its bar has *share* percent of the width."""

    name: str
    count: str
    share: float


@frozen
class Ranking:
    """Names by their counts, the greatest first."""

    id: str
    title: Markup
    rows: tuple[Row, ...]
    text: str = ""


@frozen
class Places:
    """The places of a period, on a map and by name."""

    text: Markup
    dots: tuple[Dot, ...]
    ranking: Ranking


def live_cards(visit: AdminVisit, stats: Stats, to_review: Count) -> list[Card]:
    """Open sessions now, what happened today, and what waits."""
    waiting = number(visit, to_review.number) + ("+" if to_review.is_more else "")
    say = visit.words.say
    today = stats.days[-1].counts
    return [
        Card(number(visit, stats.active), say("open sessions")),
        Card(number(visit, today.signed_in), say("sign-ins today")),
        Card(number(visit, today.failed), say("failed today")),
        Card(number(visit, _refused(today)), say("refused today")),
        Card(number(visit, today.reused), say("tokens reused today")),
        Card(waiting, say("to review")),
    ]


def day_cards(visit: AdminVisit, stats: Stats) -> list[Card]:
    """The events of a day."""
    day, say = stats.days[-1], visit.words.say
    counts = day.counts
    return [
        Card(number(visit, counts.signed_in), say("sign-ins")),
        Card(number(visit, counts.failed), say("failed")),
        Card(number(visit, _refused(counts)), say("refused")),
        Card(number(visit, counts.reused), say("tokens reused")),
        Card(number(visit, counts.ended), say("sessions ended")),
        Card(number(visit, day.open), say("open at its end")),
    ]


def _refused(counts: Measures) -> int:
    return counts.denied + counts.limited


def sign_ins(visit: AdminVisit, stats: Stats) -> Chart:
    """Sign-ins and failures, a bar a day."""
    say, days = visit.words.say, stats.days
    came = [it.counts.signed_in for it in days]
    failed = [it.counts.failed + _refused(it.counts) for it in days]
    series = (
        Series("ds-one", say("signed in"), tuple(came)),
        Series("ds-second", say("failed or refused"), tuple(failed)),
    )
    top = charts.stacked_top(series)
    up, lines = charts.heights(top)
    links = [visit.link("/day", {"on": it.date.isoformat()}) for it in days]
    texts = [
        say(
            "{day}: {came} signed in, {failed} failed or refused",
            day=day_words(visit, it.date),
            came=number(visit, a),
            failed=number(visit, b),
        )
        for it, a, b in zip(days, came, failed, strict=True)
    ]
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
            tuple(
                (day_words(visit, it.date), number(visit, a), number(visit, b))
                for it, a, b in zip(days, came, failed, strict=True)
            ),
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


def span_words(visit: AdminVisit, seconds: float) -> str:
    """A span in the unit that fits: minutes, hours or days."""
    plural = visit.words.plural
    if seconds < HOUR:
        return plural("{n} minute", "{n} minutes", max(1, round(seconds / 60)))
    if seconds < 2 * DAY:
        return plural("{n} hour", "{n} hours", round(seconds / HOUR))
    return plural("{n} day", "{n} days", round(seconds / DAY))


def places(visit: AdminVisit, stats: Stats) -> Places:
    """The places of the sign-ins, on a map and by name."""
    named = [it for it in stats.places if it.country or it.city]
    names = [
        visit.words.place(Location(city=it.city, country=it.country)) or Markup("") for it in named
    ]
    ranking = ranked(
        visit,
        "places",
        visit.words.say("Places"),
        list(zip(names, (it.count for it in named), strict=True)),
    )
    dots = charts.dots(
        (it.latitude, it.longitude, it.count, f"{name.striptags()}: {number(visit, it.count)}")
        for it, name in zip(named, names, strict=True)
        if it.latitude is not None and it.longitude is not None
    )
    say = visit.words.say
    text = (
        say("Map of the world: most sign-ins came from {place}", place=names[0].striptags())
        if names
        else say("Map of the world, without sign-ins")
    )
    return Places(text, dots, ranking)


def ranked(
    visit: AdminVisit, name: str, title: Markup, counts: Sequence[tuple[str, int]], text: str = ""
) -> Ranking:
    """The greatest of *counts*, which stand in their order."""
    shown = [it for it in counts if it[1]][:MOST]
    shares = charts.shares([count for _, count in shown])
    rows = tuple(
        Row(of if isinstance(of, Markup) else isolated(of), number(visit, count), share)
        for (of, count), share in zip(shown, shares, strict=True)
    )
    return Ranking(name, title, rows, text)


def rankings(visit: AdminVisit, stats: Stats) -> list[Ranking]:
    """Devices, reasons, what was unusual, and lifespans."""
    say, total = visit.words.say, stats.total
    devices = [(_device_words(visit, one), one.count) for one in stats.devices]
    reasons = [
        (reason_words(visit, it) if it else say("others"), n) for it, n in stats.reasons.items()
    ]
    unusual = [(say(words), getattr(total, name)) for name, words in UNUSUAL.items()]
    unusual.sort(key=lambda it: -it[1])
    return [
        ranked(visit, "devices", say("Devices and browsers"), devices),
        ranked(visit, "reasons", say("Why sessions ended"), reasons),
        ranked(visit, "unusual", say("Unusual sign-ins"), unusual),
        _lifespans(visit, stats),
    ]


def _device_words(visit: AdminVisit, one: DeviceCount) -> str:
    """Browser, system and kind, of which an unknown one says nothing."""
    kind = kind_words(visit, one.kind) if one.kind else ""
    named = [it for it in (one.browser, one.os, kind) if it and it != UNKNOWN]
    return " · ".join(named) or visit.words.say("others")


def _lifespans(visit: AdminVisit, stats: Stats) -> Ranking:
    """The median by kind of device, the longest first."""
    say = visit.words.say
    known = [(kind, it) for kind, it in stats.median_lifespan.items() if it is not None]
    known.sort(key=lambda it: -it[1])
    shares = charts.shares([round(it) for _, it in known])
    rows = tuple(
        Row(kind_words(visit, kind), span_words(visit, it), share)
        for (kind, it), share in zip(known, shares, strict=True)
    )
    return Ranking("lifespans", say("Median lifespan of sessions"), rows[:MOST])
