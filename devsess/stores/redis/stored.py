"""An account as it lies in Redis: out of one answer, and into the arguments of a merge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from devsess.errors import StoreUnavailableError
from devsess.stores.accounts import Account, Mark
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.items import by_key
from devsess.stores.redis import columns
from devsess.stores.redis.columns import instant, unraw
from devsess.stores.redis.items import items
from devsess.stores.redis.reads import event as read_event
from devsess.stores.semantics import Covering

if TYPE_CHECKING:
    from devsess.stores.rows import EventRow


@frozen
class Stored:
    """
    An account as it is written.

    Attributes:
        everyone: The ending of everyone in its shard, at the same instant.
        state: What `state_of` in copies.lua gives.
        pending: The endings that may cover its rows.
        devices, sessions: The fields of each one's hash, by its id.
        items: The text of each one, by its place.
    """

    account: Account
    everyone: Mark
    state: bytes
    pending: tuple[Covering, ...]
    devices: dict[str, list[bytes]] = field(repr=False)
    sessions: dict[str, list[bytes]] = field(repr=False)
    items: dict[bytes, bytes] = field(repr=False)


def mark(texts: Sequence[bytes | None]) -> Mark:
    """The ending in one answer: its number and its cut-off, and more that is passed over."""
    number, cut_off, *_ = texts
    return Mark(int(number or 0), None if cut_off is None else float(cut_off))


def read(user_id: str, answer: Sequence[Any]) -> Stored:
    """
    The account that `account.lua` gave.

    Raises:
        StoreUnavailableError: If a row is damaged.
    """
    everyone, own, state, devices, sessions, places, texts, pending, fields = answer
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    try:
        known = {unraw(it): columns.device(flat) for it, flat in devices}
        rows = [columns.session((flat, ""), known[_device_in(flat)]) for _, flat in sessions]
    except (UnreadableRowError, LookupError) as error:
        raise StoreUnavailableError(f"a row is damaged: {error}") from error
    account = Account(
        user_id,
        mark(own),
        tuple(sorted(known.values(), key=lambda it: it.id)),
        tuple(sorted(rows, key=lambda it: it.id)),
        tuple(_events(places, dict(zip(texts[::2], texts[1::2], strict=True)))),
        by_key(items(user_id, [*found.items()])),
    )
    return Stored(
        account,
        mark(everyone),
        state,
        tuple(_covering(user_id, *it) for it in pending),
        {unraw(it): flat for it, flat in devices},
        {unraw(it): flat for it, flat in sessions},
        found,
    )


def _device_in(flat: Sequence[bytes]) -> str:
    return columns.owner((flat, ""))[1]


def _events(places: Sequence[bytes], texts: dict[bytes, bytes]) -> Iterator[EventRow]:
    for place in places:
        ip, at = texts.get(place + b"i", b""), texts.get(place + b"@", b"")
        yield read_event([texts.get(place, b""), ip, at])


def _covering(user_id: str, number: bytes, texts: Sequence[bytes | None]) -> Covering:
    user, *instants, reason, actor = texts
    at, idle_after, created_after = (float(it or 0) for it in instants)
    return Covering(
        number=int(number),
        user_id=None if user is None else user_id,
        at=at,
        idle_after=idle_after,
        created_after=created_after,
        reason=json.loads(reason or '""'),
        actor=json.loads(actor or "null"),
    )


def cut_off_of(found: Mark | None) -> str:
    """The cut-off as an argument; empty if there is none."""
    return "" if found is None or found.cut_off is None else instant(found.cut_off)
