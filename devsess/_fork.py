"""What must happen in a forked child before it goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import MethodType

_methods: WeakKeyDictionary[object, Callable[[Any], None]] = WeakKeyDictionary()


def after_fork(method: MethodType) -> None:
    """Run the bound *method* in every forked child, for as long as its object lives."""
    _methods[method.__self__] = method.__func__


def _in_child() -> None:
    for owner, method in tuple(_methods.items()):
        method(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
