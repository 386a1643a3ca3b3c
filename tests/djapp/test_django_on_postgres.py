"""The project with its tables, and those of devsess, on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.postgres import PostgresServer

SITE = Path(__file__).parent / "site"
# As docs/django.md has it.
SETTINGS = """
from shop.settings import *
DATABASES["default"] = {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres",
    "HOST": "127.0.0.1", "PORT": "{port}",
}}
DATABASES["devsess"] = {{
    **DATABASES["default"],
    "OPTIONS": {{"options": "-c search_path=devsess"}},
    "TEST": {{"NAME": "test_devsess"}},
}}
"""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of its own."""
    server = PostgresServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.thorough
def test_the_project_is_green_on_postgresql(server: PostgresServer, tmp_path: Path) -> None:
    """The admin's lists and actions, sign-ins and exchanges; and both databases are migrated."""
    (tmp_path / "settings_there.py").write_text(SETTINGS.format(port=server.port), "utf-8")
    environment = {
        **os.environ,
        "SHOP_PLACE": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SITE)]),
        "DJANGO_SETTINGS_MODULE": "settings_there",
    }
    names = ("admin", "exchange", "auth.SignInTests", "data")
    for arguments in (
        ("migrate", "--verbosity=0"),
        ("migrate", "--database=devsess", "--verbosity=0"),
        ("devsess", "migrate"),
        ("test", "--noinput", *(f"shop.test_django_{name}" for name in names)),
    ):
        ended = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=SITE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert 0 == ended.returncode, ended.stderr
