"""`import devsess` imports nothing that is not needed yet."""

from __future__ import annotations

import subprocess
import sys

import _source
import pytest

HEAVY = (
    "user_agents",
    "ua_parser",
    "sqlite_utils",
    "click",
    "tabulate",
    "redis",
    "psycopg",
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


def test_every_module_can_be_imported(thorough: bool) -> None:
    """Each module imports without a warning, whichever comes first."""
    names = [name for name in _source.modules() if not name.endswith("__main__")]
    firsts = (
        "devsess.errors",
        "devsess._runtime.cache",
        "devsess.stores.sqlite",
        "devsess.operations",
    )
    for first in firsts if thorough else firsts[-1:]:
        loaded = run("\n".join(f"import {name}" for name in [first, *reversed(names)]))
        assert set() == set(names) - loaded
