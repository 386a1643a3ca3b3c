"""The promises of the documents: the commands, the public names, the blocks of a page."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import attrs

import devsess

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# The modules whose public names are the reference's, beside `devsess` itself.
MODULES = (
    "devsess.adapters.asgi",
    "devsess.adapters.django",
    "devsess.adapters.fastapi",
    "devsess.adapters.flask",
    "devsess.adapters.litestar",
    "devsess.adapters.starlette",
    "devsess.adapters.wsgi",
    "devsess.browser",
    "devsess.client",
    "devsess.django",
    "devsess.geo",
    "devsess.stores.base",
    "devsess.stores.memory",
    "devsess.stores.mongodb",
    "devsess.stores.postgres",
    "devsess.stores.redis",
    "devsess.stores.sqlalchemy",
    "devsess.stores.sqlite",
    "devsess.testing",
    "devsess.web",
)
# Described where they belong, under one name.
SAME = {
    "devsess.adapters.asgi.Account": "devsess.adapters.wsgi.Account",
    "devsess.adapters.django.Account": "devsess.adapters.wsgi.Account",
    "devsess.adapters.fastapi.Account": "devsess.adapters.wsgi.Account",
    "devsess.adapters.flask.Account": "devsess.adapters.wsgi.Account",
    "devsess.adapters.litestar.Account": "devsess.adapters.wsgi.Account",
    "devsess.adapters.starlette.Account": "devsess.adapters.wsgi.Account",
    "devsess.adapters.asgi.Cookies": "devsess.adapters.wsgi.Cookies",
    "devsess.adapters.django.Cookies": "devsess.adapters.wsgi.Cookies",
    "devsess.adapters.django.Current": "devsess.adapters.wsgi.Current",
    "devsess.adapters.flask.Cookies": "devsess.adapters.wsgi.Cookies",
    "devsess.adapters.flask.Current": "devsess.adapters.wsgi.Current",
    "devsess.adapters.fastapi.AsyncCurrent": "devsess.adapters.asgi.AsyncCurrent",
    "devsess.adapters.fastapi.Cookies": "devsess.adapters.wsgi.Cookies",
    "devsess.adapters.fastapi.SessionMiddleware": "devsess.adapters.asgi.SessionMiddleware",
    "devsess.adapters.fastapi.current_session": "devsess.adapters.starlette.current_session",
    "devsess.adapters.fastapi.require": "devsess.adapters.starlette.require",
    "devsess.adapters.litestar.AsyncCurrent": "devsess.adapters.asgi.AsyncCurrent",
    "devsess.adapters.litestar.Cookies": "devsess.adapters.wsgi.Cookies",
    "devsess.adapters.starlette.AsyncCurrent": "devsess.adapters.asgi.AsyncCurrent",
    "devsess.adapters.starlette.Cookies": "devsess.adapters.wsgi.Cookies",
    "devsess.adapters.starlette.SessionMiddleware": "devsess.adapters.asgi.SessionMiddleware",
    "devsess.geo.Locator": "devsess.Locator",
}
RECORDS = [
    name
    for name in devsess.__all__
    if isinstance(getattr(devsess, name), type) and attrs.has(getattr(devsess, name))
]


@cache
def text(path: str) -> str:
    """A file of the project."""
    return (ROOT / path).read_text("utf-8")


def public_names() -> list[str]:
    """Every name that a user may import, as the reference calls it."""
    names = [f"devsess.{name}" for name in devsess.__all__]
    for module in MODULES:
        names += [f"{module}.{name}" for name in import_module(module).__all__]
    return sorted({SAME.get(name, name) for name in names})


def fields_of(record: str) -> list[str]:
    """The public fields of a record."""
    found: list[str] = [each.name for each in attrs.fields(getattr(devsess, record))]
    return [name for name in found if not name.startswith("_")]


def reference() -> set[str]:
    """The names that the pages of the reference describe."""
    pages = "\n".join(page.read_text("utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
    return set(re.findall(r"^\.\. (?:auto|py:)\w+:: ([\w.]+)", pages, re.MULTILINE))


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(f"docs/{page}"), re.MULTILINE | re.DOTALL)
