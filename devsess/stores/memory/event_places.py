"""Where the events of a session or an account are, in memory; the store's lock guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

if TYPE_CHECKING:
    from devsess.stores.rows import EventRow

# A session, or the account of an event that is of no session.
_Owner: TypeAlias = tuple[str | None, str | None]


@define
class EventPlaces:
    """
    The places of events, by session, and by account those of no session.

    A place is added before its event is written, and dropped after that is deleted: what an
    interrupt leaves here names too many, never too few.
    """

    _places: dict[_Owner, dict[int, None]] = field(factory=dict)

    def of_session(self, session_id: str) -> list[int]:
        """The places of a session's events."""
        return [*self._places.get((session_id, None), ())]

    def beside(self, event: EventRow) -> list[int]:
        """The places of the events of the same session, or of the same account and no session."""
        return [*self._places.get(_owner(event), ())]

    def add(self, seq: int, event: EventRow) -> None:
        """Note an event that will be there."""
        self._places.setdefault(_owner(event), {})[seq] = None

    def drop(self, seq: int, event: EventRow) -> None:
        """Forget an event that is gone."""
        places = self._places.get(_owner(event), {})
        places.pop(seq, None)
        if not places:
            self._places.pop(_owner(event), None)


def _owner(event: EventRow) -> _Owner:
    return event.session_id, event.user_id if event.session_id is None else None
