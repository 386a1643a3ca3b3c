"""
Two servers that speak MongoDB's protocol, or the one that DEVSESS_TEST_MONGODB_URL names.

Neither is a `mongod`: see docs/mongodb.md for what each can show. A named server is taken
for both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from benchmarks.servers.mongo import OwnServer, Server, server_at

__all__ = ["OwnServer", "Server", "isolated_mongo", "mongo", "mongoeco"]

URL = "DEVSESS_TEST_MONGODB_URL"


def _own(*, streaming: bool) -> Iterator[Server]:
    own = OwnServer(streaming=streaming)
    try:
        own.start()
        yield own.server
    finally:
        own.close()


@pytest.fixture(scope="session")
def mongo() -> Iterator[Server]:
    """A server with change streams; others see what a transaction has not committed yet."""
    if URL in os.environ:
        yield server_at(os.environ[URL])
    else:
        yield from _own(streaming=True)


@pytest.fixture(scope="session")
def mongoeco() -> Iterator[Server]:
    """A server with isolated transactions, and no change streams."""
    if sys.version_info < (3, 13):
        pytest.skip("mongoeco's server needs Python 3.13")
    yield from _own(streaming=False)


@pytest.fixture(scope="session")
def isolated_mongo(request: pytest.FixtureRequest) -> Server:
    """A server with isolated transactions."""
    if URL in os.environ:
        return server_at(os.environ[URL])
    server: Server = request.getfixturevalue("mongoeco")
    return server
