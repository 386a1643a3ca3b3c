"""Devices that a purge keeps or deletes, over any store of those with `await`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devsess.stores.base import ById
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, session_row, sign_in

if TYPE_CHECKING:
    from devsess.stores.async_base import AsyncStore
    from devsess.stores.calls import Retention

LATER = T0 + 40 * DAY
# Why a device is kept: what `put_device` changes, None for one whose session goes on.
REASONS: dict[str, dict[str, Any] | None] = {
    "named": {"name": "mine"},
    "trusted": {"trusted_until": LATER + DAY},
    "blocked": {"blocked": True},
    "used": None,
}


def retention() -> Retention:
    """Sessions are kept for a day, so that the one of a used device goes on."""
    return rows.retention(T0 + DAY, T0 + 9)


async def signed_in(store: AsyncStore, number: int, *, ended: bool = True) -> str:
    """The id of a new device of user-1, of a session that has ended or goes on."""
    device = f"device-{number:03}"
    await sign_in(store, session_row(f"s{number:03}", device=device))
    if ended:
        await store.end(rows.ending(ById(f"s{number:03}")))
    return device


async def change(store: AsyncStore, device: str, **changes: Any) -> None:
    """Give a device a name, or trust or block it."""
    await store.put_device("user-1", device, changes=changes, event=rows.UPDATED)


async def keep(store: AsyncStore, reason: str, first: int, number: int) -> None:
    """Make so many devices that are kept for this reason."""
    changes = REASONS[reason]
    for each in range(first, first + number):
        device = await signed_in(store, each, ended=changes is not None)
        if changes is not None:
            await change(store, device, **changes)


async def purge(store: AsyncStore, limit: int, wanted: Retention | None = None) -> int:
    """How many batches there are until nothing is left to do."""
    wanted, batches = wanted or retention(), 1
    while await store.purge(wanted, limit=limit):
        batches += 1
    return batches


async def devices(store: AsyncStore) -> list[str]:
    """The ids of those that are left."""
    return sorted(it.id for it in await store.devices("user-1"))
