"""Callbacks around a fork, and in the child before it goes on."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Held while a module is imported late, and during a fork: the child would wait for ever for a
# module that a thread of its parent was importing. Its holder may take it again: a signal's handler
# may fork.
importing = RLock()

Method: TypeAlias = "Callable[[Any], None]"


@frozen
class _Hooks:
    before: Method
    in_parent: Method
    in_child: Method


_hooks: WeakKeyDictionary[object, _Hooks] = WeakKeyDictionary()


def after_fork(owner: T, method: Callable[[T], None]) -> None:
    """Call *method* with *owner* in every forked child, for as long as *owner* lives."""
    around_fork(owner, _nothing, _nothing, method)


def around_fork(
    owner: T,
    before: Callable[[T], None],
    in_parent: Callable[[T], None],
    in_child: Callable[[T], None],
) -> None:
    """As `after_fork`; *before* is called before a fork, and *in_parent* after it."""
    _hooks[owner] = _Hooks(before, in_parent, in_child)


def _nothing(_: object) -> None: ...


# The owners to tell after each fork under way: a signal's handler may fork within a fork.
_under_way: list[list[tuple[object, _Hooks]]] = []


def _all() -> list[tuple[object, _Hooks]]:
    while True:
        with suppress(RuntimeError):  # another thread has just added one
            return list(_hooks.items())


def _before() -> None:
    importing.acquire()
    found = _all()
    _under_way.append(found)
    for owner, hooks in found:
        hooks.before(owner)


def _in_parent() -> None:
    # Those that were told before the fork, and all of them, whatever one raises: locks are held.
    found = _under_way.pop()
    importing.release()
    with ExitStack() as calls:
        for owner, hooks in found:
            calls.callback(hooks.in_parent, owner)


def _in_child() -> None:
    # Those, too, that another thread has added since.
    _under_way.pop()
    importing.release()
    with ExitStack() as calls:
        for owner, hooks in _all():
            calls.callback(hooks.in_child, owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
