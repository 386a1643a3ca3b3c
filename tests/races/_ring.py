"""The ring of the races: two managers on one store that pauses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from _turns import Turns

from devsess import (
    AsyncSessionManager,
    Client,
    Grant,
    InvalidSessionError,
    Keys,
    Policy,
    SessionNotFoundError,
    SessionRevokedError,
)
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited, FakeClock

# Made once: to look at a key takes longer than a race.
KEYS = Keys("t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
USER = "ada"
AGENT = "curl/8.9"

Ending: TypeAlias = Callable[[AsyncSessionManager, Grant], Awaitable[object]]

# Endings of a session, and the answer to its tokens from then on.
WAYS_TO_END: dict[str, tuple[Ending, type[InvalidSessionError]]] = {
    "revoke": (lambda on, grant: on.revoke(grant.session.id), SessionRevokedError),
    "revoke_all": (lambda on, grant: on.revoke_all(grant.session.user_id), SessionRevokedError),
    "block_device": (
        lambda on, grant: on.block_device(grant.session.user_id, grant.session.device.id),
        SessionRevokedError,
    ),
    "erase_user": (lambda on, grant: on.erase_user(grant.session.user_id), SessionNotFoundError),
}


class Ring:
    """
    Two managers, each with its cache, on one new store that pauses.

    *there* stands for another process.
    """

    def __init__(self, *, reads: bool = True, **policy: Any) -> None:
        self.clock = FakeClock()
        self.store = Turns(Awaited(MemoryStore()), reads=reads)
        settings: dict[str, Any] = {
            "keys": KEYS,
            "policy": Policy(**policy),
            "clock": self.clock,
        }
        self.here = AsyncSessionManager(self.store, **settings)
        self.there = AsyncSessionManager(self.store, **settings)

    async def login(self, user: str = USER) -> Grant:
        """A session on a device of its own."""
        return await self.here.login(user, Client(user_agent=AGENT))

    async def ask(self, grant: Grant) -> type:
        """The kind of a validation's outcome, the same here and in another process."""
        [kind] = {await _refusal_of(each, grant) for each in (self.here, self.there)}
        return kind

    async def live(self) -> set[str]:
        """The ids of the user's live sessions."""
        return {session.id for session in await self.there.list(USER)}


async def _refusal_of(sessions: AsyncSessionManager, grant: Grant) -> type:
    try:
        return type(await sessions.validate(grant.access_token))
    except InvalidSessionError as error:
        return type(error)


class Lost:
    """A session whose last refresh nobody had the answer of, ten minutes ago."""

    def __init__(self, ring: Ring, token: str, successor: Grant) -> None:
        self.ring = ring
        self.token = token
        self.successor = successor

    @classmethod
    async def of(cls, ring: Ring) -> Lost:
        first = await ring.login()
        successor = await ring.here.refresh(first.refresh_token)
        ring.clock.advance(600)
        return cls(ring, first.refresh_token, successor)

    async def find(self) -> Grant:
        """Come late with the previous token."""
        return await self.ring.here.refresh(self.token)

    async def find_elsewhere(self) -> Grant:
        """Come late, to another process."""
        return await self.ring.there.refresh(self.token)
