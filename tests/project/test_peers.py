"""The comparison names each peer, whether it is installed or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from benchmarks import peers

ABSENT = evolve(peers.BARE, name="nobody's", needs=("no-such-distribution",))
WAYS = [
    *(way for way in peers.WAYS if way.needs[0] in ("pyjwt", "devsess")),
    ABSENT,
]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, peers.Peer]:
    """The rows of the peers that need nothing more than the package, and of one not installed."""
    monkeypatch.setattr(peers, "WAYS", WAYS)
    return {row.name: row for row in peers.peers(tmp_path, rounds=1, calls=5)}


@pytest.mark.thorough
def test_all_is_given_as_times_a_bare_decode(rows: dict[str, peers.Peer]) -> None:
    """The unit is 1, and each peer that is installed has a version, a time and a ratio."""
    absent = rows.pop(ABSENT.name)
    assert 1 == rows[peers.BARE.name].ratio
    assert all(row.version and row.microseconds and row.ratio for row in rows.values())
    assert (None, None) == (absent.microseconds, absent.ratio)


def test_a_peer_not_installed_says_so(rows: dict[str, peers.Peer]) -> None:
    """A peer that is not installed keeps its row, which says what is missing."""
    assert "not installed: no-such-distribution" == rows[ABSENT.name].note
    assert "no-such-distribution" in peers.table([*rows.values()])


def test_no_two_ways_share_a_name() -> None:
    """Each row has a name of its own."""
    names = [way.name for way in peers.WAYS]
    assert sorted(set(names)) == sorted(names)
