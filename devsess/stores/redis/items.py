"""Items as fields of their owner's hash, and back; see `of_items.lua`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devsess.errors import StoreUnavailableError
from devsess.stores import as_json
from devsess.stores.items import Item
from devsess.stores.redis import counts
from devsess.stores.redis.columns import instant, raw, unraw
from devsess.stores.redis.packing import packed

if TYPE_CHECKING:
    from devsess.stores.redis.columns import Text


def place_of(kind: str, key: str = "") -> bytes:
    """The name of an item's field."""
    data = raw(kind)
    return b"%d:%b%b" % (len(data), data, raw(key))


def text_of(item: Item) -> bytes:
    """The text of an item's field."""
    numbers = f"{item.version} {instant(item.at)} {instant(item.until)} "
    return numbers.encode() + raw(item.body)


def of_item(item: Item) -> list[Text]:
    """An item as arguments, with the version that it takes the place of."""
    owner, kind, key = raw(item.owner), place_of(item.kind), raw(item.key)
    how = (str(item.version - 1), instant(item.until), text_of(item), counts.of_item(item))
    return [owner, kind, key, *how]


def merging(item: Item, was: bytes) -> bytes:
    """An item that a merge writes where the text *was* is, which is empty if there is none."""
    values = {"place": place_of(item.kind, item.key), "was": was, "text": text_of(item)}
    return packed({**values, "until": instant(item.until)})


def items(owner: str, found: Sequence[Sequence[bytes]]) -> list[Item]:
    """
    The items of an owner, from their places and texts.

    Raises:
        StoreUnavailableError: If one is damaged.
    """
    try:
        return [_item(owner, place, text) for place, text in found]
    except ValueError as error:
        raise StoreUnavailableError("an item is damaged") from error


def _item(owner: str, place: bytes, text: bytes) -> Item:
    length, _, names = place.partition(b":")
    version, at, until, body = text.split(b" ", 3)
    kind, key = names[: int(length)], names[int(length) :]
    plain = {"kind": unraw(kind), "owner": owner, "key": unraw(key), "body": unraw(body)}
    numbers = {"version": int(version), "at": float(at), "until": float(until)}
    return as_json.item_from({**plain, **numbers})
