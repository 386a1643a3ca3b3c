"""
Limits of time for blocking drivers, which have none of their own against a peer that falls silent.

A thread looks at the calls under way ten times a second, and shuts down the socket of one that is
late: its driver sees that the connection is lost. A connection that has still to be made, or
tried, is waited for in a thread of its own.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from devsess._runtime.fork import after_fork
from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

# Seconds between two looks.
_INTERVAL = 0.1
# Seconds without a call after which the thread ends: a store that is forgotten leaves none behind.
_IDLE = 1.0


class Watchdog:
    """Ends the calls of one store that are late."""

    def __init__(self) -> None:
        self._start_over()
        after_fork(self, Watchdog._start_over)

    def _start_over(self) -> None:
        self._calls: dict[int, float] = {}  # by a descriptor of its own
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._used_at = 0.0

    @contextmanager
    def over(self, connection: Connection, until: float) -> Iterator[None]:
        """Shut down the socket of *connection* at *until*, on the monotonic clock."""
        number = _descriptor(connection)
        if number is None:
            yield
            return
        own = os.dup(number)
        try:
            with self._lock:
                if self._thread is None:
                    self._thread = _started(self._look, "devsess-limit")
                self._calls[own], self._used_at = until, monotonic()
            yield
        finally:
            with self._lock:
                self._calls.pop(own, None)
            os.close(own)

    def _look(self) -> None:
        while True:
            sleep(_INTERVAL)
            with self._lock:
                now = monotonic()
                for number in [it for it, until in self._calls.items() if until <= now]:
                    _shut_down(number)
                if not self._calls and now - self._used_at > _IDLE:
                    self._thread = None  # the next call starts another
                    return


def _started(work: Callable[[], None], name: str) -> threading.Thread:
    """
    A thread that does *work*.

    Raises:
        StoreUnavailableError: If the system has no more: without one no call is limited.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise StoreUnavailableError(f"no thread to limit a call's time: {error}") from error
    return thread


def _descriptor(connection: Connection) -> int | None:
    """That of the driver's socket; None where there is none, or it cannot be found."""
    driver: Any = connection.connection.driver_connection
    found = driver if hasattr(driver, "fileno") else getattr(driver, "_sock", None)
    number = None if found is None else found.fileno()
    return number if isinstance(number, int) and number >= 0 else None


def _shut_down(number: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as found:
        found.shutdown(socket.SHUT_RDWR)


@define
class _Connecting:
    """A connection that is waited for."""

    engine: Engine
    made: Connection | None = None
    error: BaseException | None = None
    is_late: bool = False
    lock: threading.Lock = field(factory=threading.Lock)

    def run(self) -> None:
        made: Connection | None = None
        try:
            made = self.engine.connect()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self.error = error
        with self.lock:
            self.made = None if self.is_late else made
        if self.is_late and made is not None:
            made.close()


class _NotAtHandError(Exception):
    """A connection would have to be made."""


# Whether this thread takes a connection that is there, and makes none.
_AT_HAND = threading.local()


def refuse_to_make(engine: Engine) -> None:
    """Let `connected` take a connection of *engine* only if it is there; affect no other caller."""
    if not event.contains(engine, "do_connect", _check):
        event.listen(engine, "do_connect", _check)


def _check(*_: object) -> None:
    if getattr(_AT_HAND, "only", False):
        raise _NotAtHandError


@contextmanager
def connected(engine: Engine, until: float) -> Iterator[Connection]:
    """
    A connection of *engine*.

    Raises:
        StoreUnavailableError: If there is none at *until*, on the monotonic clock.
    """
    with _at_hand(engine) or _waited_for(engine, until) as connection:
        yield connection


def _at_hand(engine: Engine) -> Connection | None:
    """A connection that is taken without a word to the server, if there is one."""
    pool = engine.pool
    if engine.dialect.name == "sqlite":
        return engine.connect()
    if pool._pre_ping or not (isinstance(pool, QueuePool) and pool.checkedin()):
        return None
    _AT_HAND.only = True
    try:
        return engine.connect()
    except _NotAtHandError:
        return None
    finally:
        _AT_HAND.only = False


def _waited_for(engine: Engine, until: float) -> Connection:
    connecting = _Connecting(engine)
    _started(connecting.run, "devsess-connect").join(max(0.0, until - monotonic()))
    with connecting.lock:
        connecting.is_late = connecting.made is None
    if connecting.made is not None:
        return connecting.made
    if connecting.error is not None:
        raise connecting.error
    raise StoreUnavailableError("no connection to the database was there in time")
