"""A visit of an operator, and what they may see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from devsess.adapters.wsgi import KEY
from devsess.web.admin.search_box import MAX_TEXT
from devsess.web.problems import problem_page
from devsess.web.visit import Visit

if TYPE_CHECKING:
    from devsess.adapters._current import AsyncCurrent, Current
    from devsess.adapters._http import Answer
    from devsess.models import Session
    from devsess.web.admin.operator import Operator


@frozen
class AdminRequest:
    """
    A request as the authorisation hook sees it.

    Attributes:
        method: In capitals.
        path: Below the mount point.
        headers: Those that devsess reads, by their names in small letters; cookies are in "cookie".
        peer: Address at the other end of the connection, or None.
        native: The WSGI environment or the ASGI scope, with what other middlewares put there.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    peer: str | None
    native: Mapping[str, Any] = field(repr=False)

    @property
    def current(self) -> Current | AsyncCurrent | None:
        """The session's dealings of a SessionMiddleware around the pages, or None."""
        found: Current | AsyncCurrent | None = self.native.get("devsess") or self.native.get(KEY)
        return found


@frozen
class Count:
    """
    A count that may have stopped early.

    Attributes:
        number: The count.
        is_more: Whether there are, or may be, more.
    """

    number: int
    is_more: bool = False


@define(slots=False)
class AdminVisit(Visit):
    """
    As Visit, of somebody who is authorised.

    Attributes:
        admitted: The operator, once the hook has named them.
        to_review: How many sign-ins are in question: it stands on every page.
    """

    admitted: Operator | None = None
    to_review: Count = field(default=Count(0))

    @property
    def operator(self) -> Operator:
        """The operator: no page is served without one."""
        if self.admitted is None:
            raise RuntimeError("an operators' page was served without an operator")
        return self.admitted

    @property
    def frame(self) -> str:
        """With the navigation, once all that it shows is known."""
        return "admin/base.html" if "to_review" in self.context else super().frame

    @property
    def today(self) -> date:
        """The day of the request in the time zone of the pages."""
        return self.here(self.now).date()

    def here(self, at: float) -> datetime:
        """An instant in the time zone of the pages."""
        return datetime.fromtimestamp(at, self.look.time_zone)

    def missing(self) -> Answer:
        """The answer for what is not there, or is not theirs: both look alike."""
        return problem_page(self, 404)

    async def session(self, session_id: str | None) -> Session | None:
        """The session of that id; None where it is unknown, or not theirs."""
        if not session_id:
            return None
        found = await self.manager.get(session_id)
        return found if found is not None and self.operator.sees(found.user_id) else None

    @property
    def account(self) -> str | None:
        """The account that the query names; None where there is none, or it is not theirs."""
        return self.seen(self.query.get("id"))

    def seen(self, user_id: str | None) -> str | None:
        """*user_id* if it can be one and is theirs, else None."""
        if not user_id or len(user_id) > MAX_TEXT:
            return None
        return user_id if self.operator.sees(user_id) else None
