"""A server of bearer tokens over real sockets, whose answers a test may lose on the way."""

from __future__ import annotations

import json
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from devsess import SessionManager
from devsess.adapters.wsgi import Current, SessionMiddleware
from devsess.cli._serving import LocalServer
from devsess.client import FileStore, MemoryStore, SessionAuth, Tokens
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HOUR = 3600.0
# Beyond the life of an access token.
LATER = 1000.0
# For clients that speak plain HTTP: to read the list of all authorities takes each a while.
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Answer = tuple[int, list[tuple[str, str]], bytes]
# Called with the server's answer once the server has done its work.
Fault = Callable[[Answer], Answer]


def json_answer(status: int, members: object) -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps(members).encode()


def page(status: int) -> Fault:
    """An HTML page of a proxy in place of each answer."""
    return lambda _: (status, [("Content-Type", "text/html")], b"<p>A page.")


def members_of(grant: Any) -> dict[str, object]:
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "device_token": grant.device_token,
        "expires_in": grant.expires_in,
    }


def app(environ: Any, start_response: Any) -> list[bytes]:
    status, headers, body = _view(environ["devsess"], environ)
    start_response(f"{status} Said", headers)
    return [body]


def _view(current: Current, environ: Any) -> Answer:
    path = environ["PATH_INFO"]
    if path == "/sign-in":
        return json_answer(200, members_of(current.login("ada", cookies=False)))
    if path == "/wrong-password":
        return json_answer(401, {"detail": "Wrong password."})
    session = current.require(acr="aal2" if path == "/transfer" else None)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if path == "/prove":
        if b"123456" not in body:
            return json_answer(403, {"detail": "Wrong code."})
        grant = current.step_up(amr=("otp",), acr="aal2")
        return json_answer(200, members_of(grant))
    return json_answer(200, {"user": session.user_id, "body": body.decode()})


class Service:
    """
    The server.

    Attributes:
        sessions: Its manager, over a clock of its own.
        requests: How often each path was asked for.
        faults: Applied to the next answers of a path, in order.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sessions = SessionManager("memory://", keys=SECRET, clock=self.clock)
        self.requests: Counter[str] = Counter()
        self.faults: dict[str, list[Fault]] = {}
        self.headers: list[dict[str, str]] = []
        self._inner = SessionMiddleware(app, self.sessions, endpoints="/auth")
        self.site = ""

    @property
    def endpoints(self) -> str:
        return f"{self.site}/auth"

    @property
    def refreshes(self) -> int:
        return self.requests["/auth/refresh"]

    def fail(self, *faults: Fault, path: str = "/auth/refresh") -> None:
        self.faults[path] = [*faults]

    def auth(self, store: Any = None, **options: Any) -> SessionAuth:
        return SessionAuth(self.endpoints, store or MemoryStore(self.tokens()), **options)

    def tokens(self) -> Tokens:
        """Those of a new sign-in."""
        return Tokens().followed_by(self.sign_in(), 2e9)

    def sign_in(self) -> dict[str, object]:
        """The members of its answer."""
        members: dict[str, object] = httpx.post(f"{self.site}/sign-in", verify=NOBODY).json()
        return members

    def signed_in(self, path: Any) -> FileStore:
        store = FileStore(path)
        store.save(self.tokens())
        return store

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.requests[path] += 1
        self.headers.append({k: v for k, v in environ.items() if k.startswith("HTTP_")})
        said: list[Any] = []

        def noted(*given: Any) -> Callable[[bytes], object]:
            said.append(given)
            return said.append

        parts = self._inner(environ, noted)
        body = b"".join(parts)
        status, headers = said[-1][:2]
        answer: Answer = int(status.split()[0]), headers, body
        if self.faults.get(path):
            answer = self.faults[path].pop(0)(answer)
        status_code, headers, body = answer
        headers = [each for each in headers if each[0] != "Content-Length"]
        length = [("Content-Length", str(len(body)))] * (status_code != 204)
        start_response(f"{status_code} Said", [*headers, *length])
        return [body]


@contextmanager
def running() -> Iterator[Service]:
    service = Service()
    with service.sessions, LocalServer(service).running() as server:
        service.site = server.site
        yield service


def client(service: Service, auth: SessionAuth, **options: Any) -> httpx.Client:
    return httpx.Client(auth=auth, base_url=service.site, verify=NOBODY, **options)
