"""Search over all accounts, for operators: sessions, what waits for review, and what was done."""

from __future__ import annotations

import builtins
import ipaddress
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import evolve, frozen

from devsess import lifecycle
from devsess.devices.addresses import address, network
from devsess.models import Page
from devsess.operations._checks import (
    checked_count,
    checked_datetime,
    checked_device,
    checked_user,
)
from devsess.operations.ending import end_one
from devsess.operations.reading import MAX_PAGE, check_cursor
from devsess.risk.notices import questioned_from
from devsess.stores.searching import MOST, Filter
from devsess.views import event_view, session_view

if TYPE_CHECKING:
    from devsess.models import Device, Event, Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow

State: TypeAlias = Literal["live", "ended"]
# Pages of the store that one call of `revoke_found` reads at most.
READS = 5
# Whether a walk of `revoke_found` has ended a session: the first letter of its cursor.
_MARKS = (_HAS_ENDED, _HAS_NOT) = ("+", "-")
_STATES: dict[object, bool | None] = {None: None, "live": False, "ended": True}


@frozen(kw_only=True)
class Wanted:
    """The sessions to find, as an application names them; see `SessionManager.search`."""

    user_id: str | None = None
    ip: str | None = None
    device_id: str | Device | None = None
    state: State | None = None
    since: datetime | None = None
    until: datetime | None = None

    def filter(self) -> Filter:
        """
        The same as a store takes it.

        Raises:
            TypeError, ValueError: If a part of it is of the wrong kind.
        """
        if self.user_id is not None:
            checked_user(self.user_id)
        if self.state not in _STATES:
            raise ValueError(f"state must be 'live', 'ended' or None, not {self.state!r}")
        ip, within = (None, None) if self.ip is None else _place(self.ip)
        return Filter(
            user_id=self.user_id,
            network=within,
            ip=ip,
            device_id=None if self.device_id is None else checked_device(self.device_id),
            since=None if self.since is None else checked_datetime(self.since, "since"),
            until=None if self.until is None else checked_datetime(self.until, "until"),
            is_ended=_STATES[self.state],
        )


async def search(op: Operation, wanted: Wanted, *, limit: int, cursor: str | None) -> Page[Session]:
    """
    A page of the sessions *wanted*, the newest sign-in first; it may be short, and have a next.

    Raises:
        ConfigurationError: If the store cannot be searched.
        TypeError, ValueError: If an argument is none, or *cursor* is mangled.
    """
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(cursor)
    page = await op.store.search(
        wanted.filter(),
        cutoffs=lifecycle.cutoffs(op.now, op.policy),
        limit=limit,
        cursor=cursor,
    )
    return _views(op, page)


async def count(op: Operation, wanted: Wanted) -> int:
    """
    How many sessions there are as *wanted*; MOST + 1 where there are more, or it takes too long.

    Raises:
        ConfigurationError: If the store cannot be searched.
        TypeError, ValueError: If an argument is none.
    """
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    return await op.store.count(wanted.filter(), cutoffs=cutoffs, most=MOST)


async def review_queue(op: Operation, *, limit: int, cursor: str | None) -> Page[Session]:
    """
    A page of the live sessions that are in question, those with the most points first.

    Raises:
        ConfigurationError: If the store cannot be searched.
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(cursor)
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    at_least = questioned_from(op.policy)
    return _views(op, await op.store.queue(at_least, cutoffs=cutoffs, limit=limit, cursor=cursor))


async def acts(op: Operation, *, limit: int, cursor: str | None) -> Page[Event]:
    """
    A page of what others did than the accounts' owners, the newest first.

    Raises:
        ConfigurationError: If the store cannot be searched.
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(cursor)
    page = await op.store.acts(limit=limit, cursor=cursor)
    return Page(tuple(event_view(row) for row in page.items), page.next)


async def revoke_found(
    op: Operation,
    wanted: Wanted,
    *,
    before: datetime,
    reason: str,
    actor: str | None,
    limit: int,
    cursor: str | None,
) -> Page[str]:
    """
    End at most *limit* live sessions as *wanted* that began before an instant; their ids.

    Each in a write of its own, so that others write between two. `next` is None once a whole walk
    has ended none: one that was signed in by a slow write, behind the place that was reached, is
    found by the next walk.

    Raises:
        ConfigurationError: If the store cannot be searched.
        TypeError, ValueError: If an argument is none, or nothing narrows the search.
    """
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(cursor)
    found = _to_end(wanted, checked_datetime(before, "before"))
    has_ended, place = _walk(cursor)
    cutoffs, ended = lifecycle.cutoffs(op.now, op.policy), builtins.list[str]()
    for _ in range(READS):
        page = await op.store.search(found, cutoffs=cutoffs, limit=limit - len(ended), cursor=place)
        ended += [row.id for row in page.items if await end_one(op, row.id, reason, actor)]
        place = page.next
        if place is None or len(ended) >= limit:
            break
    return Page(tuple(ended), _next_of(place, has_ended=has_ended or bool(ended)))


def _walk(cursor: str | None) -> tuple[bool, str | None]:
    """
    Whether this walk has ended a session before, and its place; None is the beginning.

    Raises:
        ValueError: If *cursor* is mangled.
    """
    if cursor is None:
        return False, None
    mark, place = cursor[:1], cursor[1:] or None
    if mark not in _MARKS:
        raise ValueError("this cursor was not given out by revoke_found")
    return mark == _HAS_ENDED, place


def _next_of(place: str | None, *, has_ended: bool) -> str | None:
    if place is not None:
        return f"{_HAS_ENDED if has_ended else _HAS_NOT}{place}"
    return _HAS_NOT if has_ended else None


def _to_end(wanted: Wanted, before: float) -> Filter:
    if wanted == Wanted():
        raise ValueError("nothing narrows this search: to end every session, use revoke_everyone")
    found = wanted.filter()
    until = before if found.until is None else min(found.until, before)
    return evolve(found, until=until, is_ended=False)


def _place(ip: object) -> tuple[str | None, str]:
    """
    The address and the network that *ip* names; of a network, no address.

    Raises:
        TypeError: If it is no text.
        ValueError: If it is neither an address nor a network of the size that sessions keep.
    """
    if not isinstance(ip, str):
        raise TypeError(f"ip must be a str, not {type(ip).__name__}")
    text, slash, size = ip.partition("/")
    one, within = address(text), network(text)
    if one is None or within is None:
        raise ValueError(f"ip must be an address or a network, not {ip[:64]!r}")
    whole, part = ("32", "24") if ipaddress.ip_address(one).version == 4 else ("128", "48")
    if slash and size not in (whole, part):
        raise ValueError(f"a network to search has {part} bits: sessions keep no other")
    return (None if size == part else one), within


def _views(op: Operation, page: Page[SessionRow]) -> Page[Session]:
    found = (lifecycle.standing(row, op.now, op.policy) for row in page.items)
    return Page(tuple(map(session_view, found)), page.next)
