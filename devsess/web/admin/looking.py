"""The pages of one user, device, network, day or session."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from devsess.models import EventType
from devsess.risk.notices import is_in_question
from devsess.web.admin import explained, finding
from devsess.web.admin.acting import device_of
from devsess.web.admin.lines import lines
from devsess.web.admin.numbers import day_cards
from devsess.web.admin.search_box import cidr
from devsess.web.admin.visit import Count
from devsess.web.admin.wanted import Wanted, WantedError, network_of, read
from devsess.web.paging import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.adapters._http import Answer
    from devsess.history.entries import HistoryEntry
    from devsess.models import Session
    from devsess.web.admin.numbers import Card
    from devsess.web.admin.visit import AdminVisit

# Lines of history on the page of a user; "All activity" has the rest.
LINES: Final = 10
# Pages of an account's history that are searched for one session's events.
PAGES: Final = 10
PAGE: Final = 100


async def user(visit: AdminVisit) -> Answer:
    """An account: its open sessions, its devices, all its sign-ins, and its latest activity."""
    account = visit.account
    if account is None:
        return visit.missing()
    asked = Wanted(user_id=account)
    cursor = visit.query.get("after")
    page = await finding.sessions(visit, finding.fields(asked, visit), cursor=cursor)
    latest = await visit.manager.devices(account, limit=finding.ROWS + 1)
    devices = latest[: finding.ROWS]
    history = await visit.manager.login_history(account, limit=LINES)
    is_unknown = not (page.items or devices or history.items) and page.next is None
    return visit.page(
        "admin/user.html",
        404 if is_unknown else 200,
        user_id=account,
        is_unknown=is_unknown,
        open=await finding.count(visit, finding.fields(asked, visit, "live")),
        sessions=page.items,
        next=page.next,
        devices=devices,
        devices_counted=Count(len(devices), is_more=len(latest) > len(devices)),
        lines=lines(visit, history.items),
        has_more=history.next is not None,
        held=await visit.manager.held(account),
    )


async def activity(visit: AdminVisit) -> Answer:
    """All of an account's activity, page by page."""
    account = visit.account
    if account is None:
        return visit.missing()
    cursor = visit.query.get("after")
    read = visit.manager.login_history(account, cursor=cursor, every_event=True)
    page = await page_of(read, cursor)
    return visit.page(
        "admin/activity.html", user_id=account, lines=lines(visit, page.items), next=page.next
    )


async def device(visit: AdminVisit) -> Answer:
    """A device of an account, and the sign-ins on it."""
    found = await device_of(visit, visit.query.get("user"), visit.query.get("id"))
    if found is None:
        return visit.missing()
    account, device = found
    asked = Wanted(user_id=account, device_id=device.id)
    cursor = visit.query.get("after")
    page = await finding.sessions(visit, finding.fields(asked, visit), cursor=cursor)
    return visit.page(
        "admin/device.html", user_id=account, device=device, sessions=page.items, next=page.next
    )


async def network(visit: AdminVisit) -> Answer:
    """An address, or a network: who signed in from there."""
    try:
        asked = read({"ip": visit.query.get("ip", "")})
    except WantedError:
        return visit.missing()
    if asked.ip is None:
        return visit.missing()
    cursor = visit.query.get("after")
    page = await finding.sessions(visit, finding.fields(asked, visit), cursor=cursor)
    place = next((it.location for it in page.items if it.location is not None), None)
    return visit.page(
        "admin/network.html",
        ip=asked.ip,
        network=network_of(asked),
        open=await finding.count(visit, finding.fields(asked, visit, "live")),
        all=await finding.count(visit, finding.fields(asked, visit)),
        place=place,
        sessions=page.items,
        next=page.next,
    )


async def day(visit: AdminVisit) -> Answer:
    """A day: its numbers, and who signed in."""
    try:
        asked = read({"since": visit.query.get("on", ""), "until": visit.query.get("on", "")})
    except WantedError:
        return visit.missing()
    if asked.since is None:
        return visit.missing()
    numbers: Sequence[Card] = ()
    if visit.operator.tenant is None:
        stats = await visit.manager.stats(
            since=asked.since, until=asked.since, tz=visit.times.zone.key
        )
        numbers = day_cards(visit, stats)
    cursor = visit.query.get("after")
    page = await finding.sessions(visit, finding.fields(asked, visit), cursor=cursor)
    return visit.page(
        "admin/day.html",
        on=asked.since,
        before=asked.since - timedelta(days=1),
        after=asked.since + timedelta(days=1) if asked.since < visit.today else None,
        numbers=numbers,
        sessions=page.items,
        next=page.next,
    )


async def session(visit: AdminVisit) -> Answer:
    """A session: what is known of it, what a request would meet now, and what happened in it."""
    found = await visit.session(visit.query.get("id"))
    if found is None:
        return visit.missing()
    history = await _history_of(visit, found)
    events = [it.event for it in history if it.event]
    explanation = await visit.manager.explain_session(found, events=events)
    checks = explanation.checks if explanation else ()
    risk = next((it.data.get("assessment") for it in checks if it.name == "risk"), None)
    return visit.page(
        "admin/session.html",
        session=found,
        checks=explained.checked(visit, checks),
        risk=explained.weighed(visit, risk),
        is_queued=found.is_active and is_in_question(found.score, visit.manager.core.policy),
        network=cidr(found.ip) if found.ip else None,
        # That a device is new is said of the sign-in itself.
        lines=lines(visit, [it for it in history if it.type is not EventType.NEW_DEVICE]),
    )


async def _history_of(visit: AdminVisit, session: Session) -> list[HistoryEntry]:
    """Its entries among the account's, back to its sign-in."""
    found: list[HistoryEntry] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await visit.manager.login_history(
            session.user_id, limit=PAGE, cursor=cursor, every_event=True, session_id=session
        )
        found += page.items
        cursor = page.next
        if cursor is None or any(it.type is EventType.SESSION_CREATED for it in page.items):
            break
    return found
