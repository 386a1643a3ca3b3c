"""The marks that endings leave on an account, and the questions that they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess.stores import semantics
from devsess.stores.mongodb.documents import MARK, account_key, covering_from
from devsess.stores.mongodb.errors import EmptiedError, MovedError

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.mongodb.ports import Document
    from devsess.stores.rows import SessionRow
    from devsess.stores.semantics import Covering


@frozen
class Marks:
    """
    All that endings have written about an account, or about all of them.

    Attributes:
        store, account: Their documents; the account's is empty before its first ending.
        pending: Endings whose rows are still to follow, oldest first.
        erased: The numbers kept under digests.
    """

    store: Mapping[str, Any]
    account: Mapping[str, Any]
    pending: Sequence[Covering]
    erased: Sequence[int]

    @property
    def written(self) -> int:
        """The highest number of the account and the store: rows below it have ended."""
        return max(int(self.store["number"]), int(self.account.get("number", 0)))

    @property
    def number(self) -> int:
        """See Store.ending_number."""
        return max(self.written, *self.erased, 0)

    @property
    def last(self) -> int:
        """The highest number drawn."""
        return int(self.store["last_number"])

    def is_latest(self, number: int) -> bool:
        """Whether no ending came after *number*, which was drawn here."""
        return self.number <= number <= self.last

    def as_read(self, row: SessionRow) -> SessionRow:
        """
        *row* as it reads: ended, if it is covered.

        Raises:
            MovedError: If it has ended, and nothing says how: its ending was settled
                after the row was read.
        """
        if row.revoked_at is not None:
            return row
        by = semantics.first_covering(row, self.pending)
        if by is None and row.ending_number < self.written:
            raise MovedError
        return row if by is None else semantics.as_covered(row, by)


def marks_from(documents: Sequence[Mapping[str, Any]]) -> Marks:
    """
    What `bound_by` finds; other documents are passed over.

    Raises:
        EmptiedError: If the store's own mark is not among them.
    """
    marks = {it["binds"]: it for it in documents if it.get("table") == "mark"}
    if MARK not in marks:
        raise EmptiedError
    erased = [int(it["number"]) for it in documents if it.get("table") == "erased"]
    account: Mapping[str, Any] = next((it for key, it in marks.items() if key != MARK), {})
    return Marks(marks[MARK], account, pending_from(documents), erased)


def pending_from(documents: Sequence[Mapping[str, Any]]) -> list[Covering]:
    """The endings among *documents*, oldest first."""
    found = [covering_from(it) for it in documents if it.get("table") == "pending"]
    return sorted(found, key=lambda by: by.number)


def uncovered(pending: Sequence[Covering]) -> Document:
    """Finds sessions that none of *pending* covers."""
    clauses = covered(pending)
    return {"$nor": clauses} if clauses else {}


def covered(pending: Sequence[Covering]) -> list[Document]:
    """Each finds the sessions that one of *pending* covers."""
    clauses: list[Document] = []
    for by in pending:
        whose = {} if by.user_id is None else {"owner": account_key(by.user_id)}
        clauses.append(whose | {"ending_number": {"$lt": by.number}})
    return clauses


def was_live(at: LivenessCutoffs) -> Document:
    """Says the same as lifecycle.counts_as_live of a row that is not revoked."""
    return {name: {"$gt": instant} for name, instant in _bounds(at).items()}


def was_over(at: LivenessCutoffs) -> list[Document]:
    """Each finds sessions that `was_live` does not; together they find all of them."""
    return [{name: {"$lte": instant}} for name, instant in _bounds(at).items()]


def _bounds(at: LivenessCutoffs) -> dict[str, float]:
    return {
        "idle_expires_at": at.now,
        "absolute_expires_at": at.now,
        "idle_from": at.idle_after,
        "created_at": at.created_after,
    }
