"""A guard in a wrong place is an error, when it is declared or at the first request."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

import pytest
from _one_request import SECRET, answer_to_one
from fastapi import Depends, FastAPI
from fastapi.exceptions import FastAPIError
from starlette.routing import Route

from devsess import AsyncSessionManager, Session
from devsess.adapters import starlette as devsess_starlette
from devsess.adapters.starlette import SessionMiddleware

require: Any = devsess_starlette.require


def default(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Any = require) -> str:
        return "ada"


def default_called(app: FastAPI) -> None:
    @app.get("/")
    async def view(session=require()) -> str:  # type: ignore[no-untyped-def]  # noqa: B008
        return "ada"


def annotated_without_depends(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Annotated[str, require] = "") -> str:
        return "ada"


def typed_with_a_default(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Session = require) -> str:
        return "ada"


def listed_without_depends(app: FastAPI) -> None:
    app.get("/", dependencies=[require])(lambda: "ada")


def the_session_itself(app: FastAPI) -> None:
    @app.get("/")
    async def view(session: Annotated[Session, Depends()]) -> str:
        return "ada"


def the_class(app: FastAPI) -> None:
    app.get("/", dependencies=[Depends(devsess_starlette.Require)])(lambda: "ada")


def a_partial_with_an_age(app: FastAPI) -> None:
    app.get("/", dependencies=[Depends(functools.partial(require, max_auth_age=60))])(lambda: "ada")


def an_endpoint(app: FastAPI) -> None:
    app.router.routes.append(Route("/", require))


@pytest.mark.parametrize(
    "declare",
    [
        default,
        default_called,
        annotated_without_depends,
        typed_with_a_default,
        listed_without_depends,
        the_session_itself,
        the_class,
        a_partial_with_an_age,
        an_endpoint,
    ],
)
@pytest.mark.parametrize("user", [None, "ada"])
def test_declared_wrongly_a_fastapi_route_fails(tmp_path: Path, declare: Any, user: Any) -> None:
    """It fails when it is declared, or at its first request; it is never open."""

    def declare_and_ask() -> None:
        app = FastAPI()
        declare(app)
        sessions = AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET)
        app.add_middleware(SessionMiddleware, manager=sessions)
        answer_to_one(app, sessions, user=user)

    with pytest.raises((TypeError, ValueError, AttributeError, FastAPIError)):
        declare_and_ask()


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
    "what decorates gives nothing": lambda: require(None),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_fail_where_they_are_made(name: str) -> None:
    """A route that is guarded wrongly is an error at its declaration, not an open route later."""
    with pytest.raises(TypeError):
        MISTAKES[name]()
