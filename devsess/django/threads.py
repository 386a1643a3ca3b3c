"""Calls that wait, for code that is awaited: in the thread that Django keeps for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """*function*, to be awaited."""
    called: Any = sync_to_async(function, thread_sensitive=True)
    return called  # type: ignore[no-any-return]


class Awaited(Generic[S, P, T]):
    """A method beside another one, of the same arguments, that is awaited."""

    def __init__(self, method: Callable[Concatenate[S, P], T]) -> None:
        self._name = method.__name__
        self.__doc__ = method.__doc__

    def __get__(self, owner: S, _: type[S]) -> Callable[P, Awaitable[T]]:
        method: Callable[P, T] = getattr(owner, self._name)
        return in_thread(method)
