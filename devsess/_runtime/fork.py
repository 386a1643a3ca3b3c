"""Callbacks around a fork, and in the child before it goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

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


def _before() -> None:
    for owner, hooks in tuple(_hooks.items()):
        hooks.before(owner)


def _in_parent() -> None:
    for owner, hooks in tuple(_hooks.items()):
        hooks.in_parent(owner)


def _in_child() -> None:
    for owner, hooks in tuple(_hooks.items()):
        hooks.in_child(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
