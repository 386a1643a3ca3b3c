"""Frozen records whose costly fields are made at the first look at one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from attrs import fields

T = TypeVar("T", bound="FilledLater")

Make: TypeAlias = Callable[[], Mapping[str, object]]


class FilledLater:
    """
    The base of a frozen class with slots, some of which may be empty at first.

    Comparing, hashing, printing, copying and pickling look at all fields, and so fill them.
    Threads that look at the same time fill in the same values.
    """

    __slots__ = ("_make",)

    if not TYPE_CHECKING:  # a checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            # Python asks here for an empty slot, and for a name that there is not.
            _fill(self)
            return object.__getattribute__(self, name)


class Unfilled(Generic[T]):
    """
    Makes records of *kind* whose fields *cold* are empty.

    Attributes:
        hot: The names of the others, in the order of their values.
    """

    def __init__(self, kind: type[T], cold: Sequence[str]) -> None:
        self._kind = kind
        self.hot = tuple(field.name for field in fields(kind) if field.name not in cold)  # type: ignore[arg-type]
        self._puts = [vars(kind)[name].__set__ for name in self.hot]

    def __call__(self, hot: Sequence[object], make: Make) -> T:
        """
        A record with these values.

        Args:
            hot: One for each name in `hot`.
            make: Called at the first look at another field; gives all of those by name.
        """
        record = object.__new__(self._kind)
        for put, value in zip(self._puts, hot, strict=True):
            put(record, value)
        _put_make(record, make)
        return record


_MAKE: Any = vars(FilledLater)["_make"]
_put_make = _MAKE.__set__


def _fill(record: FilledLater) -> None:
    try:
        make: Make | None = _MAKE.__get__(record)
    except AttributeError:
        return  # it was made whole
    if make is not None:
        for name, value in make().items():
            object.__setattr__(record, name, value)
        _put_make(record, None)  # last: another thread may look meanwhile
