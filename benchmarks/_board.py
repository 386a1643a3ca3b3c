"""
The board that the checker's processes share while they run: numbers and tokens in mapped memory.

Written and read without locks, since a lock would order the very things that are
checked. Each number has one writer and is eight aligned bytes, stored at once.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType

# Eight bytes each.
_NUMBER = 8
_TEXT = 1024
_HEADER = 3

THREADS = 4
COUNTS = ("validations", "from_memory", "refusals", "wrong_refusals")


class Board:
    """
    One slot for each session that is ever signed in; no slot is used again.

    Attributes:
        slots: How many there are.
    """

    def __init__(self, path: Path, slots: int) -> None:
        self.slots = slots
        numbers = _HEADER + THREADS * len(COUNTS) + slots * (2 + THREADS)
        self._texts_at = numbers * _NUMBER
        size = self._texts_at + slots * _TEXT
        with path.open("r+b") as file:
            file.truncate(size)
            self._map = mmap.mmap(file.fileno(), size)
        self._view = memoryview(self._map)
        self._numbers = self._view[: self._texts_at].cast("q")

    # Written by the signing-in process.

    @property
    def issued(self) -> int:
        """How many slots have a token by now."""
        return self._numbers[0]

    @property
    def stopped(self) -> bool:
        """Whether all should come to their end."""
        return bool(self._numbers[1])

    def stop(self) -> None:
        """Let all come to their end."""
        self._numbers[1] = 1

    def issue(self, token: str) -> int:
        """Put *token* into the next slot, and only then say that it is there."""
        slot, text = self.issued, token.encode()
        start = self._texts_at + slot * _TEXT
        self._view[start : start + len(text)] = text
        self._numbers[0] = slot + 1
        return slot

    def begin(self, slot: int, at: int) -> None:
        """Say that the slot's session is being revoked from *at* on."""
        self._numbers[self._slot(slot)] = at

    def end(self, slot: int, at: int) -> None:
        """Say that `revoke` had returned by *at*."""
        self._numbers[self._slot(slot) + 1] = at

    def count_covered(self, more: int) -> None:
        """Say that so many sessions were ended by a number before their rows were written."""
        self._numbers[2] += more

    @property
    def covered(self) -> int:
        """How many were."""
        return self._numbers[2]

    # Written by the validating threads.

    def succeeded(self, slot: int, thread: int, started_at: int) -> None:
        """Note when this thread's latest successful validation of the slot's token began."""
        self._numbers[self._slot(slot) + 2 + thread] = started_at

    def count(self, thread: int, counts: dict[str, int]) -> None:
        """Say how far this thread has come."""
        for number, name in enumerate(COUNTS):
            self._numbers[_HEADER + thread * len(COUNTS) + number] = counts[name]

    # Read by all.

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
        start = _HEADER + COUNTS.index(name)
        return sum(self._numbers[start + thread * len(COUNTS)] for thread in range(THREADS))

    def _slot(self, slot: int) -> int:
        return _HEADER + THREADS * len(COUNTS) + slot * (2 + THREADS)

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
