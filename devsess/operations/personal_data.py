"""Export or delete all records about a person."""

from __future__ import annotations

import builtins
import json
from typing import TYPE_CHECKING, Any

from devsess import lifecycle
from devsess.lifecycle import instant
from devsess.operations._checks import checked_user
from devsess.operations._kinds import OF_PERSONS
from devsess.operations.reading import MAX_PAGE
from devsess.stores.base import Erasure
from devsess.views import claims_view, device_view, event_view, session_view

if TYPE_CHECKING:
    from devsess.operations.operation import Operation
    from devsess.stores.items import Item
    from devsess.stores.rows import SessionRow

# Seconds for which the digests of an erased account are kept: no sign-in takes as long.
ERASED_KEPT = 86_400.0


async def export_user(op: Operation, user_id: str) -> dict[str, Any]:
    """All records about a person, as JSON types (GDPR Art. 15 and 20)."""
    checked_user(user_id)
    sessions = await op.store.list(user_id)
    devices = await op.store.devices(user_id)
    cut_off = await op.store.cut_off(user_id)
    events: builtins.list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await op.store.events(user_id, limit=MAX_PAGE, cursor=cursor)
        events += [event_view(row).to_dict() for row in page.items]
        cursor = page.next
        if cursor is None:
            break
    return {
        "userId": user_id,
        "cutOff": None if cut_off is None else instant(cut_off).isoformat(),
        "sessions": [_exported(op, row) for row in sessions],
        "devices": [
            {**device_view(row).to_dict(), "network": row.network, "resembles": row.resembles}
            for row in devices
        ],
        "events": events,
        "items": [_item(it) for it in await _items(op, user_id)],
    }


async def _items(op: Operation, user_id: str) -> builtins.list[Item]:
    found = [await op.store.items(kind, user_id, limit=MAX_PAGE) for kind in OF_PERSONS]
    return [it for items in found for it in items]


def _item(it: Item) -> dict[str, Any]:
    """An item as JSON types; its body as text if it is none of this version's, or too deep."""
    try:
        body = json.loads(it.body)
    except (ValueError, RecursionError):
        body = it.body
    return {"kind": it.kind, "key": it.key, "at": instant(it.at).isoformat(), "body": body}


def _exported(op: Operation, row: SessionRow) -> dict[str, Any]:
    view = session_view(lifecycle.standing(row, op.now, op.policy))
    place = row.location
    return {
        **view.to_dict(),
        "network": row.network,
        "lastSeenAt": view.last_seen_at.isoformat(),
        "absoluteExpiresAt": view.absolute_expires_at.isoformat(),
        "authTime": view.auth_time.isoformat(),
        "levels": {acr: at.isoformat() for acr, at in view.levels.items()},
        "coordinates": [place.latitude, place.longitude] if place else None,
        "place": place.to_dict() if place else None,
        "revokedAt": view.revoked_at.isoformat() if view.revoked_at else None,
        "revokeReason": view.revoke_reason,
        "actor": row.actor,
        "claims": dict(claims_view(row.claims)),
    }


async def erase_user(op: Operation, user_id: str) -> int:
    """
    Delete all records about a person; returns how many rows (GDPR Art. 17).

    A sign-in that is under way is refused: for a day, keyed digests of the user id remember
    that there was an account (ASVS 7.4.2). There is one digest for each key, since processes
    may use different keys while keys are changed.
    """
    checked_user(user_id)
    digests = op.account_digests(user_id)
    return await op.store.erase(Erasure(user_id, digests, op.now + ERASED_KEPT, op.now))
