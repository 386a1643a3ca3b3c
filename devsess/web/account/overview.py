"""The overview: a row each device, the sign-ins to be asked about first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devsess.web.account.done import said
from devsess.web.account.lines import lines
from devsess.web.account.rows import gathered, signed_out
from devsess.web.paging import page_of

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.history.entries import HistoryEntry
    from devsess.models import Session
    from devsess.web.account.visit import AccountVisit

# Sessions on a page; nearly always one each device.
PAGE = 50
# Lines of the history below them.
LINES = 5


async def show(visit: AccountVisit) -> Answer:
    """The page itself."""
    return visit.answer(visit.drawn("account/overview.html", **await content(visit)))


async def content(visit: AccountVisit) -> dict[str, object]:
    """
    The content of the page and its partials.

    Raises:
        FormError: If the cursor in the query is mangled.
    """
    own, cursor = visit.session, visit.query.get("after")
    read = visit.manager.live(own.user_id, limit=PAGE, cursor=cursor, current=own.id)
    page = await page_of(read, cursor)
    rows = gathered(_with_own(page.items, own, is_first=cursor is None), own, visit)
    is_whole = cursor is None and page.next is None
    out = await signed_out(visit, rows) if is_whole else []
    recent = await _recent(visit) if cursor is None else []
    return {
        "rows": rows,
        "others": sum(not it.is_current for it in rows) or (not is_whole),
        "next": page.next,
        "is_later_page": cursor is not None,
        "signed_out": out,
        "lines": lines(visit, recent),
        "done": said(visit),
    }


def _with_own(sessions: Sequence[Session], own: Session, *, is_first: bool) -> list[Session]:
    """This very session stands on the first page, and on no other, however long ago it began."""
    others = [it for it in sessions if it.id != own.id]
    return [own, *others] if is_first else others


async def _recent(visit: AccountVisit) -> list[HistoryEntry]:
    page = await visit.manager.login_history(visit.user_id, limit=LINES)
    return list(page)[:LINES]
