"""Calls around a fork: each owner that was told before is told after, whatever comes between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from devsess._runtime import fork
from devsess._runtime.mutex import is_mine


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


class Noting(list[str]):
    """Notes whose it is, whenever something is added."""

    def __init__(self, order: list[str], name: str) -> None:
        super().__init__()
        self._order, self._name = order, name

    def append(self, _: str) -> None:
        self._order.append(self._name)


class Growing(WeakKeyDictionary[object, Any]):
    """Another thread adds an owner in the midst of its first reading."""

    added = False
    is_held: bool | None = None

    def __setitem__(self, key: object, value: object) -> None:
        self.is_held = is_mine(fork.importing)
        super().__setitem__(key, value)

    def items(self) -> Iterator[tuple[object, Any]]:  # type: ignore[override]
        found = super().items()
        if not self.added:
            self.added = True
            yield next(iter(found))
            raise RuntimeError("dictionary changed size during iteration")
        yield from found


def in_parent() -> None:
    """What the interpreter calls in the parent."""
    with suppress(ZeroDivisionError):
        fork._in_parent()
    fork._at_last()


def in_child() -> None:
    """What the interpreter calls in the child."""
    fork._untold.append(None)
    with suppress(ZeroDivisionError):
        fork._in_child()
    fork._in_child()


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
    in_parent()
    assert hooks.added
    assert [["before", "in parent"]] * 3 == [it.told for it in owners]


def test_no_owner_comes_while_another_thread_forks(hooks: Growing) -> None:
    """It would have locks by the time of the fork, and nobody has told it."""
    owner = Owner()
    assert hooks.is_held
    assert [] == owner.told


AFTER = pytest.mark.parametrize("after", [in_parent, in_child])


@AFTER
def test_all_are_told_though_one_raises(after: Callable[[], None]) -> None:
    """That one twice, as a signal's handler may have cut it off; the others have their locks."""
    owners = [Owner(raises=number == 1) for number in range(3)]
    fork._before()
    after()
    assert [1, 2, 1] == [len(it.told) - 1 for it in owners]


@pytest.mark.parametrize("after", [fork._in_parent, fork._in_child])
def test_the_interpreter_reports_what_one_raises(after: Callable[[], None]) -> None:
    """It is no secret."""
    owner = Owner(raises=True)
    fork._before()
    fork._untold.append(None)
    with pytest.raises(ZeroDivisionError):
        after()
    assert 3 == len(owner.told)
    fork._untold.clear()
    fork._at_last()


@AFTER
def test_the_last_owner_is_told_first_after_a_fork(after: Callable[[], None]) -> None:
    """One that was made over another lets go before it."""
    order: list[str] = []
    owners = [Owner() for _ in range(2)]
    for name, owner in zip("ab", owners, strict=True):
        owner.told = Noting(order, name)
    fork._before()
    after()
    assert ["a", "b", "b", "a"] == order


def test_one_that_comes_meanwhile_is_told_in_the_child_alone() -> None:
    """Its locks may be held there by a thread that is not; in the parent it holds none."""
    fork._before()
    late = Owner()
    in_parent()
    assert [] == late.told
    fork._before()
    last = Owner()
    in_child()
    assert (["before", "in child"], ["in child"]) == (late.told, last.told)


def test_a_handler_forks_within_a_fork() -> None:
    """Each fork tells those that it has told before, the inner one first."""
    outer = Owner()
    fork._before()
    inner = Owner()
    fork._before()
    in_parent()
    assert ["before", "before", "in parent"] == outer.told
    in_parent()
    assert (["before", "before", "in parent", "in parent"]) == outer.told
    assert ["before", "in parent"] == inner.told
