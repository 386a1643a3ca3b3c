"""Statistics as cards, places and rankings, in the page's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import frozen
from markupsafe import Markup

from devsess._client import UNKNOWN
from devsess.models import Location
from devsess.web.admin import charts
from devsess.web.admin.charts import Dot
from devsess.web.admin.saying import kind_words, number, reason_words, span_words
from devsess.web.words import isolated, msg

if TYPE_CHECKING:
    from devsess.statistics import DeviceCount, PlaceCount, Stats
    from devsess.stores.counting import Measures
    from devsess.web.admin.visit import AdminVisit, Count

# Rows of a ranking.
MOST: Final = 8
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
        Card(number(visit, refused(today)), say("refused today")),
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
        Card(number(visit, refused(counts)), say("refused")),
        Card(number(visit, counts.reused), say("tokens reused")),
        Card(number(visit, counts.ended), say("sessions ended")),
        Card(number(visit, day.open), say("open at its end")),
    ]


def refused(counts: Measures) -> int:
    """Sign-ins that were turned away."""
    return counts.denied + counts.limited


def places(visit: AdminVisit, stats: Stats) -> Places:
    """The places of the sign-ins, on a map and by name."""
    named = [it for it in stats.places if it.country or it.city]
    # Of hundreds, the most frequent first, only those that are shown are put into words.
    counts = [(_place_words(visit, it), it.count) for it in named[:MOST]]
    ranking = ranked(visit, "places", visit.words.say("Places"), counts)
    placed = [it for it in named if it.latitude is not None and it.longitude is not None]
    dots = charts.dots(
        (
            it.latitude or 0,
            it.longitude or 0,
            it.count,
            f"{_place_words(visit, it).striptags()}: {number(visit, it.count)}",
        )
        for it in placed[: charts.MOST_DOTS]
    )
    say = visit.words.say
    text = (
        say("Map of the world: most sign-ins came from {place}", place=counts[0][0].striptags())
        if counts
        else say("Map of the world, without sign-ins")
    )
    return Places(text, dots, ranking)


def _place_words(visit: AdminVisit, it: PlaceCount) -> Markup:
    return visit.words.place(Location(city=it.city, country=it.country)) or Markup("")


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
    devices = [(_device_words(visit, one), one.count) for one in stats.devices[:MOST]]
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
