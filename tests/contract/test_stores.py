"""The stores that come with devsess, held to the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import (
    Awaited,
    CopyContract,
    PollingContract,
    SearchContract,
    StatisticsContract,
    StoreContract,
)

if TYPE_CHECKING:
    from pathlib import Path

    from devsess.stores.base import AsyncStore


class TestMemoryStore(
    StoreContract, CopyContract, PollingContract, SearchContract, StatisticsContract
):
    def make_store(self) -> AsyncStore:
        return Awaited(MemoryStore())


class TestSQLiteStore(
    StoreContract, CopyContract, PollingContract, SearchContract, StatisticsContract
):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.made = 0

    def make_store(self) -> AsyncStore:
        self.made += 1
        return Awaited(SQLiteStore(self.folder / f"{self.made}.db"))
