"""A session whose costly fields are made at the first look is a Session like any other."""

from __future__ import annotations

import copy
import pickle
import weakref
from collections.abc import Callable
from operator import attrgetter
from threading import Barrier, Thread
from typing import Any

import attrs
import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from devsess import Policy, Session, lifecycle, views
from devsess.lifecycle import standing
from devsess.stores.plain_rows import plain_row_of
from devsess.testing._rows import T0, session_row

ROW = evolve(
    session_row(), claims='{"a":[1]}', acr="aal2", levels=(("aal1", 5),), score=3, bound=True
)
STANDING = standing(ROW, T0 + 1, Policy())
NAMES = [field.name for field in attrs.fields(Session)]


def later() -> Session:
    deadlines = STANDING.idle_deadline, STANDING.absolute_deadline
    return views.live_view(plain_row_of(ROW), *deadlines, ROW.auth_time)


WHOLE = views.session_view(STANDING)

LOOKS: dict[str, Callable[[Session], Any]] = {
    **{name: attrgetter(name) for name in [*NAMES, "revoked"]},
    "==": lambda it: it == WHOLE,
    "== from the other side": lambda it: WHOLE == it,
    "!=": lambda it: it != WHOLE,
    "hash": hash,
    "repr": repr,
    "to_dict": lambda it: it.to_dict(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda it: pickle.loads(pickle.dumps(it)),
    "evolve": lambda it: evolve(it, is_current=True),
    "asdict": attrs.asdict,
    "type": type,
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_first_look_sees_what_is_there(name: str) -> None:
    """Whatever is looked at first, and looked at again, is as of a session made whole."""
    session = later()
    assert LOOKS[name](WHOLE) == LOOKS[name](session) == LOOKS[name](session)
    assert WHOLE == session


def test_a_pickle_holds_all_fields() -> None:
    """No part of a session is left behind in the process that made it."""
    found = pickle.loads(pickle.dumps(later()))
    assert [getattr(WHOLE, name) for name in NAMES] == [getattr(found, name) for name in NAMES]


@pytest.mark.parametrize("name", ["id", "device", "_make", "other"])
def test_it_is_frozen(name: str) -> None:
    """Before the first look, and after it."""
    session = later()
    for _ in range(2):
        with pytest.raises((FrozenInstanceError, AttributeError)):
            setattr(session, name, "x")
        assert WHOLE == session


@pytest.mark.parametrize("made", [later, lambda: views.session_view(STANDING)])
def test_a_name_that_there_is_not(made: Callable[[], Session]) -> None:
    """It is an AttributeError, as of any object."""
    session = made()
    assert not hasattr(session, "nothing")
    with pytest.raises(AttributeError, match="'Session' object has no attribute 'nothing'"):
        session.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert WHOLE == session


def test_it_can_be_referred_to_weakly() -> None:
    """As any session, filled or not: an application may keep sessions by weak reference."""
    for session in (later(), views.session_view(STANDING)):
        assert session is weakref.ref(session)()


def test_the_costly_fields_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before a look at one of them, and not again."""
    made: list[float] = []

    def counted(seconds: float) -> Any:
        made.append(seconds)
        return lifecycle.instant(seconds)

    monkeypatch.setattr(views, "instant", counted)
    session = later()
    assert ("s1", ROW.user_id, ROW.ip, ROW.amr) == ("s1", session.user_id, session.ip, session.amr)
    assert [] == made
    assert WHOLE.device == session.device
    count = len(made)
    assert WHOLE == session
    assert count == len(made) > 0


def test_threads_may_look_at_once() -> None:
    """Each sees all of it."""
    found: list[bool] = []
    for _ in range(50):
        session, start = later(), Barrier(4)

        def look(session: Session = session, start: Barrier = start) -> None:
            start.wait()
            found.append(WHOLE.expires_at == session.expires_at and WHOLE == session)

        threads = [Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [True] * 200 == found
