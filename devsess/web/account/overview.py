"""The overview: a row each device, the sign-ins to be asked about first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.account.rows import gathered

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.web.account.visit import AccountVisit

# Sessions on a page; nearly always one each device.
PAGE = 50


async def show(visit: AccountVisit) -> Answer:
    """The page itself."""
    session = visit.session
    cursor = visit.query.get("after")
    page = await visit.manager.live(session.user_id, limit=PAGE, cursor=cursor, current=session.id)
    rows = gathered(page.items, session, visit)
    return visit.page("account/overview.html", rows=rows, next=page.next)
