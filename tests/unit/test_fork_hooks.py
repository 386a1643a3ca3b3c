"""Calls around a fork: each owner that was told before is told after, whatever comes between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from devsess._runtime import fork


class Owner:
    """It notes what it is told."""

    def __init__(self, *, raises: bool = False) -> None:
        self.told: list[str] = []
        self._raises = raises
        fork.around_fork(self, Owner.before, Owner.in_parent, Owner.in_child)

    def before(self) -> None:
        self.told.append("before")

    def in_parent(self) -> None:
        self.told.append("in parent")
        if self._raises:
            raise ZeroDivisionError

    def in_child(self) -> None:
        self.told.append("in child")
        if self._raises:
            raise ZeroDivisionError


class Growing(WeakKeyDictionary[object, Any]):
    """Another thread adds an owner in the midst of its first reading."""

    added = False

    def items(self) -> Iterator[tuple[object, Any]]:  # type: ignore[override]
        found = super().items()
        if not self.added:
            self.added = True
            yield next(iter(found))
            raise RuntimeError("dictionary changed size during iteration")
        yield from found


@pytest.fixture(autouse=True)
def hooks(monkeypatch: pytest.MonkeyPatch) -> Growing:
    """None but the test's own."""
    growing = Growing()
    monkeypatch.setattr(fork, "_hooks", growing)
    return growing


def test_all_are_told_though_another_thread_adds_one(hooks: Growing) -> None:
    """A manager that is opened meanwhile keeps no other one's locks."""
    owners = [Owner() for _ in range(3)]
    fork._before()
    fork._in_parent()
    assert hooks.added
    assert [["before", "in parent"]] * 3 == [it.told for it in owners]


@pytest.mark.parametrize("after", ["in parent", "in child"])
def test_all_are_told_though_one_raises(after: str) -> None:
    """The interpreter reports the error; the others have their locks back."""
    owners = [Owner(raises=number == 1) for number in range(3)]
    fork._before()
    with pytest.raises(ZeroDivisionError):
        {"in parent": fork._in_parent, "in child": fork._in_child}[after]()
    assert [["before", after]] * 3 == [it.told for it in owners]


def test_one_that_comes_meanwhile_is_told_in_the_child_alone() -> None:
    """Its locks may be held there by a thread that is not; in the parent it holds none."""
    fork._before()
    late = Owner()
    fork._in_parent()
    assert [] == late.told
    fork._before()
    last = Owner()
    fork._in_child()
    assert (["before", "in child"], ["in child"]) == (late.told, last.told)


def test_a_handler_forks_within_a_fork() -> None:
    """Each fork tells those that it has told before, the inner one first."""
    outer = Owner()
    fork._before()
    inner = Owner()
    fork._before()
    fork._in_parent()
    assert ["before", "before", "in parent"] == outer.told
    fork._in_parent()
    assert (["before", "before", "in parent", "in parent"]) == outer.told
    assert ["before", "in parent"] == inner.told
