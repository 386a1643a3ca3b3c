"""
The database of the example: a dict behind a socket, and a number that each write raises.

A request is a line of JSON, and so is its answer:

    ["get", key, ...]                   [version, [text or null, ...]]
    ["scan", prefix]                    [version, {key: text}]
    ["swap", version, {key: text}]      true, or false if the version has moved; null deletes
    ["wait", key, seconds]              true once there is the key, false after so many seconds

Reads at one version show one instant. A swap at that version then makes a
transaction of them: it happens whole, or not at all.
"""

from __future__ import annotations

import json
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Condition, Thread
from typing import Any


class DictServer(ThreadingTCPServer):
    """Serves one dict on a free port of the loopback, in a thread of its own."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self._lock = Condition()
        self._values: dict[str, str] = {}
        self._version = 0
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self.socket.getsockname()
        return host, port

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def answer(self, command: str, *arguments: Any) -> object:
        """The answer to one request."""
        with self._lock:
            if command == "get":
                return [self._version, [self._values.get(key) for key in arguments]]
            if command == "scan":
                [prefix] = arguments
                found = {key: it for key, it in self._values.items() if key.startswith(prefix)}
                return [self._version, dict(sorted(found.items()))]
            if command == "wait":
                key, seconds = arguments
                return self._lock.wait_for(lambda: key in self._values, seconds)
            return self._swap(*arguments)

    def _swap(self, version: int, changes: dict[str, str | None]) -> bool:
        if version != self._version:
            return False
        self._version += 1
        for key, text in changes.items():
            if text is None:
                self._values.pop(key, None)
            else:
                self._values[key] = text
        self._lock.notify_all()
        return True


class _Connection(StreamRequestHandler):
    server: DictServer

    def handle(self) -> None:
        for line in self.rfile:
            answer = json.dumps(self.server.answer(*json.loads(line)))
            self.wfile.write(answer.encode() + b"\n")
