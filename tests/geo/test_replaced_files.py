"""Files that are replaced while a locator uses them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from _mmdb import LAGOS, QUEBEC, write

from devsess import ConfigurationError
from devsess.geo import MaxMindLocator
from devsess.geo.replaced import Replaced, unusable
from devsess.testing import FakeClock

IP = "102.89.77.21"
FIRST, SECOND = {"102.0.0.0/8": LAGOS}, {"102.0.0.0/8": QUEBEC, "1.0.0.0/8": LAGOS}


def city(locator: MaxMindLocator) -> str | None:
    """The city of one address."""
    found = locator.locate(IP)
    return found.city if found else None


def replace(path: Path, records: dict[str, Any]) -> None:
    """Put another file in the place of *path*, as an updater does."""
    write(path.with_suffix(".new"), records)
    path.with_suffix(".new").replace(path)


@pytest.fixture(params=[True, False], ids=["copied", "mapped"])
def copy(request: pytest.FixtureRequest) -> bool:
    """Whether the locator works on a copy."""
    return bool(request.param)


def test_a_replacement_is_seen_within_a_second(tmp_path: Path, reader: str, copy: bool) -> None:
    """The file is looked at when a second has passed, and not before."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    locator = MaxMindLocator(path, copy=copy, clock=clock)
    replace(path, SECOND)
    clock.advance(0.9)
    assert "Lagos" == city(locator)
    clock.advance(0.1)
    assert "Québec" == city(locator)


def test_the_file_is_looked_at_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many addresses are located meanwhile; one that stays the same is not opened again."""
    looks: list[str] = []
    asked = os.stat

    def stat(path: Any, *rest: Any, **more: Any) -> Any:
        if str(path).endswith("city.mmdb"):
            looks.append(str(path))
        return asked(path, *rest, **more)

    clock = FakeClock()
    locator = MaxMindLocator(write(tmp_path / "city.mmdb", FIRST), clock=clock)
    opened = locator._files[0].current()
    monkeypatch.setattr(os, "stat", stat)
    for _ in range(5):
        clock.advance(1)
        for _ in range(100):
            assert "Lagos" == city(locator)
    assert 5 == len(looks)
    assert opened is locator._files[0].current()


BROKEN: dict[str, bytes | None] = {
    "gone": None,
    "empty": b"",
    "no database": b"<!doctype html> 404",
    "compressed": b"\x1f\x8b\x08\x00",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_replacement_leaves_the_old_file_in_use(
    tmp_path: Path, reader: str, copy: bool, data: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning, until a good one comes."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    locator = MaxMindLocator(path, copy=copy, clock=clock)
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    for _ in range(3):
        clock.advance(1)
        assert "Lagos" == city(locator)
    [warning] = caplog.records
    assert ("devsess", "WARNING") == (warning.name, warning.levelname)
    expected = f"{path} was replaced by a file that cannot be used; the old one stays in use: "
    assert warning.getMessage().startswith(expected)

    replace(path, SECOND)
    clock.advance(1)
    assert "Québec" == city(locator)
    path.unlink()
    clock.advance(1)
    assert "Québec" == city(locator)
    assert 2 == len(caplog.records)


def test_a_copy_is_not_harmed_by_what_is_written_into_the_file(
    tmp_path: Path, reader: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A download straight into the file truncates it first: mapped, that would end the process."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    new = write(tmp_path / "new.mmdb", SECOND).read_bytes()
    locator = MaxMindLocator(path, clock=clock)
    for size in (0, 10, len(new) // 2, len(new) - 5):
        path.write_bytes(new[:size])
        assert "Lagos" == city(locator)
        clock.advance(1)
        assert "Lagos" == city(locator)
    path.write_bytes(new)
    clock.advance(1)
    assert "Québec" == city(locator)
    assert 1 == len(caplog.records)


class Reading:
    """Reads a text, refuses "bad", fails with "busy", and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, path: str) -> str:
        self.count += 1
        text = Path(path).read_text()
        if text == "bad":
            raise ConfigurationError("this is bad")
        if text == "busy":
            raise OSError(5, "Input/output error")
        return text


@pytest.mark.parametrize(
    ("text", "content", "reads"), [("new", "new", 2), ("bad", "old", 2), ("busy", "old", 4)]
)
def test_a_replacement_is_read_once(tmp_path: Path, text: str, content: str, reads: int) -> None:
    """A bad one too: only a file that could not be read at all is tried each second."""
    clock, read = FakeClock(), Reading()
    path = tmp_path / "file"
    path.write_text("old")
    file = Replaced(str(path), read, clock.elapsed)
    (tmp_path / "other").write_text(text)
    (tmp_path / "other").replace(path)
    for _ in range(3):
        clock.advance(1)
        assert content == file.current()
    assert reads == read.count


class Struck:
    """A lock whose holder is interrupted in the moment in which it acquires it."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def acquire(self, *args: Any, **options: Any) -> bool:
        self._lock.acquire(*args, **options)
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


def test_a_look_that_was_interrupted_is_not_the_last(tmp_path: Path) -> None:
    """Whichever thread comes next looks."""
    clock = FakeClock()
    path = tmp_path / "list"
    path.write_text("one")
    replaced = Replaced(str(path), lambda it: Path(it).read_text(), clock.elapsed)
    path.write_text("another")
    clock.advance(1)
    lock, replaced._lock = replaced._lock, Struck(replaced._lock)
    with pytest.raises(KeyboardInterrupt):
        replaced.current()
    replaced._lock = lock
    found: list[str] = []
    other = threading.Thread(target=lambda: found.append(replaced.current()))
    other.start()
    other.join()
    assert ["another"] == found


def test_a_handler_asks_while_its_thread_looks(tmp_path: Path) -> None:
    """It is given the content that there was; what has come meanwhile is seen a second later."""
    clock = FakeClock()
    path = tmp_path / "list"
    path.write_text("one")
    found: list[str] = []

    def read(name: str) -> str:
        text = Path(name).read_text()
        if text == "another":
            path.write_text("the third")
            found.append(replaced.current())
        return text

    replaced = Replaced(str(path), read, clock.elapsed)
    path.write_text("another")
    clock.advance(1)
    assert ("another", ["one"]) == (replaced.current(), found)
    clock.advance(1)
    assert "the third" == replaced.current()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file"), "there is no such file: download it first"),
        (IsADirectoryError(21, "Is a directory"), "this is a folder: name the file in it"),
        (PermissionError(13, "Denied"), "the process may not read it: change its permissions"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("no room"), "no room"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named(error: OSError, reason: str) -> None:
    """With the reason, and a remedy where there is one."""
    assert str(unusable("a.mmdb", error)).startswith(f"a.mmdb cannot be opened: {reason}")


def test_a_relative_path_stays_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that goes to another folder, as a daemon does, goes on with its file."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    monkeypatch.chdir(tmp_path)
    locator = MaxMindLocator("city.mmdb", clock=clock)
    monkeypatch.chdir("/")
    replace(path, SECOND)
    clock.advance(1)
    assert "Québec" == city(locator)
    assert [] == caplog.records


def test_a_file_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """Moved away for a moment and back: the same file, of the same version."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    locator = MaxMindLocator(path, clock=clock)
    path.rename(tmp_path / "away.mmdb")
    clock.advance(1)
    assert "Lagos" == city(locator)
    (tmp_path / "away.mmdb").rename(path)
    clock.advance(1)
    assert "Lagos" == city(locator)
    replace(path, SECOND)
    clock.advance(1)
    assert "Québec" == city(locator)


def test_a_list_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed one leaves the old list in use."""
    clock = FakeClock()
    hosting = tmp_path / "hosting.txt"
    hosting.write_text("102.89.0.0/16")
    path = write(tmp_path / "city.mmdb", FIRST)
    locator = MaxMindLocator(path, hosting=hosting, clock=clock)

    seen = []
    for text in ("102.89.0.0/16", "9.9.9.0/24", "oops", "102.0.0.0/8"):
        hosting.write_text(text)
        clock.advance(1)
        found = locator.locate(IP)
        seen.append(found and found.is_hosting)
    assert [True, False, False, True] == seen
    assert 1 == len(caplog.records)
    assert "line 1: 'oops'" in caplog.text


def test_readers_in_flight_are_not_disturbed(tmp_path: Path, reader: str, copy: bool) -> None:
    """While files are replaced, threads get one place or the other, and never none."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    locator = MaxMindLocator(path, copy=copy, clock=clock)
    done = threading.Event()
    seen: set[str | None] = set()

    def ask() -> None:
        while not done.is_set():
            seen.add(city(locator))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(20):
        replace(path, SECOND if number % 2 else FIRST)
        clock.advance(1)
        city(locator)
    done.set()
    for thread in threads:
        thread.join(10)
    assert {"Lagos", "Québec"} >= seen
    assert "Québec" == city(locator)


def test_one_thread_reads_the_replacement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others go on with the old file meanwhile; a forked child does not wait for that thread."""
    clock = FakeClock()
    path = write(tmp_path / "city.mmdb", FIRST)
    locator = MaxMindLocator(path, clock=clock)
    file = locator._files[0]
    begun, may_go_on = threading.Event(), threading.Event()
    read = file._read

    def slowly(path: str) -> Any:
        begun.set()
        assert may_go_on.wait(10)
        return read(path)

    monkeypatch.setattr(file, "_read", slowly)
    replace(path, SECOND)
    clock.advance(1)
    first = threading.Thread(target=city, args=(locator,))
    first.start()
    assert begun.wait(10)
    assert "Lagos" == city(locator)
    if (child := os.fork()) == 0:
        monkeypatch.setattr(file, "_read", read)
        clock.advance(1)
        file._seen = None
        os._exit(0 if city(locator) == "Québec" else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    may_go_on.set()
    first.join(10)
    assert "Québec" == city(locator)
