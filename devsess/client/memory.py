"""Tokens in memory: they end with the process."""

from __future__ import annotations

import os
from threading import Lock

from devsess.client.errors import TokenStoreError
from devsess.client.tokens import Release, Tokens


class MemoryStore:
    """
    Keeps tokens in this process alone.

    A forked process has a copy of them. Of two processes that renew the same tokens one looks
    like a thief, which ends the session: the copy is refused.

    Args:
        tokens: Those to begin with.
    """

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens or Tokens()
        self._lock = Lock()
        self._process = os.getpid()

    def load(self) -> Tokens:
        """
        The tokens.

        Raises:
            TokenStoreError: In another process than the one that made the store.
        """
        if os.getpid() != self._process:
            raise TokenStoreError("this process was forked: share the tokens by a FileStore")
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        """Keep *tokens*."""
        self._tokens = tokens

    def try_lock(self) -> Release | None:
        """Lock it for the threads and tasks of this process; None if one of them has."""
        return self._lock.release if self._lock.acquire(blocking=False) else None
