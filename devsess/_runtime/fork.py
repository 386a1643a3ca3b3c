"""
Callbacks around a fork, and in the child before it goes on.

A signal's handler may raise at any step of them; the interpreter reports that, and forks all the
same. So each call is noted before it is made, and what a handler has cut off is done once more.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from attrs import define, frozen

from devsess._runtime.mutex import is_mine, new_lock

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Held while a module is imported late, and during a fork: the child would wait for ever for a
# module that a thread of its parent was importing. Its holder may take it again: a signal's handler
# may fork.
importing = new_lock()

Method: TypeAlias = "Callable[[Any], object]"


@frozen
class _Hooks:
    before: Method
    in_parent: Method
    in_child: Method


_hooks: WeakKeyDictionary[object, _Hooks] = WeakKeyDictionary()


def after_fork(owner: T, method: Callable[[T], object]) -> None:
    """Call *method* with *owner* in every forked child, for as long as *owner* lives."""
    _hooks[owner] = _Hooks(_nothing, _nothing, method)


def around_fork(
    owner: T,
    before: Callable[[T], object],
    in_parent: Callable[[T], object],
    in_child: Callable[[T], object],
) -> None:
    """
    As `after_fork`; *before* is called before a fork, and *in_parent* after it.

    Before a fork the first owner comes first, after it the last one. A call after it that raises is
    made once more, for a signal's handler may have cut it off. *in_child* may come without
    *before*: a handler may have raised in its place.

    While another thread forks, this waits: an owner that was not told must have no lock yet.
    """
    with importing:
        _hooks[owner] = _Hooks(before, in_parent, in_child)


def _nothing(_: object) -> None: ...


def _all() -> list[tuple[object, _Hooks]]:
    while True:
        with suppress(RuntimeError):  # another thread has just added one
            return list(_hooks.items())


@define(eq=False)
class _Call:
    """A call to make, and how often it may still be begun."""

    method: Method
    subject: object
    left: int = 2


def _make(calls: list[_Call]) -> None:
    """Make all, the last one first, whatever one raises; each stands there until it is made."""
    try:
        while calls:
            call = calls[-1]
            if call.left:
                call.left -= 1
                call.method(call.subject)
            calls.pop()
    except BaseException:
        _make(calls)
        raise


class _Fork:
    """
    A fork under way.

    Attributes:
        holds: Whether it has taken the imports' lock, or is about to.
        after: What to call in the parent.
        is_over: Whether all that was called.
    """

    def __init__(self) -> None:
        self.holds = not is_mine(importing)
        self.after: list[_Call] = []
        self.is_over = False
        self._owners: list[tuple[object, _Hooks]] = []

    def begin(self) -> None:
        """Wait for imports, and tell all owners."""
        _make([_Call(_Fork._tell_all, self, 1), _Call(_Fork._gather, self)])

    def _gather(self) -> None:
        if not is_mine(importing):
            importing.acquire()
        self._owners = _all()

    def _tell_all(self) -> None:
        _make([_Call(self._tell, owner, 1) for owner in reversed(self._owners)])

    def _tell(self, told: tuple[object, _Hooks]) -> None:
        owner, hooks = told
        self.after.append(_Call(hooks.in_parent, owner))
        hooks.before(owner)

    def end(self) -> None:
        """Tell those that were told before, unless they were; they hold locks."""
        if self.holds and is_mine(importing):
            importing.release()
        self.holds = False
        _make(self.after)
        self.is_over = True


# By the thread that forks; a signal's handler may fork within a fork.
_under_way: dict[int, list[_Fork]] = {}
# Not empty in a child whose owners are yet to be told.
_untold: list[None] = []


def _mine() -> list[_Fork]:
    """This thread's, but for one that a handler has kept from being forgotten."""
    forks = _under_way.setdefault(get_ident(), [])
    while forks and forks[-1].is_over:
        forks.pop()
    return forks


def _first() -> None:
    """The handler of a signal that is due comes as Python's first step is made: in this one."""


def _before() -> None:
    fork = _Fork()
    _mine().append(fork)
    fork.begin()


def _in_parent() -> None:
    if forks := _mine():
        forks[-1].end()


def _at_last() -> None:
    """After `_in_parent`: what is left of it, if a handler has raised there."""
    if forks := _under_way.get(get_ident()):
        forks[-1].end()
    _forget()


def _forget() -> None:
    """Forget this thread's last fork."""
    forks = _under_way.get(get_ident())
    if forks:
        forks.pop()
    if not forks:
        _under_way.pop(get_ident(), None)


def _in_child() -> None:
    """Tell all, also those that another thread has added since; twice called, it does so once."""
    if not _untold:
        return
    _free_imports()
    calls = [_Call(hooks.in_child, owner) for owner, hooks in _all()]
    try:
        _make(calls)
    finally:
        if not calls:
            _untold.clear()
            _forget()


def _free_imports() -> None:
    """No fork is under way in a child: it may stay in a handler within one of its parent's."""
    for thread in set(_under_way) - {get_ident()}:
        del _under_way[thread]
    forks = _under_way.get(get_ident(), [])
    if not is_mine(importing):
        importing._at_fork_reinit()  # its holder is not here
    elif holding := [fork for fork in forks if fork.holds]:
        importing.release()
        holding[-1].holds = False  # one before it is in the midst of taking it


if hasattr(os, "register_at_fork"):
    # The interpreter calls the method of a list itself: no handler comes in its place.
    told = partial(_untold.append, None)
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=told)
    os.register_at_fork(after_in_parent=_at_last, after_in_child=_in_child)
    os.register_at_fork(after_in_child=_in_child)
    os.register_at_fork(before=_first)  # the last one comes first
