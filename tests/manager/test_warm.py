"""A process that is warm has loaded what its first sign-in needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

_TRIED = """
import asyncio, inspect, sys
from devsess import {kind}
from devsess.stores.memory import MemoryStore

async def main():
    sessions = {kind}(MemoryStore(), keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
    assert "user_agents" not in sys.modules
    warm = sessions.warm()
    if inspect.isawaitable(warm):
        await warm
    assert "user_agents" in sys.modules
    closed = sessions.close()
    if inspect.isawaitable(closed):
        await closed

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["SessionManager", "AsyncSessionManager"])
def test_the_parser_is_loaded(kind: str) -> None:
    """By `warm`, and not before."""
    subprocess.run([sys.executable, "-c", _TRIED.format(kind=kind)], check=True, timeout=60)
