"""A process that refreshes the token it is sent, and answers with the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess import Client, SessionManager

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier


def race(secret: str, barrier: Barrier, pipe: Connection) -> None:
    """Race on each file that is sent, until None is."""
    while (path := pipe.recv()) is not None:
        with SessionManager(path, keys=secret) as sessions:
            refresh_all(sessions, barrier, pipe)


def refresh_all(sessions: SessionManager, barrier: Barrier, pipe: Connection) -> None:
    """Refresh at the same moment as the others do, until None is sent."""
    while (received := pipe.recv()) is not None:
        refresh_token, parts = received
        client = Client(**parts) if parts is not None else None
        barrier.wait(30)
        try:
            grant = sessions.refresh(refresh_token, client)
        except Exception as error:  # noqa: BLE001 - it is the answer
            pipe.send((type(error).__name__, str(error), None))
        else:
            pipe.send((grant.refresh_token, grant.access_token, grant.replayed))
