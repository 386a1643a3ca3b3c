"""LAW: a backup that takes the file's place under an ending of many leaves nothing half ended."""

# The expected value stands first.

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


class _Endings:
    """An account with many sessions, two managers, and a backup to restore."""

    def __init__(self, folder: Path, restore: Callable[[Path, Path], None]) -> None:
        self.path, self._backup, self._restore = folder / "s.db", folder / "backup.db", restore
        self.clock = FakeClock()
        self._emitted = 0
        self._at: dict[int, Callable[[], None]] = {}
        self.sessions = opened(self.path, self.clock, on_event=self._on_event)
        self.other = opened(self.path, self.clock)
        self.grants: list[Grant] = signed_in(self.sessions)
        alive(self.grants, self.other)
        self._emitted = 0
        self.began = self.clock.now()

    def at_event(self, number: int, work: Callable[[], None]) -> None:
        """Have *work* done in the middle of the ending: two events are emitted with each batch."""
        self._at[number] = work

    def _on_event(self, _: Event) -> None:
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
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Endings]:
    scene = _Endings(tmp_path, request.param)
    yield scene
    scene.sessions.close()
    scene.other.close()


def test_made_before_the_ending(scene: _Endings) -> None:
    """Restored in its middle it undoes the ending whole; the next one ends all, each once."""
    scene.back_up()
    scene.at_event(3, scene.restore)
    assert MANY == scene.end()

    assert {grant.session.id for grant in scene.grants} == alive(scene.grants, scene.other)
    assert {grant.session.id for grant in scene.grants} == alive(scene.grants, scene.sessions)
    assert (0, 0, "ok") == left_behind(scene.path)
    assert MANY == scene.end()
    scene.check_ended()


@pytest.mark.parametrize("later", [4, 5])
def test_made_in_the_middle(scene: _Endings, later: int) -> None:
    """Restored later in the same ending, the rows that it takes back are written by it again."""
    scene.at_event(2, scene.back_up)
    scene.at_event(later, scene.restore)
    assert MANY == scene.end()

    assert set() == alive(scene.grants, scene.sessions, scene.other)
    purged_later(scene.other, scene.clock)
    scene.check_ended()


def test_made_in_the_middle_and_restored_much_later(scene: _Endings) -> None:
    """Restored between two runs, the ending is finished by the next purge, at its own instant."""
    scene.at_event(2, scene.back_up)
    assert MANY == scene.end()
    scene.sessions.close()
    scene.other.close()
    scene.clock.advance(86_400)
    scene.restore()
    scene.sessions = opened(scene.path, scene.clock)
    scene.other = opened(scene.path, scene.clock)

    assert set() == alive(scene.grants, scene.sessions, scene.other)
    assert (1, MANY - 2, "ok") == left_behind(scene.path)
    scene.other.purge()
    scene.check_ended()


def test_a_sign_in_under_way(scene: _Endings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that read the lost file's number is refused: no ending would reach its session."""
    scene.back_up()
    for _ in range(3):
        scene.end()
    store = store_of(scene.sessions)
    known_devices = store.known_devices

    def restored(*args: object, **kwargs: object) -> object:
        known = known_devices(*args, **kwargs)  # type: ignore[arg-type]
        scene.restore()
        return known

    with monkeypatch.context() as patch:
        patch.setattr(store, "known_devices", restored)
        with pytest.raises(LoginDeniedError) as caught:
            scene.sessions.login(USER)
    assert "cut-off" == caught.value.reason
    scene.grants.append(scene.sessions.login(USER))
    assert MANY + 1 == scene.end()
    scene.check_ended()
