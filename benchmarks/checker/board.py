"""
The board that the checker's processes share while they run: numbers and tokens in mapped memory.

Written and read without locks, since a lock would order the very things that are
checked. Each number has one writer and is eight aligned bytes, stored at once. It outlives
a process that is killed.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType

# Eight bytes each.
_NUMBER = 8
_TEXT = 1024

_HEADER = ("issued", "stopped", "covered", "rounds", "restarts", "unavailable", "is_slow")
COUNTS = ("validations", "from_memory", "leased", "refusals", "wrong_refusals", "unavailable")


class Board:
    """
    One slot for each session that is ever signed in; no slot is used again.

    Args:
        path: Its file.
        slots: How many there are.
        processes: How many validate.
        threads: How many each of them has, its forked child included.
    """

    def __init__(self, path: Path, slots: int, processes: int, threads: int) -> None:
        self.slots = slots
        self.threads = processes * threads
        self._forks_at = len(_HEADER)
        self._pids_at = self._forks_at + processes
        self._counts_at = self._pids_at + processes
        self._slots_at = self._counts_at + self.threads * len(COUNTS)
        self._texts_at = (self._slots_at + slots * (2 + self.threads)) * _NUMBER
        size = self._texts_at + slots * _TEXT
        with path.open("r+b") as file:
            file.truncate(size)
            self._map = mmap.mmap(file.fileno(), size)
        self._view = memoryview(self._map)
        self._numbers = self._view[: self._texts_at].cast("q")

    def _noted(self, name: str) -> int:
        return self._numbers[_HEADER.index(name)]

    def _note(self, name: str, number: int) -> None:
        self._numbers[_HEADER.index(name)] = number

    # Written by the process that begins the others.

    @property
    def stopped(self) -> bool:
        """Whether all should come to their end."""
        return bool(self._noted("stopped"))

    def stop(self) -> None:
        """Let all come to their end; any process may say so."""
        self._note("stopped", 1)

    @property
    def rounds(self) -> int:
        """How often all faults have been injected."""
        return self._noted("rounds")

    def count_round(self) -> None:
        """Say that they were, once more."""
        self._note("rounds", self.rounds + 1)

    @property
    def restarts(self) -> int:
        """How often the server was started again: what it had refused is then tried again."""
        return self._noted("restarts")

    def count_restart(self) -> None:
        """Say that it was, once more."""
        self._note("restarts", self.restarts + 1)

    @property
    def is_slow(self) -> bool:
        """Whether nobody should sign in: those who validate would only wait for new sessions."""
        return bool(self._noted("is_slow"))

    @is_slow.setter
    def is_slow(self, holds: bool) -> None:
        self._note("is_slow", int(holds))

    def forks(self, process: int) -> int:
        """How often that process was to fork."""
        return self._numbers[self._forks_at + process]

    def have_fork(self, process: int) -> None:
        """Let that process fork."""
        self._numbers[self._forks_at + process] += 1

    # Written by the signing-in process.

    @property
    def issued(self) -> int:
        """How many slots have a token by now."""
        return self._noted("issued")

    def issue(self, token: str) -> int:
        """Put *token* into the next slot, and only then say that it is there."""
        slot, text = self.issued, token.encode()
        start = self._texts_at + slot * _TEXT
        self._view[start : start + len(text)] = text
        self._note("issued", slot + 1)
        return slot

    def begin(self, slot: int, at: int) -> None:
        """Say that the slot's session is being revoked from *at* on."""
        self._numbers[self._slot(slot)] = at

    def end(self, slot: int, at: int) -> None:
        """Say that `revoke` had returned by *at*."""
        self._numbers[self._slot(slot) + 1] = at

    def count_covered(self, more: int) -> None:
        """Say that so many sessions were ended by a number before their rows were written."""
        self._note("covered", self.covered + more)

    @property
    def covered(self) -> int:
        """How many were."""
        return self._noted("covered")

    def count_unavailable(self) -> None:
        """Say that the store did not answer a sign-in or an ending."""
        self._note("unavailable", self.unavailable + 1)

    @property
    def unavailable(self) -> int:
        """How often it did not."""
        return self._noted("unavailable")

    # Written by the validating processes, and their threads.

    def pid(self, process: int) -> int:
        """The id of the process in that place, once it validates."""
        return self._numbers[self._pids_at + process]

    def has_begun(self, process: int, pid: int) -> None:
        """Say that it validates."""
        self._numbers[self._pids_at + process] = pid

    def succeeded(self, slot: int, thread: int, started_at: int) -> None:
        """Note when this thread's latest successful validation of the slot's token began."""
        self._numbers[self._slot(slot) + 2 + thread] = started_at

    def count(self, thread: int, counts: dict[str, int]) -> None:
        """Say how far this thread has come."""
        for number, name in enumerate(COUNTS):
            self._numbers[self._counts_at + thread * len(COUNTS) + number] = counts[name]

    # Read by all.

    def counts(self, thread: int) -> dict[str, int]:
        """How far this thread had come: another process may go on in its place."""
        start = self._counts_at + thread * len(COUNTS)
        return {name: self._numbers[start + number] for number, name in enumerate(COUNTS)}

    def token(self, slot: int) -> str:
        """The token in the slot."""
        start = self._texts_at + slot * _TEXT
        return bytes(self._view[start : start + _TEXT]).rstrip(b"\0").decode()

    def begun_at(self, slot: int) -> int:
        """When its revocation began; 0 if it has not."""
        return self._numbers[self._slot(slot)]

    def ended_at(self, slot: int) -> int:
        """When its revocation had returned; 0 if it has not."""
        return self._numbers[self._slot(slot) + 1]

    def succeeded_at(self, slot: int, thread: int) -> int:
        """When this thread's latest successful validation began; 0 if there was none."""
        return self._numbers[self._slot(slot) + 2 + thread]

    def total(self, name: str) -> int:
        """The sum of all threads' counts."""
        start = self._counts_at + COUNTS.index(name)
        return sum(self._numbers[start + thread * len(COUNTS)] for thread in range(self.threads))

    def _slot(self, slot: int) -> int:
        return self._slots_at + slot * (2 + self.threads)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._numbers.release()
        self._view.release()
        self._map.close()
