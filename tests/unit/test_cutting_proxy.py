"""The proxy of the test kit, before a server that answers with what it was sent."""

from __future__ import annotations

import socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from devsess.testing import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Echo(StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.server.heard.append(line)  # type: ignore[attr-defined]
            self.wfile.write(line)


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.heard: list[bytes] = []
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        yield server
        server.shutdown()


@pytest.fixture
def proxy(server: _Server) -> Iterator[Proxy]:
    host, port = server.server_address[:2]
    with Proxy((str(host), port)) as proxy:
        yield proxy


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, 5.0)


def _ask(client: socket.socket, line: bytes = b"one\n", timeout: float = 5.0) -> bytes:
    """The reply; what arrived of it where the connection ends before its end."""
    client.settimeout(timeout)
    client.sendall(line)
    found = b""
    while not found.endswith(b"\n"):
        try:
            data = client.recv(99)
        except ConnectionError:
            break
        if not data:
            break
        found += data
    return found


def test_it_passes_everything_on(proxy: Proxy) -> None:
    """At first, and after it was healed, requests and replies pass."""
    with _connect(proxy) as client:
        assert b"one\n" == _ask(client)
        proxy.drop_all()
        with pytest.raises(TimeoutError):
            _ask(client, timeout=0.05)
        proxy.heal()
        assert b"two\n" == _ask(client, b"two\n")


def test_a_reply_that_drips_arrives_whole(proxy: Proxy) -> None:
    """Its bytes come one by one; what is left comes at once when it was healed."""
    with _connect(proxy) as client:
        proxy.drip_replies(0.2)
        client.sendall(b"one line\n")
        found = client.recv(99)
        assert b"o" == found
        proxy.heal()
        while not found.endswith(b"\n"):
            found += client.recv(99)
        assert b"one line\n" == found
        assert b"two\n" == _ask(client, b"two\n")


def test_a_dropped_reply_is_one_of_a_request_that_was_done(proxy: Proxy, server: _Server) -> None:
    """The server hears the request; where requests are dropped too, it hears nothing."""
    with _connect(proxy) as client:
        proxy.drop_replies()
        with pytest.raises(TimeoutError):
            _ask(client, timeout=0.05)
        while not server.heard:
            pass
        proxy.drop_all()
        with pytest.raises(TimeoutError):
            _ask(client, b"two\n", timeout=0.05)

    assert [b"one\n"] == server.heard


def test_a_reply_is_delayed(proxy: Proxy) -> None:
    """It comes whole, after the time."""
    proxy.delay_replies(0.1)
    begun = monotonic()
    with _connect(proxy) as client:
        assert b"one\n" == _ask(client)
    assert monotonic() - begun >= 0.1


@pytest.mark.parametrize("after", [0, 2])
def test_a_reply_is_cut(proxy: Proxy, server: _Server, after: int) -> None:
    """So many bytes pass, and the connection ends; the server did what it was asked."""
    proxy.cut_replies(after)
    with _connect(proxy) as client:
        found = _ask(client)

    assert b"one\n"[:after].startswith(found)  # a reset may overtake them
    assert [b"one\n"] == server.heard


def test_open_connections_are_cut(proxy: Proxy) -> None:
    """All that are open; new ones pass, unless it refuses them."""
    with _connect(proxy) as client:
        _ask(client)
        proxy.cut()
        assert b"" == _ask_or_lose(client)
    with _connect(proxy) as client:
        assert b"one\n" == _ask(client)
        proxy.refuse()
        assert b"" == _ask_or_lose(client)
    try:
        with _connect(proxy) as client:
            assert b"" == _ask_or_lose(client)
    except ConnectionError:
        pass  # it may be closed before it is open


def _ask_or_lose(client: socket.socket) -> bytes:
    try:
        return _ask(client)
    except ConnectionError:
        return b""
