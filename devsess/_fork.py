"""What must happen in a forked child before it goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable

_methods: list[WeakMethod[Callable[[], None]]] = []


def after_fork(method: Callable[[], None]) -> None:
    """Run the bound *method* in every forked child, for as long as its object lives."""
    _methods.append(WeakMethod(method, _methods.remove))


def _in_child() -> None:
    for reference in tuple(_methods):
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
