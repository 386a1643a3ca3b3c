"""Lists and counts of what an operator may see: with a tenant, of their accounts alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from devsess.models import Page
from devsess.web.admin.visit import Count
from devsess.web.admin.wanted import Filter
from devsess.web.paging import page_of

if TYPE_CHECKING:
    from devsess.models import Event, Session
    from devsess.web.admin.operator import Operator
    from devsess.web.admin.visit import AdminVisit
    from devsess.web.admin.wanted import State, Wanted

# Rows of a list: 25 are a long way on a phone.
ROWS: Final = 25
# Pages of the store that one page of a tenant's list reads at most.
READS: Final = 8
# The most that the managers' `count` counts; one more stands for more.
COUNTED: Final = 1_000
# Sign-ins in question that are counted beside "To review".
MOST_TO_REVIEW: Final = 20


class Owned(Protocol):
    """What belongs to an account."""

    @property
    def user_id(self) -> str:
        """The account."""
        ...


T = TypeVar("T", bound=Owned)


class Fields(Filter):
    """The arguments of `search` and `count`."""

    state: State | None


def fields(wanted: Wanted, visit: AdminVisit, state: State | None = None) -> Fields:
    """*wanted* as the managers' methods take it; *state* in place of its own, if given."""
    since, until = wanted.instants(visit.look.time_zone)
    return {
        "user_id": wanted.user_id,
        "ip": wanted.ip,
        "device_id": wanted.device_id,
        "since": since,
        "until": until,
        "state": state or wanted.state,
    }


async def sessions(
    visit: AdminVisit, asked: Fields, *, cursor: str | None = None, limit: int = ROWS
) -> Page[Session]:
    """
    A page of sessions, the newest sign-in first; it may be short, or empty, and have a next.

    Raises:
        FormError: If *cursor* is mangled.
    """

    async def read(most: int, after: str | None) -> Page[Session]:
        return await visit.manager.search(**asked, limit=most, cursor=after)

    return await _of_theirs(visit.operator, read, cursor, limit)


async def count(visit: AdminVisit, asked: Fields) -> Count:
    """How many there are, to COUNTED."""
    if visit.operator.tenant is None:
        found = await visit.manager.count(**asked)
        return Count(min(found, COUNTED), is_more=found > COUNTED)
    page = await sessions(visit, asked, limit=COUNTED)
    return Count(len(page), is_more=page.next is not None)


async def queue(
    visit: AdminVisit, *, cursor: str | None = None, limit: int = ROWS
) -> Page[Session]:
    """
    A page of the sign-ins in question, the most points first.

    Raises:
        FormError: If *cursor* is mangled.
    """

    async def read(most: int, after: str | None) -> Page[Session]:
        return await visit.manager.review_queue(limit=most, cursor=after)

    return await _of_theirs(visit.operator, read, cursor, limit)


async def to_review(visit: AdminVisit) -> Count:
    """How many sign-ins are in question, to MOST_TO_REVIEW."""
    page = await queue(visit, limit=MOST_TO_REVIEW)
    return Count(len(page), is_more=page.next is not None)


async def acts(visit: AdminVisit, *, cursor: str | None = None, limit: int) -> Page[Event]:
    """
    A page of what operators and programs did, the newest first.

    Raises:
        FormError: If *cursor* is mangled.
    """

    async def read(most: int, after: str | None) -> Page[Event]:
        return await visit.manager.acts(limit=most, cursor=after)

    return await _of_theirs(visit.operator, read, cursor, limit)


async def _of_theirs(
    operator: Operator,
    read: Callable[[int, str | None], Awaitable[Page[T]]],
    cursor: str | None,
    limit: int,
) -> Page[T]:
    if operator.tenant is None:
        return await page_of(read(limit, cursor), cursor)
    found: list[T] = []
    for _ in range(READS):
        # No more than there is room for, so that the cursor is where the page ends.
        page = await page_of(read(limit - len(found), cursor), cursor)
        found += [it for it in page.items if operator.sees(it.user_id)]
        cursor = page.next
        if cursor is None or len(found) == limit:
            break
    return Page(tuple(found), cursor)
