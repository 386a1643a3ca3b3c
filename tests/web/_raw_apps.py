"""One small app, raw on WSGI and raw on ASGI: what frameworks add is not tested here."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from attrs import frozen

from devsess import InvalidSessionError


@frozen
class Said:
    """What a view answers."""

    body: str = "{}"
    kind: str = "application/json"
    status: int = 200
    accept_ch: str | None = None
    more: Mapping[str, str] = {"Cache-Control": "public, max-age=60"}

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.more) | ({"Accept-CH": self.accept_ch} if self.accept_ch else {})


async def done(answer: Any) -> Any:
    """The same views for both: on ASGI the methods are awaited."""
    return await answer if inspect.isawaitable(answer) else answer


async def home(current: Any, _: Any, __: Any) -> Said:
    who = current.session.user_id if current.session else "stranger"
    return Said(f"<p>hello {who}", "text/html; charset=utf-8", accept_ch="DPR")


async def me(current: Any, _: Any, __: Any) -> Said:
    return Said(json.dumps({"user": (await done(current.require())).user_id}))


async def login(current: Any, query: dict[str, list[str]], now: Callable[[], float]) -> Said:
    """The tokens are for programs."""
    ago = float(query.get("ago", ["0"])[0])
    options = {"persistent": "persistent" in query, "auth_time": now() - ago, "acr": "aal1"}
    options["cookies"] = "bare" not in query
    grant = await done(current.login(query["user"][0], **options))
    tokens = ("access_token", "refresh_token", "device_token")
    return Said(json.dumps({name: getattr(grant, name) for name in tokens}))


async def logout(current: Any, query: dict[str, list[str]], __: Any) -> Said:
    await done(current.logout(forget_device="forget" in query))
    return Said()


async def change(current: Any, _: Any, __: Any) -> Said:
    await done(current.require(max_auth_age=300))
    return Said()


async def strong(current: Any, _: Any, __: Any) -> Said:
    await done(current.require(acr="aal2"))
    return Said()


async def step_up(current: Any, _: Any, __: Any) -> Said:
    await done(current.step_up(amr=("otp",), acr="aal2"))
    return Said()


async def slow(current: Any, _: Any, __: Any) -> Said:
    """Other requests are answered while this one is."""
    await done(current.require())
    Meanwhile.deed()
    return Said()


class Meanwhile:
    """What happens while a slow request is answered."""

    deed: Callable[[], object] = staticmethod(lambda: None)


async def caught(current: Any, query: dict[str, list[str]], __: Any) -> Said:
    """What was refused, and done without, or done about it, is no reason for a 500."""
    with suppress(InvalidSessionError):
        await done(current.require())
    if "user" in query:
        await done(current.login(query["user"][0]))
    return Said("the app's own fault", "text/plain", 500)


async def extend(current: Any, _: Any, __: Any) -> Said:
    await done(current.extend(3600))
    return Said()


async def client(current: Any, _: Any, __: Any) -> Said:
    return Said(json.dumps([current.client.ip, current.client.headers]))


async def swallow(current: Any, _: Any, __: Any) -> Said:
    try:
        await done(current.require())
    except Exception:  # noqa: BLE001 - as frameworks do
        return Said("a framework hid it", "text/plain", 500)
    return Said()


async def broken(current: Any, _: Any, __: Any) -> Said:
    return Said("the app's own fault", "text/plain", 500)


async def unmarked(current: Any, query: dict[str, list[str]], _: Any) -> Said:
    """Nothing is said of caching."""
    if "look" in query:
        assert current.session is None or current.session.user_id
    return Said(more={})


async def refused_and_shared(current: Any, _: Any, __: Any) -> Said:
    """An app that answers a refusal itself, with headers of its own."""
    try:
        await done(current.require())
    except InvalidSessionError as error:
        answer = current.answer_to(error)
        shared = {"Access-Control-Allow-Origin": "https://www.app.example"}
        return Said(answer.body.decode(), "application/problem+json", answer.status, more=shared)
    return Said()


VIEWS = {
    "/unmarked": unmarked,
    "/refused-and-shared": refused_and_shared,
    "/": home,
    "/me": me,
    "/login": login,
    "/logout": logout,
    "/change": change,
    "/strong": strong,
    "/step-up": step_up,
    "/extend": extend,
    "/slow": slow,
    "/caught": caught,
    "/café": me,
    "/client": client,
    "/swallow": swallow,
    "/broken": broken,
}


async def nothing(_: Any, __: Any, ___: Any) -> Said:
    return Said("the app's own 404", "text/plain", 404)


def view_at(path: str) -> Any:
    return VIEWS.get(path, nothing)


def wsgi_app(now: Callable[[], float]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        query = parse_qs(environ["QUERY_STRING"], True)
        path = environ["PATH_INFO"].encode("latin-1").decode()
        said = at_once(view_at(path)(environ["devsess"], query, now))
        headers = [("Content-Type", said.kind), *said.headers.items()]
        start_response(f"{said.status} {HTTPStatus(said.status).phrase}", headers)
        return [said.body.encode()]

    return app


def at_once(view: Any) -> Said:
    """The answer of a coroutine that waits for nothing."""
    try:
        view.send(None)
    except StopIteration as stop:
        answer: Said = stop.value
        return answer
    raise AssertionError("a blocking method was awaited")


def asgi_app(now: Callable[[], float]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        query = parse_qs(scope["query_string"].decode(), True)
        said = await view_at(scope["path"])(scope["devsess"], query, now)
        told = {"content-type": said.kind, **said.headers}
        headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": said.status, "headers": headers})
        await send({"type": "http.response.body", "body": said.body.encode()})

    return app


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
