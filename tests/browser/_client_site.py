"""A site whose pages use the module for browsers, and whose answers a test may lose on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from devsess import SessionManager, browser
from devsess.adapters.wsgi import Current, SessionMiddleware
from devsess.cli._serving import LocalServer
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
POLICY = "default-src 'none'; script-src 'self'; connect-src *"
PAGE = """<!doctype html><html lang="en"><head><title>A page</title>
<link rel="modulepreload" id="devsess" href="{script}">
<script type="module" src="{page}"></script></head><body><h1>A page</h1></body></html>"""
SCRIPT = """
import {{ RenewalError, SessionClient }} from "{script}";
const bearer = location.search === "?bearer";
const client = new SessionClient({{ endpoints: "/auth", bearer }});
const events = [];
const types = ["ended", "signout", "switched"];
for (const type of types) client.addEventListener(type, () => events.push(type));
client.addEventListener("stepup", (event) => {{
  events.push(`stepup ${{event.maxAge}} ${{event.acrValues}}`);
  const prove = () => client.exchange("/prove", {{ method: "POST" }}).then((it) => it.ok);
  event.answer(window.proves === true ? prove() : window.proves ?? false);
}});
const told = (error) => `${{error.name}} ${{error.status}}`;
const status = (asked) => asked.then((it) => it.status, told);
Object.assign(window, {{
  client, events,
  signIn: () => status(client.exchange(`/sign-in${{location.search}}`, {{ method: "POST" }})),
  ask: (path = "/me", init) => status(client.fetch(path, init)),
  text: (path, init) => client.fetch(path, init).then((it) => it.text()),
  signOut: (options) => client.signOut(options).then(() => true, told),
}});
"""

Answer = tuple[int, list[tuple[str, str]], bytes]
Fault = Callable[[Answer], Answer]


class Site:
    """The app, with a count of its requests, and what happens to the next answers of a path."""

    def __init__(self, origin: str | None = None, accounts: int = 1) -> None:
        self.clock = FakeClock()
        self.sessions = SessionManager("memory://", keys=SECRET, clock=self.clock)
        self.requests: Counter[str] = Counter()
        self.faults: dict[str, list[Fault]] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.expires_in: int | None = None
        self.user = "ada"
        self.held = Event()
        self.examples = ""
        self.site = ""
        self._origin = origin
        origins = [origin] if origin else []
        self._inner = SessionMiddleware(
            self._app, self.sessions, endpoints="/auth", origins=origins, accounts=accounts
        )

    @property
    def refreshes(self) -> int:
        return self.requests["/auth/refresh"]

    def hold(self, answer: Answer) -> Answer:
        """A fault: the answer waits until the test goes on."""
        assert self.held.wait(20)
        return answer

    def _app(self, environ: Any, start_response: Any) -> list[bytes]:
        status, headers, body = self._view(environ["devsess"], environ)
        if self._origin:  # the app shares its own answers
            headers.append(("Access-Control-Allow-Origin", self._origin))
            headers.append(("Access-Control-Allow-Headers", "authorization, devsess-device"))
            headers.append(("Access-Control-Allow-Credentials", "true"))
        start_response(f"{status} Said", headers)
        return [body]

    def _view(self, current: Current, environ: Any) -> Answer:
        path, is_bearer = environ["PATH_INFO"], environ["QUERY_STRING"] == "bearer"
        if path == "/":
            headers = [("Content-Type", "text/html"), ("Content-Security-Policy", POLICY)]
            page = "/examples.js" if environ["QUERY_STRING"] == "examples" else "/page.js"
            text = PAGE.format(script=browser.path("/auth"), page=page)
            return 200, headers, text.encode()
        if path in ("/page.js", "/examples.js"):
            text = self.examples
            if path == "/page.js":
                text = SCRIPT.format(script=browser.path("/auth"))
            return 200, [("Content-Type", "text/javascript")], text.encode()
        if path == "/favicon.ico" or environ["REQUEST_METHOD"] == "OPTIONS":
            return 204, [], b""
        if path == "/elsewhere":
            headers = [("Content-Type", "text/html"), ("Content-Security-Policy", POLICY)]
            return 200, headers, b"<!doctype html><title>Elsewhere</title>"
        if path == "/sign-in":
            return self._tokens(current.login(self.user, cookies=not is_bearer), is_bearer)
        session = current.require(acr="aal2" if path == "/transfer" else None)
        if path == "/prove":
            is_bearer = "HTTP_AUTHORIZATION" in environ
            return self._tokens(current.step_up(amr=("otp",), acr="aal2"), is_bearer)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return 200, [("Content-Type", "text/plain")], session.user_id.encode() + body

    def _tokens(self, grant: Any, is_bearer: bool) -> Answer:
        names = ("access_token", "refresh_token", "device_token") if is_bearer else ()
        members = {name: getattr(grant, name) for name in names}
        if self.expires_in is not None:
            members["expires_in"] = self.expires_in
        return 200, [("Content-Type", "application/json")], json.dumps(members).encode()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.requests[path] += 1
        self.headers[path] = {k: v for k, v in environ.items() if k.startswith("HTTP_")}
        said: list[Any] = []

        def noted(*given: Any) -> Callable[[bytes], object]:
            said.append(given)
            return said.append

        body = b"".join(self._inner(environ, noted))
        answer: Answer = int(said[-1][0].split()[0]), said[-1][1], body
        if self.faults.get(path):
            answer = self.faults[path].pop(0)(answer)
        status, headers, body = answer
        headers = [it for it in headers if it[0] not in ("Content-Length", "X-Lost")]
        # One byte less than is said: the browser takes it for a broken connection.
        more = 1 if ("X-Lost", "1") in answer[1] else 0
        length = [("Content-Length", str(len(body) + more))] * (status != 204)
        start_response(f"{status} Said", [*headers, *length])
        return [body]


def lost(answer: Answer) -> Answer:
    """The server has done its work, and the connection breaks; no cookie arrives either."""
    return 200, [("X-Lost", "1")], b""


def unavailable(_: Answer) -> Answer:
    """A page of a proxy."""
    return 500, [("Content-Type", "text/html")], b"<p>A page."


def refused(_: Answer) -> Answer:
    """The token is no good, whatever it is."""
    challenge = 'Bearer realm="devsess", error="invalid_token"'
    return 401, [("WWW-Authenticate", challenge)], b""


@contextmanager
def running(origin: str | None = None, accounts: int = 1) -> Iterator[Site]:
    """A site; with *origin*, one whose pages are of that origin."""
    site = Site(origin, accounts)
    with site.sessions, LocalServer(site).running() as server:
        site.site = server.site
        yield site
