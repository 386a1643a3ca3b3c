"""
Velocity: one network that fails on many accounts.

It is counted, and read, only where its points are not 0. The records are a fixed number, so that
a sender of however many networks and names makes nothing grow; neither is in them but as a digest.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from typing import TYPE_CHECKING

from devsess.errors import StoreUnavailableError
from devsess.operations._kinds import VELOCITY
from devsess.risk import velocity
from devsess.stores.items import Item

if TYPE_CHECKING:
    from devsess.operations.operation import Operation

RECORDS = 1_024
# Writes that others were faster at, before a failure goes uncounted. A busy network loses some so;
# each round that one loses another wins, so that it is full soon, and then nothing is written.
TRIES = 3
KEPT = float(velocity.MINUTE * velocity.WINDOW)


def is_counted(op: Operation) -> bool:
    """Whether the policy asks for it."""
    return op.policy.risk is not None and op.policy.risk.points.velocity != 0


async def count(op: Operation, typed: str, network: str | None) -> None:
    """Count a failure as *typed* from *network*."""
    if network is None or not is_counted(op):
        return
    owner, name = _place(op, network)
    account = _digest(op, f"account\0{network}\0{typed}")[:3].hex()
    for _ in range(TRIES):
        if await _counted(op, owner, name, account):
            return


async def failed_accounts(op: Operation, network: str | None) -> int | None:
    """
    The accounts on which *network* failed in the last hour.

    None where nothing counts it, there is no network, or its record cannot be had: it is a hint,
    and no sign-in fails for the want of it.
    """
    if network is None or not is_counted(op):
        return None
    owner, name = _place(op, network)
    with suppress(StoreUnavailableError):
        found = await op.store.items(VELOCITY, owner, limit=1)
        record = velocity.load(found[0].body) if found else {}
        return velocity.accounts_within_an_hour(record, name, op.now)
    return None


async def _counted(op: Operation, owner: str, name: str, account: str) -> bool:
    """Count it once; False where another call wrote the record meanwhile."""
    found = await op.store.items(VELOCITY, owner, limit=1)
    before = velocity.load(found[0].body) if found else {}
    after = velocity.counted(before, name, account, op.now)
    if after is before:
        return True
    version = found[0].version + 1 if found else 1
    body = velocity.dump(after)
    return await op.store.put_item(Item(VELOCITY, owner, "", body, version, op.now, op.now + KEPT))


def _place(op: Operation, network: str) -> tuple[str, str]:
    """The record of *network*, and its name in there."""
    digest = _digest(op, f"network\0{network}")
    return f"{int.from_bytes(digest[:2]) % RECORDS:03x}", digest[2:8].hex()


def _digest(op: Operation, text: str) -> bytes:
    secret = op.keys.derive("account")[0]
    told_apart = f"velocity\0{text}".encode(errors="surrogatepass")
    return hmac.digest(secret, told_apart, hashlib.sha256)
