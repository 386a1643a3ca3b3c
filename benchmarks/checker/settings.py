"""The choices of a check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from devsess.stores.open import open_store

WAYS = ("asking", "following", "acknowledged")
KINDS = ("blocking", "awaiting")
# A fault that is not injected: the processes have it from their start.
CLOCKS = "clocks"


@frozen(kw_only=True)
class Settings:
    """
    The choices of a check.

    Attributes:
        store: A name of `places`, or a URL.
        way: How the validating processes are current; one of WAYS.
        max_staleness: Seconds, where they follow.
        bound: Seconds after `revoke` from which on no validation may succeed; None means
            *max_staleness* where they follow, and 0 elsewhere.
        lease: Seconds, where endings are acknowledged.
        kinds: The manager of each validating process: "blocking" or "awaiting".
        faults: Those that are injected in turn.
        validations, revocations, rounds: At least so many; rounds of all faults.
        mark: Of a SQLite file: "automatic" or "data_version".
        pauses: Seconds between two rounds of a validating thread, in turn.
        pace: Seconds between two endings.
        threads: Of each validating process.
        refusals: How often each of them must find a session ended.
        again: Of a hundred endings, those of a session that was ended before by a process
            which died while it waited for the others to hear.
        opened: Opens the store at a URL; another function for one that is broken.
    """

    store: str = "sqlite"
    way: str = "asking"
    max_staleness: float = 1.0
    bound: float | None = None
    lease: float = 2.0
    kinds: tuple[str, ...] = KINDS
    faults: tuple[str, ...] = ()
    validations: int = 100_000
    revocations: int = 200
    rounds: int = 0
    mark: str = "automatic"
    pauses: tuple[float, ...] = (0.0,)
    pace: float = 0.0
    threads: int = 2
    refusals: int = 3
    again: int = 10
    opened: Callable[..., Any] = open_store

    @property
    def span(self) -> float:
        """Seconds for which memory may answer without news."""
        return self.max_staleness if self.way == "following" else self.lease

    @property
    def late_after(self) -> float:
        """Seconds after `revoke` from which on a validation that succeeds is late."""
        if self.bound is not None:
            return self.bound
        return self.max_staleness if self.way == "following" else 0.0

    @property
    def are_apart(self) -> bool:
        """Whether the clocks of the processes differ by a minute."""
        return CLOCKS in self.faults
