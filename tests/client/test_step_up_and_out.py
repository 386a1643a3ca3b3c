"""A step-up that is answered, a sign-out, and where tokens go."""

from __future__ import annotations

import asyncio
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from _service import LATER, NOBODY, Answer, Service, client, page, running

from devsess.client import (
    FileStore,
    MemoryStore,
    RenewalError,
    SessionAuth,
    SessionEndedError,
    StepUp,
    StepUpUnansweredError,
    Tokens,
)

WANTED = StepUp(acr_values=("aal2",))


class Person:
    """Somebody who answers challenges by a code."""

    def __init__(self, service: Service, code: str = "123456") -> None:
        self.service = service
        self.code = code
        self.asked: list[StepUp] = []

    def __call__(self, wanted: StepUp) -> httpx.Request:
        self.asked.append(wanted)
        return httpx.Request("POST", f"{self.service.site}/prove", content=self.code.encode())


def test_a_step_up_is_answered_and_the_request_repeated(service: Service) -> None:
    """The new tokens are kept; the old access token is none any more."""
    person, store = Person(service), MemoryStore(service.tokens())
    with client(service, service.auth(store, on_step_up=person)) as http:
        assert "ten" == http.post("/transfer", content=b"ten").json()["body"]
        assert 200 == http.post("/transfer", content=b"ten").status_code
        service.clock.advance(LATER)
        assert 200 == http.get("/me").status_code
    assert [WANTED] == person.asked


def test_a_step_up_may_be_awaited(service: Service) -> None:
    """In an AsyncClient; many tasks ask one person once."""
    person = Person(service)

    async def answer(wanted: StepUp) -> httpx.Request:
        await asyncio.sleep(0.05)
        return person(wanted)

    async def run() -> list[int]:
        auth = service.auth(on_step_up=answer)
        async with httpx.AsyncClient(auth=auth, base_url=service.site, verify=NOBODY) as http:
            answers = await asyncio.gather(*(http.post("/transfer") for _ in range(5)))
            return [it.status_code for it in answers]

    assert [200] * 5 == asyncio.run(run())
    assert [WANTED] == person.asked


def test_threads_ask_once(service: Service) -> None:
    """Also if their token expires at the same time."""
    person = Person(service)
    with client(service, service.auth(on_step_up=person)) as http:
        service.clock.advance(LATER)
        with ThreadPoolExecutor(5) as pool:
            answers = pool.map(lambda _: http.post("/transfer").status_code, range(5))
            assert [200] * 5 == [*answers]
    assert [WANTED] == person.asked


def test_a_token_that_expired_while_the_person_typed_is_renewed(service: Service) -> None:
    """Before the proof is sent again."""
    person = Person(service)

    def slowly(wanted: StepUp) -> httpx.Request:
        service.clock.advance(LATER)
        return person(wanted)

    with client(service, service.auth(on_step_up=slowly)) as http:
        assert 200 == http.post("/transfer").status_code
    assert 1 == service.refreshes


def test_a_step_up_that_nobody_answers_is_told(service: Service) -> None:
    """Without a callback, by None, and by a wrong code; the session lives."""
    store = MemoryStore(service.tokens())
    ways: list[Any] = [None, lambda _: None, Person(service, "000000")]
    for way, status in zip(ways, (None, None, 403), strict=True):
        with client(service, service.auth(store, on_step_up=way)) as http:
            with pytest.raises(StepUpUnansweredError) as caught:
                http.post("/transfer")
            assert (WANTED, status) == (caught.value.challenge, caught.value.status)
            assert 200 == http.get("/me").status_code


def test_a_blocking_client_cannot_await(service: Service) -> None:
    """That is told, and the lock is free after it."""

    async def answer(_: StepUp) -> None:
        return None

    with client(service, service.auth(on_step_up=answer)) as http:
        for _ in range(2):
            warned = pytest.warns(RuntimeWarning, match="never awaited")
            with warned, pytest.raises(TypeError, match="without await"):
                http.post("/transfer")


def test_a_proof_goes_nowhere_else(service: Service) -> None:
    """It would carry the tokens along."""

    def elsewhere(_: StepUp) -> httpx.Request:
        return httpx.Request("POST", "http://localhost:9/prove")

    http = client(service, service.auth(on_step_up=elsewhere))
    with http, pytest.raises(ValueError, match="origin"):
        http.post("/transfer")


def test_a_refresh_waits_for_a_step_up(service: Service, tmp_path: Path) -> None:
    """One that crossed it would be refused, as by an ended session."""
    store = service.signed_in(tmp_path / "tokens")
    arrived, go = Event(), Event()

    def held(answer: Answer) -> Answer:
        arrived.set()
        go.wait(10)
        return answer

    service.fail(held, path="/prove")
    other = service.auth(FileStore(tmp_path / "tokens"))
    stepping = service.auth(store, on_step_up=Person(service))
    pool = ThreadPoolExecutor(2)
    with client(service, stepping) as one, client(service, other) as two, pool:
        first = pool.submit(one.post, "/transfer")
        assert arrived.wait(10)
        service.clock.advance(LATER)
        second = pool.submit(two.get, "/me")
        with pytest.raises(TimeoutError):
            second.result(0.3)
        go.set()
        assert [200, 200] == [first.result(20).status_code, second.result(20).status_code]


def test_a_step_up_that_needs_one_itself_is_told(service: Service) -> None:
    """It would wait for itself."""

    def ask(_: StepUp) -> httpx.Request:
        assert http.post("/transfer").status_code
        raise AssertionError("it must not be answered")

    with client(service, service.auth(on_step_up=ask)) as http:
        with pytest.raises(StepUpUnansweredError, match="itself"):
            http.post("/transfer")
        assert 200 == http.get("/me").status_code


def test_a_lost_answer_to_a_step_up_is_told(service: Service) -> None:
    """Its tokens are gone, and no others take their place: the person signs in again."""
    service.fail(page(502), path="/prove")
    with client(service, service.auth(on_step_up=Person(service))) as http:
        with pytest.raises(StepUpUnansweredError):
            http.post("/transfer")
        with pytest.raises(SessionEndedError):
            http.get("/me")


def test_a_sign_out_ends_the_session_and_empties_the_store(service: Service) -> None:
    """Also with an expired token; the device's token stays."""
    store = MemoryStore(service.tokens())
    with client(service, service.auth(store)) as http:
        service.clock.advance(LATER)
        assert 204 == http.post("/auth/logout").status_code
        left = store.load()
        assert not left.is_signed_in
        assert left.device_token
        assert 401 == http.get("/me").status_code
    assert [] == service.sessions.list("ada")


def test_a_sign_out_may_forget_the_device(service: Service) -> None:
    """As its JSON says."""
    store = MemoryStore(service.tokens())
    with client(service, service.auth(store)) as http:
        assert 204 == http.post("/auth/logout", json={"forget_device": True}).status_code
    assert Tokens() == store.load()


def test_the_device_is_forgotten_where_the_session_has_ended_before(service: Service) -> None:
    """The sign-out comes too late, and its device token goes all the same."""
    store = MemoryStore(service.tokens())
    with client(service, service.auth(store)) as http:
        service.sessions.revoke_all("ada")
        service.clock.advance(LATER)
        with pytest.raises(SessionEndedError):
            http.post("/auth/logout", json={"forget_device": True})
    assert Tokens() == store.load()


def test_a_sign_out_that_failed_keeps_the_tokens(service: Service) -> None:
    """So that it can be tried again."""
    store = MemoryStore(service.tokens())
    service.fail(page(503), path="/auth/logout")
    with client(service, service.auth(store)) as http:
        assert 503 == http.post("/auth/logout").status_code
        assert store.load().is_signed_in
        assert 204 == http.post("/auth/logout").status_code


def test_the_device_may_end_other_sessions(service: Service) -> None:
    """The endpoints want its token for that, and get it."""
    first, second = service.auth(), service.auth()
    with client(service, first) as one, client(service, second) as two:
        assert 200 == two.get("/me").status_code
        service.clock.advance(LATER)
        assert 200 == one.get("/me").status_code
        assert 1 == len(one.post("/auth/sessions/revoke-others").json()["ended"])
        with pytest.raises(SessionEndedError):
            two.get("/me")


def test_other_origins_get_no_tokens(service: Service) -> None:
    """Not by the same client either; nor does another port of the same host."""
    with running() as other, client(service, service.auth()) as http:
        http.get(f"{other.site}/me")
        http.get("/me")
        [sent], mine = other.headers, service.headers[-1]
    assert {"HTTP_AUTHORIZATION", "HTTP_DEVSESS_DEVICE"} <= mine.keys()
    assert set() == {"HTTP_AUTHORIZATION", "HTTP_DEVSESS_DEVICE"} & sent.keys()


def test_a_renewal_looks_like_the_request_that_needs_it(service: Service) -> None:
    """By the user agent the session knows its device; a timer's renewal is no activity."""
    headers = {"User-Agent": "Shop/2.1 (Linux)", "Devsess-App": "Shop/2.1", "Devsess-Passive": "1"}
    with client(service, service.auth(), headers=headers) as http:
        service.clock.advance(LATER)
        http.get("/me")
    refresh = service.headers[-2]
    assert "Shop/2.1 (Linux)" == refresh["HTTP_USER_AGENT"]
    assert "Shop/2.1" == refresh["HTTP_DEVSESS_APP"]
    assert "1" == refresh["HTTP_DEVSESS_PASSIVE"]


def test_tokens_are_never_shown(
    service: Service, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Not by repr, a log at any level, a message or a traceback."""
    caplog.set_level(logging.DEBUG)
    store = service.signed_in(tmp_path / "tokens")
    seen = [store.load()]
    auth = service.auth(store)
    told = [repr(it) for it in (seen[0], store, auth, MemoryStore(seen[0]))]
    with client(service, auth) as http:
        service.clock.advance(LATER)
        service.fail(page(503))
        with pytest.raises(RenewalError) as caught:
            http.get("/me")
        told += traceback.format_exception(caught.value)
        told.append(repr(http.get("/me").history))
        seen.append(store.load())
        service.sessions.revoke(service.sessions.list("ada")[0].id)
        with pytest.raises(SessionEndedError) as ended:
            http.get("/me")
        told += traceback.format_exception(ended.value)
    text = "\n".join([*told, *(record.getMessage() for record in caplog.records)])
    secrets = {it for each in seen for it in (each.access_token, each.refresh_token)}
    secrets.add(seen[0].device_token)
    assert 5 == len(secrets)
    assert [] == [it for it in secrets if it and it in text]


def test_endpoints_are_an_address() -> None:
    """Anything else is told at once."""
    for text in ("/auth", "api.example.com/auth", "ftp://example.com/auth"):
        with pytest.raises(ValueError, match="https://host/auth"):
            SessionAuth(text, MemoryStore())
