"""Valkey servers for tests, or the one that DEVSESS_TEST_REDIS_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.servers.valkey import ValkeyCluster, ValkeyServer, with_prefix

__all__ = ["ValkeyCluster", "ValkeyServer", "valkey_cluster", "valkey_url", "with_prefix"]

NAMED = "DEVSESS_TEST_REDIS_URL"


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of a server that the whole run shares: the named one, or a new one."""
    if NAMED in os.environ:
        yield os.environ[NAMED]
        return
    server = ValkeyServer()
    yield server.url
    server.close()


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[ValkeyCluster]:
    """A cluster that the whole run shares."""
    cluster = ValkeyCluster()
    yield cluster
    cluster.close()
