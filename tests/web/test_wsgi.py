"""PEP 3333 to the letter: bodies that are streamed, begin late, or fail in the middle."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest import mock
from wsgiref.util import FileWrapper

import pytest
from _wsgi_driver import environ_of, on_wsgi

from devsess import (
    AsyncSessionManager,
    ConfigurationError,
    DevsessError,
    SessionManager,
    StepUpRequiredError,
    StoreUnavailableError,
)
from devsess.adapters.asgi import SessionMiddleware as ForASGI
from devsess.adapters.wsgi import SessionMiddleware

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
TEXT = [("Content-Type", "text/plain")]


@pytest.fixture
def sessions() -> Iterator[SessionManager]:
    with SessionManager("memory://", keys=SECRET) as sessions:
        yield sessions


def test_bodies_are_handed_on_untouched(sessions: SessionManager) -> None:
    """A server recognises its own file wrapper, and a stream is not read ahead."""
    for body in (FileWrapper(io.BytesIO(b"file")), iter([b"a", b"b"]), [b"list"]):

        def app(_: Any, start_response: Any, body: Any = body) -> Any:
            start_response("200 OK", TEXT)
            return body

        environ = environ_of("GET", "/")
        assert body is SessionMiddleware(app, sessions)(environ, lambda *_: bytes)


def test_a_generator_begins_when_it_is_read(sessions: SessionManager) -> None:
    """So it may still sign in, and a refusal in it is answered."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/login":
            environ["devsess"].login("ada")
        else:
            environ["devsess"].require()
        start_response("200 OK", TEXT)
        yield b"late"

    wrapped = SessionMiddleware(app, sessions)
    assert 3 == len(on_wsgi(wrapped, "POST", "/login").headers.get_list("set-cookie"))
    assert 401 == on_wsgi(wrapped, "GET", "/").status_code


def test_a_generator_is_closed(sessions: SessionManager) -> None:
    """It is closed however its reading ended."""
    closed = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            if environ["PATH_INFO"] == "/refused":
                environ["devsess"].require()
            start_response("200 OK", TEXT)
            yield b"late"
        finally:
            closed.append(environ["PATH_INFO"])

    wrapped = SessionMiddleware(app, sessions)
    for path in ("/refused", "/read"):
        on_wsgi(wrapped, "GET", path)
    assert ["/refused", "/read"] == closed


def test_write_is_the_servers(sessions: SessionManager) -> None:
    """An app may call the `write` that `start_response` returns."""

    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)(b"written")
        return []

    assert b"written" == on_wsgi(SessionMiddleware(app, sessions), "GET", "/").content


def test_what_is_written_below_a_refusal_is_dropped(sessions: SessionManager) -> None:
    """The refusal replaces a 500, whether the app wrote or returned it."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            environ["devsess"].require()
        except Exception:  # noqa: BLE001 - as frameworks do
            write = start_response("500 Oops", TEXT, sys.exc_info())
            write(b"a traceback")
        return [b"and more"]

    answer = on_wsgi(SessionMiddleware(app, sessions), "GET", "/")
    assert 401 == answer.status_code
    assert "traceback" not in answer.text
    assert "more" not in answer.text
    assert b"" == on_wsgi(SessionMiddleware(app, sessions), "HEAD", "/").content


def test_an_error_after_the_start_replaces_it(sessions: SessionManager) -> None:
    """As long as no body was sent, start_response takes it back, with exc_info."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        environ["devsess"].require()
        return [b"secret"]

    answer = on_wsgi(SessionMiddleware(app, sessions), "GET", "/")
    assert (401, False) == (answer.status_code, "secret" in answer.text)


def test_an_error_in_the_middle_is_the_servers(sessions: SessionManager) -> None:
    """A body that has begun cannot be taken back: the server must break the response off."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"begun"
        raise StepUpRequiredError("too late")

    with pytest.raises(StepUpRequiredError):
        on_wsgi(SessionMiddleware(app, sessions), "GET", "/")


def test_exc_info_is_handed_on(sessions: SessionManager) -> None:
    """An app's own error page replaces what it had started."""

    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response("500 Oops", TEXT, sys.exc_info())
        return [b"sorry"]

    answer = on_wsgi(SessionMiddleware(app, sessions), "GET", "/")
    assert (500, b"sorry") == (answer.status_code, answer.content)


def raise_plainly() -> None:
    raise ZeroDivisionError


def raise_for_it() -> None:
    try:
        raise_plainly()
    except ZeroDivisionError as error:
        raise error from error  # as careless code does


@pytest.mark.parametrize("fail", [raise_plainly, raise_for_it])
@pytest.mark.parametrize("tells", [True, False], ids=["with exc_info", "in the handler"])
def test_a_500_of_another_error_is_no_refusal(
    sessions: SessionManager, fail: Callable[[], None], tells: bool
) -> None:
    """Where it is known what the 500 is of, a refusal that the app has handled stays handled."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        with suppress(DevsessError):
            environ["devsess"].require()
        try:
            fail()
        except ZeroDivisionError:
            info = sys.exc_info()
            if not tells:
                start_response("500 Oops", TEXT)
        if tells:
            start_response("500 Oops", TEXT, info)
        return [b"sorry"]

    answer = on_wsgi(SessionMiddleware(app, sessions), "GET", "/")
    assert (500, b"sorry") == (answer.status_code, answer.content)


def test_an_error_that_an_outer_app_handles_says_nothing(sessions: SessionManager) -> None:
    """It calls the app for want of an answer of its own, and the 500 is of the refusal."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        with suppress(DevsessError):
            environ["devsess"].require()
        start_response("500 Oops", TEXT)
        return [b"sorry"]

    wrapped = SessionMiddleware(app, sessions)

    def outer(environ: Any, start_response: Any) -> Any:
        try:
            raise KeyError("no answer is kept")
        except KeyError:
            return wrapped(environ, start_response)

    assert 401 == on_wsgi(outer, "GET", "/").status_code


def hide(refusal: Exception) -> Exception:
    error = ZeroDivisionError()
    error.__cause__ = refusal
    return error


@pytest.mark.parametrize("wrap", [hide, lambda it: ExceptionGroup("tasks", [it])])
def test_a_500_of_an_error_that_was_raised_for_a_refusal_is_that_refusal(
    sessions: SessionManager, wrap: Callable[[Exception], Exception]
) -> None:
    """As an error that hides it, or one of a group of tasks."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            try:
                environ["devsess"].require()
            except DevsessError as refusal:
                raise wrap(refusal) from None
        except Exception:  # noqa: BLE001 - as frameworks do
            start_response("500 Oops", TEXT)
        return [b"sorry"]

    assert 401 == on_wsgi(SessionMiddleware(app, sessions), "GET", "/").status_code


def test_errors_of_the_app_are_its_own(sessions: SessionManager) -> None:
    """A ConfigurationError reaches the server: only the programmer can mend it."""

    def app(_: Any, __: Any) -> list[bytes]:
        raise ConfigurationError("a bug")

    with pytest.raises(ConfigurationError):
        on_wsgi(SessionMiddleware(app, sessions), "GET", "/")


def test_cookies_cannot_be_set_too_late(sessions: SessionManager) -> None:
    """Signing in behind the headers would lose the cookies without a word."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        environ["devsess"].login("ada")
        return []

    with pytest.raises(RuntimeError, match="has begun"):
        on_wsgi(SessionMiddleware(app, sessions), "POST", "/")
    assert [] == sessions.list("ada")


def test_a_cookie_that_is_too_long_is_an_error() -> None:
    """Browsers would drop it, and nobody would be signed in: nor is a session left behind."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["devsess"].login("ada", amr=["x" * 255] * 16)
        start_response("200 OK", TEXT)
        return []

    with SessionManager("memory://", keys=SECRET) as sessions:
        with pytest.raises(ValueError, match="4096"):
            on_wsgi(SessionMiddleware(app, sessions), "POST", "/")
        assert [] == sessions.list("ada")


def test_cookies_survive_a_crash(sessions: SessionManager) -> None:
    """A page with a bug does not sign its users out: renewed cookies go out with the 500."""
    grant = sessions.login("ada")

    def at_once(environ: Any, start_response: Any) -> list[bytes]:
        raise ZeroDivisionError

    def later(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield from at_once(environ, start_response)

    started: list[Any] = []

    def start_response(*arguments: Any) -> Any:
        started.append(arguments)

    for app in (at_once, later):
        cookie = [("Cookie", f"__Host-devsess-refresh={grant.refresh_token}")]
        environ = environ_of("GET", "/", cookie)
        parts = iter(SessionMiddleware(app, sessions)(environ, start_response))
        assert b"Something went wrong" in next(parts)
        with pytest.raises(ZeroDivisionError):  # it reaches the server
            next(parts)
        status, headers = started.pop()
        assert "500 Internal Server Error" == status
        assert 2 == [name for name, _ in headers].count("Set-Cookie")


def test_a_body_that_is_never_read_is_closed(sessions: SessionManager) -> None:
    """Servers close what they do not read to its end (PEP 3333), or to its beginning."""
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("nobody reads this")

        def close(self) -> None:
            closed.append(True)

    SessionMiddleware(lambda *_: Body(), sessions)(environ_of("GET", "/"), lambda *_: None).close()  # type: ignore[arg-type, attr-defined]
    assert [True] == closed


@pytest.mark.parametrize("length", ["-1", "abc", "9" * 5000, "50"])
def test_lengths_that_are_none(sessions: SessionManager, length: str) -> None:
    """A wrong Content-Length gets 400 without waiting, and the request does nothing."""
    wrapped = SessionMiddleware(lambda *_: [], sessions, endpoints="/auth")
    grant = sessions.login("ada")
    bearer = [("Authorization", f"Bearer {grant.access_token}")]
    environ = {**environ_of("POST", "/auth/logout", bearer), "CONTENT_LENGTH": length}
    started: list[Any] = []

    def start_response(*arguments: Any) -> Any:
        started.append(arguments)

    wrapped(environ, start_response)
    assert "400 Bad Request" == started[0][0]
    assert grant.session.id == sessions.validate(grant.access_token).id


@pytest.mark.parametrize("face", ["WSGI", "ASGI"])
def test_required_fails_closed(face: str) -> None:
    """An error that has no answer of its own lets nobody through to the app."""
    broken = ConfigurationError("as a memory store says in a forked child")
    cookie = f"__Host-devsess-refresh=ds1r.{'A' * 22}.0.{'A' * 43}"

    def app(*_: Any) -> Any:
        raise AssertionError("the app must not be asked")

    if face == "WSGI":
        sessions = SessionManager("memory://", keys=SECRET)
        environ = environ_of("GET", "/", [("Cookie", cookie)])
        with (
            mock.patch.object(sessions, "refresh", side_effect=broken),
            pytest.raises(ConfigurationError),
        ):
            SessionMiddleware(app, sessions, required=True)(environ, lambda *_: None)  # type: ignore[arg-type]
        return
    others = AsyncSessionManager("memory://", keys=SECRET)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "scheme": "https",
        "headers": [(b"cookie", cookie.encode())],
    }
    with (
        mock.patch.object(others, "refresh", side_effect=broken),
        pytest.raises(ConfigurationError),
    ):
        asyncio.run(ForASGI(app, others, required=True)(scope, None, None))  # type: ignore[arg-type]


def test_a_sign_in_that_failed_halfway_is_none(sessions: SessionManager) -> None:
    """If the store fails in the middle, the answer is 503 and sets no cookies."""
    grant = sessions.login("ada")

    def app(environ: Any, start_response: Any) -> list[bytes]:
        with mock.patch.object(sessions, "revoke", side_effect=StoreUnavailableError("away")):
            environ["devsess"].login("eve")
        raise AssertionError("not reached")

    cookie = [("Cookie", f"__Host-devsess-access={grant.access_token}"), ("Host", "app.example")]
    own = [*cookie, ("Sec-Fetch-Site", "same-origin")]
    answer = on_wsgi(SessionMiddleware(app, sessions), "POST", "/", own)
    assert 503 == answer.status_code
    assert "set-cookie" not in answer.headers


def test_a_stream_ends_with_its_session(sessions: SessionManager) -> None:
    """A guard that ends a stream completes its body: the client sees no fault."""
    grant = sessions.login("ada")
    closed = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        guard = environ["devsess"].guard(every=0)

        def events() -> Iterator[bytes]:
            try:
                for number in range(9):
                    guard.check()
                    yield b"%d" % number
                    if number == 2:
                        sessions.revoke(grant.session.id)
            finally:
                closed.append(True)

        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()

    bearer = [("Authorization", f"Bearer {grant.access_token}")]
    assert "012" == on_wsgi(SessionMiddleware(app, sessions), "GET", "/", bearer).text
    assert [True] == closed


WRONG: list[dict[str, Any]] = [
    {"transport": "query"},
    {"proxy_header": "x-real-ip"},
    {"trusted_proxies": "127.0.0.1/32"},
    {"trusted_proxies": ["localhost"]},
    {"trusted_proxies": ["10.0.0.1/8"]},
    {"origins": ["app.example"]},
    {"origins": ["https://app.example/path"]},
    {"origins": ["*"]},
    {"origins": "https://app.example"},
    {"origins": [5]},
    {"csrf_exempt": ["hooks"]},
    {"endpoints": "auth"},
    {"endpoints": "//auth"},
    {"endpoints": "/"},
    {"origins": None},
    {"login_url": "https://evil.example"},
    {"login_url": "//evil.example"},
    {"login_url": "/\\evil.example"},
    {"login_url": "/a\nb"},
]


@pytest.mark.parametrize("wrapping", WRONG, ids=repr)
def test_wrong_settings(sessions: SessionManager, wrapping: dict[str, Any]) -> None:
    """A setting that cannot work is refused when the app is wrapped; the error names it."""
    with pytest.raises(ConfigurationError, match=next(iter(wrapping))):
        SessionMiddleware(lambda *_: [], sessions, **wrapping)


def test_each_middleware_takes_its_manager(sessions: SessionManager) -> None:
    """A blocking manager would block an event loop, and an awaited one answers no view."""
    with pytest.raises(ConfigurationError, match="AsyncSessionManager"):
        ForASGI(lambda *_: None, sessions)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="SessionManager"):
        SessionMiddleware(lambda *_: [], AsyncSessionManager("memory://", keys=SECRET))  # type: ignore[arg-type]


def test_insecure_cookies_are_loud(
    sessions: SessionManager, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning, a line in the log, and cookies of another name without Secure."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["devsess"].login("ada")
        start_response("200 OK", TEXT)
        return []

    with pytest.warns(UserWarning, match="plain http"):
        wrapped = SessionMiddleware(app, sessions, insecure_cookies=True)
    assert "plain http" in caplog.text
    lines = on_wsgi(wrapped, "POST", "/").headers.get_list("set-cookie")
    assert ["devsess-access", "devsess-device", "devsess-refresh"] == sorted(
        line.partition("=")[0] for line in lines
    )
    assert not any("Secure" in line for line in lines)


def test_mounted_apps(sessions: SessionManager) -> None:
    """Paths are those below the mount point; a redirect goes, and comes back, to the whole ones."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["devsess"].require()
        return []

    wrapped = SessionMiddleware(app, sessions, endpoints="/auth", login_url="/in?x=1")
    named = SessionMiddleware(app, sessions, login_url="/shop/in")

    def mounted(environ: Any, start_response: Any) -> Any:
        return wrapped({**environ, "SCRIPT_NAME": "/shop"}, start_response)

    assert 200 == on_wsgi(mounted, "GET", "/auth/jwks.json").status_code
    answer = on_wsgi(mounted, "GET", "/caf%C3%A9?a=1", [("Accept", "text/html")])
    assert "/shop/in?x=1&return_to=/shop/caf%25C3%25A9%3Fa%3D1" == answer.headers["location"]
    environ = environ_of("POST", "/me", [("Accept", "text/html")]) | {"SCRIPT_NAME": "/shop"}
    started: list[Any] = []
    named(environ, lambda *it: started.append(it))  # type: ignore[arg-type]
    assert "/shop/in" == dict(started[0][1])["Location"]


def test_a_chunked_body_is_read(sessions: SessionManager) -> None:
    """Without a length, if the server says that the input ends."""
    wrapped = SessionMiddleware(lambda *_: [], sessions, endpoints="/auth")
    grant = sessions.login("ada")
    environ = environ_of("POST", "/auth/refresh", [("Content-Type", "application/json")])
    body = f'{{"refresh_token": "{grant.refresh_token}"}}'.encode()
    started: list[Any] = []
    for ends, status in ((False, "401"), (True, "200")):
        environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": ends}
        wrapped(dict(environ), lambda *it: started.append(it))  # type: ignore[arg-type]
        assert started.pop()[0].startswith(status)
