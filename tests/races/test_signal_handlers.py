"""LAW: a signal's handler that uses devsess waits for nothing that its own thread holds."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devsess import (
    Client,
    Location,
    Session,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess._runtime.threads import Threads
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing._rows import login, session_row

if TYPE_CHECKING:
    from pathlib import Path

    from devsess import Grant
    from devsess.stores.base import Store
    from devsess.stores.sqlite.readers import Readers

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Seconds that a store waits: a refusal that came at once says why, and not that time is up.
PATIENCE = 20.0
AT_ONCE = "this thread is using it already"

Handler: TypeAlias = Callable[[], object]
StrikeAt: TypeAlias = Callable[[object, str, Handler], list[object]]

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal here")


@pytest.fixture
def strike_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrikeAt]:
    """Have a signal come once, as a method begins; what its handler returned or raised."""
    old = signal.getsignal(signal.SIGALRM)

    def strike_at(owner: Any, name: str, handler: Handler) -> list[object]:
        outcomes: list[object] = []
        whole = getattr(owner, name)

        def handle(*_: object) -> None:
            try:
                outcomes.append(handler())
            except Exception as error:  # noqa: BLE001 - it is the outcome
                outcomes.append(error)

        def struck(*args: Any, **options: Any) -> Any:
            monkeypatch.setattr(owner, name, whole)
            signal.raise_signal(signal.SIGALRM)
            return whole(*args, **options)

        signal.signal(signal.SIGALRM, handle)
        monkeypatch.setattr(owner, name, struck)
        return outcomes

    yield strike_at
    signal.signal(signal.SIGALRM, old)


def manager(store: Store, **options: Any) -> SessionManager:
    return SessionManager(store, keys=SECRET, **options)


def readers_of(store: SQLiteStore) -> Readers:
    assert store._opened is not None
    return store._opened.readers


def kept(sessions: SessionManager) -> Grant:
    """A session in memory."""
    grant = sessions.login("ada")
    sessions.validate(grant.access_token)
    return grant


# Steps of an ending in memory, and the outcome of a validation by a handler that comes before one.
STEPS = {
    "_append_change": Session,  # as long as nothing has changed
    "_mark_ended": StoreUnavailableError,
    "_insert_events": StoreUnavailableError,
}


@pytest.mark.parametrize("at", STEPS)
def test_in_the_midst_of_an_ending_in_memory(strike_at: StrikeAt, at: str) -> None:
    """The handler keeps nothing of a row that is about to end."""
    sessions = manager(MemoryStore())
    grant = kept(sessions)
    outcomes = strike_at(MemoryStore, at, lambda: sessions.validate(grant.access_token))
    sessions.revoke(grant.session.id)
    assert [STEPS[at]] == [*map(type, outcomes)]
    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token)


def test_while_the_first_reader_is_opened(strike_at: StrikeAt, tmp_path: Path) -> None:
    """The handler opens one of its own."""
    with closing(SQLiteStore(tmp_path / "sessions.db", timeout=PATIENCE)) as store:
        readers = readers_of(store)
        outcomes = strike_at(readers, "_open_one", lambda: store.get("s1"))
        assert store.get("s1") is None
        assert ([None], 2) == (outcomes, len(readers.all))


def test_while_the_only_reader_reads(strike_at: StrikeAt, tmp_path: Path) -> None:
    """The handler is refused at once: it is below the one that it would wait for."""
    with closing(SQLiteStore(tmp_path / "sessions.db", timeout=PATIENCE, readers=1)) as store:
        store.insert(login(session_row()))
        store.get("s1")
        [reader] = readers_of(store).all
        outcomes = strike_at(reader, "do", lambda: store.get("s1"))
        assert store.get("s1") == session_row()
        assert isinstance(outcomes[0], StoreUnavailableError)
        assert AT_ONCE in str(outcomes[0])


def test_readers_stay_within_their_number(strike_at: StrikeAt, tmp_path: Path) -> None:
    """The one that is being opened counts."""
    with closing(SQLiteStore(tmp_path / "sessions.db", timeout=PATIENCE, readers=1)) as store:
        readers = readers_of(store)
        outcomes = strike_at(readers, "_open_one", lambda: store.get("s1"))
        assert store.get("s1") is None
        assert [StoreUnavailableError] == [*map(type, outcomes)]
        assert 1 == len(readers.all)


class Atlas:
    """A locator that may wait, and is asked in a thread."""

    def locate(self, ip: str) -> Location:
        return Location(city=ip)


def test_while_a_thread_is_started(strike_at: StrikeAt) -> None:
    """Both sign-ins are located."""
    sessions = manager(MemoryStore(), locator=Atlas())
    here, there = Client(ip="198.18.0.7"), Client(ip="198.18.0.9")
    outcomes = strike_at(Threads, "_start", lambda: sessions.login("bob", there).session.location)
    assert Location(city="198.18.0.7") == sessions.login("ada", here).session.location
    assert [Location(city="198.18.0.9")] == outcomes
    sessions.close()
