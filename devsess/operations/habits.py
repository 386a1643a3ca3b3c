"""The habits of an account as the store has them, and the writes that teach them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from devsess.errors import StoreUnavailableError
from devsess.operations._kinds import PROFILE
from devsess.risk import profile as profiles
from devsess.risk.profile import Profile
from devsess.stores.items import Item

if TYPE_CHECKING:
    from devsess.operations.operation import Operation

Teach: TypeAlias = Callable[[Profile], Profile]

# How long an account's habits outlive its latest sign-in: as long as the longest memory.
KEPT = max(it.days for it in profiles.MEMORIES.values()) * profiles.DAY
# Writes of a profile that others were faster at, before it is left as they wrote it.
TRIES = 3
# The same for what an owner disowned, and for notices: a thief may write all the time to keep the
# one, or to send many of the others.
TRIES_AT_LENGTH = 32


@frozen
class Habits:
    """
    An account's profile as it is stored.

    Attributes:
        profile: None where it cannot be read: a newer devsess wrote it, or it is damaged.
        version: 0 where there is none.
    """

    profile: Profile | None
    version: int


def of(items: Sequence[Item]) -> Habits:
    """The profile among *items*."""
    found = next((it for it in items if it.kind == PROFILE), None)
    if found is None:
        return Habits(Profile(), 0)
    try:
        return Habits(profiles.load(found.body), found.version)
    except ValueError:
        return Habits(None, found.version)


async def read(op: Operation, user_id: str) -> Habits:
    """The habits of *user_id*, from the store."""
    return of(await op.store.items(PROFILE, user_id, limit=1))


def taught(op: Operation, user_id: str, known: Habits, teach: Teach) -> tuple[Item, ...]:
    """The profile after a success; nothing where it cannot be read, or nothing is new."""
    if known.profile is None:
        return ()
    after = teach(known.profile)
    if after is known.profile:
        return ()
    until = op.now + KEPT
    version = known.version + 1
    return (Item(PROFILE, user_id, "", profiles.dump(after), version, op.now, until),)


async def learn(op: Operation, user_id: str, teach: Teach, items: Sequence[Item] = ()) -> None:
    """
    Teach the profile, again and again where others wrote it meanwhile; a few times.

    The sign-in or refresh is written by then, and stands: that it could not be learned from
    must not look as if it had failed.

    Args:
        items: The profile after it, where that is known already.
    """
    with suppress(StoreUnavailableError):
        if not (items and await op.store.put_item(items[0])):
            await rewrite(op, user_id, teach, TRIES)


async def unlearn(op: Operation, user_id: str, teach: Teach) -> None:
    """
    As `learn`, for what must not be left out.

    Raises:
        StoreUnavailableError: If it could not be written.
    """
    if not await rewrite(op, user_id, teach, TRIES_AT_LENGTH):
        raise StoreUnavailableError("others write the account's habits all the time: try again")


async def rewrite(op: Operation, user_id: str, teach: Teach, tries: int) -> bool:
    """
    Whether the profile has been taught, or there is nothing to teach.

    One that is gone was erased with its account, or purged: it is not made again.
    """
    for _ in range(tries):
        known = await read(op, user_id)
        items = taught(op, user_id, known, teach) if known.version else ()
        if not items or await op.store.put_item(items[0]):
            return True
    return False
