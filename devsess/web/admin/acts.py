"""The log: the acts of operators and programs, those of one ending on one line."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from attrs import frozen

from devsess.web.admin import finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from devsess.adapters._http import Answer
    from devsess.models import Event, EventType
    from devsess.web.admin.visit import AdminVisit

# Acts that one page reads: those of one ending are one line.
ACTS: Final = 200


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
