"""
The contracts of stores, leases and copies over MongoDB's protocol, through both ports.

By default over one port and the server that is fast enough, and all with `--thorough`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devsess.stores.mongodb import MongoStore
from devsess.testing import (
    CopyContract,
    LeaseContract,
    PollingContract,
    SearchContract,
    StatisticsContract,
    StoreContract,
)

if TYPE_CHECKING:
    from servers.mongo import Server

    from devsess.stores.base import AsyncStore


class OfAllAccounts(CopyContract, PollingContract, SearchContract, StatisticsContract):
    """The store's answers about all accounts together."""


class OverMongoDB(StoreContract, LeaseContract, OfAllAccounts):
    """Each store has a collection of its own."""

    server: Server
    is_awaited: bool

    def make_store(self) -> AsyncStore:
        return MongoStore(self.server.place(), is_awaited=self.is_awaited)

    # These sign in hundreds of times, or ask about each of many strange ids.

    @pytest.mark.thorough
    def test_a_trimmed_position_means_all(self) -> None:
        """See LogContract."""
        super().test_a_trimmed_position_means_all()

    @pytest.mark.thorough
    def test_a_purge_leaves_so_many_entries(self) -> None:
        """See LogContract."""
        super().test_a_purge_leaves_so_many_entries()

    @pytest.mark.thorough
    def test_known_devices_are_those_asked_for(self) -> None:
        """See ReadingContract."""
        super().test_known_devices_are_those_asked_for()

    @pytest.mark.thorough
    def test_activity_moves_nothing_between_pages(self) -> None:
        """See PagesContract."""
        super().test_activity_moves_nothing_between_pages()

    @pytest.mark.thorough
    def test_malformed_ids_are_unknown(self) -> None:
        """See ReadingContract."""
        super().test_malformed_ids_are_unknown()

    @pytest.mark.thorough
    def test_pages_of_any_size_find_each_session_once(self) -> None:
        """See SearchContract."""
        super().test_pages_of_any_size_find_each_session_once()


class OverStreams(OverMongoDB):
    @pytest.fixture(autouse=True)
    def _server(self, mongo: Server) -> None:
        self.server = mongo


class OverTransactions(OverMongoDB):
    @pytest.fixture(autouse=True)
    def _server(self, isolated_mongo: Server) -> None:
        self.server = isolated_mongo


class TestBlockingMongoStore(OverStreams):
    is_awaited = False


@pytest.mark.thorough
class TestAwaitingMongoStore(OverStreams):
    is_awaited = True


@pytest.mark.thorough
class TestBlockingMongoStoreWithTransactions(OverTransactions):
    is_awaited = False


@pytest.mark.thorough
class TestAwaitingMongoStoreWithTransactions(OverTransactions):
    is_awaited = True
