"""Where pages are mounted: each framework, a proxy's prefix, alone, over either manager."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pages_site import FIREFOX, SECRET, below, on_asgi
from web._wsgi_driver import environ_of, on_wsgi

from devsess import AsyncSessionManager, Client, ConfigurationError, SessionManager
from devsess.adapters import asgi, wsgi
from devsess.web import Look, account_app
from devsess.web.headers import POLICY

AGENT = ("User-Agent", FIREFOX)


@pytest.fixture
def sessions(empty_copy: Path) -> Iterator[SessionManager]:
    with SessionManager(empty_copy, keys=SECRET) as manager:
        yield manager


def bearing(sessions: SessionManager) -> list[tuple[str, str]]:
    """The headers of a browser that is signed in."""
    grant = sessions.login("ada", Client(user_agent=FIREFOX))
    cookies = {
        "__Host-devsess-access": grant.access_token,
        "__Host-devsess-refresh": grant.refresh_token,
        "__Host-devsess-device": grant.device_token,
    }
    line = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return [AGENT, ("Cookie", line), ("Host", "app.example"), ("Accept", "text/html")]


def assert_works(send: Any, mount: str, headers: list[tuple[str, str]]) -> None:
    """A page, its stylesheet and a form are answered below *mount*, and lead there."""
    page = send("GET", f"{mount}/", headers)
    assert (200, POLICY) == (page.status_code, page.headers["content-security-policy"])
    assert "<h1>Your devices</h1>" in page.text
    style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert style.startswith(f"{mount}/static/devsess.")
    assert 200 == send("GET", style, headers).status_code
    form = [*headers, ("Sec-Fetch-Site", "same-origin")]
    device = page.text.split("/devices/")[1].split('"')[0]
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    named = send("POST", f"{mount}/devices/{device}/name", [*form, kind], b"name=Mine")
    assert 303 == named.status_code
    assert f"{mount}/devices/{device}?done=named" == named.headers["location"]
    assert "<bdi>Mine</bdi>" in send("GET", f"{mount}/", headers).text


def test_in_flask(sessions: SessionManager) -> None:
    """By a dispatcher within the app that init_app wraps."""
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    from devsess.adapters.flask import init_app

    app = Flask(__name__)
    pages = account_app(sessions)
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/account": pages.wsgi}
    )
    init_app(app, sessions)

    assert_works(lambda *it: on_wsgi(app, *it), "/account", bearing(sessions))


def test_in_fastapi(empty_copy: Path, sessions: SessionManager) -> None:
    """By mount, within add_middleware."""
    from fastapi import FastAPI

    from devsess.adapters.starlette import SessionMiddleware

    with asyncio.Runner() as runner:
        manager = AsyncSessionManager(empty_copy, keys=SECRET)
        app = FastAPI()
        app.mount("/account", account_app(manager).asgi)
        app.add_middleware(SessionMiddleware, manager=manager)

        assert_works(lambda *it: runner.run(on_asgi(app, *it)), "/account", bearing(sessions))
        runner.run(manager.close())


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_in_litestar(empty_copy: Path, sessions: SessionManager, prefix: str) -> None:
    """As a mounted app within the plugin's, also behind a proxy's prefix."""
    from litestar import Litestar
    from litestar import asgi as mounted
    from litestar.testing import TestClient

    from devsess.adapters.litestar import SessionPlugin

    manager = AsyncSessionManager(empty_copy, keys=SECRET)
    pages = mounted("/account", is_mount=True, copy_scope=True)(account_app(manager).asgi)
    bare: dict[str, Any] = {"on_shutdown": [manager.close], "logging_config": None}
    app = Litestar([pages], plugins=[SessionPlugin(manager)], **bare)
    with TestClient(app, base_url="https://app.example", root_path=prefix) as client:

        def send(method: str, path: str, headers: Any, content: bytes = b"") -> Any:
            return client.request(
                method, path, headers=dict(headers), content=content, follow_redirects=False
            )

        assert_works(send, f"{prefix}/account", bearing(sessions))
        # Litestar joins the slashes: what is no page is none either.
        nothing = send("GET", f"{prefix}/account/there//is", bearing(sessions))
        assert (404, True) == (nothing.status_code, f'href="{prefix}/account/"' in nothing.text)


@pytest.mark.parametrize("is_stripped", [True, False])
def test_behind_a_proxys_prefix(
    empty_copy: Path, sessions: SessionManager, is_stripped: bool
) -> None:
    """Links begin with the prefix, whether the proxy takes it from the path or not."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    with asyncio.Runner() as runner:
        manager = AsyncSessionManager(empty_copy, keys=SECRET)
        app = Starlette(routes=[Mount("/account", account_app(manager).asgi)])
        served = asgi.SessionMiddleware(app, manager)

        async def behind(scope: Any, receive: Any, send: Any) -> None:
            path = scope["path"].removeprefix("/api") if is_stripped else scope["path"]
            await served({**scope, "root_path": "/api", "path": path}, receive, send)

        assert_works(
            lambda *it: runner.run(on_asgi(behind, *it)), "/api/account", bearing(sessions)
        )
        runner.run(manager.close())


def test_alone_on_wsgi(sessions: SessionManager) -> None:
    """Without a middleware the pages bring one."""
    pages = account_app(sessions)

    assert_works(lambda *it: on_wsgi(pages.wsgi, *it), "", bearing(sessions))


def test_alone_over_a_blocking_manager_on_asgi(sessions: SessionManager) -> None:
    """The work is done in a thread."""
    pages = account_app(sessions)
    with asyncio.Runner() as runner:
        assert_works(lambda *it: runner.run(on_asgi(pages.asgi, *it)), "", bearing(sessions))


def test_alone_signed_out(sessions: SessionManager) -> None:
    """A browser is sent to the sign-in page of the site, and an expired cookie renews itself."""
    pages = account_app(sessions, login_url="/login")
    mounted = {**environ_of("GET", "/"), "SCRIPT_NAME": "/account"}
    started: list[Any] = []
    pages.wsgi(mounted, lambda *it: started.extend(it))  # type: ignore[arg-type]
    assert "303 See Other" == started[0]
    assert ("Location", "/login?return_to=/account/") in started[1]

    headers = bearing(sessions)
    name, line = headers[1]
    headers[1] = name, line.partition("; ")[2]
    answer = on_wsgi(pages.wsgi, "GET", "/", headers)
    assert 200 == answer.status_code
    assert 2 <= len(answer.headers.get_list("set-cookie"))
    assert "no-store" == answer.headers["cache-control"]


def test_alone_another_site_is_refused_by_a_page(sessions: SessionManager) -> None:
    """A forged form is answered by a page, as everything is."""
    pages = account_app(sessions)
    headers = [*bearing(sessions), ("Sec-Fetch-Site", "cross-site")]
    answer = on_wsgi(pages.wsgi, "POST", "/sign-out-others", headers)

    assert (403, True) == (answer.status_code, "<h1>This was not done</h1>" in answer.text)


def test_django_urls(tmp_path: Path) -> None:
    """By include, with the middleware and without it."""
    script = Path(__file__).with_name("_django_pages.py")
    for wrapped in ("wrapped", "alone"):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script), wrapped, str(tmp_path / wrapped)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (0, "works\n") == (done.returncode, done.stdout), done.stderr


def test_a_manager_that_is_awaited_has_no_wsgi_face() -> None:
    """It says which face to take."""
    manager = AsyncSessionManager("memory://", keys=SECRET)
    with pytest.raises(ConfigurationError, match=r"\.asgi"):
        account_app(manager).wsgi(environ_of("GET", "/"), lambda *_: print)


def test_two_managers_are_not_mixed(sessions: SessionManager) -> None:
    """Blocking pages within an awaited middleware are refused."""
    manager = AsyncSessionManager("memory://", keys=SECRET)
    app = asgi.SessionMiddleware(below(None, account_app(sessions).asgi), manager)
    with asyncio.Runner() as runner, pytest.raises(ConfigurationError, match="AsyncSession"):
        runner.run(on_asgi(app, "GET", "/account/"))


@pytest.mark.parametrize("manager", [None, "x", object()])
def test_a_manager_is_needed(manager: Any) -> None:
    """Anything else is refused at once."""
    with pytest.raises(ConfigurationError, match="SessionManager"):
        account_app(manager)


@pytest.mark.parametrize(
    "options",
    [
        {"login_url": "https://elsewhere.example/"},
        {"step_up_url": "//elsewhere.example"},
        {"password_url": "javascript:alert(1)"},
    ],
)
def test_links_stay_on_this_site(sessions: SessionManager, options: Any) -> None:
    """A page of another site is refused at once, by its option's name."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        account_app(sessions, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"stylesheets": "/my.css"},
        {"stylesheets": ["https://cdn.example/my.css"]},
    ],
)
def test_a_look_that_cannot_work_is_refused(options: Any) -> None:
    """By its option's name."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Look(**options)


def test_a_lifespan_is_answered(sessions: SessionManager) -> None:
    """A server that serves the pages alone may ask whether they have begun; no socket opens."""
    pages = account_app(sessions)
    sent: list[str] = []
    came = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(came)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def both() -> None:
        await pages.asgi({"type": "lifespan"}, receive, send)
        await pages.asgi({"type": "websocket"}, receive, send)

    asyncio.run(both())
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"] == sent


def test_a_part_stands_in_the_apps_own_page(sessions: SessionManager) -> None:
    """The rows alone, whose links lead to the pages."""
    pages = account_app(sessions)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        parts = [pages.part(it, environ, mount="/account") for it in ("devices", "history")]
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return ["<hr>".join(parts).encode()]

    wrapped = wsgi.SessionMiddleware(app, sessions)
    answer = on_wsgi(wrapped, "GET", "/mine?after=x", bearing(sessions))
    assert "<ul" in answer.text
    assert "<html" not in answer.text
    assert 'href="/account/devices/' in answer.text
    assert "Signed in from a new device" in answer.text
    with pytest.raises(ConfigurationError, match="SessionMiddleware"):
        pages.part("devices", environ_of("GET", "/"), mount="/account")
    assert 401 == on_wsgi(wrapped, "GET", "/mine", [AGENT]).status_code


def test_a_part_in_django_on_asgi(sessions: SessionManager) -> None:
    """What it has of a request is no scope, and lacks what only a WSGI server says."""
    pages = account_app(sessions)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        meta = {name: it for name, it in environ.items() if not name.startswith("wsgi.")}
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [pages.part("devices", meta, mount="/account").encode()]

    answer = on_wsgi(wsgi.SessionMiddleware(app, sessions), "GET", "/mine", bearing(sessions))
    assert 'href="/account/devices/' in answer.text


def test_an_awaited_part(empty_copy: Path, sessions: SessionManager) -> None:
    """The same of an ASGI scope."""
    with asyncio.Runner() as runner:
        manager = AsyncSessionManager(empty_copy, keys=SECRET)
        pages = account_app(manager)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            part = await pages.part_async("devices", scope, mount="/account")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": part.encode()})

        wrapped = asgi.SessionMiddleware(app, manager)
        answer = runner.run(on_asgi(wrapped, "GET", "/mine", bearing(sessions)))
        assert 'href="/account/devices/' in answer.text
        runner.run(manager.close())


def test_templates_are_taken_over_one_by_one(sessions: SessionManager, tmp_path: Path) -> None:
    """An application's template comes first, and may extend ours; escaping stays on."""
    (tmp_path / "base.html").write_text(
        '{% extends "devsess/base.html" %}'
        "{% block header %}<nav>{{ look.name }}</nav>{% endblock %}"
    )
    look = Look(name="<Acme>", templates=tmp_path, stylesheets=["/acme.css"])
    page = on_wsgi(account_app(sessions, look=look).wsgi, "GET", "/", bearing(sessions)).text

    assert "<nav>&lt;Acme&gt;</nav>" in page
    assert "<h1>Your devices</h1>" in page
    assert page.index("devsess.") < page.index('<link rel="stylesheet" href="/acme.css">')


def test_without_jinja_the_extra_is_named() -> None:
    """The error says what to install; devsess itself needs none of it."""
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "import devsess\n"
        "try: import devsess.web\n"
        "except devsess.ConfigurationError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the pages need Jinja2: install devsess[web]\n" == done.stdout


def test_devsess_imports_no_templates() -> None:
    """A program without pages does not load their engine."""
    code = "import devsess, devsess.adapters.wsgi, sys; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False\n" == done.stdout
