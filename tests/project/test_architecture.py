"""The rooms of docs/architecture.md, held to by walking the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from graphlib import TopologicalSorter

import _source
import pytest
from attrs import frozen

MAX_FILE = 400
MANAGERS = ("manager.py", "async_manager.py")
MAX_FUNCTION = 50


@frozen
class Room:
    """
    Modules that know the same things.

    Attributes:
        floor: A room may import from those on lower floors, never from another on its own.
        modules: Patterns of names within the package.
    """

    floor: int
    modules: tuple[str, ...]


ROOMS = {
    "words": Room(
        0,
        (
            *(
                "errors",
                "policy",
                "models",
                "explanation",
                "risk_policy",
                "stores.rows",
                "stores.plain_rows",
                "geo.locator",
            ),
            *(
                "_app",
                "_assessment",
                "_client",
                "_events",
                "_held",
                "_instants",
                "_location",
                "_options",
                "_provider",
                "_text",
                "_frozen",
                "_later",
            ),
        ),
    ),
    "laws": Room(
        1,
        (
            *("holding", "lifecycle", "requirement", "rotation", "seniority", "skew"),
            *("strength", "views"),
        ),
    ),
    "statistics": Room(1, ("statistics", "_life_tables", "stores.counting")),
    "sentences": Room(1, ("history", "history.*")),
    "tokens": Room(2, ("tokens", "tokens.*")),
    "devices": Room(2, ("devices", "devices.*")),
    "risk": Room(2, ("risk", "risk.*")),
    "contract": Room(
        2,
        (
            *("stores", "stores.async_base", "stores.base", "stores.capabilities", "stores.calls"),
            *("stores.accounts", "stores.items", "stores.searching"),
        ),
    ),
    "process": Room(
        1,
        (
            *("_runtime", "_runtime.clock", "_runtime.corrections", "_runtime.fork"),
            *("_runtime.interrupted", "_runtime.loops", "_runtime.mutex", "_runtime.waited"),
        ),
    ),
    "stores": Room(
        3,
        (
            *(
                "stores.semantics",
                "stores.comparing",
                "stores.interning",
                "stores.merging",
                "stores.polled",
                "stores.ways",
                "stores.as_json",
                "stores.awaited",
                "stores.memory",
                "stores.memory.*",
            ),
            *("stores.sqlite", "stores.sqlite.*", "stores.redis", "stores.redis.*"),
            *("stores.postgres", "stores.postgres.*", "stores.mongodb", "stores.mongodb.*"),
            *("stores.sqlalchemy", "stores.sqlalchemy.*"),
        ),
    ),
    "operations": Room(3, ("operations", "operations.*")),
    # The protocol stands with the words.
    "places": Room(2, ("geo.checked", "geo.countries", "geo.records")),
    "files of places": Room(3, ("geo", "geo.files", "geo.hosting", "geo.maxmind", "geo.replaced")),
    "managers": Room(
        4,
        (
            *("_runtime.cache", "_runtime.core", "_runtime.drive", "_runtime.entries"),
            *("_runtime.currency", "_runtime.faces", "_runtime.feed"),
            *("_runtime.feed_runners", "_runtime.operations"),
            "_runtime.joining",
            *("_runtime.leases", "_runtime.locating", "_runtime.observed"),
            *("_runtime.plain", "_runtime.waits"),
            *("_runtime.notify", "_runtime.running", "_runtime.sharded_dict", "_runtime.threads"),
            *("metrics", "manager", "async_manager", "stores.open"),
        ),
    ),
    "names": Room(5, ("",)),
    # A script, and its name.
    "script": Room(0, ("browser",)),
    "adapters": Room(6, ("adapters", "adapters.*")),
    # It speaks to a server over http, and knows nothing of its insides.
    "client": Room(0, ("client", "client.*")),
    "pages": Room(7, ("web", "web.*")),
    "around": Room(
        8,
        (
            *("prometheus", "copying", "testing", "testing.*", "tuning", "tuning.*"),
            *("cli", "cli.*", "__main__"),
        ),
    ),
    # It uses all of them: adapters, pages and the command line.
    "app of Django": Room(9, ("django", "django.*")),
}

# Where a package may be imported, and nowhere else.
HOMES = {
    "jwt": ("tokens.material", "cli.*"),  # demo and bench measure against a bare jwt.decode
    "cryptography": ("tokens.material", "tokens.shapes"),
    "user_agents": ("devices.agents",),
    "ua_parser": ("devices.agents",),
    "sqlite_utils": ("stores.sqlite.schema",),
    # bench tells its version
    "sqlite3": ("stores.sqlite.*", "cli._bench"),
    "click": ("cli", "cli.*"),
    "anyio": ("client.*",),
    "httpx": ("client.*",),
    "keyring": ("client.keyring",),
    "asgiref": ("django.*",),
    "django": ("adapters.django", "web.django", "django.*"),
    "knox": ("django.old_tokens",),
    "rest_framework": ("django.rest", "django.refusals", "django.old_tokens"),
    "rest_framework_simplejwt": ("django.old_tokens",),
    "jinja2": ("web", "web.drawing", "web.look", "web.visit"),
    "markupsafe": ("web.*",),
    "psycopg": ("stores.postgres.*",),
    "psycopg_pool": ("stores.postgres.*",),
    "prometheus_client": ("prometheus", "django.metrics"),
    "pymongo": ("stores.mongodb.*",),
    "maxminddb": ("geo.files",),
    "fastapi": ("adapters._fastapi", "adapters.fastapi"),
    "flask": ("adapters.flask",),
    "litestar": ("adapters.litestar",),
    "starlette": ("adapters.starlette", "adapters.fastapi"),
    "sqlalchemy": ("stores.sqlalchemy", "stores.sqlalchemy.*"),
    "tabulate": ("cli", "cli.*"),
}

PURE = ("words", "laws", "statistics", "sentences", "tokens", "devices", "places")
IMPURE = frozenset(
    {"time", "socket", "ssl", "sqlite3", "asyncio", "logging", "threading", "subprocess"}
)
READS_A_CLOCK = frozenset({"now", "utcnow", "today"})


def short(name: str) -> str:
    """A module's name within the package."""
    return name.removeprefix("devsess").removeprefix(".")


def within(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a module's name fits one of the *patterns*."""
    return any(fnmatchcase(short(name), pattern) for pattern in patterns)


@cache
def rooms_of(name: str) -> tuple[str, ...]:
    """The rooms that a module stands in."""
    return tuple(room for room, here in ROOMS.items() if within(name, here.modules))


def may_import(source: str, target: str) -> bool:
    """Whether the room of *source* is that of *target*, or stands above it."""
    [here], [there] = rooms_of(source), rooms_of(target)
    return here == there or ROOMS[here].floor > ROOMS[there].floor


@pytest.mark.parametrize("name", _source.modules())
def test_every_module_has_one_room(name: str) -> None:
    """A module that nobody gave a room, or two, is a decision that nobody took."""
    assert 1 == len(rooms_of(name)), f"{name} stands in {rooms_of(name)}"


def test_nothing_imports_upwards() -> None:
    """A room imports from lower floors only, be it for types or late."""
    ours = [each for each in _source.imports() if each.package == "devsess"]
    assert ours
    assert [] == [str(each) for each in ours if not may_import(each.source, each.target)]


def graph_of(found: Iterable[_source.Import]) -> dict[str, set[str]]:
    """Our modules, and the modules that each imports."""
    graph: dict[str, set[str]] = {name: set() for name in _source.modules()}
    for each in found:
        if each.target in graph and each.target != each.source:
            graph[each.source].add(each.target)
    return graph


def test_no_module_needs_itself() -> None:
    """The imports of modules form no circle."""
    graph = graph_of(each for each in _source.imports() if each.at_start)
    assert set(graph) == set(TopologicalSorter(graph).static_order())


def test_no_two_modules_need_each_other() -> None:
    """There is no circle by late imports or imports for types either."""
    graph = graph_of(_source.imports())
    assert set(graph) == set(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", HOMES)
def test_a_package_has_one_home(package: str) -> None:
    """A package is imported where it is at home, and nowhere else."""
    used = [each for each in _source.imports() if each.package == package]
    assert [] == [str(each) for each in used if not within(each.source, HOMES[package])]


@pytest.mark.parametrize("room", PURE)
def test_rooms_that_decide_touch_nothing(room: str) -> None:
    """The rooms without an effect import no clock, socket, database, event loop or logger."""
    used = [each for each in _source.imports() if rooms_of(each.source) == (room,)]
    assert used
    assert [] == [str(each) for each in used if each.package in IMPURE]


@pytest.mark.parametrize("room", [*PURE, "stores", "operations"])
def test_now_is_handed_down(room: str) -> None:
    """Below the managers no module reads a clock."""
    found = [
        f"{name}:{node.lineno} calls {node.func.attr}"
        for name, path in _source.modules().items()
        if rooms_of(name) == (room,)
        for node in ast.walk(_source.parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READS_A_CLOCK
    ]
    assert [] == found


def test_files_are_short() -> None:
    """A file has at most 400 lines, but for the managers: a method each, with its docstring."""
    files = _source.python_files(_source.PACKAGE, _source.ROOT / "benchmarks")
    files = [path for path in files if path.name not in MANAGERS]
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {} == {path: lines for path, lines in lengths.items() if lines > MAX_FILE}


def test_functions_are_short() -> None:
    """A function has at most 50 lines beside its docstring."""
    files = _source.python_files(_source.PACKAGE, _source.ROOT / "benchmarks")
    lengths = {f"{path}:{name}": lines for path in files for name, lines in _source.functions(path)}
    assert {} == {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION}
