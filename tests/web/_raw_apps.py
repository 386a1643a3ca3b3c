"""One small app on bare WSGI and bare ASGI, without a framework."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from attrs import frozen

from devsess import InvalidSessionError


@frozen
class Answer:
    """The answer of a view."""

    body: str = "{}"
    kind: str = "application/json"
    status: int = 200
    accept_ch: str | None = None
    more: Mapping[str, str] = {"Cache-Control": "public, max-age=60"}

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.more) | ({"Accept-CH": self.accept_ch} if self.accept_ch else {})


async def done(answer: Any) -> Any:
    """The result of *answer*, awaited on ASGI: both kinds of app share these views."""
    return await answer if inspect.isawaitable(answer) else answer


async def home(current: Any, _: Any, __: Any) -> Answer:
    user = current.session.user_id if current.session else "stranger"
    return Answer(f"<p>hello {user}", "text/html; charset=utf-8", accept_ch="DPR")


async def me(current: Any, _: Any, __: Any) -> Answer:
    return Answer(json.dumps({"user": (await done(current.require())).user_id}))


async def login(current: Any, query: dict[str, list[str]], now: Callable[[], float]) -> Answer:
    """The tokens are for programs."""
    ago = float(query.get("ago", ["0"])[0])
    options = {"persistent": "persistent" in query, "auth_time": now() - ago, "acr": "aal1"}
    options |= {"cookies": "bare" not in query, "lifetime": float(query.get("life", ["9e8"])[0])}
    if "provider" in query:
        options["provider"] = query["provider"][0]
    grant = await done(current.login(query["user"][0], **options))
    tokens = ("access_token", "refresh_token", "device_token")
    return Answer(json.dumps({name: getattr(grant, name) for name in tokens}))


async def logout(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    await done(current.logout(forget_device="forget" in query, all_accounts="all" in query))
    return Answer()


async def login_both(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    for user in query["user"]:
        await done(current.login(user))
    return Answer()


async def many(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    """Each `act=name:argument` in turn; the accounts after each, or None where it was refused."""
    found: list[Any] = []
    for name, _, argument in (it.partition(":") for it in query["act"]):
        try:
            await done(_ACTS[name](current, argument))
        except InvalidSessionError:
            found.append(None)
        else:
            after = await done(current.accounts())
            found.append([[it.slot, it.session.user_id, it.is_current] for it in after])
    return Answer(json.dumps(found))


_ACTS: dict[str, Callable[[Any, str], Any]] = {
    "login": lambda current, user: current.login(user, persistent=True),
    "switch": lambda current, slot: current.switch(int(slot)),
    "logout": lambda current, _: current.logout(),
    "all": lambda current, _: current.logout(all_accounts=True),
    "forget": lambda current, _: current.logout(forget_device=True),
    "step_up": lambda current, _: current.step_up(amr=("otp",), acr="aal2"),
}


async def accounts(current: Any, _: Any, __: Any) -> Answer:
    found = await done(current.accounts())
    return Answer(json.dumps([[it.slot, it.session.user_id, it.is_current] for it in found]))


async def switch(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    session = await done(current.switch(int(query["slot"][0])))
    body = json.dumps({"user": session.user_id})
    return Answer(body, status=int(query.get("status", ["200"])[0]))


async def change(current: Any, _: Any, __: Any) -> Answer:
    await done(current.require(max_auth_age=300))
    return Answer()


async def strong(current: Any, _: Any, __: Any) -> Answer:
    await done(current.require(acr="aal2"))
    return Answer()


async def senior(current: Any, _: Any, __: Any) -> Answer:
    await done(current.require_seniority())
    return Answer()


async def collect(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    grant = await done(current.collect(query["token"][0], cookies="bare" not in query))
    return Answer(json.dumps({"access_token": grant.access_token}))


async def step_up(current: Any, _: Any, __: Any) -> Answer:
    await done(current.step_up(amr=("otp",), acr="aal2"))
    return Answer()


async def slow(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    """The action of `Meanwhile` takes place before this request is answered."""
    if "step-up" in query:
        await step_up(current, query, None)
    elif "logout" in query:
        await logout(current, query, None)
        if "again" in query:
            await done(current.logout())
    else:
        await done(current.require())
    Meanwhile.action()
    return Answer()


class Meanwhile:
    """The action that takes place while a slow request is answered."""

    action: Callable[[], object] = staticmethod(lambda: None)


async def caught(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
    """A refusal that the view catches, and may follow with a sign-in, causes no 500 of its own."""
    with suppress(InvalidSessionError):
        await done(current.require())
    if "user" in query:
        await done(current.login(query["user"][0]))
    return Answer("the app's own fault", "text/plain", 500)


async def extend(current: Any, _: Any, __: Any) -> Answer:
    await done(current.extend(3600))
    return Answer()


async def client(current: Any, _: Any, __: Any) -> Answer:
    return Answer(json.dumps([current.client.ip, current.client.headers]))


async def swallow(current: Any, _: Any, __: Any) -> Answer:
    try:
        await done(current.require())
    except Exception:  # noqa: BLE001 - as frameworks do
        return Answer("a framework hid it", "text/plain", 500)
    return Answer()


async def handled(current: Any, _: Any, __: Any) -> Answer:
    """A refusal that the view handles, and then a fault of its own."""
    with suppress(InvalidSessionError):
        await done(current.require())
    raise ZeroDivisionError


async def broken(current: Any, _: Any, __: Any) -> Answer:
    return Answer("the app's own fault", "text/plain", 500)


async def unmarked(current: Any, query: dict[str, list[str]], _: Any) -> Answer:
    """The answer has no header about caching."""
    if "look" in query:
        assert current.session is None or current.session.user_id
    return Answer(more={})


async def refused_and_shared(current: Any, _: Any, __: Any) -> Answer:
    """An app that answers a refusal itself, with headers of its own."""
    try:
        await done(current.require())
    except InvalidSessionError as error:
        answer = current.answer_to(error)
        shared = {"Access-Control-Allow-Origin": "https://www.app.example"}
        shared |= {"Access-Control-Expose-Headers": "X-Own"}
        return Answer(answer.body.decode(), "application/problem+json", answer.status, more=shared)
    return Answer()


VIEWS = {
    "/unmarked": unmarked,
    "/refused-and-shared": refused_and_shared,
    "/": home,
    "/me": me,
    "/login": login,
    "/logout": logout,
    "/login-both": login_both,
    "/many": many,
    "/accounts": accounts,
    "/switch": switch,
    "/change": change,
    "/strong": strong,
    "/senior": senior,
    "/collect": collect,
    "/step-up": step_up,
    "/extend": extend,
    "/slow": slow,
    "/caught": caught,
    "/café": me,
    "/client": client,
    "/handled": handled,
    "/swallow": swallow,
    "/broken": broken,
}


@contextmanager
def served(path: str, view: Callable[..., Any]) -> Iterator[None]:
    """A view that one test needs."""
    VIEWS[path] = view
    try:
        yield
    finally:
        del VIEWS[path]


async def nothing(_: Any, __: Any, ___: Any) -> Answer:
    return Answer("the app's own 404", "text/plain", 404)


def view_at(path: str) -> Any:
    return VIEWS.get(path, nothing)


def wsgi_app(now: Callable[[], float]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        query = parse_qs(environ["QUERY_STRING"], True)
        path = environ["PATH_INFO"].encode("latin-1").decode()
        answer = at_once(view_at(path)(environ["devsess"], query, now))
        headers = [("Content-Type", answer.kind), *answer.headers.items()]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [answer.body.encode()]

    return app


def at_once(view: Any) -> Answer:
    """The answer of a coroutine that waits for nothing."""
    try:
        view.send(None)
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer
    raise AssertionError("a blocking method was awaited")


def asgi_app(now: Callable[[], float]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        query = parse_qs(scope["query_string"].decode(), True)
        answer = await view_at(scope["path"])(scope["devsess"], query, now)
        named = {"content-type": answer.kind, **answer.headers}
        headers = [(name.lower().encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body.encode()})

    return app


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
