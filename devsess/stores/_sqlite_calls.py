"""Calls of the SQLite store that are seldom made: endings, corrections. The rest: `sqlite.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.models import Page
from devsess.stores import _deeds as deeds
from devsess.stores import _sqlite_deeds as sql
from devsess.stores import _sqlite_endings as endings
from devsess.stores import _sqlite_rows as rows
from devsess.stores._sqlite_checks import is_text
from devsess.stores._sqlite_file import DatabaseFile
from devsess.stores.base import Ended, Settled

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from devsess.lifecycle import Horizon
    from devsess.rows import SessionRow
    from devsess.stores.base import Columns, Ending


class SeldomCalls(DatabaseFile):
    """Part of SQLiteStore."""

    def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """See Store.ending_number."""
        if not is_text(user_id):
            return 0
        found = self._rows(*endings.marks(user_id, digests))
        return max(self._made(endings.number_of, found or [()]))

    def live(
        self, user_id: str, *, horizon: Horizon, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """See Store.live."""
        deeds.check_size(limit)
        before = deeds.read_live_cursor(cursor)
        if not is_text(user_id, before[1] if before else ""):
            return Page(())
        statement, values = endings.live_page(user_id, horizon, before)
        found = self._made(rows.session_row, self._rows(statement, (*values, limit + 1)))
        following = deeds.live_cursor(found[limit - 1]) if len(found) > limit else None
        return Page(tuple(found[:limit]), following)

    def cut_off(self, user_id: str) -> float | None:
        """See Store.cut_off."""
        found = self._rows(endings.CUT_OFF, (user_id,)) if is_text(user_id) else []
        return next(iter(self._made(endings.cut_off_of, found)), None)

    def end(self, ending: Ending) -> Ended:
        """See Store.end."""
        if not is_text(*deeds.names_in(ending.target)):
            return Ended()
        follow = endings.are_many(self._rows, ending)
        return self._deed(endings.end, ending, follow=follow)

    def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """See Store.covered."""
        deeds.check_size(limit)
        [page] = self._made(lambda _: endings.live_covered(self._rows, number, limit, cursor), [()])
        return page

    def settle(self, *, limit: int) -> Settled:
        """See Store.settle."""
        deeds.check_size(limit)
        return self._deed(endings.settle, limit)

    def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """See Store.ahead."""
        deeds.check_size(limit)
        return self._made(rows.session_row, self._rows(sql.AHEAD, (after, limit)))

    def set_back(self, session_id: str, *, expected: Columns, changes: Columns) -> bool:
        """See Store.set_back."""
        return is_text(session_id) and self._deed(sql.set_back, session_id, expected, changes)
