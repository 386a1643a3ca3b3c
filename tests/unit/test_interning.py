"""Texts that sessions share are kept once, where Python forgets them with their last use."""

from __future__ import annotations

import sys

import pytest

from devsess.stores.interning import intern, intern_of


@pytest.mark.parametrize(
    ("version", "is_kept_for_ever"),
    [
        ((3, 11, 9), False),
        ((3, 12, 0), True),
        ((3, 12, 6), True),
        ((3, 12, 7), False),
        ((3, 13, 0), False),
    ],
)
def test_no_text_of_a_client_is_kept_for_ever(
    version: tuple[int, ...], is_kept_for_ever: bool
) -> None:
    """Each request could bring another user agent."""
    assert is_kept_for_ever is (intern_of(version) is not sys.intern)


def test_equal_texts_are_one() -> None:
    """As read from two rows; where Python keeps them for ever they are two."""
    one, other = intern("Firefox on " + "x".upper()), intern("Firefox on " + "x".upper())
    assert one == other == "Firefox on X"
    assert (one is other) is (intern is sys.intern)
