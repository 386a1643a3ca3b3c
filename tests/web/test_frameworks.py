"""What the frameworks' sugar says to those who use it wrongly."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import pytest
from starlette.requests import HTTPConnection

from devsess import ConfigurationError
from devsess.adapters import flask as devsess_flask
from devsess.adapters import starlette as devsess_starlette


def test_flask_without_init_app() -> None:
    """The error says what to do."""
    with (
        flask.Flask(__name__).test_request_context(),
        pytest.raises(ConfigurationError, match="init_app"),
    ):
        devsess_flask.current_session.require()


def test_starlette_without_its_middleware() -> None:
    """The error says what to do."""
    connection = HTTPConnection({"type": "http", "headers": []})
    with pytest.raises(ConfigurationError, match="add_middleware"):
        asyncio.run(devsess_starlette.current_session(connection))


@pytest.mark.parametrize("age", [300, "aal2"])
def test_require_takes_names(age: Any) -> None:
    """A number in parentheses is no view, and silently letting everybody in is no answer."""
    with pytest.raises(TypeError, match="max_auth_age"):
        devsess_flask.require(age)
