"""The stores of a program's tokens: for its owner alone, whole, and locked by one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from devsess.client import FileStore, MemoryStore, Tokens, TokenStore, TokenStoreError
from devsess.client.keyring import KeyringStore

HOLDER = Path(__file__).parent / "_holder.py"
TOKENS = Tokens("a.b.c", "refresh", "device", 12.5)
Make = Callable[[], TokenStore]


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture(params=["memory", "file", "keyring"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Gives the same store, as each of its users has it."""
    if request.param == "memory":
        only = MemoryStore()
        yield lambda: only
    elif request.param == "file":
        yield lambda: FileStore(tmp_path / "tokens.json")
    else:
        before = keyring.get_keyring()
        keyring.set_keyring(Ring())
        yield lambda: KeyringStore("shop", "ada", lock=tmp_path / "lock")
        keyring.set_keyring(before)


def test_what_was_saved_is_loaded(make: Make) -> None:
    """By another user of the store too; before that it is empty."""
    assert Tokens() == make().load()
    make().save(TOKENS)
    assert TOKENS == make().load()
    make().save(TOKENS.signed_out())
    assert Tokens(device_token="device") == make().load()


def test_one_at_a_time_has_the_lock(make: Make) -> None:
    """Nobody waits for it, and it can be had again."""
    release = make().try_lock()
    assert release is not None
    assert make().try_lock() is None
    release()
    again = make().try_lock()
    assert again is not None
    again()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask, and whatever was there before; nothing else is left in the folder."""
    path = tmp_path / "tokens.json"
    path.write_text("{}")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        FileStore(path).save(TOKENS)
        release = FileStore(path).try_lock()
        assert release is not None
        release()
    finally:
        os.umask(before)
    assert {"tokens.json": 0o600, "tokens.json.lock": 0o600} == {
        each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()
    }


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_may_use_is_refused(tmp_path: Path) -> None:
    """Its tokens may be theirs by now."""
    store = FileStore(tmp_path / "tokens.json")
    store.save(TOKENS)
    (tmp_path / "tokens.json").chmod(0o640)
    with pytest.raises(TokenStoreError, match="others may use"):
        store.load()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"access_token": 1}', '"refresh"', "\udcff"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    """Without showing what is in it."""
    path = tmp_path / "tokens.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(TokenStoreError, match="no tokens") as caught:
        FileStore(path).load()
    assert "refresh" not in str(caught.value)


def test_a_file_of_a_later_version_is_read(tmp_path: Path) -> None:
    """Members that are not known are ignored."""
    assert Tokens("a") == Tokens.from_json('{"access_token": "a", "later": 1}')


def test_readers_see_whole_files(tmp_path: Path) -> None:
    """While another thread replaces the file all the time."""
    store, done = FileStore(tmp_path / "tokens.json"), Event()
    store.save(TOKENS)

    def write() -> None:
        for number in range(100):
            store.save(Tokens("a" * (number % 7) * 100, "refresh"))
        done.set()

    writer = Thread(target=write)
    writer.start()
    while not done.is_set():
        assert "refresh" == store.load().refresh_token
    writer.join()


def test_a_save_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    store = FileStore(tmp_path / "tokens.json")
    store.save(TOKENS)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        store.save(Tokens())
    assert TOKENS == store.load()
    assert ["tokens.json"] == [it.name for it in tmp_path.iterdir()]


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    """Also if that was killed."""
    store = FileStore(tmp_path / "tokens.json")
    with subprocess.Popen(
        [sys.executable, HOLDER, tmp_path / "tokens.json"], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "locked\n" == holder.stdout.readline()
        assert store.try_lock() is None
        holder.kill()
    release = store.try_lock()
    assert release is not None
    release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_keeps_no_lock(tmp_path: Path) -> None:
    """It has a copy of the descriptor for as long as it lives."""
    store = FileStore(tmp_path / "tokens.json")
    release = store.try_lock()
    assert release is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    release()
    again = store.try_lock()
    os.close(writer)
    os.waitpid(child, 0)
    os.close(reader)
    assert again is not None
    again()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_copy_in_memory_is_refused() -> None:
    """Of two processes that renew the same tokens one would look like a thief."""
    store = MemoryStore(TOKENS)
    child = os.fork()
    if child == 0:
        try:
            store.load()
        except TokenStoreError:
            os._exit(7)
        os._exit(0)
    assert 7 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert TOKENS == store.load()


def test_a_lock_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    """Those who come later lock the new one."""
    store = FileStore(tmp_path / "tokens.json")
    first = store.try_lock()
    (tmp_path / "tokens.json.lock").unlink()
    second = store.try_lock()
    assert second is not None
    assert store.try_lock() is None
    second()
    assert first is not None
    first()


def test_a_lock_file_that_is_removed_at_this_moment_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one would make and lock another file."""
    store, opened = FileStore(tmp_path / "tokens.json"), os.open

    def removed(*given: Any) -> int:
        descriptor = opened(*given)
        (tmp_path / "tokens.json.lock").unlink()
        return descriptor

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", removed)
        assert store.try_lock() is None
    release = store.try_lock()
    assert release is not None
    release()
