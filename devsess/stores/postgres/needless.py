"""
Devices that a purge deletes: found outside of its transactions, and each looked at once.

Those that are kept may be very many: named, trusted or blocked ones, and old ones whose sessions
are kept. Batch after batch goes on behind the last device that was looked at. A session that a
purge deletes is deleted before that: in no later batch is a device needless that was needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from devsess.stores.postgres import upkeep
from devsess.stores.ways import DevicePurges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from devsess.stores.calls import Retention
    from devsess.stores.postgres.transaction import Rows, Transaction, Values

    Ask: TypeAlias = Callable[[str, Values], Awaitable[Rows]]

# A user's id and a device's.
Key: TypeAlias = tuple[str, str]

# Devices that one statement looks at.
LOOKED = 5_000

_OF_NO_USE = (
    "NOT d.blocked AND d.name IS NULL AND (d.trusted_until IS NULL OR d.trusted_until <= %(now)s)"
    " AND d.last_seen_at < %(before)s"
)
# Not by =, which leaves the server the choice to look at all sessions of the account, or to read
# the whole table once for all devices.
_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM {s}.sessions s"
    " WHERE s.device_id = d.id AND s.user_id IS NOT DISTINCT FROM d.user_id)"
)
# What is kept for a reason of its own is not looked up among the sessions.
_LOOK = (
    "WITH page AS MATERIALIZED (SELECT d.user_id, d.id, d.last_seen_at, {wanted} AS is_wanted"  # noqa: S608
    " FROM {{s}}.devices d WHERE {behind} ORDER BY {order} LIMIT %(looked)s),"
    " seen AS MATERIALIZED (SELECT d.user_id, d.id, d.last_seen_at,"
    f" CASE WHEN d.is_wanted THEN {_UNUSED.replace('{s}', '{{s}}')} ELSE false END AS is_needless,"
    " row_number() OVER (ORDER BY {order}) AS number FROM page d)"
    " SELECT user_id, id, last_seen_at, is_needless, number FROM seen"
    " WHERE is_needless OR number = %(looked)s ORDER BY number"
)
# Each in the order of its index, from a place on.
_PARTS = (
    _LOOK.format(
        wanted="true",
        behind="d.forgotten AND (d.user_id, d.id) > (%(user)s, %(device)s)",
        order="d.user_id, d.id",
    ),
    _LOOK.format(
        wanted=_OF_NO_USE,
        behind="d.last_seen_at < %(before)s"
        " AND (d.last_seen_at, d.user_id, d.id) > (%(at)s, %(user)s, %(device)s)",
        order="d.last_seen_at, d.user_id, d.id",
    ),
)
# Each is found by its key, however many there are.
_DELETE = (
    "DELETE FROM {s}.devices WHERE ctid = ANY (ARRAY(SELECT d.ctid"  # noqa: S608
    " FROM unnest(%(users)s::text[], %(devices)s::text[]) k (user_id, id), LATERAL"
    " (SELECT d.ctid FROM {s}.devices d WHERE d.user_id = k.user_id AND d.id = k.id"
    f" AND (d.forgotten OR {_OF_NO_USE}) AND {_UNUSED} LIMIT 1 FOR UPDATE SKIP LOCKED) d))"
    " RETURNING 1"
)


@frozen
class _Place:
    """
    A place among those forgotten, and then among those not seen lately.

    Attributes:
        part: Which of the two.
        at: When the last device of this part was seen.
        user_id, device_id: Of that one.
    """

    part: int = 0
    at: float = float("-inf")
    user_id: str = ""
    device_id: str = ""


class NeedlessDevices(DevicePurges[_Place, Key]):
    """
    The devices of one store that purges delete.

    Args:
        ask: Reads rows.
        write: Does work in a transaction, behind the locks that follow it.
    """

    def __init__(self, ask: Ask, write: Callable[..., Awaitable[Any]]) -> None:
        super().__init__(_Place())
        self._ask = ask
        self._write = write

    async def _look(self, retention: Retention, place: _Place) -> tuple[_Place | None, list[Key]]:
        last = {"at": place.at, "user": place.user_id, "device": place.device_id}
        values = {**_instants(retention), **last, "looked": LOOKED}
        rows = await self._ask(_PARTS[place.part], values)
        found = [(user, device) for user, device, _, is_needless, _ in rows if is_needless]
        if not rows or rows[-1][-1] < LOOKED:
            return (_Place(place.part + 1) if place.part + 1 < len(_PARTS) else None), found
        user_id, device_id, at, *_ = rows[-1]
        return _Place(place.part, at, user_id, device_id), found

    async def _deleted(self, retention: Retention, keys: Sequence[Key]) -> int:
        users, devices = [user for user, _ in keys], [device for _, device in keys]
        values = {**_instants(retention), "users": users, "devices": devices}

        async def work(db: Transaction) -> int:
            return len(await db.ask(_DELETE, values))

        deleted: int = await self._write(work, (upkeep.LOCK, ()))
        return deleted


def _instants(retention: Retention) -> dict[str, float]:
    return {"now": retention.now, "before": retention.devices_before}
