"""
Items: small documents beside the rows of an account, such as its risk profile.

An item is written as a whole, by comparing versions: a caller that read version 3 writes
version 4, and only if nobody else did meanwhile. Stores know nothing of what is in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

# Characters of a body. The longest are risk profiles, under 10,000.
MAX_BODY = 16_384


@frozen
class Item:
    """
    One document.

    Attributes:
        kind: What it is, such as "profile".
        owner: The account's user id; or a digest, where no account is named.
        key: Tells several of a kind and owner apart; empty where there is one.
        body: JSON.
        version: 1 at first, and one more with each write.
        at: When it was written, in seconds since the epoch.
        until: From then on `purge` deletes it; it may be read until then.
    """

    kind: str
    owner: str
    key: str
    body: str = field(repr=False)
    version: int
    at: float
    until: float


def check(item: Item) -> None:
    """
    Check that *item* may be written.

    Raises:
        ValueError: If its body is too long, or its version is not 1 or more.
    """
    if len(item.body) > MAX_BODY:
        raise ValueError(f"an item has at most {MAX_BODY:,} characters, not {len(item.body):,}")
    if item.version < 1:
        raise ValueError(f"the version of an item is 1 or more, not {item.version}")


def follows(item: Item, there: Item | None) -> bool:
    """Whether *item* was made from the one that is *there*, or is the first where none is."""
    return item.version == (0 if there is None else there.version) + 1


def superfluous(items: Iterable[Item], most: int) -> list[Item]:
    """Those of *items*, of one kind and owner, beyond the *most* that last longest."""
    return in_order(items)[most:]


def in_order(items: Iterable[Item]) -> list[Item]:
    """The one that lasts longest first, then by key."""
    return sorted(items, key=lambda it: (-it.until, it.key))


def by_key(items: Iterable[Item]) -> tuple[Item, ...]:
    """Items of one owner, in the order of a copy."""
    return tuple(sorted(items, key=lambda it: (it.kind, it.key)))


def merged(mine: Iterable[Item], theirs: Iterable[Item]) -> tuple[Item, ...]:
    """The items of an owner of whom there are two copies: of each the one of the higher version."""
    found = {(it.kind, it.key): it for it in mine}
    for other in theirs:
        one = found.get((other.kind, other.key))
        if one is None or (other.version, other.at) >= (one.version, one.at):
            found[other.kind, other.key] = other
    return by_key(found.values())
