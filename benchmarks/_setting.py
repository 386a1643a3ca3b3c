"""The setting that every suite is given."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from benchmarks import _workload as workload
from devsess import Grant


@frozen
class Setting:
    """
    Where to measure, and how thoroughly.

    Attributes:
        folder: For databases; thrown away afterwards.
        quick: Whether a rough figure will do.
    """

    folder: Path
    quick: bool

    def rounds(self, thorough: int) -> int:
        """How many rounds: *thorough*, or a fifth of them."""
        return max(5, thorough // 5) if self.quick else thorough

    def signed_in(self, name: str, sessions: int) -> tuple[Path, list[Grant]]:
        """A database of that name, and as many users signed in."""
        path = self.folder / f"{name}.db"
        with workload.opened(path) as manager:
            return path, workload.signed_in(manager, sessions)
