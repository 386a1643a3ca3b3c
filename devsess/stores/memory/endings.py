"""Ending numbers in memory, without any session; the store's lock guards them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from devsess.stores import semantics
from devsess.stores.accounts import Mark
from devsess.stores.base import Everyone, Insertion, OfUser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.base import Ending, Erasure
    from devsess.stores.rows import SessionRow
    from devsess.stores.semantics import Covering


@define
class Endings:
    """
    Attributes:
        last: The highest number drawn.
        marks: By user; None is the store's own.
        erased: By digest: the number, and until when it is remembered.
        pending: Endings whose rows are still to follow, oldest first.
    """

    last: int = 0
    marks: dict[str | None, Mark] = field(factory=dict)
    erased: dict[bytes, tuple[int, float]] = field(factory=dict)
    pending: list[Covering] = field(factory=list)

    def number(self, user_id: str, digests: Sequence[bytes]) -> int:
        """See Store.ending_number."""
        marked = [mark.number for key, mark in self.marks.items() if key in (None, user_id)]
        return max([0, *marked, *(self.erased[it][0] for it in digests if it in self.erased)])

    def is_latest(self, user_id: str, number: int, digests: Sequence[bytes] = ()) -> bool:
        """Whether no ending of an account came after *number*, which was drawn here."""
        return self.number(user_id, digests) <= number <= self.last

    def cut_off(self, insertion: Insertion) -> bool:
        """Whether an ending refuses *insertion*."""
        row, signed_in_at = insertion.row, insertion.auth_instant
        if not self.is_latest(row.user_id, row.ending_number, insertion.digests):
            return True
        marks = (self.marks.get(None, Mark()), self.marks.get(row.user_id, Mark()))
        return signed_in_at is not None and any(
            semantics.is_cut_off(signed_in_at, mark.cut_off, insertion.cutoffs) for mark in marks
        )

    def draw(self, user_id: str | None, cutoffs: LivenessCutoffs) -> int:
        """The next number, for an account or, with None, the store."""
        self.last += 1
        old = self.marks.get(user_id, Mark()).cut_off
        self.marks[user_id] = Mark(self.last, semantics.next_cut_off(old, cutoffs))
        return self.last

    def forget(self, erasure: Erasure) -> bool:
        """Drop all of an account but its digests; whether there was anything."""
        self.last += 1
        self.erased |= dict.fromkeys(erasure.digests, (self.last, erasure.until))
        self.pending = [it for it in self.pending if it.user_id != erasure.user_id]
        return self.marks.pop(erasure.user_id, None) is not None

    def forget_erased(self, now: float) -> None:
        """Drop the digests that are remembered no longer."""
        self.erased = {key: kept for key, kept in self.erased.items() if kept[1] > now}

    def cover(self, number: int, ending: Ending) -> None:
        """Put the target's rows under *number*."""
        self.pending.append(semantics.covering_of(number, ending))

    def covering(self, row: SessionRow) -> Covering | None:
        """The first ending that covers *row*, if it is not written as ended."""
        return semantics.first_covering(row, self.pending)


def account_of(target: OfUser | Everyone) -> str | None:
    """The account whose number *target* raises; None stands for the store."""
    return target.user_id if isinstance(target, OfUser) else None
