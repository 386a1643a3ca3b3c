"""
The contracts of stores, leases and copies over MongoDB's protocol, through both ports.

By default over one port and the server that is fast enough. With `--thorough` the other port too,
over the other server: the ports differ in two lines. Leases, which listen over a port to a server's
change streams, are held through both ports to that server.
"""

from __future__ import annotations

import sys
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


class Places:
    """Each store has a collection of its own."""

    server: Server
    is_awaited: bool

    def make_store(self) -> AsyncStore:
        return MongoStore(self.server.place(), is_awaited=self.is_awaited)


class OverMongoDB(Places, StoreContract, LeaseContract, OfAllAccounts):
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


class OnStreams(Places):
    @pytest.fixture(autouse=True)
    def _server(self, mongo: Server) -> None:
        self.server = mongo


class TestBlockingMongoStore(OnStreams, OverMongoDB):
    is_awaited = False


class TestAwaitingMongoLeases(OnStreams, LeaseContract):
    is_awaited = True


@pytest.mark.thorough
class TestAwaitingMongoStore(OverMongoDB):
    """On Python without a server of isolated transactions, over the other one."""

    is_awaited = True

    @pytest.fixture(autouse=True)
    def _server(self, request: pytest.FixtureRequest) -> None:
        name = "isolated_mongo" if sys.version_info >= (3, 13) else "mongo"
        self.server = request.getfixturevalue(name)
