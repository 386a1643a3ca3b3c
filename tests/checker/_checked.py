"""The checker's runs over a store: each way to be current, both managers, every fault."""

from __future__ import annotations

from benchmarks.checker.__main__ import faults_of, fewer_on
from benchmarks.checker.checking import Findings, check
from benchmarks.checker.settings import CLOCKS, KINDS, Settings

# The first of two processes has each fault.
WAYS = [
    ("asking", KINDS),
    ("following", KINDS[::-1]),
    ("acknowledged", KINDS),
    ("acknowledged", KINDS[::-1]),
]


def holds(store: str, way: str, kinds: tuple[str, ...], *, validations: int) -> Findings:
    """Expect that nothing is late, while each fault is injected that is possible on *store*."""
    faults = faults_of(store, "all")
    found = check(
        Settings(
            store=store,
            way=way,
            kinds=kinds,
            faults=faults,
            rounds=1,
            validations=validations,
            max_staleness=0.5,
            lease=0.5,
            revocations=50 if store == "mongodb" else 200,
            **fewer_on(store),
        )
    )
    assert (0, 0, 0) == (found.late, found.lived_on, found.wrong_refusals)
    assert validations <= found.validations
    assert found.wanted <= found.revocations
    assert found.refusals
    assert {*faults} == {*found.faults}
    assert CLOCKS in found.faults
    assert way == "asking" or store == "sqlite" or 0 < found.leased
    return found
