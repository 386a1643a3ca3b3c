"""LAW: a handler of signals that sends a request waits for no lock that its own thread holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from _service import LATER, NOBODY, Service, client
from servers.striking import Struck, Work, at_each_line

from devsess.client import FileStore, MemoryStore, RenewalError, StepUp, StepUpUnansweredError

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = "this thread is renewing"
FILES = "client/core.py", "client/memory.py", "client/locks.py", "client/waiting.py"


def is_or_refused(answer: object, *possible: object) -> bool:
    return answer in possible or (isinstance(answer, RenewalError) and AT_ONCE in str(answer))


class OwnStore:
    """An application's own, with the three methods of a TokenStore."""

    def __init__(self) -> None:
        kept = MemoryStore()
        self.load, self.save, self.try_lock = kept.load, kept.save, kept.try_lock


class Unhashable(OwnStore):
    """One of which devsess cannot know that two clients use it."""

    __hash__ = None  # type: ignore[assignment]


# What the handler's client has in common with the one that it interrupts.
COMMON = {
    "an auth in memory": (MemoryStore, "auth"),
    "an auth of a file": (FileStore, "auth"),
    "a store": (MemoryStore, "store"),
    "a store of the application's": (OwnStore, "store"),
    "an auth of a store without a hash": (Unhashable, "auth"),
    "a file": (FileStore, "file"),
}


@pytest.fixture
def step(thorough: bool) -> int:
    """Which lines a handler comes at."""
    return 1 if thorough else 5


@pytest.mark.parametrize("common", COMMON)
def test_in_the_midst_of_a_renewal(
    service: Service, tmp_path: Path, common: str, step: int
) -> None:
    """It is sent, or refused at once; the session goes on, and the lock is free again."""
    kind, shared = COMMON[common]
    number = 0

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        nonlocal number
        number += 1
        store = kind(tmp_path / str(number)) if kind is FileStore else kind()
        store.save(service.tokens())
        service.clock.advance(LATER)
        auth = service.auth(store)
        another = FileStore(tmp_path / str(number)) if shared == "file" else store
        # Two clients: httpx's own connections have a lock for each of them.
        one = client(service, auth)
        other = client(service, auth if shared == "auth" else service.auth(another))

        def check(struck: Struck) -> None:
            assert 200 == struck.outcome
            assert is_or_refused(struck.answer, 200, None)
            service.clock.advance(LATER)
            assert 200 == one.get("/me").status_code
            one.close()
            other.close()

        return lambda: one.get("/me").status_code, lambda: other.get("/me").status_code, check

    at_each_line(play, FILES, step)


def test_in_the_midst_of_a_renewal_on_an_event_loop(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """As in a thread without one: the task that renews goes on once the handler is done."""
    # A name is looked up in a thread: within its start a handler finds no server that starts one.
    monkeypatch.setattr(service, "site", service.site.replace("localhost", "127.0.0.1"))
    number = 0

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        nonlocal number
        number += 1
        path = tmp_path / str(number)
        auth = service.auth(service.signed_in(path))
        other = client(service, service.auth(FileStore(path)))
        service.clock.advance(LATER)

        async def ask() -> int:
            url = service.site
            async with httpx.AsyncClient(base_url=url, auth=auth, verify=NOBODY) as one:
                return (await one.get("/me")).status_code

        def check(struck: Struck) -> None:
            assert 200 == struck.outcome
            assert is_or_refused(struck.answer, 200, None)
            service.clock.advance(LATER)
            assert 200 == other.get("/me").status_code
            other.close()

        return lambda: asyncio.run(ask()), lambda: other.get("/me").status_code, check

    at_each_line(play, FILES, step)


def test_in_the_midst_of_a_step_up(service: Service, step: int) -> None:
    """Its thread may be asking somebody just now."""

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        def prove(wanted: StepUp) -> httpx.Request:
            return httpx.Request("POST", f"{service.site}/prove", content=b"123456")

        auth = service.auth(on_step_up=prove)
        one, other = client(service, auth), client(service, auth)

        def check(struck: Struck) -> None:
            assert 200 == struck.outcome
            is_asking = isinstance(struck.answer, StepUpUnansweredError)
            assert is_asking or is_or_refused(struck.answer, 200, None)
            assert 200 == one.post("/transfer").status_code
            one.close()
            other.close()

        def transfer(http: httpx.Client) -> int:
            return http.post("/transfer").status_code

        return lambda: transfer(one), lambda: transfer(other), check

    at_each_line(play, FILES, step)
