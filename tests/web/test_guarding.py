"""A FastAPI route that somebody meant to guard is guarded, or cannot be declared."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import fastapi
import httpx
import pytest
from _browser import ACCESS
from _one_request import SECRET, answer_to_one
from asgiref.testing import ApplicationCommunicator
from fastapi import Depends, FastAPI, Security

from devsess import AsyncSessionManager, Session
from devsess.adapters import starlette as devsess_starlette
from devsess.adapters.starlette import AsyncCurrent, SessionMiddleware, current_session

require: Any = devsess_starlette.require


def annotated_bare(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Annotated[Session, Depends(require)]) -> str:
        return session.user_id


def annotated_called(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Annotated[Session, Depends(require())]) -> str:
        return session.user_id


def default_bare(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Session = Depends(require)) -> str:  # noqa: B008 - as people write it
        return session.user_id


def listed_bare(app: FastAPI) -> None:
    @app.get("/", dependencies=[Depends(require)])
    async def view() -> str:
        return "ada"


def security_bare(app: FastAPI) -> None:
    @app.get("/", dependencies=[Security(require, scopes=["all"])])
    async def view() -> str:
        return "ada"


def in_a_plain_view(app: FastAPI) -> None:
    @app.get("/")
    def view(session: Annotated[Session, Depends(require)]) -> str:
        return session.user_id


def of_a_router(app: FastAPI) -> None:
    router = fastapi.APIRouter(dependencies=[Depends(require)])
    router.get("/")(lambda: "ada")
    app.include_router(router)


def below_another(app: FastAPI) -> None:
    def name(session: Annotated[Session, Depends(require)]) -> str:
        return session.user_id

    @app.get("/")
    async def view(name: str = Depends(name)) -> str:
        return name


def not_awaited(app: FastAPI) -> None:
    @app.get("/")
    async def view(current: Annotated[AsyncCurrent, Depends(current_session)]) -> str:
        current.require()  # type: ignore[unused-coroutine]
        return "ada"


def called_in_the_view(app: FastAPI) -> None:
    @app.get("/")
    async def view() -> str:
        require()
        return "ada"


def called_in_a_plain_view(app: FastAPI) -> None:
    @app.get("/")
    def view() -> str:
        require(max_auth_age=8 * 86_400)
        return "ada"


def called_in_a_thread(app: FastAPI) -> None:
    @app.get("/")
    async def view() -> str:
        await asyncio.to_thread(require)
        return "ada"


def called_in_a_dependency(app: FastAPI) -> None:
    @app.get("/", dependencies=[Depends(lambda: require())])
    async def view() -> str:
        return "ada"


def called_before_a_yield(app: FastAPI) -> None:
    async def opened() -> Any:
        require()
        yield

    @app.get("/", dependencies=[Depends(opened)])
    async def view() -> str:
        return "ada"


def called_and_used(app: FastAPI) -> None:
    @app.get("/")
    async def view(request: fastapi.Request) -> str:
        session: Session = await require(max_auth_age=8 * 86_400)(request)
        return session.user_id


def called_with_the_request(app: FastAPI) -> None:
    @app.get("/")
    async def view(request: fastapi.Request) -> str:
        require(request).close()
        return "ada"


def a_partial(app: FastAPI) -> None:
    @app.get("/", dependencies=[Depends(functools.partial(require))])
    async def view() -> str:
        return "ada"


# Guards that FastAPI's document cannot show.
CALLS = [
    called_in_the_view,
    called_in_a_plain_view,
    called_in_a_thread,
    called_in_a_dependency,
    called_before_a_yield,
    called_and_used,
    called_with_the_request,
    a_partial,
]
GUARDS = [
    annotated_bare,
    annotated_called,
    default_bare,
    listed_bare,
    security_bare,
    in_a_plain_view,
    of_a_router,
    below_another,
]


def wrapped(declare: Callable[[FastAPI], None], sessions: AsyncSessionManager) -> FastAPI:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, manager=sessions)
    declare(app)
    return app


@pytest.mark.parametrize("declare", [*GUARDS, *CALLS])
@pytest.mark.parametrize(("user", "status"), [(None, 401), ("ada", 200)])
def test_fastapi_routes_are_guarded(
    tmp_path: Path, declare: Any, user: str | None, status: int
) -> None:
    """With parentheses or without, in each place where FastAPI takes a dependency."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
    answer = answer_to_one(wrapped(declare, sessions), sessions, user=user)
    assert status == answer.status_code
    if user:
        assert user == answer.json()


@pytest.mark.parametrize("guard", [require, require(), require(max_auth_age=60)])
def test_websocket_routes_are_guarded(tmp_path: Path, guard: Any) -> None:
    """A dependency refuses before the connection opens."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)

    def declare(app: FastAPI) -> None:
        @app.websocket("/")
        async def view(socket: fastapi.WebSocket, session: Any = Depends(guard)) -> None:  # noqa: B008
            await socket.accept()
            await socket.send_text(session.user_id)

    async def handshake(token: str | None) -> list[str]:
        bearer = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        scope = {
            "type": "websocket",
            "path": "/",
            "query_string": b"",
            "headers": [(b"origin", b"https://evil.example"), *bearer],
        }
        talk = ApplicationCommunicator(wrapped(declare, sessions), scope)
        await talk.send_input({"type": "websocket.connect"})
        first = await talk.receive_output()
        second = await talk.receive_output() if first["type"] == "websocket.accept" else {}
        return [first["type"], second.get("text", "")]

    async def scenario() -> None:
        async with sessions:
            token = (await sessions.login("ada")).access_token
            assert ["websocket.accept", "ada"] == await handshake(token)
            assert ["websocket.close", ""] == await handshake("nonsense")
            assert ["websocket.close", ""] == await handshake(None)

    asyncio.run(scenario())


@pytest.mark.parametrize("query", ["?max_auth_age=999999", "?acr=", "?connection=x"])
def test_no_request_chooses_how_it_is_guarded(tmp_path: Path, query: str) -> None:
    """The bare form's arguments are no parameters of the route."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
    app = wrapped(annotated_bare, sessions)
    assert 401 == answer_to_one(app, sessions, user=None, path=f"/{query}").status_code
    assert [] == app.openapi()["paths"]["/"]["get"].get("parameters", [])


@pytest.mark.parametrize(("age", "status"), [(60, 401), (8 * 86_400, 200)])
def test_an_age_in_parentheses_is_asked_for(tmp_path: Path, age: int, status: int) -> None:
    """The age in the parentheses is required."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)

    def declare(app: FastAPI) -> None:
        app.get("/", dependencies=[Depends(require(max_auth_age=age))])(lambda: "ada")

    assert status == answer_to_one(wrapped(declare, sessions), sessions, user="ada").status_code


def test_an_age_that_a_view_asks_for_holds(tmp_path: Path) -> None:
    """A guard that a view calls holds as one that the route declares."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)

    def declare(app: FastAPI) -> None:
        app.get("/")(lambda: str(require(max_auth_age=60)))

    answer = answer_to_one(wrapped(declare, sessions), sessions, user="ada")
    assert "insufficient_user_authentication" in answer.headers["www-authenticate"]


def test_once_a_request_is_over_guards_are_declared_again(tmp_path: Path) -> None:
    """The middleware leaves nothing behind in the task that served the request."""

    async def scenario() -> None:
        async with AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET) as sessions:
            transport = httpx.ASGITransport(wrapped(annotated_bare, sessions))
            async with httpx.AsyncClient(transport=transport) as client:
                assert 401 == (await client.get("https://app.example/")).status_code
            require(acr="aal2")

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_forgotten_await_guards_all_the_same(tmp_path: Path) -> None:
    """A request without a session is refused at the call, before the await."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
    assert 401 == answer_to_one(wrapped(not_awaited, sessions), sessions, user=None).status_code


@pytest.mark.parametrize("declare", GUARDS)
def test_fastapi_describes_how_its_clients_sign_in(tmp_path: Path, declare: Any) -> None:
    """Each guarded route names both ways, and the document says what they are."""
    app = FastAPI()
    declare(app)
    document = app.openapi()
    named = document["paths"]["/"]["get"]["security"]
    assert {"bearer", "cookie"} == {name for each in named for name in each}
    schemes = document["components"]["securitySchemes"]
    assert {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"} == schemes["bearer"]
    assert {"type": "apiKey", "in": "cookie", "name": ACCESS} == schemes["cookie"]


def test_starlette_needs_no_fastapi() -> None:
    """Without it nothing is described, and guards guard."""
    script = """
import asyncio, sys
sys.modules["fastapi"] = None
from starlette.requests import HTTPConnection
from devsess import BadTokenError
from devsess.adapters.starlette import require
class Refuses:
    def check(self, _): raise BadTokenError("no session")
connection = HTTPConnection({"type": "http", "headers": [], "devsess": Refuses()})
for guard in (require, require(), require(max_auth_age=300)):
    try:
        asyncio.run(guard(connection))
    except BadTokenError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert 3 * b"refused\n" == done.stdout.replace(b"\r", b"")
