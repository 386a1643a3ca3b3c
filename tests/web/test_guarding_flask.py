"""A Flask view that somebody meant to guard is guarded, or cannot be declared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import flask
import flask.views
import pytest
from _wsgi_driver import on_wsgi

from devsess import SessionManager
from devsess.adapters import flask as devsess_flask
from devsess.adapters.wsgi import SessionMiddleware

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
require: Any = devsess_flask.require


def outside(app: flask.Flask) -> None:
    app.get("/")(require(view_of()))


def outside_with_parentheses(app: flask.Flask) -> None:
    app.get("/")(require()(view_of()))


def inside(app: flask.Flask) -> None:
    require(app.get("/")(view_of()))


def inside_with_parentheses(app: flask.Flask) -> None:
    require()(app.get("/")(view_of()))


def inside_a_blueprint(app: flask.Flask) -> None:
    blueprint = flask.Blueprint("own", __name__)
    require(blueprint.get("/")(view_of()))
    app.register_blueprint(blueprint)


def inside_twice(app: flask.Flask) -> None:
    require(max_auth_age=10**9)(require(app.get("/")(view_of())))


def of_a_coroutine(app: flask.Flask) -> None:
    async def view() -> str:
        return "ada"

    app.get("/")(require(view))


def before_all(app: flask.Flask) -> None:
    app.before_request(require(lambda: None))
    app.get("/")(view_of())


def of_a_class(app: flask.Flask) -> None:
    class View(flask.views.MethodView):
        decorators = [require]  # noqa: RUF012 - as Flask has it

        def get(self) -> str:
            return "ada"

    app.add_url_rule("/", view_func=View.as_view("view"))


def of_a_method(app: flask.Flask) -> None:
    class Views:
        def view(self) -> str:
            return "ada"

    views = Views()
    app.add_url_rule("/", view_func=views.view)
    require(views.view)


def called_in_the_view(app: flask.Flask) -> None:
    @app.get("/")
    def view() -> str:
        require()
        return "ada"


def called_with_an_age(app: flask.Flask) -> None:
    @app.get("/")
    def view() -> str:
        require(max_auth_age=60)
        return "ada"


def decorated_at_each_request(app: flask.Flask) -> None:
    app.get("/")(lambda: require(max_auth_age=60)(view_of())())


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
    of_a_method,
    called_in_the_view,
    called_with_an_age,
    decorated_at_each_request,
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
        require(max_auth_age=0)(require(app.get("/")(view_of())))

    with SessionManager("memory://", keys=SECRET) as sessions:
        answer = flask_answer(sessions, declare, "ada")
        assert "insufficient_user_authentication" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("user", [None, "ada"])
def test_a_guard_itself_is_no_flask_view(user: Any) -> None:
    """Nor can Flask call it before a view: nobody passes."""

    def before(app: flask.Flask) -> None:
        app.before_request(require)
        app.get("/")(view_of())

    def as_view(app: flask.Flask) -> None:
        app.add_url_rule("/", "view", require)

    with SessionManager("memory://", keys=SECRET) as sessions:
        for declare in (before, as_view):
            assert (500 if user else 401) == flask_answer(sessions, declare, user).status_code


@pytest.mark.parametrize("declare", [inside, inside_with_parentheses, of_a_method, outside])
def test_flask_views_are_guarded_without_init_app(declare: Any) -> None:
    """An app wrapped by hand works as usual; if it is not wrapped, its guarded views fail."""
    app = flask.Flask(__name__)
    declare(app)
    assert 500 == on_wsgi(app, "GET", "/", []).status_code
    with SessionManager("memory://", keys=SECRET) as sessions:
        bearer = f"Bearer {sessions.login('ada').access_token}"
        wrapped_by_hand = SessionMiddleware(app, sessions)
        assert 401 == on_wsgi(wrapped_by_hand, "GET", "/", []).status_code
        answer = on_wsgi(wrapped_by_hand, "GET", "/", [("Authorization", bearer)])
        assert 200 == answer.status_code


def test_what_is_decorated_at_each_request_does_not_grow() -> None:
    """A view that is decorated again at each request is examined once."""
    decorated = view_of()
    for _ in range(3):
        require(decorated)
    assert 1 == len(decorated.__devsess_require__)  # type: ignore[attr-defined]


class Slotted:
    """A view that nothing can be written on."""

    __slots__ = ()

    def __call__(self) -> str:
        return "ada"


MISTAKES = {
    "what decorates gives nothing": lambda: require(None),
    "the same with parentheses": lambda: require()(None),
    "a class": lambda: require(flask.views.MethodView),
    "a class with parentheses": lambda: require()(flask.views.MethodView),
    "an app": lambda: require(flask.Flask(__name__)),
    "what can bear no mark": lambda: require(Slotted()),
    "an age that is none": lambda: require(max_auth_age="5 minutes"),
    "a level that is none": lambda: require(acr=2),
    "a number without its name": lambda: require(60),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_fail_where_they_are_made(name: str) -> None:
    """A view that is guarded wrongly is an error at its declaration, not an open view later."""
    with pytest.raises(TypeError):
        MISTAKES[name]()


def test_an_app_without_guards_hears_no_signal() -> None:
    """Once a signal has a receiver, each request of every app of the process pays for it."""
    script = """
import flask
from devsess import SessionManager
from devsess.adapters.flask import init_app, require
app = flask.Flask("app")
init_app(app, SessionManager("memory://", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"))
print(len(flask.request_started.receivers))
for _ in range(2):
    require(lambda: "")
    print(len(flask.request_started.receivers))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert ["0", "1", "1"] == done.stdout.split()
