"""The cost that the middlewares add to a call of an app that does nothing, its session cached."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import best
from devsess import AsyncSessionManager
from devsess.adapters.asgi import SessionMiddleware as ForASGI
from devsess.adapters.wsgi import SessionMiddleware as ForWSGI
from devsess.tuning.clients import AGENTS
from devsess.tuning.timing import Batch, each_fresh, fresh_copy

if TYPE_CHECKING:
    from benchmarks._setting import Setting
    from devsess import Grant

DESCRIPTION = (
    "The time added to a call of an app that does nothing, the session cached; cookies, CSRF "
    "check and client address included."
)

CALLS = 1_000
SESSIONS = 250
ROUNDS = 25
BOUND = 1.0

Headers: TypeAlias = list[tuple[str, str]]

# The headers of a browser's request for a page, beside its cookies.
BROWSER: Headers = [
    ("host", "app.example"),
    ("connection", "keep-alive"),
    ("sec-ch-ua", '"Not;A=Brand";v="8", "Chromium";v="138", "Google Chrome";v="138"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Windows"'),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", AGENTS[0]),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en-GB,en;q=0.9"),
]


def lines(setting: Setting) -> list[Line]:
    """The cost added to a call, for browsers and for programs."""
    path, grants = setting.signed_in("middleware", 2 * SESSIONS)
    # Sessions of their own: an entry of the cache is for one client, and these would take turns.
    browsers, programs = grants[:SESSIONS], grants[SESSIONS:]
    requests = {
        "cookies": [[*BROWSER, ("cookie", cookies_of(grant))] for grant in browsers],
        "bearer": [
            [*BROWSER[:1], ("authorization", f"Bearer {grant.access_token}")] for grant in programs
        ],
    }
    with ExitStack() as stack:
        on_wsgi = ForWSGI(wsgi_app, stack.enter_context(workload.opened(path)))
        on_asgi = ForASGI(asgi_app, AsyncSessionManager(path, keys=workload.SECRET))
        batches: dict[str, Batch] = {"decode": workload.decoding(browsers)}
        for way, sent in requests.items():
            environs, scopes = [_environ(each) for each in sent], [_scope(each) for each in sent]
            batches[f"WSGI, {way}, bare"] = partial(_each, _call_wsgi, wsgi_app, environs)
            batches[f"WSGI, {way}"] = partial(_each, _call_wsgi, on_wsgi, environs)
            batches[f"ASGI, {way}, bare"] = partial(_each, _call_asgi, asgi_app, scopes)
            batches[f"ASGI, {way}"] = partial(_each, _call_asgi, on_asgi, scopes)
        seconds = best(batches, setting.rounds(ROUNDS))
    return [_line(name, seconds) for name in batches if f"{name}, bare" in seconds]


def _line(name: str, seconds: dict[str, float]) -> Line:
    added = seconds[name] - seconds[f"{name}, bare"]
    name = f"the middleware adds to a call ({name})"
    return Line(name, added / seconds["decode"], BOUND, microseconds=added * 1e6)


def wsgi_app(_: Any, start_response: Any) -> list[bytes]:
    """Does nothing."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


async def asgi_app(_: Any, __: Any, send: Any) -> None:
    """Does nothing."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def _each(call: Callable[[Any, Any], None], app: Any, requests: list[Any]) -> float:
    return each_fresh(partial(call, app), requests * (CALLS // len(requests)), _fresh)


def _call_wsgi(app: Any, environ: Any) -> None:
    for _ in app(environ, _started):
        pass


def _started(*_: object) -> None:
    """The work of a server's start_response is not ours."""


def _call_asgi(app: Any, scope: Any) -> None:
    call: Coroutine[Any, Any, None] = app(scope, None, _sent)
    try:
        call.send(None)
    except StopIteration:
        return
    raise AssertionError("a cached session must not wait")


async def _sent(_: Any) -> None:
    """The work of a server's send is not ours."""


def cookies_of(grant: Grant) -> str:
    """The Cookie header of a browser that is signed in."""
    tokens = {
        "access": grant.access_token,
        "refresh": grant.refresh_token,
        "device": grant.device_token,
    }
    return "; ".join(f"__Host-devsess-{name}={token}" for name, token in tokens.items())


def _environ(headers: Headers) -> dict[str, Any]:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers}
    return {
        **environ,
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "198.18.0.1",
        "wsgi.url_scheme": "https",
    }


def _scope(headers: Headers) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "client": ("198.18.0.1", 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }


def _fresh(request: dict[str, Any]) -> dict[str, Any]:
    """The same request as a server makes it: every text in a new string."""
    return {
        key: fresh_copy(value) if isinstance(value, str) else value
        for key, value in request.items()
    }
