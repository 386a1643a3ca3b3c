"""
The settings of all tests: how many are run, and that the documents are among them.

The Python blocks of README.md and docs/ are tests: each document runs from top to bottom.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sybil import Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import PythonCodeBlockParser

from devsess.stores.sqlite import SQLiteStore

ROOT = Path(__file__).parent
# A disk in memory, where there is one: no test cuts the power, so none can tell it from another.
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder there that is its own
# Folders of few tests that take long: begun last, they would leave the other process idle.
SLOW = {"browser", "checker", "processes", "races", "stateful", "stores"}
# How many examples of a property are tried; a test that needs more or fewer takes a multiple.
EXAMPLES = {"brief": 20, "thorough": 150}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run what is marked as thorough too, and all tests with their full counts",
    )
    parser.addoption(
        "--thorough-rest",
        action="store_true",
        help="as --thorough, but only what a run without either leaves out or shortens",
    )


def pytest_configure(config: pytest.Config) -> None:
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it may have been asked for
    if "PYTHONDONTWRITEBYTECODE" in os.environ and config.getoption("numprocesses"):
        _compile_once(config)
    _collect_from_both_ends(config)
    for name, count in EXAMPLES.items():
        settings.register_profile(name, max_examples=count)
    settings.load_profile("thorough" if _is_thorough(config) else "brief")


def _is_thorough(config: pytest.Config) -> bool:
    return bool(config.getoption("thorough") or config.getoption("thorough_rest"))


def _compile_once(config: pytest.Config) -> None:
    """
    Where no bytecode is to be left beside the sources, keep it for the run in a folder of its own.

    A run of more than one process starts hundreds of programs, and each would compile the package.
    """
    folder = tempfile.TemporaryDirectory(prefix="devsess-bytecode-")
    config.add_cleanup(folder.cleanup)
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    os.environ["PYTHONPYCACHEPREFIX"] = folder.name


def _collect_from_both_ends(config: pytest.Config) -> None:
    """
    Have every second process of a run collect the folders from the last one to the first.

    Where the tests have no bytecode yet, two that went the same way would each compile all of it.
    """
    number = getattr(config, "workerinput", {}).get("workerid", "gw0").removeprefix("gw")
    if int(number) % 2 and config.args == config.getini("testpaths"):
        folders = {str(path.parent) for path in ROOT.glob("tests/*/test_*.py")}
        config.args = [*config.args[:0:-1], *sorted(folders, reverse=True)]


def _has_room(folder: Path) -> bool:
    """Whether the databases and the profiles of browsers of a run fit in there with ease."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2**31


@pytest.fixture(scope="session")
def thorough(pytestconfig: pytest.Config) -> bool:
    """Whether tests are to run with their full counts."""
    return _is_thorough(pytestconfig)


@pytest.fixture(scope="session")
def faker_seed() -> None:
    """Where Faker is installed, pytest-randomly makes one for each test, and none reads it."""


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file without sessions: to copy it costs a test less than to make another."""
    path: Path = tmp_path_factory.mktemp("empty") / "sessions.db"
    SQLiteStore(path).close()
    return path


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
            closing = value.close()
            if inspect.iscoroutine(closing):
                asyncio.run(closing)
    folder.cleanup()


pytest_collect_file = Sybil(
    path=str(ROOT),
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md"],
    setup=_into_a_folder_of_its_own,
    teardown=_leave_nothing_open,
).pytest()


def _is_usual(item: pytest.Item) -> bool:
    return item.get_closest_marker("thorough") is None


def _is_longer(item: pytest.Item) -> bool:
    """Whether *item* is thorough, asks whether it is to be, or is a property."""
    asks = "thorough" in getattr(item, "fixturenames", ())
    return asks or any(map(item.get_closest_marker, ("thorough", "hypothesis")))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Leave out tests that take too long; put files that take long first, and documents last.

    The tests of a file stay together, and the blocks of a document in order.
    """
    if not config.getoption("thorough"):
        left = _is_longer if config.getoption("thorough_rest") else _is_usual
        config.hook.pytest_deselected(items=[item for item in items if not left(item)])
        items[:] = filter(left, items)
    blocks = [item for item in items if isinstance(item, SybilItem)]
    blocks.sort(key=lambda item: (str(item.path), item.example.line))
    others = [item for item in items if not isinstance(item, SybilItem)]
    sizes = Counter(item.path for item in others)
    # By name, too: processes that collect in different orders agree.
    others.sort(key=lambda it: (it.path.parent.name not in SLOW, -sizes[it.path], str(it.path)))
    items[:] = [*others, *blocks]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: what is collected stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
