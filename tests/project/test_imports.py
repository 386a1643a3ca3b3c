"""`import devsess` imports nothing that is not needed yet."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import _source
import pytest

from devsess._runtime import operations
from devsess.operations.validate import validate

HEAVY = (
    "user_agents",
    "ua_parser",
    "sqlite_utils",
    "click",
    "tabulate",
    "redis",
    "psycopg",
    "sqlalchemy",
    "greenlet",
    "maxminddb",
    "pymongo",
    "sqlite3",
    "httpx",
    "anyio",
    "keyring",
)
# Modules that a manager needs, and the records, errors and protocols do not.
KEYS = ("jwt", "cryptography")

SIGN_IN = """
import devsess
with devsess.SessionManager("memory://", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1") as sessions:
    sessions.validate(sessions.login("user-xyz").access_token)
"""


def run(script: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after *script*; any warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{script}\nimport sys; print(*sys.modules)"],
        cwd=_source.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("script", "heavy"),
    [("import devsess", {*HEAVY, *KEYS}), (SIGN_IN, {*HEAVY})],
    ids=["import", "sign in"],
)
def test_nothing_heavy_is_loaded(script: str, heavy: set[str]) -> None:
    """Neither the import nor a sign-in without user agent loads what it does not use."""
    loaded = run(script)
    assert "devsess" in loaded
    assert set() == loaded & heavy


ALL = {f"devsess.operations.{name}" for name in operations._NAMES}
MANAGER = """
import devsess
key = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
sessions = devsess.{}("memory://", keys=key)
"""


def test_an_import_loads_no_operation_but_that_of_a_validation() -> None:
    """Sign-ins, endings, searches and counts are loaded with the first manager."""
    others = {*ALL, "devsess.statistics", "devsess.risk.profile"} - {validate.__module__}
    assert set() == run("import devsess") & others


@pytest.mark.parametrize("manager", ["SessionManager", "AsyncSessionManager"])
def test_a_manager_has_every_operation(manager: str) -> None:
    """None is imported within a call: on an event loop, or while a signal may cut it off."""
    assert run(MANAGER.format(manager)) >= ALL


def test_every_operation_has_the_module_that_a_type_checker_reads() -> None:
    """The names stand there twice: for the program, and for its types."""
    tree = ast.parse(Path(operations.__file__).read_text("utf-8"))
    [typed] = (node.body for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in typed if isinstance(node, ast.ImportFrom)]
    read = {(node.module, name.name) for node in imports for name in node.names}
    assert read == {(f"devsess.operations.{it}", name) for name, it in operations._MODULES.items()}


def test_an_operation_is_no_module_of_its_name() -> None:
    """Even if that module is imported by its name."""
    import devsess.operations.login

    assert devsess.operations.login.login is operations.login


# Models of Django's, and the modules that need them, are imported by a project that is set up.
SET_UP = """
import django.conf
names = ("admin", "auth", "contenttypes", "messages")
apps = [*(f"django.contrib.{name}" for name in names), "devsess.django"]
django.conf.settings.configure(INSTALLED_APPS=apps, SECRET_KEY="s", DEVSESS={"store": "memory://"})
django.setup()
"""
_OF_PROJECTS = (
    *("admin", "exchange", "filters", "listing", "metrics", "models"),
    *("old_sessions", "old_tokens", "rest"),
)
OF_PROJECTS = [f"devsess.django.{name}" for name in _OF_PROJECTS]


def test_every_module_can_be_imported(thorough: bool) -> None:
    """Each module imports without a warning, whichever comes first."""
    # A step of a schema has a number for a name, and Django imports it.
    names = [
        name
        for name in _source.modules()
        if not name.endswith("__main__") and "migrations.0" not in name
    ]
    firsts = (
        "devsess.errors",
        "devsess._runtime.cache",
        "devsess.stores.sqlite",
        "devsess.operations",
    )
    for first in firsts if thorough else firsts[-1:]:
        plain = [name for name in reversed(names) if name not in OF_PROJECTS]
        parts = [imports([first, *plain]), SET_UP, imports(OF_PROJECTS)]
        assert set() == set(names) - run("\n".join(parts))


def imports(names: list[str]) -> str:
    """A script that imports them, in this order."""
    return "\n".join(f"import {name}" for name in names)
