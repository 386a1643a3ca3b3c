"""The search box, the search page, the queue and the log."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from attrs import frozen

from devsess.web.admin import finding
from devsess.web.admin.asked import Kind, Meaning, meanings
from devsess.web.admin.wanted import Wanted, WantedError, network_of, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from devsess.adapters._http import Answer
    from devsess.models import Event, EventType
    from devsess.web.admin.visit import AdminVisit

# Acts that one page of the log reads: those of one ending are one line.
ACTS: Final = 200


async def find(visit: AdminVisit) -> Answer:
    """Lead from the text of the search box to the page of what it names."""
    text = visit.query.get("q", "")
    for meaning in meanings(text, visit.today):
        there = await _page_of(visit, meaning)
        if there is not None:
            path, query = there
            return visit.see(path, query)
    return visit.page(
        "admin/search.html",
        text=text,
        wanted=Wanted(),
        problem=None,
        sessions=(),
        next=None,
        query={},
        network=None,
        is_asked=bool(text.strip()),
    )


async def _page_of(visit: AdminVisit, meaning: Meaning) -> tuple[str, dict[str, str]] | None:
    """The page of what *meaning* names, if there is such a thing."""
    value = meaning.value
    if meaning.kind in (Kind.ADDRESS, Kind.NETWORK):
        return "/network", {"ip": value}
    if meaning.kind is Kind.DAY:
        return "/day", {"on": value}
    if meaning.kind is Kind.SESSION:
        return ("/session", {"id": value}) if await visit.session(value) else None
    if meaning.kind is Kind.DEVICE:
        asked = finding.fields(Wanted(device_id=value), visit)
        page = await finding.sessions(visit, asked, limit=1)
        return ("/device", {"user": page.items[0].user_id, "id": value}) if page.items else None
    return ("/user", {"id": value}) if await _is_known(visit, value) else None


async def _is_known(visit: AdminVisit, user_id: str) -> bool:
    if not visit.operator.sees(user_id):
        return False
    page = await visit.manager.search(user_id=user_id, limit=1)
    if page.items or await visit.manager.devices(user_id):
        return True
    return bool((await visit.manager.history(user_id, limit=1)).items)


async def search(visit: AdminVisit) -> Answer:
    """The search by several things at once."""
    problem: str | None = None
    try:
        asked = read(visit.query)
    except WantedError as error:
        asked, problem = Wanted(), str(error)
    cursor = visit.query.get("after")
    page = await finding.sessions(visit, finding.fields(asked, visit), cursor=cursor)
    return visit.page(
        "admin/search.html",
        400 if problem else 200,
        text="",
        wanted=asked,
        problem=problem,
        sessions=() if problem else page.items,
        next=None if problem else page.next,
        query=asked.query(),
        network=network_of(asked),
        is_asked=asked.is_narrow or asked.state is not None,
    )


async def review(visit: AdminVisit) -> Answer:
    """The sign-ins in question, those with the most points first."""
    page = await finding.queue(visit, cursor=visit.query.get("after"))
    return visit.page("admin/review.html", sessions=page.items, next=page.next)


@frozen
class Line:
    """
    An act of one operator or program, once or many times in a row.

    Attributes:
        actor, type, reason: The one who acted, the act, and why.
        at: The latest.
        events: All of them, the newest first.
        users: The accounts.
    """

    actor: str
    type: EventType
    reason: str | None
    at: datetime
    events: tuple[Event, ...]
    users: tuple[str, ...]


async def log(visit: AdminVisit) -> Answer:
    """The acts of operators and programs, the newest first."""
    page = await finding.acts(visit, cursor=visit.query.get("after"), limit=ACTS)
    return visit.page("admin/log.html", lines=lines(page.items), next=page.next)


def lines(events: Iterable[Event]) -> list[Line]:
    """*events* as lines: what one actor did for one reason, time after time, is one."""
    found = []
    for (actor, kind, reason), group in groupby(events, lambda it: (it.actor, it.type, it.reason)):
        members = tuple(group)
        users = tuple(dict.fromkeys(it.user_id for it in members))
        found.append(Line(actor or "", kind, reason, members[0].at, members, users))
    return found
