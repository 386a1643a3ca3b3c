"""
Failed sign-ins: counted in a space that no sender can make grow.

An account that never signed in, and one that does not exist, look alike here: they are counted
under keyed digests of what was typed, in a fixed number of records.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from devsess.devices.recognise import sight
from devsess.models import EventType
from devsess.operations import velocity
from devsess.operations._checks import MAX_TEXT, checked_client, checked_user
from devsess.operations._kinds import FAILURES, PROFILE, UNKNOWN_FAILURES
from devsess.operations.common import NOBODY
from devsess.risk import failures
from devsess.stores.items import Item
from devsess.stores.rows import EventRow

if TYPE_CHECKING:
    from devsess.devices.recognise import Sighting
    from devsess.models import Client
    from devsess.operations.operation import Operation

# Records of identities that are no known account; each has at most `failures.MOST_ROWS` rows.
RECORDS = 4_096
# Writes that others were faster at, before a failure goes uncounted: they counted theirs.
TRIES = 3


async def record_failure(op: Operation, user_id: str, client: Client | None) -> None:
    """
    Count a failed sign-in as *user_id*, an account or any text that was typed.

    Texts that begin with the same 256 characters are counted as one.

    Raises:
        TypeError: If *user_id* is no text.
    """
    checked_user(user_id)
    user_id = user_id[: MAX_TEXT + 1]  # no account's is longer: a flood of long ones costs no more
    sighting = sight(checked_client(client) or NOBODY, op.policy.privacy)
    op.emit(_event(op, user_id, sighting))
    if op.policy.risk is None:
        return
    is_account = await _is_account(op, user_id)
    kind, owner, whose = (FAILURES, user_id, "") if is_account else _unknown(op, user_id)
    for _ in range(TRIES):
        written = await _count(op, (kind, owner), whose, sighting.network)
        if written is not None:
            break
    # For both kinds of name, so that they take as long.
    if written == 1 and not await _is_account(op, user_id) and is_account:
        await _withdraw(op, (kind, owner))
    await velocity.count(op, user_id, sighting.network)


def _unknown(op: Operation, typed: str) -> tuple[str, str, str]:
    """The record of an identity that is no known account: which of them, and the digest in it."""
    secret = op.keys.derive("account")[0]
    digest = hmac.digest(secret, b"typed\0" + typed.encode(errors="surrogatepass"), hashlib.sha256)
    return UNKNOWN_FAILURES, f"{int.from_bytes(digest[:2]) % RECORDS:03x}", digest[2:14].hex()


async def _is_account(op: Operation, user_id: str) -> bool:
    return bool(await op.store.items(PROFILE, user_id, limit=1))


async def _withdraw(op: Operation, record: tuple[str, str]) -> None:
    """Leave nothing in a record that was begun beside its account's erasure, and purge it soon."""
    for _ in range(TRIES):
        found = await op.store.items(*record, limit=1)
        if not found:
            return
        empty = Item(*record, "", failures.dump(()), found[0].version + 1, op.now, op.now)
        if await op.store.put_item(empty):
            return


async def _count(
    op: Operation, record: tuple[str, str], whose: str, network: str | None
) -> int | None:
    """
    Count one more; the version that was written, 0 where nothing was to write.

    None where another call wrote the record meanwhile.
    """
    found = await op.store.items(*record, limit=1)
    rows = failures.load(found[0].body) if found else ()
    after = failures.counted(rows, whose, network, op.now)
    if after == rows:
        return 0
    version = found[0].version + 1 if found else 1
    until = op.now + failures.KEPT
    new = Item(*record, "", failures.dump(after), version, op.now, until)
    return version if await op.store.put_item(new) else None


def _event(op: Operation, user_id: str, sighting: Sighting) -> EventRow:
    return EventRow(
        type=EventType.LOGIN_FAILED,
        at=op.now,
        user_id=user_id[:MAX_TEXT],
        ip=sighting.ip,
        network=sighting.network,
        user_agent=sighting.user_agent,
    )
