"""
LAW: what a write adds to the statistics of a store.

Numbers about all accounts, without any of them: a purge or an erasure leaves them. They are counted
in the write's own transaction:

- A session that is inserted counts as *begun*, at its `created_at`.
- A row that is written as ended counts as *over*: at its idle deadline and as EXPIRED, where it
  had reached that by then; else at its end, with the reason. So does one that an erasure
  deletes, or that a copy brings. A row that an ending covers counts once `settle`, a merge or
  an erasure writes it.
- An event counts once it is inserted; one that the history has no room for does not.
- Each item that records a failed sign-in is one failure.
- An account counts under how many sessions are open to it: begun, and not over.

All is counted as it was written: an instant that is corrected later moves no count.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from attrs import define, evolve, field, fields, frozen

from devsess.models import Decision, EventType
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED

if TYPE_CHECKING:
    from devsess.models import Location
    from devsess.stores.rows import EventRow, SessionRow

QUARTER: Final = 900
DAY: Final = 86_400
WEEK: Final = 7 * DAY
# The last second of which there is a datetime: a damaged instant counts there, or at the first.
LATEST: Final = 253_402_300_799

# The reason of a session that its account's erasure deletes.
ERASED: Final = "erased"
# The key, or reason, of all that have no place of their own.
OTHER: Final = ""
# Distinct keys of a day; what comes later counts under OTHER.
MOST_KEYS: Final[Mapping[str, int]] = {"device": 200, "place": 400, "reason": 50}
LONGEST: Final = 64
# The reasons that are told apart among lifespans: the application's own ones may be many.
WAYS: Final = frozenset(
    {
        *(EXPIRED, REPLACED, EVICTED, ERASED, "logout", "revoked", "signed out by its user"),
        *("device-blocked", "device-forgotten", "foreign-device", "late", "stale"),
        *("disowned", "impersonator", "refused", "undeliverable"),
    }
)
KINDS: Final = ("desktop", "phone", "tablet", "tv", "bot", "app", "unknown")
# Seconds at which the bins of ages begin, three a doubling, to two years. BEGAN is the bin of
# the sessions that began in a week, whatever became of them.
AGES: Final = (0, *(round(60 * 2 ** (third / 3)) for third in range(61)))
BEGAN: Final = -1
# Open sessions of an account at which the sizes begin that are told apart; the last has no end.
SIZES: Final = (1, 2, 3, 4, 6, 11)
# The kinds of item by which failed sign-ins are recorded.
FAILURES: Final = frozenset({"failures", "unknown-failures"})
# Rows that are looked at, at most, to say how many of an ending's have not followed.
LOOKED: Final = 10_000


@frozen
class Measures:
    """
    The counts of a span of time.

    Attributes:
        signed_in: Sessions begun.
        impersonated: Those of them that act as another user.
        ended: Sessions over, for whatever reason.
        expired: Those of them whose time ran out.
        failed: Failed sign-ins that were recorded; of one name at most 100 an hour are.
        denied: Sign-ins refused, since the device was blocked or all sessions just ended.
        limited: Sign-ins that met the account's limit of sessions.
        new_devices: Sign-ins on a device that their account, which has others, did not know.
        reused: Refresh tokens that were used again.
        stepped_up: Step-ups.
        step_ups_asked: Demands for a step-up.
        held, approved, refused: Sign-ins that waited for an approval, and the answers.
        confirmed, disowned: Answers to notices.
        risk_notify, risk_step_up, risk_deny: Sign-ins by the decision about their risk.
    """

    signed_in: int = 0
    impersonated: int = 0
    ended: int = 0
    expired: int = 0
    failed: int = 0
    denied: int = 0
    limited: int = 0
    new_devices: int = 0
    reused: int = 0
    stepped_up: int = 0
    step_ups_asked: int = 0
    held: int = 0
    approved: int = 0
    refused: int = 0
    confirmed: int = 0
    disowned: int = 0
    risk_notify: int = 0
    risk_step_up: int = 0
    risk_deny: int = 0


MEASURES: Final = tuple(it.name for it in fields(Measures))

_EVENTS: Final[Mapping[str, str]] = {
    EventType.LOGIN_DENIED: "denied",
    EventType.LIMIT_EXCEEDED: "limited",
    EventType.NEW_DEVICE: "new_devices",
    EventType.TOKEN_REUSED: "reused",
    EventType.SESSION_STEPPED_UP: "stepped_up",
    EventType.STEP_UP_ASKED: "step_ups_asked",
    EventType.SIGN_IN_HELD: "held",
    EventType.SIGN_IN_APPROVED: "approved",
    EventType.SIGN_IN_REFUSED: "refused",
    EventType.NOTICE_CONFIRMED: "confirmed",
    EventType.NOTICE_DISOWNED: "disowned",
}
_SIGN_INS: Final[frozenset[str]] = frozenset(
    {EventType.SESSION_CREATED, EventType.SIGN_IN_HELD, EventType.LOGIN_DENIED}
)
_VERDICTS: Final[Mapping[str, str]] = {
    Decision.NOTIFY: "risk_notify",
    Decision.STEP_UP: "risk_step_up",
    Decision.DENY: "risk_deny",
}


@define
class Counts:
    """
    The counts that one transaction adds.

    Attributes:
        open: Sessions begun, less those over.
        quarters: By the quarter of an hour, counted from the epoch in UTC, and the measure.
        tallies: By the day, counted likewise, the dimension and the key.
        spans: By the week of creation, the bin of the age, the reason of the end (one of WAYS,
            or OTHER) and the kind of device.
        users: By account, as `open`.
    """

    open: int = 0
    quarters: Counter[tuple[int, str]] = field(factory=Counter)
    tallies: Counter[tuple[int, str, str]] = field(factory=Counter)
    spans: Counter[tuple[int, int, str, str]] = field(factory=Counter)
    users: Counter[Hashable] = field(factory=Counter)

    def began(self, row: SessionRow) -> None:
        """Count *row*, which is inserted."""
        device = (row.device.browser, row.device.os, row.device.kind)
        is_impersonation = row.impersonator is not None
        self.users[row.user_id] += 1
        self.begun(row.created_at, device, row.location, is_impersonation=is_impersonation)

    def begun(
        self,
        created_at: float | None,
        device: tuple[str, str, str],
        place: Location | None,
        *,
        is_impersonation: bool,
    ) -> None:
        """Count a row of these columns, but under no account; *device*: browser, system, kind."""
        at, kind = _instant(created_at), _kind(device[2])
        self.open += 1
        self.quarters[at // QUARTER, "signed_in"] += 1
        if is_impersonation:
            self.quarters[at // QUARTER, "impersonated"] += 1
        self.tallies[at // DAY, "device", joined(*device[:2], kind)] += 1
        if place is not None:
            self.tallies[at // DAY, "place", place_key(place)] += 1
        self.spans[at // WEEK, BEGAN, OTHER, kind] += 1

    def over(self, row: SessionRow) -> None:
        """Count *row*, which is written as ended: with its device as that is."""
        at = row.created_at if row.revoked_at is None else row.revoked_at
        self.users[row.user_id] -= 1
        self.ended(row.created_at, row.idle_expires_at, row.device.kind, at, row.reason or OTHER)

    def ended(
        self,
        created_at: float | None,
        idle_expires_at: float | None,
        kind: object,
        at: float,
        reason: str,
    ) -> None:
        """Count a row of these columns, written as ended *at* that instant; under no account."""
        is_lapsed = idle_expires_at is not None and idle_expires_at <= at
        reason = EXPIRED if is_lapsed else reason
        when = _instant(idle_expires_at if is_lapsed else at)
        created = _instant(created_at)
        self.open -= 1
        self.quarters[when // QUARTER, "ended"] += 1
        if is_lapsed:
            self.quarters[when // QUARTER, "expired"] += 1
        self.tallies[when // DAY, "reason", _text(reason)] += 1
        way = reason if reason in WAYS else OTHER
        self.spans[created // WEEK, age_bin(when - created), way, _kind(kind)] += 1

    def happened(self, *events: EventRow) -> None:
        """Count *events*, which are inserted."""
        for event in events:
            decision = None if event.assessment is None else event.assessment.decision
            self.event(event.type, event.at, decision)

    def event(self, kind: str, at: float | None, decision: str | None) -> None:
        """Count an event of these columns."""
        if kind in _EVENTS:
            self.quarters[_instant(at) // QUARTER, _EVENTS[kind]] += 1
        verdict = _VERDICTS.get(decision or "")
        if kind in _SIGN_INS and verdict is not None:
            self.quarters[_instant(at) // QUARTER, verdict] += 1

    def put(self, kind: str, at: float, until: float) -> None:
        """Count an item that is written: one of failures is one more, unless it is withdrawn."""
        if kind in FAILURES and until > at:
            self.quarters[_instant(at) // QUARTER, "failed"] += 1

    def changed_users(self) -> dict[Hashable, int]:
        """`users`, but for those with as many open sessions as before."""
        return {user: more for user, more in self.users.items() if more}

    def by_quarter(self) -> dict[int, dict[str, int]]:
        """`quarters`, a mapping of measures each."""
        found: dict[int, dict[str, int]] = {}
        for (quarter, measure), count in self.quarters.items():
            found.setdefault(quarter, {})[measure] = count
        return found


def erased(row: SessionRow, at: float | None) -> SessionRow:
    """*row* as an erasure's end of it counts: *at* that instant, or when it was last seen."""
    return evolve(row, revoked_at=row.last_seen_at if at is None else at, reason=ERASED)


def counted_to(more: int) -> int:
    """
    How far the open sessions of an account have to be counted after a write.

    So far that `resized` is exact, however many there are: *more* of them than before.
    """
    return SIZES[-1] + max(more, 0)


def resized(accounts: Iterable[tuple[int, int]]) -> list[int]:
    """
    What a write adds to the number of accounts of each of SIZES.

    Of each account it wrote: the sessions that are open now, as far as `counted_to`, and how
    many more they are than before.
    """
    found = [0] * len(SIZES)
    for now, more in accounts:
        for sessions, change in ((now - more, -1), (now, 1)):
            if sessions >= SIZES[0]:
                found[bisect_right(SIZES, sessions) - 1] += change
    return found


def age_bin(seconds: float) -> int:
    """The bin of an age: its place in AGES."""
    return max(0, bisect_right(AGES, seconds) - 1)


@lru_cache(maxsize=1024)
def place_key(place: Location) -> str:
    """The key of a place: the country's code and name, the city, and whole degrees."""
    at = map(_degrees, (place.latitude, place.longitude))
    return joined(place.country_code, place.country, place.city, *at)


@lru_cache(maxsize=1024)
def joined(*parts: str | None) -> str:
    """A key of these parts, in which nothing but the tabs between them is one."""
    return "\t".join(_text(part or "") for part in parts)


def _text(value: str) -> str:
    """*value*, short, without control characters and lone surrogates."""
    clipped = value[:LONGEST]
    if clipped.isprintable():
        return clipped
    return "".join(it if it.isprintable() else " " for it in clipped)


def _degrees(angle: float | None) -> str:
    return "" if angle is None or not math.isfinite(angle) else str(round(angle))


def _instant(at: float | None) -> int:
    return int(min(max(at or 0.0, 0.0), LATEST))


def _kind(kind: object) -> str:
    return str(kind) if kind in KINDS else "unknown"


@frozen
class Period:
    """
    The time that statistics are asked for.

    Attributes:
        bounds: Instants in ascending order, two or more: whole quarters of an hour. Every time
            zone's days begin at one.
        now: The instant of asking.
    """

    bounds: tuple[float, ...]
    now: float

    @property
    def quarters(self) -> tuple[int, ...]:
        """The bounds, counted in quarters."""
        return tuple(_instant(it) // QUARTER for it in self.bounds)

    @property
    def days(self) -> tuple[int, int]:
        """The UTC days whose noons lie in the period: the first, and the first behind."""
        ends = (self.bounds[0], self.bounds[-1])
        first, behind = ((_instant(it) + DAY // 2 - 1) // DAY for it in ends)
        return first, behind

    @property
    def weeks(self) -> tuple[int, int]:
        """The weeks, from the epoch, with an instant of the period: the first, and one behind."""
        return _instant(self.bounds[0]) // WEEK, -(-_instant(self.bounds[-1]) // WEEK)


@frozen
class Numbers:
    """
    The statistics of a period, as a store keeps them.

    Attributes:
        open: Sessions begun and not over, ever.
        lagging: Those of them that have ended, and are not counted as over yet: of rows that
            wait for a purge all, of those that wait for `settle` at most LOOKED.
        ranges: One for each bound: from it to the next; of the last one, all behind it.
        tallies: By dimension and key, of the period's days.
        spans: By bin, reason and kind: sessions over, of those begun in the period's weeks.
        cohorts: By week and kind: the sessions begun in that week, and those of them over.
        sizes: By the place in SIZES: the accounts with so many open sessions.
    """

    open: int
    lagging: int
    ranges: tuple[Measures, ...]
    tallies: Mapping[tuple[str, str], int]
    spans: Mapping[tuple[int, str, str], int]
    cohorts: Mapping[tuple[int, str], tuple[int, int]]
    sizes: tuple[int, ...]
