"""Pages served to a browser on this machine: the operators' behind a door, until a signal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from devsess.cli._door import Door
from devsess.cli._serving import LocalServer
from devsess.web import AdminRequest, Look, Operator, admin_app

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from devsess.manager import SessionManager

PORT = 8000


def serving(app: WSGIApplication, port: int | None) -> LocalServer:
    """
    A server for *app*, on *port*: without one, on 8000 or a free one.

    Raises:
        OSError: If the port is taken.
    """
    try:
        return LocalServer(app, PORT if port is None else port)
    except OSError as error:
        if port is None:
            return LocalServer(app)
        raise OSError(error.errno, error.strerror, f"port {port}") from error


def operators(sessions: SessionManager, actor: str, name: str = "") -> Door:
    """
    The operators' pages, for the browser that opens the door's link.

    Args:
        sessions: The manager.
        actor: The name of the person at this machine; it stands beside all that they do.
        name: The application's.

    Raises:
        ConfigurationError: If *actor* cannot be kept.
    """
    operator = Operator(actor)

    def authorize(_: AdminRequest) -> Operator:
        return operator  # the door has let them in

    return Door(admin_app(sessions, authorize=authorize, look=Look(name=name)).wsgi)


def serve_until_ended(server: LocalServer) -> None:
    """Serve until a signal ends the process."""
    sys.stdout.flush()
    server.serve_forever()
