"""Frozen records whose costly fields are made at the first look at one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

T = TypeVar("T", bound="FilledLater")

Make: TypeAlias = "partial[dict[str, object]]"


class FilledLater:
    """
    The base of a frozen class with slots, some of which may be empty at first.

    Comparing, hashing, printing, copying and pickling look at all fields, and so fill them.
    Threads that look at the same time fill in the same values.
    """

    # With the one for weak references, which Python 3.11 would have in a twin of its own.
    __slots__ = ("__weakref__", "_make")

    if not TYPE_CHECKING:  # a checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            # Python asks here for an empty slot, and for a name that there is not.
            _fill(self)
            return object.__getattribute__(self, name)


def unfrozen(kind: type) -> Callable[[], Any]:
    """
    Makes records of a twin of the frozen class *kind*, which has slots.

    Set each field, then `__class__`: a frozen class sets each by a call, which takes three times
    as long.
    """
    return type(kind.__name__, kind.__bases__, {"__slots__": kind.__slots__})  # type: ignore


class Unfilled(Generic[T]):
    """
    Makes records of *kind*, some of whose fields are empty: the *costly* ones, or none.

    A record begins as one of the `unfrozen` twin.
    """

    def __init__(self, kind: type[T], costly: Collection[str]) -> None:
        self._kind = kind
        slots = kind.__slots__
        self._names = {True: [it for it in slots if it not in costly], False: slots}
        self.blank = unfrozen(kind)

    def copy(self, record: T) -> tuple[Any, Make | None]:
        """A record of `blank` with all fields of *record*, and what makes those that are empty."""
        make = _make_of(record)
        copied = self.blank()
        for name in self._names[make is not None]:
            setattr(copied, name, getattr(record, name))
        return copied, make

    def freeze(self, begun: Any, make: Make | None) -> T:
        """
        The record *begun*, frozen from now on.

        Args:
            begun: Of `blank`, with all other fields set.
            make: Called at the first look at a field that is empty; gives all of those by name.
                None if none is.
        """
        begun._make = make
        begun.__class__ = self._kind
        record: T = begun
        return record


_MAKE: Any = vars(FilledLater)["_make"]
_put_make = _MAKE.__set__


def _make_of(record: FilledLater) -> Make | None:
    try:
        make: Make | None = _MAKE.__get__(record)
    except AttributeError:
        return None  # it was made whole
    return make


def _fill(record: FilledLater) -> None:
    make = _make_of(record)
    if make is not None:
        for name, value in make().items():
            object.__setattr__(record, name, value)
        _put_make(record, None)  # last: another thread may look meanwhile
