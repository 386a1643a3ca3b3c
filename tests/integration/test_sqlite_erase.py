"""An erasure in SQLite holds the write lock for as long as it deletes, and no longer."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devsess.stores import semantics
from devsess.stores.base import ALL
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("most", "logged"), [(3, ("s0", "s1", "s2")), (2, ALL)])
def test_sessions_that_nobody_reads_one_by_one_are_one_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, logged: object
) -> None:
    """Who is behind by more entries than are read drops all it remembers; so one entry says it."""
    monkeypatch.setattr(semantics, "LOG_READ", most)
    with closing(SQLiteStore(tmp_path / "s.db")) as store:
        for number in range(3):
            store.insert(rows.login(rows.session_row(f"s{number}")))
        before, length = store.changes(None), _log(store)
        store.erase(rows.erasure())

        assert logged == store.changes(before.position).ids
        assert (1 if logged is ALL else 3) == _log(store) - length


def _log(store: SQLiteStore) -> int:
    [[entries]] = store._rows("SELECT count(*) FROM changes", ())
    return int(entries)
