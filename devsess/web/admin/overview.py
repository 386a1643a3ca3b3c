"""The overview: live numbers, and the statistics as charts, as CSV and as JSON."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from devsess.adapters._http import NO_STORE, Answer, json_answer
from devsess.web.admin import crowd, curves, numbers

if TYPE_CHECKING:
    from devsess.statistics import Stats
    from devsess.web.admin.visit import AdminVisit

# Days that can be looked at, the first of them by default.
PERIODS: Final = (30, 7, 90)


async def show(visit: AdminVisit) -> Answer:
    """The page itself; of a tenant without statistics, which are of all accounts."""
    if visit.operator.tenant is not None:
        return visit.page("admin/overview.html", stats=None)
    days = _days(visit)
    stats = await _stats(visit, days)
    charts = [
        curves.sign_ins(visit, stats),
        curves.open_sessions(visit, stats),
        curves.survival(visit, stats),
    ]
    return visit.page(
        "admin/overview.html",
        stats=stats,
        days=days,
        periods=sorted(PERIODS),
        lagging=stats.lagging,
        charts=[it for it in charts if it is not None],
        places=numbers.places(visit, stats),
        rankings=numbers.rankings(visit, stats),
        per_user=crowd.sessions_per_user(visit, stats),
        live=numbers.live_cards(visit, stats, visit.to_review),
        clock=_clock(visit),
    )


def _clock(visit: AdminVisit) -> str:
    return f"{visit.here(visit.now):%H:%M}"


def _days(visit: AdminVisit) -> int:
    asked = visit.query.get("days", "")
    return next((it for it in PERIODS if str(it) == asked), PERIODS[0])


async def _stats(visit: AdminVisit, days: int) -> Stats:
    since = visit.today - timedelta(days=days - 1)
    return await visit.manager.stats(since=since, until=visit.today, tz=visit.times.zone.key)


async def live(visit: AdminVisit) -> Answer:
    """The live numbers alone; 304 where they are those that the page has (RFC 9110 §8.8.3)."""
    if visit.operator.tenant is not None:
        return visit.missing()
    stats = await _stats(visit, 1)
    cards = numbers.live_cards(visit, stats, visit.to_review)
    html = visit.drawn("admin/_live.html", live=cards, clock=_clock(visit))
    tag = f'"{sha256(html.encode()).hexdigest()[:32]}"'
    if visit.request.headers.get("if-none-match") == tag:
        return Answer(304, (("ETag", tag), NO_STORE))
    return visit.answer(html, 200, (("ETag", tag),))


async def as_csv(visit: AdminVisit) -> Answer:
    """The days as CSV."""
    if visit.operator.tenant is not None:
        return visit.missing()
    body = (await _stats(visit, _days(visit))).to_csv().encode()
    kind = ("Content-Type", "text/csv; charset=utf-8")
    name = ("Content-Disposition", 'attachment; filename="sessions.csv"')
    return Answer(200, (kind, name, ("Content-Length", str(len(body))), NO_STORE), body)


async def as_json(visit: AdminVisit) -> Answer:
    """The statistics as JSON."""
    if visit.operator.tenant is not None:
        return visit.missing()
    return json_answer(200, (await _stats(visit, _days(visit))).to_dict())
