"""
All connections of one process to one database file, and how it notices another file.

A `Connections` lives from the opening of a file to its replacement. The store
swaps it for a new one as a whole, so that no connection ever meets a file, or
a process, that it was not opened for.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import TypeAlias

from devsess._runtime.fork import after_fork
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import SharedMark
from devsess.stores.sqlite import walindex
from devsess.stores.sqlite.collected import COLLECTED, keep_open
from devsess.stores.sqlite.errors import code_of, is_busy, may_pass
from devsess.stores.sqlite.file_locks import is_held_open, take_inherited
from devsess.stores.sqlite.one_row import RowConnection
from devsess.stores.sqlite.owner import check_names
from devsess.stores.sqlite.readers import Reader, Readers
from devsess.stores.sqlite.walindex import RETIRED, WalIndex

MAX_READERS = 8

# WAL kept on disk after a checkpoint; page cache of a connection in KiB.
_WAL_LIMIT = 16 * 2**20
# Pages of the WAL from which on a touch moves them into the database, which waits for
# the disk: a write, which waits for it anyway, does so from 1,000 on, SQLite's default.
_TOUCHER_CHECKPOINT = 4000
_CACHE_KIB = 4096

Identity: TypeAlias = tuple[int, int]


class Connections:
    """
    Every connection of this process to one database file.

    Each is used by one thread at a time: `writer` and `toucher` under the
    store's write lock, `watch` under its watch lock, a reader under its own.

    Attributes:
        epoch: A number of their own, different from all others of this process and its children.
        writer: Commits survive a power loss.
        toucher: Never waits for a lock; commits survive a crash of this process only.
        watch: Never waits and never writes, so that it sees every commit.
        readers: The others.
        index: The header that every commit changes; None if that was not proven.
        is_proof_due: Whether another writer, or a full disk, kept it from being proven.
    """

    def __init__(
        self,
        path: str,
        timeout: float,
        epoch: int,
        readers: int,
        *,
        create: bool,
        synchronous: str = "FULL",
    ) -> None:
        if create:
            _create(path)
        self.epoch = epoch
        self._path = path
        self._timeout = timeout
        # Read before opening: if the file is replaced in between, the next
        # look sees a difference and opens again.
        self._identity = identity(path)
        # SQLite puts it beside the file itself, not beside a link to it.
        self._shared_path = f"{os.path.realpath(path)}-shm"
        self._all: list[sqlite3.Connection] = []
        # The thread that opens it; None once it is the store's, which abandons it in a child.
        self._opener: int | None = get_ident()
        self._is_left = False
        after_fork(self, Connections._leave_half_open)
        self._unclosed = weakref.finalize(self, COLLECTED.close, path, self._all)
        self._unclosed.atexit = False
        self.readers = Readers(path, self._open_reader, readers, timeout)
        try:
            self.writer = self._open(synchronous).cursor()
            self._writer_waits = timeout
            self.toucher = self._open("NORMAL", waits=False).cursor()
            checkpoint = f"PRAGMA wal_autocheckpoint = {_TOUCHER_CHECKPOINT}"
            self.toucher.execute(checkpoint).fetchall()
            self.watch = Reader(self._open("NORMAL", waits=False))
            self.index: WalIndex | None = None
            self._check_shares()
            self._shared = _identity_if_there(self._shared_path)
            self.prove()
        except BaseException:
            self._close_all()
            raise

    def _check_shares(self) -> None:
        """
        Check that SQLite has the very wal-index open that others would open.

        Any other open connection of this process, an abandoned one too, keeps SQLite
        at the old index, in which no other process writes.
        """
        [mode] = self.watch.cursor.execute("PRAGMA journal_mode").fetchall()[0]
        self.watch.cursor.execute("SELECT count(*) FROM sqlite_master").fetchall()
        can_tell = mode == "wal" and Path("/dev/fd").is_dir()
        if can_tell and not is_held_open(self._shared_path):
            raise StoreUnavailableError(
                f"database {self._path}: its -shm file was deleted while this process used it;"
                " restart the process"
            )

    def prove(self) -> None:
        """Find out whether the index can be looked at; under the write lock."""
        self.is_proof_due = False
        try:
            found = walindex.proven(self.toucher.connection)
        except sqlite3.Error as error:
            # No caller waits for it; if the file is read-only or full, the next write raises that.
            self.is_proof_due = may_pass(error)
            return
        if found is not None and found.identity == self._shared:
            self.index = found

    def shared_mark(self) -> SharedMark | None:
        """The mark by the index; None where there is none to look at."""
        index = self.index
        if index is None:
            return None
        raw = index.header.raw
        # An index that another thread has just retired would never change again.
        return None if raw == RETIRED else SharedMark(self.epoch, raw, index.header)

    def forget_index(self) -> None:
        """Retire the index; the next write may prove it again."""
        index, self.index = self.index, None
        if index is not None:
            index.retire()
            self.is_proof_due = True

    def is_replaced(self) -> bool:
        """
        Whether another file is at the path by now; then no cache compares the index any more.

        Raises:
            FileNotFoundError: If there is none.
        """
        try:
            found = identity(self._path) != self._identity or self._has_lost_index()
        except OSError:
            self.forget_index()
            raise
        if found:
            self.forget_index()
        return found

    def is_cut_off(self) -> bool:
        """Whether others share another wal-index of the same file, since this one was deleted."""
        return identity(self._path) == self._identity and self._has_lost_index()

    def _has_lost_index(self) -> bool:
        return _identity_if_there(self._shared_path) != self._shared

    def wait_at_most(self, seconds: float) -> None:
        """Let the writer wait so long for other processes; under the write lock."""
        if seconds != self._writer_waits:
            self.writer.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}").fetchall()
            self._writer_waits = seconds

    def close(self, *, checkpoint: bool = False) -> None:
        """Close everything; a reader at work closes when it is done."""
        if self._is_left:
            return
        self.forget_index()
        self.readers.retire()
        self.toucher.connection.close()
        self.watch.close()
        if checkpoint:
            self._checkpoint()
        self.writer.connection.close()

    def _checkpoint(self) -> None:
        # Only if no other connection is at it: pages that stay in the log are safe there.
        with suppress(sqlite3.Error):
            self.writer.execute("PRAGMA busy_timeout = 0").fetchall()
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def abandon(self, *, is_writer_ours: bool) -> bool:
        """
        Leave everything as it is, for ever; whether a transaction of this thread's is left open.

        For the rest of a forked child's life. Closing would make SQLite believe
        that the last user has gone: it would delete the parent's write-ahead
        log, and closing any descriptor of the file drops the locks of this
        process on it. A reference too many keeps each connection from being
        closed even when the interpreter ends.

        A signal's handler may have forked in the middle of a read or of a
        transaction, and the child goes on with it. Its locks are the parent's:
        its reads could change under it, and its writes would be torn.

        Args:
            is_writer_ours: Whether no other thread was writing.
        """
        self._unclosed.detach()
        self.readers.abandon()
        keep_open(self._all)
        for connection in self._all:
            with suppress(sqlite3.ProgrammingError):  # it was closed
                connection.interrupt()  # takes no mutex, which another thread may have held
        is_open = False
        if is_writer_ours:
            for cursor in (self.writer, self.toucher):
                with suppress(sqlite3.ProgrammingError):
                    cursor.connection.set_authorizer(_refuse)
                    is_open |= cursor.connection.in_transaction
        return is_open

    def _leave_half_open(self) -> None:
        """
        In a child that a signal's handler has forked in the midst of the opening.

        It goes on there without the locks of its parent: no statement of it may begin.
        """
        if self._opener is None:
            return
        self._is_left = True
        self._unclosed.detach()
        keep_open(self._all)
        if self._opener == get_ident():  # else its thread may have held any mutex
            for connection in self._all:
                connection.set_authorizer(_refuse)
        with suppress(OSError):
            take_inherited(self._path)

    def hand_over(self) -> None:
        """
        The opening is over.

        Raises:
            StoreUnavailableError: If it began in the parent of this process.
        """
        if self._is_left:
            raise StoreUnavailableError(
                f"database {self._path}: this process was forked while it opened it; try again"
            )
        self._opener = None

    def _open_reader(self) -> sqlite3.Connection:
        reader = self._open("NORMAL")
        if not self._is_ours():
            # It may have met another file, and would answer from that one.
            self._all.remove(reader)
            reader.close()
            raise StoreUnavailableError(f"database {self._path}: it is being moved; try again")
        return reader

    def _is_ours(self) -> bool:
        try:
            return not self.is_replaced()
        except FileNotFoundError:
            return False

    def _open(self, synchronous: str, *, waits: bool = True) -> sqlite3.Connection:
        connection = sqlite3.connect(
            # Never made here: an empty file would take the place of one that is away.
            f"{Path(self._path).as_uri()}?mode=rw",
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=RowConnection,
        )
        is_first = not self._all
        self._all.append(connection)  # first: a fork finds it
        try:
            _keep_log_on_close(connection)
            if is_first:
                check_names(self._path, connection)
                _use_wal(connection, self._timeout)
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}").fetchall()
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if not waits:  # only now: while another process opens the file, these would fail
                connection.execute("PRAGMA busy_timeout = 0").fetchall()
        except BaseException:
            if not self._is_left:
                self._all.remove(connection)
                connection.close()
            raise
        return connection

    def _close_all(self) -> None:
        if self._is_left:
            return
        for connection in self._all:
            connection.close()


def _refuse(*_: object) -> int:
    """No statement begins any more, not even one that ends a transaction."""
    return sqlite3.SQLITE_DENY


def _create(path: str) -> None:
    """Make the file, if it is not there, for this user alone: -wal and -shm get its mode."""
    with suppress(FileExistsError):
        # Exclusively: closing a file that SQLite has open would drop the locks on it.
        os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def identity(path: str) -> Identity:
    """The device and number of the file at *path*."""
    status = os.stat(path)  # noqa: PTH116 - on every write, and a Path costs as much again
    return status.st_dev, status.st_ino


def _identity_if_there(path: str) -> Identity | None:
    try:
        return identity(path)
    except FileNotFoundError:
        return None


def _keep_log_on_close(connection: sqlite3.Connection) -> None:
    # A connection that closes last would move the log into the database, under
    # with any lock that is left; the store does it itself, when it is closed.
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)


def _use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to write-ahead logging; SQLite itself does not wait for others that do the same."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if code_of(error) == sqlite3.SQLITE_READONLY:
                return
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.005)
            continue
        if mode != "wal":
            raise StoreUnavailableError(
                "this file system cannot share memory between processes: use a local disk"
            )
        return
