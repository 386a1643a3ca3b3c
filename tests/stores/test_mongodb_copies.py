"""Copies of large accounts into MongoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devsess._runtime.drive import drive
from devsess.stores.accounts import Account, Batch
from devsess.stores.comparing import checksum
from devsess.stores.mongodb import MongoStore
from devsess.testing._rows import event_row, session_row

if TYPE_CHECKING:
    from servers.mongo import Server


@pytest.mark.thorough
def test_an_account_of_20000_sessions_is_merged_whole(mongo: Server) -> None:
    """It fits into one transaction, and is read as it was written."""
    rows = tuple(session_row(f"s{number:05}", user_id="large") for number in range(20_000))
    events = tuple(event_row(user_id="large", session_id=row.id) for row in rows)
    account = Account("large", devices=(rows[0].device,), sessions=rows, events=events)
    store = MongoStore(mongo.place())
    try:
        drive(store.migrate())
        drive(store.merge(Batch((account,))))
        [found] = drive(store.accounts(["large"])).accounts
        assert checksum(account) == checksum(found)
    finally:
        drive(store.close())
