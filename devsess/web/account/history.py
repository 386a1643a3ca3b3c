"""The activity of an account, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.account.lines import lines
from devsess.web.paging import page_of

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.web.account.visit import AccountVisit

# Events of a page.
PAGE = 40


async def show(visit: AccountVisit) -> Answer:
    """A page of it."""
    cursor = visit.query.get("after")
    read = visit.manager.login_history(visit.user_id, limit=PAGE, cursor=cursor)
    page = await page_of(read, cursor)
    found = lines(visit, page)
    return visit.page("account/history.html", lines=found, next=page.next)
