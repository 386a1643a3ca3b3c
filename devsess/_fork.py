"""What must happen in a forked child before it goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_methods: WeakKeyDictionary[object, Callable[[Any], None]] = WeakKeyDictionary()


def after_fork(owner: T, method: Callable[[T], None]) -> None:
    """Call *method* with *owner* in every forked child, for as long as *owner* lives."""
    _methods[owner] = method


def _in_child() -> None:
    for owner, method in tuple(_methods.items()):
        method(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
