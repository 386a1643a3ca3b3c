"""Tokens in the system's keyring; it needs the extra `keyring`."""

from __future__ import annotations

import os
from pathlib import Path

import keyring

from devsess.client import locks
from devsess.client.errors import TokenStoreError
from devsess.client.tokens import Release, Tokens


class KeyringStore:
    """
    Keeps tokens in the system's keyring: Keychain, Credential Locker, Secret Service.

    Args:
        service: The name of your application.
        account: Which of its sessions: two that are open at once need two.
        lock: A file that processes lock while they renew; nothing is written to it.
    """

    def __init__(self, service: str, account: str, *, lock: str | os.PathLike[str]) -> None:
        self._place = service, account
        self._lock = Path(lock)
        self._devsess_threads = locks.threads_at(self._lock)

    def load(self) -> Tokens:
        """
        The tokens in the keyring; empty ones if it has none.

        Raises:
            TokenStoreError: If it has something else in that place.
            keyring.errors.KeyringError: If it cannot be read.
        """
        text = keyring.get_password(*self._place)
        try:
            return Tokens() if text is None else Tokens.from_json(text)
        except ValueError as error:
            raise TokenStoreError(f"the keyring: {error}: sign in again") from None

    def save(self, tokens: Tokens) -> None:
        """
        Keep *tokens* in the keyring.

        Raises:
            keyring.errors.KeyringError: If that failed.
        """
        keyring.set_password(*self._place, tokens.to_json())

    def try_lock(self) -> Release | None:
        """Lock it for all processes, threads and tasks; None if one of them has."""
        return locks.try_lock(self._lock)
