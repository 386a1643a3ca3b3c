"""A recount of the statistics, from all rows, events and items that were ever written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields

from devsess.stores.counting import AGES, DAY, WAYS, WEEK, Measures, Numbers, Period
from devsess.stores.memory import MemoryStore
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devsess.stores.base import Erasure
    from devsess.stores.items import Item
    from devsess.stores.rows import EventRow, SessionRow

EVENTS = {
    "authn_login_denied": "denied",
    "excess_sessions_exceeded": "limited",
    "new_device": "new_devices",
    "authn_token_reuse": "reused",
    "session_stepped_up": "stepped_up",
    "step_up_asked": "step_ups_asked",
    "sign_in_held": "held",
    "sign_in_approved": "approved",
    "sign_in_refused": "refused",
    "sign_in_confirmed": "confirmed",
    "sign_in_disowned": "disowned",
}


class _Sessions(dict[str, "SessionRow"]):
    """The table of sessions, which writes down what begins and what ends."""

    def __init__(self, store: RecountedStore) -> None:
        self.store = store

    def __setitem__(self, key: str, row: SessionRow) -> None:
        old = self.get(key)
        super().__setitem__(key, row)
        if old is None:
            self.store.begun.append(row)
        if row.revoked_at is not None and (old is None or old.revoked_at is None):
            self.store.over(row)


class _Events(dict[int, "EventRow"]):
    """The table of events, which writes down each new one."""

    def __init__(self, store: RecountedStore) -> None:
        self.store = store

    def __setitem__(self, key: int, event: EventRow) -> None:
        if key not in self:
            self.store.happened.append(event)
        super().__setitem__(key, event)


class RecountedStore(MemoryStore):
    """A memory store that remembers whatever was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[SessionRow] = []
        self.ended: list[SessionRow] = []
        self.happened: list[EventRow] = []
        self.failed: list[Item] = []
        self._sessions = _Sessions(self)
        self._events = _Events(self)

    def over(self, row: SessionRow) -> None:
        """Remember a row that has ended, with its device as it is."""
        self.ended.append(evolve(row, device=self._devices[row.user_id, row.device.id]))

    def erase(self, erasure: Erasure) -> int:
        for row in self._sessions.values():
            if row.user_id == erasure.user_id and row.revoked_at is None:
                at = row.last_seen_at if erasure.at is None else erasure.at
                by = self._endings.covering(row)
                self.over(self._as_read(row) if by else evolve(row, revoked_at=at, reason="erased"))
        return super().erase(erasure)

    def _put_item(self, item: Item, most: int = 1) -> bool:
        written = super()._put_item(item, most)
        if written and item.kind in ("failures", "unknown-failures") and item.until > item.at:
            self.failed.append(item)
        return written

    def recount(self, period: Period) -> Numbers:
        """The statistics of *period*, from everything that was ever written."""
        unwritten = [it for it in self._sessions.values() if it.revoked_at is None]
        lagging = [
            it
            for it in unwritten
            if it.idle_expires_at <= period.now or self._as_read(it).revoked_at is not None
        ]
        days = [it for it in self.begun if _is_within(it.created_at, period.days, DAY)]
        ends = [it for it in map(_end, self.ended) if _is_within(it[0], period.days, DAY)]
        tallies = Counter(
            ("device", f"{it.device.browser}\t{it.device.os}\t{it.device.kind}") for it in days
        )
        tallies += Counter(("place", _place(it)) for it in days if it.location is not None)
        tallies += Counter(("reason", reason) for _, reason, _, _ in ends)
        own = [it for it in map(_end, self.ended) if _is_within(it[2], period.weeks, WEEK)]
        spans = Counter(
            (_bin(at - created), reason if reason in WAYS else "", kind)
            for at, reason, created, kind in own
        )
        begun = Counter(
            (int(it.created_at // WEEK), str(it.device.kind))
            for it in self.begun
            if _is_within(it.created_at, period.weeks, WEEK)
        )
        over = Counter((int(created // WEEK), kind) for _, _, created, kind in own)
        cohorts = {key: (begun[key], over[key]) for key in {*begun, *over}}
        ranges = tuple(
            self._measures(*it)
            for it in zip(period.bounds, [*period.bounds[1:], 1e18], strict=True)
        )
        sizes = Counter(_size(n) for n in Counter(it.user_id for it in unwritten).values())
        return Numbers(
            *(len(unwritten), len(lagging), ranges, tallies, spans, cohorts),
            tuple(sizes[it] for it in range(6)),
        )

    def _measures(self, first: float, behind: float) -> Measures:
        def count(instants: Iterable[float]) -> int:
            return sum(first <= it < behind for it in instants)

        ends = [_end(it) for it in self.ended]
        events = {
            name: count(it.at for it in self.happened if it.type == kind)
            for kind, name in EVENTS.items()
        }
        verdicts = {
            f"risk_{name}": count(self._judged(name)) for name in ("notify", "step_up", "deny")
        }
        return Measures(
            signed_in=count(it.created_at for it in self.begun),
            impersonated=count(it.created_at for it in self.begun if it.impersonator),
            ended=count(at for at, *_ in ends),
            expired=count(
                at for (at, *_), row in zip(ends, self.ended, strict=True) if _lapsed(row)
            ),
            failed=count(it.at for it in self.failed),
            **events,
            **verdicts,
        )

    def _judged(self, decision: str) -> list[float]:
        types = ("session_created", "sign_in_held", "authn_login_denied")
        return [
            it.at
            for it in self.happened
            if it.type in types and it.assessment is not None and it.assessment.decision == decision
        ]


def _lapsed(row: SessionRow) -> bool:
    assert row.revoked_at is not None
    return row.idle_expires_at <= row.revoked_at


def _end(row: SessionRow) -> tuple[float, str, float, str]:
    """When a row ended, why, when it began, and on what kind of device."""
    assert row.revoked_at is not None
    at, reason = row.revoked_at, row.reason or ""
    if _lapsed(row):
        at, reason = row.idle_expires_at, EXPIRED
    return at, reason, row.created_at, row.device.kind


def _bin(age: float) -> int:
    return max(place for place, begins in enumerate(AGES) if begins <= max(age, 0.0))


def _size(sessions: int) -> int:
    return [sessions <= most for most in (1, 2, 3, 5, 10, sessions)].index(True)


def _place(row: SessionRow) -> str:
    it = row.location
    assert it is not None
    at = [
        f"{degrees:.0f}" if degrees is not None else "" for degrees in (it.latitude, it.longitude)
    ]
    return "\t".join([it.country_code or "", it.country or "", it.city or "", *at])


def _is_within(at: float, span: tuple[int, int], unit: int) -> bool:
    return span[0] <= at // unit < span[1]


def check(store: RecountedStore, other: Any, period: Period) -> None:
    """Check that both stores have the numbers of a recount."""
    expected = store.recount(period)

    assert expected == store.statistics(period)
    assert expected == other.statistics(period)


assert set(EVENTS.values()) <= {it.name for it in fields(Measures)}
