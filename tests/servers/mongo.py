"""
Two servers that speak MongoDB's protocol, or the one that DEVSESS_TEST_MONGODB_URL names.

Neither is a `mongod`: see docs/mongodb.md for what each can show. A named server is taken
for both.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

import pytest

from benchmarks.servers.mongo import OwnServer, Server, server_at

__all__ = [
    "OwnServer",
    "Server",
    "excuse_forgotten_sockets",
    "isolated_mongo",
    "mongo",
    "mongoeco",
]

URL = "DEVSESS_TEST_MONGODB_URL"


def excuse_forgotten_sockets(config: pytest.Config, address: tuple[str, int]) -> None:
    """
    Let the awaiting driver leave connections to *address* to garbage collection, on Python 3.11.

    PyMongo (4.20) closes no socket whose connect is cancelled, as its own monitors' is when a
    client closes. A connect to the loopback is done at once, so a cancellation comes between
    on 3.11 alone, where `asyncio.wait_for` starts a task. The warning would fail whichever test
    runs when the socket is collected. On later versions all warnings stay errors.
    """
    if sys.version_info < (3, 12):
        peer = re.escape(f"raddr={address!r}")
        config.addinivalue_line(
            "filterwarnings", f"ignore:unclosed <socket.*{peer}:ResourceWarning"
        )


def _own(config: pytest.Config, *, streaming: bool) -> Iterator[Server]:
    own = OwnServer(streaming=streaming)
    try:
        own.start()
        excuse_forgotten_sockets(config, own.server.address)
        yield own.server
    finally:
        own.close()


@pytest.fixture(scope="session")
def mongo(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A server with change streams; others see what a transaction has not committed yet."""
    if URL in os.environ:
        yield server_at(os.environ[URL])
    else:
        yield from _own(pytestconfig, streaming=True)


@pytest.fixture(scope="session")
def mongoeco(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A server with isolated transactions, and no change streams."""
    if sys.version_info < (3, 13):
        pytest.skip("mongoeco's server needs Python 3.13")
    yield from _own(pytestconfig, streaming=False)


@pytest.fixture(scope="session")
def isolated_mongo(request: pytest.FixtureRequest) -> Server:
    """A server with isolated transactions."""
    if URL in os.environ:
        return server_at(os.environ[URL])
    server: Server = request.getfixturevalue("mongoeco")
    return server
