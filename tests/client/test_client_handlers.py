"""LAW: a handler of signals that sends a request waits for no lock that its own thread holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from _service import LATER, Service, client
from servers.striking import Struck, Work, at_each_line

from devsess.client import FileStore, MemoryStore, RenewalError, StepUp, StepUpUnansweredError

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = "this thread is renewing"
FILES = "client/core.py", "client/memory.py", "client/locks.py", "client/waiting.py"


def is_or_refused(answer: object, *possible: object) -> bool:
    return answer in possible or (isinstance(answer, RenewalError) and AT_ONCE in str(answer))


@pytest.mark.parametrize("kind", [MemoryStore, FileStore])
def test_in_the_midst_of_a_renewal(service: Service, tmp_path: Path, kind: type) -> None:
    """It is sent, or refused at once; the session goes on, and the lock is free again."""
    number = 0

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        nonlocal number
        number += 1
        store = kind() if kind is MemoryStore else kind(tmp_path / str(number))
        store.save(service.tokens())
        service.clock.advance(LATER)
        # Two clients: httpx's own connections have a lock for each of them.
        auth = service.auth(store)
        one, other = client(service, auth), client(service, auth)

        def check(struck: Struck) -> None:
            assert 200 == struck.outcome
            assert is_or_refused(struck.answer, 200, None)
            service.clock.advance(LATER)
            assert 200 == one.get("/me").status_code
            one.close()
            other.close()

        return lambda: one.get("/me").status_code, lambda: other.get("/me").status_code, check

    at_each_line(play, FILES, 1 if kind is MemoryStore else 3)


def test_in_the_midst_of_a_step_up(service: Service) -> None:
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

    at_each_line(play, FILES, 2)
