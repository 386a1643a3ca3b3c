"""The search box, and the search by several things at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.models import Page
from devsess.web.admin import finding
from devsess.web.admin.search_box import MAX_TEXT, Kind, Meaning, meanings
from devsess.web.admin.wanted import Wanted, WantedError, network_of, read
from devsess.web.words import clipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devsess.adapters._http import Answer
    from devsess.models import Session
    from devsess.web.admin.visit import AdminVisit


async def find(visit: AdminVisit) -> Answer:
    """Lead from the text of the search box to the page of what it names."""
    text = visit.query.get("q", "")
    for meaning in meanings(text, visit.today):
        there = await _place_of(visit, meaning)
        if there is not None:
            path, query = there
            return visit.see(path, query)
    return _page(visit, Wanted(), Page(()), text=text)


async def _place_of(visit: AdminVisit, meaning: Meaning) -> tuple[str, dict[str, str]] | None:
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
    if page.items or await visit.manager.devices(user_id, limit=1):
        return True
    return bool((await visit.manager.history(user_id, limit=1)).items)


async def search(visit: AdminVisit) -> Answer:
    """The search by several things at once."""
    try:
        asked = read(visit.query)
    except WantedError as error:
        typed = {name: clipped(it, MAX_TEXT) for name, it in visit.query.items()}
        return _page(visit, Wanted(), Page(()), problem=str(error), typed=typed)
    cursor = visit.query.get("after")
    page = await finding.sessions(visit, finding.fields(asked, visit), cursor=cursor)
    return _page(visit, asked, page)


def _page(
    visit: AdminVisit,
    asked: Wanted,
    found: Page[Session],
    *,
    text: str = "",
    problem: str | None = None,
    typed: Mapping[str, str] | None = None,
) -> Answer:
    """
    The page with the fields of a search, and what it *found*.

    Args:
        text: Of the search box, where it names nothing.
        problem: The field that cannot be read.
        typed: The fields as they were typed, where one cannot be read.
    """
    return visit.page(
        "admin/search.html",
        400 if problem else 200,
        text=text,
        wanted=asked,
        problem=problem,
        sessions=found.items,
        next=found.next,
        query=asked.query() if typed is None else typed,
        network=network_of(asked),
    )
