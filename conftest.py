"""The Python blocks of README.md and docs/ are tests: each document runs from top to bottom."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parent


def _into_a_folder_of_its_own(namespace: dict[str, Any]) -> None:
    folder = tempfile.TemporaryDirectory()
    namespace["__name__"] = "__main__"  # as in a script, which is what readers make of it
    namespace["_folder"], namespace["_before"] = folder, Path.cwd()
    os.chdir(folder.name)


def _leave_nothing_open(namespace: dict[str, Any]) -> None:
    os.chdir(namespace.pop("_before"))
    folder = namespace.pop("_folder")
    for value in namespace.values():
        if hasattr(type(value), "close"):  # a framework's proxy has nothing outside of requests
            value.close()
    folder.cleanup()


pytest_collect_file = Sybil(
    path=str(ROOT),
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md"],
    setup=_into_a_folder_of_its_own,
    teardown=_leave_nothing_open,
).pytest()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the blocks of a document together and in order, whoever shuffles the tests."""
    blocks = [item for item in items if isinstance(item, SybilItem)]
    blocks.sort(key=lambda item: (str(item.path), item.example.line))
    others = [item for item in items if not isinstance(item, SybilItem)]
    items[:] = [*others, *blocks]
