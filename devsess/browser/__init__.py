"""
The module for a browser's pages, `client.js`, with its types in `client.d.ts`.

The middlewares serve it below their endpoints, under a name that holds its hash.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

__all__ = ["content", "name", "path"]


@cache
def content() -> bytes:
    """The module."""
    return files("devsess.browser").joinpath("client.js").read_bytes()


@cache
def name() -> str:
    """Its name with its hash: another name whenever the module is another one."""
    return f"client.{sha256(content()).hexdigest()[:16]}.js"


def path(endpoints: str = "/auth") -> str:
    """
    The path from which a page imports it.

    Args:
        endpoints: Those of the middleware, as browsers see them: with the mount point.
    """
    return f"{endpoints.rstrip('/')}/{name()}"
