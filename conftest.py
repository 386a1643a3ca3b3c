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
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings
from sybil import Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import PythonCodeBlockParser
from xdist.scheduler import LoadFileScheduling

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


class FileByFile(LoadFileScheduling):  # type: ignore[misc]
    """
    The order of xdist's own scheduler, which goes through all tests of a run after each of them.

    With 15,000 tests, that and the reports took a tenth of the run's time.
    """

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:  # noqa: ARG002
        """Forget a file whose tests have all been run."""
        nodeid = self.registered_collections[node][item_index]
        files, name = self.assigned_work[node], self._split_scope(nodeid)
        files[name][nodeid] = True
        if all(files[name].values()):
            del files[name]
        self._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        name, tests = self.workqueue.popitem(last=False)
        self.assigned_work[node][name] = tests
        node.send_runtest_some([self._numbers[it] for it, is_done in tests.items() if not is_done])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {nodeid: number for number, nodeid in enumerate(self.collection or ())}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileByFile | None:
    """Where tests are dealt out by their files."""
    return FileByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """
    As pytest's own, but a worker says nothing of a setup or a teardown that went well.

    Unless their times are asked for, nobody reads it, and it is two of a test's three reports.
    """
    if not hasattr(item.config, "workerinput") or item.config.getoption("durations") is not None:
        return None
    where = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**where)
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(**where)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(
    report: pytest.CollectReport | pytest.TestReport,
) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Of a test that passed, a worker sends no keywords: half of its report, and unused."""
    data = yield
    if data is not None and report.passed:
        data["keywords"] = {}
    return data


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: what is collected stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
