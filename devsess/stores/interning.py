"""One copy of each text that sessions by the thousand share."""

from __future__ import annotations

import sys
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _as_it_is(text: str) -> str:
    return text


def intern_of(version: tuple[int, ...], *, has_gil: bool = True) -> Callable[[str], str]:
    """
    How a Python of this *version* keeps one copy of a text for as long as it is used.

    CPython 3.12.0 to 3.12.6 would keep it for ever (python/cpython#113993), and so does one that
    was built without the GIL. Clients choose user agents: there each session has its own.
    """
    keeps_for_ever = (3, 12) <= version < (3, 12, 7) or not has_gil
    return _as_it_is if keeps_for_ever else sys.intern


intern = intern_of(sys.version_info[:3], has_gil=not sysconfig.get_config_var("Py_GIL_DISABLED"))
