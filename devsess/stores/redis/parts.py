"""
What a merge comes to, as the arguments of one script or of several.

One script blocks the server. So an account of more rows is written in parts, each of which
another merge completes if it is the last one that was written: devices before the sessions
that name them; the account's mark behind every session that it ends or spares, since a
mark that is known ends nothing more; the history at last, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from devsess.models import EventType
from devsess.stores import merging
from devsess.stores.merging import Difference
from devsess.stores.redis import columns, counts, items, stored
from devsess.stores.redis.columns import instant, raw, some
from devsess.stores.redis.packing import packed

if TYPE_CHECKING:
    from devsess.stores.accounts import Account, Mark
    from devsess.stores.items import Item
    from devsess.stores.redis.columns import Text
    from devsess.stores.redis.stored import Stored
    from devsess.stores.rows import DeviceRow, SessionRow

T = TypeVar("T")

# The most rows of one script: as many as a batch of a purge.
ROWS = 500


@define
class Writing:
    """
    A merge of one account that is under way.

    Attributes:
        mine: As it was read.
        state: What it must be in when the next part is written.
        parts: Those that are still to be written.
    """

    mine: Stored
    state: bytes
    parts: list[Difference] = field(factory=list)

    @classmethod
    def of(cls, theirs: Account, mine: Stored, others: Mark) -> Writing:
        """The merge of *theirs* into *mine*; *others* is the ending of everyone there."""
        read = merging.as_read(mine.account, mine.pending)
        change = merging.difference(read, theirs, mine.everyone, others)
        return cls(mine, mine.state, [*_parts(change, theirs)])

    @property
    def user_id(self) -> str:
        """The account."""
        return self.mine.account.user_id

    def new_sessions(self) -> Iterator[str]:
        """Ids of sessions that are not there yet."""
        rows = [row for part in self.parts for row in part.sessions]
        return (row.id for row in rows if row.id not in self.mine.sessions)

    def written(self, state: bytes) -> None:
        """Note that the next part was written, and left the account in *state*."""
        self.state = state
        del self.parts[0]

    def arguments(self) -> list[Text]:
        """The arguments by which `merge.lua` writes the next part."""
        part, mine = self.parts[0], self.mine
        return [
            *(raw(self.user_id), self.state),
            "" if part.mark is None else str(part.mark.number),
            stored.cut_off_of(part.mark),
            *some([_device(it, mine.devices.get(it.id, [])) for it in part.devices]),
            *some([_session(it, mine.sessions.get(it.id, [])) for it in part.sessions]),
            *some([_item(it, mine) for it in part.items]),
            *some([raw(it) for it in part.reduced]),
            str(len(part.events)),
            *(text for event in part.events for text in columns.of_event(event)),
        ]


def _parts(change: Difference, theirs: Account) -> Iterator[Difference]:
    if change == Difference():
        return
    rows = (change.devices, change.sessions, change.events, change.items)
    if sum(map(len, rows)) <= ROWS:
        yield change
        return
    for new in _groups(change.items):
        yield Difference(items=new)
    for devices in _groups(change.devices):
        yield Difference(devices=devices)
    # An end that neither store has noted is noted with its row: no other merge would find it new.
    noted = {it.session_id for it in theirs.events if it.type is EventType.SESSION_REVOKED}
    ends = {
        it.session_id: it
        for it in change.events
        if it.type is EventType.SESSION_REVOKED and it.session_id not in noted
    }
    for sessions in _groups(change.sessions):
        events = tuple(ends[row.id] for row in sessions if row.id in ends)
        yield Difference(sessions=sessions, events=events)
    for reduced in _groups(change.reduced):
        yield Difference(reduced=reduced)
    if change.mark is not None:
        yield Difference(mark=change.mark)
    for rest in _groups(tuple(it for it in change.events if ends.get(it.session_id) is not it)):
        yield Difference(events=rest)


def _groups(rows: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]


def _device(row: DeviceRow, was: Sequence[bytes]) -> bytes:
    return packed({"id": raw(row.id), "was": was, "columns": columns.of_device(row)})


def _item(item: Item, mine: Stored) -> bytes:
    return items.merging(item, mine.items.get(items.place_of(item.kind, item.key), b""))


def _session(row: SessionRow, was: Sequence[bytes]) -> bytes:
    return packed(
        {
            "id": raw(row.id),
            "dev": raw(row.device.id),
            "n": str(row.ending_number),
            "ended": "" if row.revoked_at is None else instant(row.revoked_at),
            "counted": counts.of_reason(row.reason or ""),
            "counts": [] if was else counts.begun(row),
            "was": was,
            "columns": columns.of_session(row),
        }
    )
