"""
The store for Redis and Valkey, held to the contract over both ports and on a cluster.

By default over the awaiting port, as PostgreSQL over the blocking one, and all with `--thorough`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _long_logs import WithShorterLog
from servers.valkey import with_prefix

from devsess.stores.redis import RedisStore
from devsess.testing import (
    CopyContract,
    LeaseContract,
    PollingContract,
    SearchContract,
    StatisticsContract,
    StoreContract,
)

if TYPE_CHECKING:
    from servers.valkey import ValkeyCluster


class OverShards(CopyContract, PollingContract, SearchContract, StatisticsContract):
    """The answers that several shards give together."""


class OnOneServer(WithShorterLog, LeaseContract, OverShards):
    """Each store has a prefix of its own."""

    is_awaited: bool

    @pytest.fixture(autouse=True)
    def _server(self, valkey_url: str) -> None:
        self.url = valkey_url

    def make_store(self) -> RedisStore:
        return RedisStore(with_prefix(self.url), is_awaited=self.is_awaited)


@pytest.mark.thorough
class TestBlockingRedisStore(OnOneServer):
    is_awaited = False


class TestAwaitingRedisStore(OnOneServer):
    is_awaited = True


@pytest.mark.thorough
class TestOverShards(OverShards):
    """The parts of a cluster, on one server."""

    @pytest.fixture(autouse=True)
    def _server(self, valkey_url: str) -> None:
        self.url = valkey_url

    def make_store(self) -> RedisStore:
        return RedisStore(with_prefix(self.url, shards=5))


@pytest.mark.thorough
class TestRedisStoreOnACluster(StoreContract, LeaseContract, OverShards):
    @pytest.fixture(autouse=True)
    def _cluster(self, valkey_cluster: ValkeyCluster) -> None:
        self.url = valkey_cluster.url

    def make_store(self) -> RedisStore:
        return RedisStore(with_prefix(self.url), is_awaited=True)
