"""Access tokens that have expired: renewed once, however many need it, and whatever is lost."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from _service import (
    HOUR,
    LATER,
    NOBODY,
    Answer,
    Service,
    client,
    json_answer,
    members_of,
    page,
    running,
)

from devsess.client import (
    FileStore,
    MemoryStore,
    RenewalError,
    SessionAuth,
    SessionEndedError,
    Tokens,
)
from devsess.client.core import PATIENCE
from devsess.testing import FakeClock

PROGRAM = Path(__file__).parent / "_program.py"


def lives(service: Service, store: Any) -> None:
    """Fail unless the session goes on, for two more refreshes a long time apart."""
    for _ in range(2):
        service.clock.advance(HOUR)
        with client(service, service.auth(store)) as fresh:
            assert 200 == fresh.get("/me").status_code
            assert 200 == fresh.get("/me").status_code


def test_an_expired_token_is_renewed_and_the_request_repeated(service: Service) -> None:
    """With its body; the application sees the answer to its own request."""
    with client(service, service.auth()) as http:
        service.clock.advance(LATER)
        answer = http.post("/echo", content=b"once")
        assert {"user": "ada", "body": "once"} == answer.json()
        assert 200 == http.get("/me").status_code
    assert 1 == service.refreshes
    assert 2 == service.requests["/echo"]


def test_threads_renew_once(service: Service) -> None:
    """Twenty threads whose token has expired send one refresh, over one object or two."""
    store = MemoryStore(service.tokens())
    service.clock.advance(LATER)
    auths = service.auth(store), service.auth(store)
    with client(service, auths[0]) as one, client(service, auths[1]) as two:
        pool = ThreadPoolExecutor(20)
        answers = pool.map(lambda it: it.get("/me").status_code, [one, two] * 10)
        assert [200] * 20 == [*answers]
        pool.shutdown()
    assert 1 == service.refreshes


def test_tasks_renew_once(service: Service) -> None:
    """Twenty tasks of one loop do so too."""

    async def run() -> list[int]:
        async with httpx.AsyncClient(
            auth=service.auth(), base_url=service.site, verify=NOBODY
        ) as http:
            service.clock.advance(LATER)
            answers = await asyncio.gather(*(http.get("/me") for _ in range(20)))
            return [it.status_code for it in answers]

    assert [200] * 20 == asyncio.run(run())
    assert 1 == service.refreshes


@pytest.fixture
def programs(service: Service, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    service.signed_in(tmp_path / "tokens.json")
    found = [
        subprocess.Popen(
            [sys.executable, PROGRAM, service.site, tmp_path / "tokens.json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    yield found
    for each in found:
        each.communicate(timeout=30)


def test_processes_renew_once(service: Service, programs: list[Any]) -> None:
    """Three processes that share a file send one refresh each time the token expires."""
    assert ["ready\n"] * 3 == [each.stdout.readline() for each in programs]
    for number in (1, 2, 3):
        service.clock.advance(LATER)
        for each in programs:
            each.stdin.write("go\n")
            each.stdin.flush()
        assert ["200\n"] * 3 == [each.stdout.readline() for each in programs]
        assert number == service.refreshes


def test_a_used_up_token_is_renewed_before_the_request(service: Service) -> None:
    """By the time since it came, so that no request is refused."""
    tokens = service.tokens()
    store = MemoryStore(Tokens(tokens.access_token, tokens.refresh_token, renew_at=1.0))
    with client(service, service.auth(store)) as http:
        assert 200 == http.get("/me").status_code
        assert 200 == http.get("/me").status_code
    assert (1, 2) == (service.refreshes, service.requests["/me"])


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_clocks_may_differ_by_an_hour(service: Service, off: float) -> None:
    """The token's end is counted from its coming, and never read in it."""
    service.clock.advance(datetime.now(UTC) + timedelta(seconds=off) - service.clock.now())
    with client(service, service.auth()) as http:
        for _ in range(3):
            assert 200 == http.get("/me").status_code
        assert 0 == service.refreshes
        service.clock.advance(LATER)
        for _ in range(3):
            assert 200 == http.get("/me").status_code
    assert 1 == service.refreshes


def test_a_token_of_unknown_end_is_used_until_it_is_refused(service: Service) -> None:
    """A sign-in need not say `expires_in`, and a token need not have an end."""
    auth = SessionAuth(service.endpoints, MemoryStore())
    answer = service.sign_in()
    del answer["expires_in"]
    auth.keep(answer)
    with client(service, auth) as http:
        assert 200 == http.get("/me").status_code
        service.clock.advance(LATER)
        assert 200 == http.get("/me").status_code
    assert 1 == service.refreshes


@pytest.mark.parametrize("wait", [1.0, HOUR])
@pytest.mark.parametrize("status", [200, 302, 401, 403, 500, 503])
def test_a_lost_answer_is_no_theft(service: Service, status: int, wait: float) -> None:
    """A page of a proxy in its place keeps the tokens; the next try gets others, however late."""
    store = MemoryStore(service.tokens())
    service.fail(page(status))
    with client(service, service.auth(store)) as http:
        service.clock.advance(LATER)
        with pytest.raises(RenewalError) as caught:
            http.get("/me")
        assert status == caught.value.status
        service.clock.advance(wait)
        assert 200 == http.get("/me").status_code
    lives(service, store)


def test_a_server_may_ask_to_wait(service: Service) -> None:
    """Its seconds are handed on."""
    service.fail(lambda _: (503, [("Retry-After", "5")], b""))
    with client(service, service.auth()) as http:
        service.clock.advance(LATER)
        with pytest.raises(RenewalError) as caught:
            http.get("/me")
    assert 5 == caught.value.retry_after


def test_a_renewal_ahead_of_time_may_fail(service: Service) -> None:
    """The request goes out with the token that is still good."""
    tokens = service.tokens()
    store = MemoryStore(Tokens(tokens.access_token, tokens.refresh_token, None, 1.0))
    service.fail(page(503))
    with client(service, service.auth(store)) as http:
        assert 200 == http.get("/me").status_code
    lives(service, store)


def test_an_answer_that_takes_too_long_is_no_theft(service: Service) -> None:
    """The request fails as any other, the lock is free, and the next one gets new tokens."""

    def slow(answer: Answer) -> Answer:
        time.sleep(0.8)
        return answer

    store = MemoryStore(service.tokens())
    service.fail(slow)
    with client(service, service.auth(store), timeout=0.3) as http:
        service.clock.advance(LATER)
        with pytest.raises(httpx.ReadTimeout):
            http.get("/me")
        service.clock.advance(HOUR)
        assert 200 == http.get("/me").status_code
    lives(service, store)


def test_a_task_that_is_cancelled_leaves_no_lock(service: Service, tmp_path: Path) -> None:
    """In the middle of its renewal."""
    store, arrived, go = service.signed_in(tmp_path / "t"), Event(), Event()

    def held(answer: Answer) -> Answer:
        arrived.set()
        go.wait(10)
        return answer

    service.fail(held)
    service.clock.advance(LATER)

    async def run() -> int:
        async with httpx.AsyncClient(
            auth=service.auth(store), base_url=service.site, verify=NOBODY
        ) as http:
            task = asyncio.create_task(http.get("/me"))
            await asyncio.to_thread(arrived.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            release = store.try_lock()
            assert release is not None
            release()
            go.set()
            return (await http.get("/me")).status_code

    assert 200 == asyncio.run(run())
    lives(service, store)


def test_a_server_that_is_away_keeps_the_tokens(service: Service) -> None:
    """It fails as any request does, and nothing is known about the session."""
    tokens = service.tokens()
    store = MemoryStore(tokens)
    with (
        httpx.Client(auth=SessionAuth("http://127.0.0.1:9/auth", store), verify=NOBODY) as http,
        pytest.raises(httpx.ConnectError),
    ):
        http.get("http://127.0.0.1:9/me")
    assert tokens == store.load()


class FullDisk(MemoryStore):
    """One that cannot save for a while."""

    is_full = True

    def save(self, tokens: Tokens) -> None:
        if self.is_full:
            raise OSError("no space left on device")
        super().save(tokens)


def test_tokens_that_cannot_be_kept_are_not_used(service: Service) -> None:
    """A successor in use whose predecessor is on disk would come back as a thief's."""
    store = FullDisk(service.tokens())
    service.clock.advance(LATER)
    with client(service, service.auth(store)) as http:
        for asked in (1, 2):
            with pytest.raises(OSError, match="no space"):
                http.get("/me")
            assert asked == service.requests["/me"]
        store.is_full = False
        service.clock.advance(HOUR)
        assert 200 == http.get("/me").status_code
    lives(service, store)


def test_an_answer_behind_a_stolen_lock_is_dropped(service: Service, tmp_path: Path) -> None:
    """Another holder has renewed meanwhile, and its tokens are the ones that live."""
    store = service.signed_in(tmp_path / "tokens")

    def stolen(answer: Answer) -> Answer:
        (tmp_path / "tokens.lock").unlink()
        service.clock.advance(HOUR)  # so that the first successor is replaced
        other = service.auth(FileStore(tmp_path / "tokens"))
        with client(service, other) as thief:
            assert 200 == thief.get("/me").status_code
        return answer

    service.fail(stolen)
    with client(service, service.auth(store)) as http:
        service.clock.advance(LATER)
        assert 200 == http.get("/me").status_code
    assert 2 == service.refreshes
    lives(service, store)


def test_a_refresh_that_was_refused_behind_a_stolen_lock_ends_nothing(
    service: Service, tmp_path: Path
) -> None:
    """The tokens that another holder has saved are taken instead."""
    store = service.signed_in(tmp_path / "tokens")

    def refused(_: Answer) -> Answer:
        FileStore(tmp_path / "tokens").save(service.tokens())
        return 401, [("WWW-Authenticate", 'Bearer realm="devsess"')], b""

    service.fail(refused)
    with client(service, service.auth(store)) as http:
        service.clock.advance(LATER)
        assert 200 == http.get("/me").status_code
    assert store.load().is_signed_in


def test_a_lock_that_is_held_too_long_is_told(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent, and the tokens are kept."""
    monkeypatch.setattr("devsess.client.core.PATIENCE", 0.1)
    store = service.signed_in(tmp_path / "tokens")
    release = store.try_lock()
    assert release is not None
    with client(service, service.auth(store)) as http:
        service.clock.advance(LATER)
        with pytest.raises(RenewalError, match="locked") as caught:
            http.get("/me")
        assert (None, 0) == (caught.value.status, service.refreshes)
        release()
        assert 200 == http.get("/me").status_code


def test_a_body_that_is_read_is_not_sent_twice(service: Service) -> None:
    """The application sees the refusal; the next request renews first."""
    with client(service, service.auth()) as http:
        service.clock.advance(LATER)
        headers = {"Content-Length": "4"}
        answer = http.post("/echo", content=iter([b"once"]), headers=headers)
        assert (401, 0) == (answer.status_code, service.refreshes)
        answer = http.post("/echo", content=iter([b"once"]), headers=headers)
        assert {"user": "ada", "body": "once"} == answer.json()
    assert 1 == service.refreshes


def test_it_asks_once_more_and_not_for_ever(service: Service) -> None:
    """A server that refuses new tokens too is believed."""
    refusal = 401, [("WWW-Authenticate", 'Bearer realm="devsess", error="invalid_token"')], b""
    service.fail(*[lambda _: refusal] * 9, path="/me")
    with client(service, service.auth()) as http:
        assert 401 == http.get("/me").status_code
    assert (1, 2) == (service.refreshes, service.requests["/me"])


def test_the_end_of_a_session_is_told(service: Service) -> None:
    """By an error of its own; the device's token stays for the next sign-in."""
    store = MemoryStore(service.tokens())
    [session] = service.sessions.list("ada")
    with client(service, service.auth(store)) as http:
        service.sessions.revoke(session.id)
        with pytest.raises(SessionEndedError):
            http.get("/me")
        left = store.load()
        assert (None, None) == (left.access_token, left.refresh_token)
        assert left.device_token
        assert 401 == http.get("/me").status_code
        assert 1 == service.refreshes
        auth = http.auth
        assert isinstance(auth, SessionAuth)
        auth.keep(http.post("/sign-in").json())
        assert 200 == http.get("/me").status_code
    assert [session.device.id] == [it.id for it in service.sessions.devices("ada")]


def test_a_new_sign_in_of_another_process_is_taken(service: Service, tmp_path: Path) -> None:
    """Where the old session has ended, and its sign-out too."""
    store = service.signed_in(tmp_path / "tokens")
    with client(service, service.auth(store)) as http:
        assert 200 == http.get("/me").status_code
        other = service.auth(FileStore(tmp_path / "tokens"))
        with client(service, other) as elsewhere:
            assert 204 == elsewhere.post("/auth/logout").status_code
            other.keep(elsewhere.post("/sign-in").json())
            assert 200 == http.get("/me").status_code
            assert 204 == elsewhere.post("/auth/logout").status_code
        with pytest.raises(SessionEndedError):
            http.get("/me")
    assert 0 == service.refreshes


def test_a_request_is_not_sent_again_for_another_user(service: Service) -> None:
    """Where somebody else has signed in meanwhile: their next request has the new tokens."""
    store = MemoryStore(service.tokens())
    with client(service, service.auth(store)) as http:
        assert "ada" == http.get("/me").json()["user"]
        service.sessions.revoke_all("ada")
        grant = service.sessions.login("bob")
        store.save(Tokens().followed_by(members_of(grant), 2e9))
        assert 401 == http.post("/me", content="ada's").status_code
        assert "bob" == http.get("/me").json()["user"]
    assert 3 == service.requests["/me"]


def test_a_renewal_takes_no_tokens_from_elsewhere(service: Service) -> None:
    """A redirect to another origin leaves those that there are."""
    store = MemoryStore(service.tokens())
    before = store.load()
    with running() as other:
        there = [("Location", f"{other.site}/sign-in")]
        service.fail(lambda _: (303, there, b""))
        with client(service, service.auth(store), follow_redirects=True) as http:
            service.clock.advance(LATER)
            with pytest.raises(RenewalError, match="another origin"):
                http.get("/me")
        assert 1 == other.requests["/sign-in"]
    assert before == store.load()


def test_a_renewal_sends_its_token_nowhere_else(service: Service) -> None:
    """A redirect that keeps the body gets none."""
    store = MemoryStore(service.tokens())
    token = store.load().refresh_token or ""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        received = pool.submit(_all_that_comes, listening)
        there = [("Location", f"http://127.0.0.1:{listening.getsockname()[1]}/")]
        service.fail(lambda _: (307, there, b""))
        with client(service, service.auth(store), follow_redirects=True) as http:
            service.clock.advance(LATER)
            with pytest.raises(RenewalError, match="redirects"):
                http.get("/me")
        assert token.encode() not in received.result(20)
    assert token == store.load().refresh_token


def _all_that_comes(listening: socket.socket) -> bytes:
    """Until the other side closes."""
    connection, _ = listening.accept()
    with connection:
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_renewal_takes_no_longer_than_others_wait(service: Service) -> None:
    """Though the request that needs it may take for ever."""
    waits: list[Any] = []

    def note(request: httpx.Request) -> None:
        if request.url.path == "/auth/refresh":
            waits.extend(request.extensions["timeout"].values())

    hooks: Any = {"request": [note]}
    with client(service, service.auth(), timeout=None, event_hooks=hooks) as http:
        service.clock.advance(LATER)
        assert 200 == http.get("/me").status_code
    assert waits
    assert max(waits) < PATIENCE


def test_an_answer_of_the_app_is_not_taken_for_a_challenge(service: Service) -> None:
    """A wrong password is a 401 too."""
    with client(service, service.auth()) as http:
        assert 401 == http.get("/wrong-password").status_code
    assert 0 == service.refreshes


def test_an_answer_without_tokens_is_not_kept(service: Service) -> None:
    """JSON of another kind in the place of new tokens."""
    tokens = service.tokens()
    store = MemoryStore(tokens)
    strange: list[object] = [[], {}, {"access_token": "a"}, {"access_token": 1, "refresh_token": 2}]
    with client(service, service.auth(store)) as http:
        service.clock.advance(LATER)
        for each in strange:
            service.fail(lambda _, each=each: json_answer(200, each))  # type: ignore[misc]
            with pytest.raises(RenewalError):
                http.get("/me")
        assert tokens == store.load()


def test_the_server_clock_is_its_own() -> None:
    """These tests run over a server whose clock is more than a year off."""
    assert abs((datetime.now(UTC) - FakeClock().now()).days) > 365


def test_tokens_of_another_may_have_expired_too(service: Service) -> None:
    """They are renewed then: to take them over was no renewal."""
    store = MemoryStore(service.tokens())
    with client(service, service.auth(store)) as one, client(service, service.auth(store)) as two:
        assert 200 == one.get("/me").status_code
        service.clock.advance(LATER)
        assert 200 == two.get("/me").status_code
        service.clock.advance(LATER)
        assert 200 == one.get("/me").status_code
    assert 2 == service.refreshes
