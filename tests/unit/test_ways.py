"""How far a purge has looked is its own, among others that are under way."""

from __future__ import annotations

from devsess.stores.ways import MOST, Ways
from devsess.testing import _rows as rows


def test_each_purge_has_its_own_way() -> None:
    """Two by the very same clock too: both retentions are equal."""
    ways = Ways[int]()
    one, other = rows.retention(), rows.retention()
    ways.keep(one, 1)
    ways.keep(other, 2)

    assert one == other
    assert 1 == ways.take(one)
    assert 2 == ways.take(other)


def test_a_way_is_kept_until_it_is_taken() -> None:
    """A purge that is over has none any more, and one that begins has none yet."""
    ways, one = Ways[int](), rows.retention()

    assert ways.take(one) is None
    ways.keep(one, 1)
    assert 1 == ways.take(one)
    assert ways.take(one) is None


def test_ways_of_purges_that_were_cut_short_are_dropped() -> None:
    """The oldest first, and never more than there may be purges at once."""
    ways = Ways[int]()
    cut_short = [rows.retention() for _ in range(MOST + 3)]
    for number, each in enumerate(cut_short):
        ways.keep(each, number)

    assert [None] * 3 + [*range(3, MOST + 3)] == [ways.take(each) for each in cut_short]
