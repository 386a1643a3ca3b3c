"""Texts that sessions share are kept once, where Python forgets them with their last use."""

from __future__ import annotations

import sys
import sysconfig

import pytest

from devsess.stores.interning import intern, intern_of


@pytest.mark.parametrize(
    ("version", "has_gil", "is_kept_for_ever"),
    [
        ((3, 11, 9), True, False),
        ((3, 12, 0), True, True),
        ((3, 12, 6), True, True),
        ((3, 12, 7), True, False),
        ((3, 13, 0), True, False),
        ((3, 14, 0), False, True),
    ],
)
def test_no_text_of_a_client_is_kept_for_ever(
    version: tuple[int, ...], has_gil: bool, is_kept_for_ever: bool
) -> None:
    """Each request could bring another user agent."""
    assert is_kept_for_ever is (intern_of(version, has_gil=has_gil) is not sys.intern)


def test_this_python_is_asked() -> None:
    """What its build says, whether or not the GIL is on just now."""
    has_gil = not sysconfig.get_config_var("Py_GIL_DISABLED")
    assert intern is intern_of(sys.version_info[:3], has_gil=has_gil)


def test_equal_texts_are_one() -> None:
    """As read from two rows; where Python keeps them for ever they are two."""
    one, other = intern("Firefox on " + "x".upper()), intern("Firefox on " + "x".upper())
    assert one == other == "Firefox on X"
    assert (one is other) is (intern is sys.intern)
