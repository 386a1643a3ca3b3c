"""LAW: over the project's connection a signal's handler waits for nothing of its own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _django_struck import strike
from servers.postgres import PostgresServer

if TYPE_CHECKING:
    from pathlib import Path

POSTGRES = """
from own_settings import *
DATABASES["default"] = {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres",
    "HOST": "127.0.0.1", "PORT": "{port}",
}}
"""


def test_on_sqlite(tmp_path: Path) -> None:
    """It has its answer, or is refused at once where its thread uses the connection."""
    strike(tmp_path, "from own_settings import *\n", 3)


@pytest.mark.thorough
def test_on_postgresql(tmp_path: Path) -> None:
    """As on SQLite; psycopg's connection has a lock besides."""
    server = PostgresServer()
    server.start()
    try:
        strike(tmp_path, POSTGRES.format(port=server.port), 5)
    finally:
        server.stop()
