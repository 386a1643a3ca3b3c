"""The capabilities of a store, found once."""

from __future__ import annotations

from typing import Any

import pytest

from devsess.stores.capabilities import capabilities_of


class Marked:
    """A store with a mark alone."""

    mark_in_use = "feed"

    def mark(self) -> object:
        return 7


class Stamped:
    """A store with stamps alone."""

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        del session_id, wait
        return 7


class Both(Marked, Stamped):
    """A store with all of them."""


class Namesake:
    """A store with attributes of those names that are no methods."""

    mark = stamp = 7


class Wrapped:
    """Passes each attribute on."""

    def __init__(self, store: object) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


CASES = [
    (object(), False, False, "none"),
    (Marked(), True, False, "feed"),
    (Stamped(), False, True, "none"),
    (Both(), True, True, "feed"),
    (Namesake(), False, False, "none"),
]


@pytest.mark.parametrize("is_wrapped", [False, True])
@pytest.mark.parametrize(("store", "has_mark", "has_stamps", "name"), CASES)
def test_each_is_found_by_its_method(
    store: object, has_mark: bool, has_stamps: bool, name: str, is_wrapped: bool
) -> None:
    """A store has a capability if it has the method, be it behind a wrapper."""
    found = capabilities_of(Wrapped(store) if is_wrapped else store)
    assert (has_mark, has_stamps) == (found.mark is not None, found.stamps is not None)
    assert name == found.mark_in_use


def test_leases_are_awaited() -> None:
    """Leases are found where `renew` is a coroutine function: the other stores have none."""

    class Leased:
        async def renew(self, reader: str, position: object, *, lease: float) -> None:
            del reader, position, lease

    class Namesake:
        def renew(self, session_id: str) -> None:
            del session_id

    assert capabilities_of(Leased()).leases is not None
    assert capabilities_of(Wrapped(Leased())).leases is not None
    assert capabilities_of(Namesake()).leases is None


def test_a_mark_needs_no_name() -> None:
    """The name is for metrics alone."""

    class Unnamed:
        def mark(self) -> object:
            return 7

    assert "unnamed" == capabilities_of(Unnamed()).mark_in_use
