"""A view that somebody meant to guard is guarded, or cannot be declared."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import fastapi
import flask
import flask.views
import httpx
import pytest
from _browser import ACCESS
from _wsgi_driver import on_wsgi
from asgiref.testing import ApplicationCommunicator
from fastapi import Depends, FastAPI, Security

from devsess import AsyncSessionManager, Session, SessionManager
from devsess.adapters import flask as devsess_flask
from devsess.adapters import starlette as devsess_starlette
from devsess.adapters.starlette import AsyncCurrent, SessionMiddleware, current_session

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
require: Any = devsess_starlette.require
flask_require: Any = devsess_flask.require


def asked(app: Any, sessions: AsyncSessionManager, *, user: str | None, path: str = "/") -> Any:
    """The answer to a request of *user*, a week after the sign-in."""

    async def ask() -> httpx.Response:
        headers = {}
        if user is not None:
            week_ago = sessions._core.now() - 7 * 86_400
            grant = await sessions.login(user, auth_time=week_ago)
            headers["Authorization"] = f"Bearer {grant.access_token}"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
            return await client.get(path, headers=headers)

    async def scenario() -> httpx.Response:
        async with sessions:
            return await ask()

    return asyncio.run(scenario())


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


@pytest.mark.parametrize("declare", GUARDS)
@pytest.mark.parametrize(("user", "status"), [(None, 401), ("ada", 200)])
def test_fastapi_routes_are_guarded(
    tmp_path: Path, declare: Any, user: str | None, status: int
) -> None:
    """With parentheses or without, in each place where FastAPI takes a dependency."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
    answer = asked(wrapped(declare, sessions), sessions, user=user)
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

    async def said(token: str | None) -> list[str]:
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
            assert ["websocket.accept", "ada"] == await said(token)
            assert ["websocket.close", ""] == await said("nonsense")
            assert ["websocket.close", ""] == await said(None)

    asyncio.run(scenario())


@pytest.mark.parametrize("query", ["?max_auth_age=999999", "?acr=", "?connection=x"])
def test_no_request_chooses_how_it_is_guarded(tmp_path: Path, query: str) -> None:
    """The bare form's arguments are no parameters of the route."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
    app = wrapped(annotated_bare, sessions)
    assert 401 == asked(app, sessions, user=None, path=f"/{query}").status_code
    assert [] == app.openapi()["paths"]["/"]["get"].get("parameters", [])


@pytest.mark.parametrize(("age", "status"), [(60, 401), (8 * 86_400, 200)])
def test_an_age_in_parentheses_is_asked_for(tmp_path: Path, age: int, status: int) -> None:
    """What stands there holds."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)

    def declare(app: FastAPI) -> None:
        app.get("/", dependencies=[Depends(require(max_auth_age=age))])(lambda: "ada")

    assert status == asked(wrapped(declare, sessions), sessions, user="ada").status_code


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_forgotten_await_guards_all_the_same(tmp_path: Path) -> None:
    """What has no session is refused when it is called, not when it is awaited."""
    sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
    assert 401 == asked(wrapped(not_awaited, sessions), sessions, user=None).status_code


@pytest.mark.parametrize("declare", GUARDS)
def test_fastapi_describes_how_its_clients_sign_in(tmp_path: Path, declare: Any) -> None:
    """Each guarded route names both ways, and the document says what they are."""
    app = FastAPI()
    declare(app)
    told = app.openapi()
    named = told["paths"]["/"]["get"]["security"]
    assert {"bearer", "cookie"} == {name for each in named for name in each}
    schemes = told["components"]["securitySchemes"]
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
    def require(self, **_): raise BadTokenError("no session")
connection = HTTPConnection({"type": "http", "headers": [], "devsess": Refuses()})
for guard in (require, require(), require(max_auth_age=300)):
    try:
        asyncio.run(guard(connection))
    except BadTokenError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert 3 * b"refused\n" == done.stdout.replace(b"\r", b"")


def view() -> str:
    """A view."""
    return "ada"


MISTAKES = {
    "a decorator, as in Flask": lambda: require(view),
    "a decorator with parentheses": lambda: require()(view),
    "a decorator with an age": lambda: require(max_auth_age=60)(view),
    "a number without its name": lambda: require(60),
    "called twice": lambda: require(max_auth_age=60)(),
    "an age that is none": lambda: require(max_auth_age="5 minutes"),
    "a level that is none": lambda: require(acr=2),
    "flask: an age that is none": lambda: flask_require(max_auth_age="5 minutes"),
    "flask: a level that is none": lambda: flask_require(acr=2),
    "flask: a number without its name": lambda: flask_require(60),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_fail_where_they_are_made(name: str) -> None:
    """A route that is declared wrongly is an error then, and no open route later."""
    with pytest.raises(TypeError):
        MISTAKES[name]()


def outside(app: flask.Flask) -> None:
    app.get("/")(flask_require(view_of()))


def outside_with_parentheses(app: flask.Flask) -> None:
    app.get("/")(flask_require()(view_of()))


def inside(app: flask.Flask) -> None:
    flask_require(app.get("/")(view_of()))


def inside_with_parentheses(app: flask.Flask) -> None:
    flask_require()(app.get("/")(view_of()))


def inside_a_blueprint(app: flask.Flask) -> None:
    blueprint = flask.Blueprint("own", __name__)
    flask_require(blueprint.get("/")(view_of()))
    app.register_blueprint(blueprint)


def inside_twice(app: flask.Flask) -> None:
    flask_require(max_auth_age=10**9)(flask_require(app.get("/")(view_of())))


def of_a_coroutine(app: flask.Flask) -> None:
    async def view() -> str:
        return "ada"

    app.get("/")(flask_require(view))


def before_all(app: flask.Flask) -> None:
    app.before_request(flask_require(lambda: None))
    app.get("/")(view_of())


def of_a_class(app: flask.Flask) -> None:
    class View(flask.views.MethodView):
        decorators = [flask_require]  # noqa: RUF012 - as Flask has it

        def get(self) -> str:
            return "ada"

    app.add_url_rule("/", view_func=View.as_view("view"))


def view_of() -> Callable[[], str]:
    def view() -> str:
        return "ada"

    return view


FLASK_GUARDS = [
    outside,
    outside_with_parentheses,
    inside,
    inside_with_parentheses,
    inside_a_blueprint,
    inside_twice,
    of_a_coroutine,
    before_all,
    of_a_class,
]


def flask_answer(sessions: SessionManager, declare: Callable[[flask.Flask], Any], user: Any) -> Any:
    app = flask.Flask(__name__)
    devsess_flask.init_app(app, sessions)
    declare(app)
    headers = []
    if user:
        headers = [("Authorization", f"Bearer {sessions.login(user).access_token}")]
    return on_wsgi(app, "GET", "/", headers)


@pytest.mark.parametrize("declare", FLASK_GUARDS)
@pytest.mark.parametrize(("user", "status"), [(None, 401), ("ada", 200)])
def test_flask_views_are_guarded(declare: Any, user: str | None, status: int) -> None:
    """Above the route's decorator as below it, with parentheses or without."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        answer = flask_answer(sessions, declare, user)
        assert status == answer.status_code
        assert (user or "") in answer.text


def test_above_the_route_an_age_holds_too() -> None:
    """Each of two guards, wherever it stands."""

    def declare(app: flask.Flask) -> None:
        flask_require(max_auth_age=0)(flask_require(app.get("/")(view_of())))

    with SessionManager("memory://", keys=SECRET) as sessions:
        answer = flask_answer(sessions, declare, "ada")
        assert "insufficient_user_authentication" in answer.headers["www-authenticate"]
