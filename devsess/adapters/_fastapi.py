"""The security scheme in FastAPI's OpenAPI document: how its clients sign in."""

from __future__ import annotations

from inspect import Parameter
from typing import Any

from fastapi import Depends
from fastapi.security.base import SecurityBase

from devsess.adapters import _cookies as cookies

__all__ = ["Bearer", "cookie_parameter"]

_BEARER: Any = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_COOKIE: Any = {"type": "apiKey", "in": "cookie", "name": cookies.SECURE.access}


class Bearer(SecurityBase):
    """A dependency that FastAPI describes as in need of a bearer token."""

    scheme_name = "bearer"
    model = _BEARER


class _Cookie(SecurityBase):
    scheme_name = "cookie"
    model = _COOKIE

    async def __call__(self) -> None:
        """Check nothing: the middleware has looked at it already."""


def cookie_parameter() -> Parameter:
    """A dependency's parameter by which the cookie is described as the other way."""
    return Parameter("cookie", Parameter.KEYWORD_ONLY, default=Depends(_Cookie()))
