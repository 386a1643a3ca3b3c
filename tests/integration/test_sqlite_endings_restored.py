"""LAW: a backup that takes the file's place under an ending of many leaves nothing half ended."""

# What is expected stands first.

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from _sqlite_endings import (
    ALL_DONE,
    MANY,
    USER,
    alive,
    ended_once,
    ends,
    few_are_many,
    left_behind,
    opened,
    purged_later,
    signed_in,
    store_of,
)
from _sqlite_helpers import MARKS, look_now, use_mark, without_log

from devsess import LoginDeniedError
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devsess import Event, Grant


@pytest.fixture(autouse=True, params=MARKS)
def _mark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    few_are_many(monkeypatch)
    use_mark(request.param, monkeypatch)


def _copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def _put_in_its_place(backup: Path, path: Path) -> None:
    new = path.with_name("new.db")
    _copied(backup, new)
    without_log(path)
    new.replace(path)


RESTORING = {"into the file": _copied, "at its path": _put_in_its_place}


class _World:
    """An account with many sessions, two managers, and a backup to restore."""

    def __init__(self, folder: Path, restore: Callable[[Path, Path], None]) -> None:
        self.path, self._backup, self._restore = folder / "s.db", folder / "backup.db", restore
        self.clock = FakeClock()
        self._emitted = 0
        self._at: dict[int, Callable[[], None]] = {}
        self.sessions = opened(self.path, self.clock, on_event=self._note)
        self.other = opened(self.path, self.clock)
        self.grants: list[Grant] = signed_in(self.sessions)
        alive(self.grants, self.other)
        self._emitted = 0
        self.began = self.clock.now()

    def at_event(self, number: int, work: Callable[[], None]) -> None:
        """Have *work* done in the middle of the ending: two events are emitted with each batch."""
        self._at[number] = work

    def _note(self, _: Event) -> None:
        self._emitted += 1
        self._at.pop(self._emitted, lambda: None)()

    def back_up(self) -> None:
        _copied(self.path, self._backup)

    def restore(self) -> None:
        self._restore(self._backup, self.path)
        for sessions in (self.sessions, self.other):
            look_now(store_of(sessions))

    def end(self) -> int:
        return len(self.sessions.revoke_all(USER, reason="stolen", actor="ops"))

    def check_ended(self) -> None:
        """Each session has one end, with one event, and nothing is left to do."""
        assert set() == alive(self.grants, self.sessions, self.other)
        assert ended_once(self.grants, self.began, "stolen", "ops") == ends(self.other)
        assert ALL_DONE == left_behind(self.path)


@pytest.fixture(params=list(RESTORING.values()), ids=list(RESTORING))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_World]:
    world = _World(tmp_path, request.param)
    yield world
    world.sessions.close()
    world.other.close()


def test_made_before_the_ending(world: _World) -> None:
    """Restored in its middle it undoes the ending whole; the next one ends all, each once."""
    world.back_up()
    world.at_event(3, world.restore)
    assert MANY == world.end()

    assert {grant.session.id for grant in world.grants} == alive(world.grants, world.other)
    assert {grant.session.id for grant in world.grants} == alive(world.grants, world.sessions)
    assert (0, 0, "ok") == left_behind(world.path)
    assert MANY == world.end()
    world.check_ended()


@pytest.mark.parametrize("later", [4, 5])
def test_made_in_the_middle(world: _World, later: int) -> None:
    """Restored later in the same ending, the rows that it takes back are written by it again."""
    world.at_event(2, world.back_up)
    world.at_event(later, world.restore)
    assert MANY == world.end()

    assert set() == alive(world.grants, world.sessions, world.other)
    purged_later(world.other, world.clock)
    world.check_ended()


def test_made_in_the_middle_and_restored_much_later(world: _World) -> None:
    """Restored between two runs, the ending is finished by the next purge, at its own instant."""
    world.at_event(2, world.back_up)
    assert MANY == world.end()
    world.sessions.close()
    world.other.close()
    world.clock.advance(86_400)
    world.restore()
    world.sessions = opened(world.path, world.clock)
    world.other = opened(world.path, world.clock)

    assert set() == alive(world.grants, world.sessions, world.other)
    assert (1, MANY - 2, "ok") == left_behind(world.path)
    world.other.purge()
    world.check_ended()


def test_a_sign_in_under_way(world: _World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that read the lost file's number is refused: no ending would reach its session."""
    world.back_up()
    for _ in range(3):
        world.end()
    store = store_of(world.sessions)
    known_devices = store.known_devices

    def restored(*args: object, **kwargs: object) -> object:
        world.restore()
        return known_devices(*args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(store, "known_devices", restored)
        with pytest.raises(LoginDeniedError) as caught:
            world.sessions.login(USER)
    assert "cut-off" == caught.value.reason
    world.grants.append(world.sessions.login(USER))
    assert MANY + 1 == world.end()
    world.check_ended()
