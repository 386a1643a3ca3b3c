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


OWN_TESTS = ("test_own_contract", "test_own_transactions", "test_own_views")
OWN = """
from own_settings import *
DATABASES["default"] = {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres",
    "HOST": "127.0.0.1", "PORT": "{port}",
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
    names = ("admin", "exchange", "auth.SignInTests", "data")
    check(
        tmp_path,
        SETTINGS.format(port=server.port),
        ("migrate", "--verbosity=0"),
        ("migrate", "--database=devsess", "--verbosity=0"),
        ("devsess", "migrate"),
        ("test", "--noinput", *(f"shop.test_django_{name}" for name in names)),
    )


@pytest.mark.thorough
def test_its_own_database_may_be_postgresql(server: PostgresServer, tmp_path: Path) -> None:
    """The same, the contract of its store, and what holds within its transactions."""
    names = ("admin", "exchange", "auth", "data", "passwords")
    check(
        tmp_path,
        OWN.format(port=server.port),
        ("devsess", "migrate"),
        ("migrate", "--verbosity=0"),
        ("devsess", "purge", "--quiet"),
        ("test", "--noinput", *OWN_TESTS, *(f"shop.test_django_{name}" for name in names)),
    )


def check(place: Path, settings: str, *commands: tuple[str, ...]) -> None:
    """Each command of `manage.py` ends well under these settings."""
    (place / "settings_there.py").write_text(settings, "utf-8")
    environment = {
        **os.environ,
        "SHOP_PLACE": str(place),
        "SHOP_THOROUGH": "1",
        "PYTHONPATH": os.pathsep.join([str(place), str(SITE)]),
        "DJANGO_SETTINGS_MODULE": "settings_there",
    }
    for arguments in commands:
        ended = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=SITE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert 0 == ended.returncode, ended.stderr
