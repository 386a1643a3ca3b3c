"""The login history of an account, page by page, with the failed sign-ins between the others."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from devsess import lifecycle
from devsess._client import MAX_USER_AGENT, Client
from devsess._provider import parted
from devsess._text import clean_text
from devsess.devices.recognise import traits
from devsess.history.entries import HistoryEntry, entry, failed
from devsess.history.sentences import About, Failed
from devsess.models import EventType, Page
from devsess.operations._checks import checked_count, checked_device, checked_session, checked_user
from devsess.operations._kinds import FAILURES
from devsess.operations.reading import MAX_PAGE, check_cursor
from devsess.risk import failures
from devsess.risk.notices import is_in_question
from devsess.stores.rows import REPLACED
from devsess.views import event_view

if TYPE_CHECKING:
    from devsess.models import Device, Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

# Those that a person looks for. A token that was used again is in the end of its session.
SHOWN = frozenset(
    {
        *(EventType.SESSION_CREATED, EventType.SESSION_STEPPED_UP, EventType.SESSION_REVOKED),
        *(EventType.LOGIN_DENIED, EventType.LOGIN_FAILED, EventType.LOGIN_CHALLENGED),
        *(EventType.SIGN_IN_HELD, EventType.SIGN_IN_APPROVED, EventType.SIGN_IN_REFUSED),
        *(EventType.SIGN_IN_EXPIRED, EventType.LIMIT_EXCEEDED, EventType.STEP_UP_ASKED),
        *(EventType.NOTICE_CONFIRMED, EventType.NOTICE_DISOWNED, EventType.DEVICE_BLOCKED),
    }
)
# Pages of events that one page of the history reads at most, where few of them are shown.
READS = 10
# Addresses that a page asks the locator about: one that hangs is waited for a second each time.
LOCATED = 16
# Between the store's cursor and the instant that the page before went back to.
MARK = "@"


@frozen
class _Cursor:
    """
    The place between two pages.

    Attributes:
        store: The store's own.
        before: Failed sign-ins from this instant on were on the pages before.
    """

    store: str | None
    before: float

    def __str__(self) -> str:
        return f"{self.store}{MARK}{self.before!r}"


async def login_history(
    op: Operation,
    user_id: str,
    *,
    limit: int,
    cursor: str | None,
    every_event: bool,
    session_id: str | Session | None = None,
    device_id: str | Device | None = None,
) -> Page[HistoryEntry]:
    """
    A page of what a person looks for in an account's history, newest first.

    Of one session or device, that part of the same page: nothing is asked about the others.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_user(user_id)
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(cursor)
    only = _only(session_id, device_id)
    here = _read(cursor)
    rows, reached = await _page(op, user_id, limit, here, every_event=every_event)
    rest = [] if only else await _failed_within(op, user_id, reached, here)
    rows = [it for it in rows if all(getattr(it, name) == of for name, of in only.items())]
    known = await _known(op, user_id, rows)
    found: list[HistoryEntry] = []
    for row in rows:
        found += _line(rest, row.at)
        is_in_question = known.is_in_question(row)
        about = await known.about(row)
        found.append(entry(event_view(row), about, is_in_question=is_in_question))
    found += _line(rest, -math.inf)
    return Page(tuple(found), None if reached is None else str(reached))


def _only(session_id: str | Session | None, device_id: str | Device | None) -> dict[str, str]:
    """The values that events have, by the names of their columns."""
    only = {}
    if session_id is not None:
        only["session_id"] = checked_session(session_id)
    if device_id is not None:
        only["device_id"] = checked_device(device_id)
    return only


def _read(cursor: str | None) -> _Cursor:
    """
    The cursor of a page, or one of `history`.

    Raises:
        ValueError: If it is mangled.
    """
    if cursor is None:
        return _Cursor(None, math.inf)
    store, mark, before = cursor.rpartition(MARK)
    return _Cursor(store, float(before)) if mark else _Cursor(cursor, math.inf)


async def _page(
    op: Operation, user_id: str, limit: int, here: _Cursor, *, every_event: bool
) -> tuple[list[EventRow], _Cursor | None]:
    """At most *limit* events that are shown, and where the next page begins."""
    rows: list[EventRow] = []
    for _ in range(READS):
        page = await op.store.events(user_id, limit=limit - len(rows), cursor=here.store)
        rows += [it for it in page.items if every_event or _is_shown(it)]
        if page.next is None:
            return rows, None
        oldest = min([here.before, *(it.at for it in page.items)])
        here = _Cursor(page.next, oldest)
        if len(rows) == limit:
            break
    return rows, here


def _is_shown(row: EventRow) -> bool:
    """A device's next sign-in ends its session before: that is no news."""
    return row.type in SHOWN and row.reason != REPLACED


async def _failed_within(
    op: Operation, user_id: str, reached: _Cursor | None, here: _Cursor
) -> list[Failed]:
    """The failed sign-ins between the ends of a page."""
    since = -math.inf if reached is None else reached.before
    return [it for it in await _failed(op, user_id) if since <= it.at.timestamp() < here.before]


async def _failed(op: Operation, user_id: str) -> list[Failed]:
    """The failed sign-ins of an account, newest first."""
    items = await op.store.items(FAILURES, user_id, limit=1)
    rows = failures.load(items[0].body) if items else ()
    return [
        Failed(
            lifecycle.instant(it.at),
            lifecycle.instant(it.hour * failures.HOUR),
            it.count,
            it.network,
            it.count >= failures.MOST_COUNTED,
        )
        for it in sorted(rows, key=lambda it: -it.at)
    ]


def _line(rest: list[Failed], at: float) -> Iterator[HistoryEntry]:
    """One line for those of *rest* that are later than *at*; takes them out."""
    later = [it for it in rest if it.at.timestamp() > at]
    if later:
        rest[:] = rest[len(later) :]
        yield failed(later)


async def _known(op: Operation, user_id: str, rows: Sequence[EventRow]) -> _Known:
    """The knowledge of the events of a page, whose sessions are read together."""
    of = dict.fromkeys(it.session_id for it in rows if it.session_id is not None)
    rows_of = await op.store.get_many([*of]) if of else []
    sessions: dict[str | None, SessionRow] = {it.id: it for it in rows_of}
    return _Known(op, user_id, {it.device_id for it in rows if it.device_id is not None}, sessions)


class _Known:
    """The knowledge of a store and a locator of the events of a page; each is asked once."""

    def __init__(
        self,
        op: Operation,
        user_id: str,
        device_ids: Collection[str],
        sessions: Mapping[str | None, SessionRow],
    ) -> None:
        self._op, self._user_id, self._device_ids = op, user_id, device_ids
        self._sessions = sessions
        self._devices: Sequence[DeviceRow] | None = None
        self._places: dict[str, str | None] = {}

    def is_in_question(self, row: EventRow) -> bool:
        """An answer, or a step-up, clears the score; nobody answers for an impersonation."""
        session = self._sessions.get(row.session_id)
        if row.type is not EventType.SESSION_CREATED or session is None or session.impersonator:
            return False
        now, policy = self._op.now, self._op.policy
        is_live = lifecycle.standing(session, now, policy).is_live
        return is_live and is_in_question(session.score, policy)

    async def about(self, row: EventRow) -> About:
        session = self._sessions.get(row.session_id)
        if session is not None:
            place = await self._place(row, session)
            return About(place, _called(session.device), *parted(_proof(row, session)))
        device = await self._device(row)
        return About(await self._place(row, None), device)

    async def _device(self, row: EventRow) -> str | None:
        if row.device_id is not None:
            if self._devices is None:
                known = await self._op.store.known_devices(
                    self._user_id, ids=sorted(self._device_ids), fingerprints=()
                )
                self._devices = known.devices
            for device in self._devices:
                if device.id == row.device_id:
                    return _called(device)
        agent = clean_text(row.user_agent, MAX_USER_AGENT)
        return traits(Client(user_agent=agent)).label if agent else None

    async def _place(self, row: EventRow, session: SessionRow | None) -> str | None:
        """Where the session was then, if it has not moved since; else where the address is."""
        if session is not None and session.network == row.network:
            return str(session.location or "") or None
        ip = row.ip if row.ip != row.network else None
        if ip is None or (ip not in self._places and len(self._places) >= LOCATED):
            return None
        if ip not in self._places:
            self._places[ip] = str(await self._op.locate(ip) or "") or None
        return self._places[ip]


def _called(device: DeviceRow) -> str:
    return f'"{device.name}"' if device.name else device.label


def _proof(row: EventRow, session: SessionRow) -> tuple[str, ...]:
    """Of the authentication that *row* is about, unless the session had another since."""
    second = math.floor(row.at)
    is_latest = {
        EventType.SESSION_CREATED: session.auth_time <= second,
        # At least a second later than the one before it.
        EventType.SESSION_STEPPED_UP: second <= session.auth_time <= second + 1,
    }
    return session.amr if is_latest.get(row.type) else ()
