"""The activity of an account, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.account.lines import lines
from devsess.web.problems import problem_page

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.web.account.visit import AccountVisit

# Events of a page.
PAGE = 40


async def show(visit: AccountVisit) -> Answer:
    """A page of it."""
    cursor = visit.query.get("after")
    try:
        page = await visit.manager.login_history(visit.user_id, limit=PAGE, cursor=cursor)
    except ValueError:  # the cursor is mangled
        return problem_page(visit, 404)
    found = await lines(visit, page)
    return visit.page("account/history.html", lines=found, next=page.next)
