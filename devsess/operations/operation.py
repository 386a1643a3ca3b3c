"""The parts that an operation works with, beside its arguments."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

from devsess.stores.base import AsyncStore
from devsess.stores.capabilities import (
    AsyncSupportsMany,
    AsyncSupportsPolling,
    AsyncSupportsStamps,
    AsyncSupportsStatistics,
)
from devsess.stores.searching import AsyncSupportsSearch

if TYPE_CHECKING:
    from devsess._runtime.corrections import Corrections
    from devsess.models import Location
    from devsess.policy import Policy
    from devsess.stores.rows import EventRow
    from devsess.tokens.issuer import Tokens
    from devsess.tokens.keys import Keys


class OperationStore(
    AsyncStore,
    AsyncSupportsMany,
    AsyncSupportsStamps,
    AsyncSupportsPolling,
    AsyncSupportsSearch,
    AsyncSupportsStatistics,
    Protocol,
):
    """
    A store as operations call it: any store, through its face, and its locator.

    Attributes:
        may_have_logged: Whether a call may have appended to the change log.
    """

    may_have_logged: bool

    async def locate(self, ip: str | None) -> Location | None: ...
    async def wait(self) -> None: ...
    async def pause(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


# Without slots it is made in half the time, and every operation makes one.
@frozen(eq=False, slots=False)
class Operation:
    """
    One operation, at one instant.

    Attributes:
        policy: The numbers.
        tokens: Mints and verifies.
        keys: For the digest of an application's fingerprint.
        entropy: Gives that many random bytes.
        corrections: The sessions that its manager has set back.
        now: Seconds since the epoch.
        store: The store.
        events: The events so far; the application gets them once the operation is over.
    """

    policy: Policy
    tokens: Tokens
    keys: Keys
    entropy: Callable[[int], bytes] = field(repr=False)
    corrections: Corrections
    now: float
    store: OperationStore
    events: list[EventRow]

    def emit(self, *events: EventRow) -> None:
        """Hand *events* to the application, once the operation is over."""
        self.events.extend(events)

    def locate(self, ip: str | None) -> Awaitable[Location | None]:
        """The place of an address, if anything knows it."""
        return self.store.locate(ip)

    def pause(self) -> Awaitable[float]:
        """Let others write, for as long as the last call kept them waiting; its seconds."""
        return self.store.pause()

    def new_id(self) -> str:
        """128 random bits, URL-safe (ASVS 7.2.3, 11.5.1)."""
        text = base64.urlsafe_b64encode(self.entropy(16)).rstrip(b"=").decode()
        # The last character stands for two bits, and is never a dash. In front it
        # keeps a shell from taking an id for an option.
        return text[-1] + text[:-1]

    def fingerprints(self, user_id: str, fingerprint: str | None) -> tuple[bytes, ...]:
        """
        Digests of an application's fingerprint, current key first.

        Keyed, and with the account in it: no two accounts' digests can be matched.
        """
        if not fingerprint:
            return ()
        text = f"{user_id}\0{fingerprint}".encode("utf-8", "surrogatepass")
        return tuple(
            hmac.digest(secret, text, hashlib.sha256) for secret in self.keys.derive("fingerprint")
        )

    def account_digests(self, user_id: str) -> tuple[bytes, ...]:
        """Digests under which an erased account is remembered for a while, current key first."""
        text = user_id.encode("utf-8", "surrogatepass")
        return tuple(
            hmac.digest(secret, text, hashlib.sha256) for secret in self.keys.derive("account")
        )
