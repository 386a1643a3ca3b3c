"""A web server for one person on this machine: the standard library's, in threads, on loopback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK = "127.0.0.1"
_REFUSAL = b"This server answers under its own name only.\n"


class LocalServer(ThreadingMixIn, WSGIServer):
    """
    Serves one WSGI app on loopback, each connection in a thread.

    A request that names another host is refused. Otherwise a page of the internet could have
    its own name resolve to 127.0.0.1 (DNS rebinding), and be of the same origin as the app.

    Args:
        app: To be served.
        port: Where; 0 takes a free one.

    Raises:
        OSError: If the port is taken.
    """

    daemon_threads = True

    def __init__(self, app: WSGIApplication, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.set_app(_of_this_host(app, self.server_port))

    def server_bind(self) -> None:
        """Bind, without a look-up of this machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])
        self.setup_environ()

    @property
    def site(self) -> str:
        """Its origin."""
        return f"http://localhost:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error; one of the app is written by its handler."""

    @contextmanager
    def running(self) -> Iterator[LocalServer]:
        """Serve in another thread until the block ends."""
        # The end of the block waits until the loop has looked, which it does that often.
        thread = Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(WSGIRequestHandler):
    # A browser opens connections that it may never use.
    timeout = 30

    def log_message(self, *_: Any) -> None:
        """Paths may hold a token: requests are not logged."""


def _of_this_host(app: WSGIApplication, port: int) -> WSGIApplication:
    names = {f"{name}:{port}" for name in ("localhost", LOOPBACK)}

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_HOST") in names:
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
        return [_REFUSAL]

    return guarded
