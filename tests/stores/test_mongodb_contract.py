"""
The contracts of stores, leases and copies over MongoDB's protocol, through both ports.

By default over one port and the server that is fast enough. With `--thorough` the other port too,
over the other server: the ports differ in two lines. Leases, which listen over a port to a server's
change streams, are then held through both ports to that server.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from _long_logs import WithLongLog
from servers.mongo import Collections

from devsess.stores.mongodb import MongoStore
from devsess.testing import (
    CopyContract,
    LeaseContract,
    PollingContract,
    SearchContract,
    StatisticsContract,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.mongo import Server

    from devsess.stores.base import AsyncStore


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest) -> Server:
    """The one of a class's tests, which it names."""
    server: Server = request.getfixturevalue(request.cls.on)
    return server


@pytest.fixture(scope="class")
def collections(server: Server) -> Iterator[Collections]:
    """Collections on it that are empty when they are taken."""
    collections = Collections(server)
    yield collections
    collections.close()


class OfAllAccounts(CopyContract, PollingContract, SearchContract, StatisticsContract):
    """The store's answers about all accounts together."""


class OverMongoDB(WithLongLog, LeaseContract, OfAllAccounts):
    """Each store has a collection that is as good as new."""

    is_awaited: bool
    on = "mongo"

    @pytest.fixture(autouse=True)
    def _collections(self, collections: Collections) -> Iterator[None]:
        self.collections = collections
        yield
        collections.give_back()

    def make_store(self) -> AsyncStore:
        return MongoStore(self.collections.take(), is_awaited=self.is_awaited)

    # These ask or write many times, or ask about each of many strange ids.

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

    @pytest.mark.thorough
    def test_the_keys_of_a_day_are_bounded(self) -> None:
        """See StatisticsContract."""
        super().test_the_keys_of_a_day_are_bounded()

    @pytest.mark.thorough
    def test_an_account_moves_far_at_once(self) -> None:
        """See StatisticsContract."""
        super().test_an_account_moves_far_at_once()

    @pytest.mark.thorough
    def test_a_copy_moves_accounts(self) -> None:
        """See StatisticsContract."""
        super().test_a_copy_moves_accounts()


class TestBlockingMongoStore(OverMongoDB):
    is_awaited = False


@pytest.mark.thorough
class TestAwaitingMongoLeases(LeaseContract):
    """Each store makes a collection of its own."""

    @pytest.fixture(autouse=True)
    def _server(self, mongo: Server) -> None:
        self.server = mongo

    def make_store(self) -> AsyncStore:
        return MongoStore(self.server.place(), is_awaited=True)


@pytest.mark.thorough
class TestAwaitingMongoStore(OverMongoDB):
    """On Python without a server of isolated transactions, over the other one."""

    is_awaited = True
    on = "isolated_mongo" if sys.version_info >= (3, 13) else "mongo"
