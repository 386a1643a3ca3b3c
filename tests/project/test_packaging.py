"""The built package: version, dependencies, extras, and the files that go along."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import _source
import pytest

import devsess

ROOT = _source.ROOT


@cache
def project() -> dict[str, Any]:
    """The [project] table."""
    found: dict[str, Any] = pyproject()["project"]
    return found


@cache
def pyproject() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


FRAMEWORKS = ("django", "fastapi", "flask", "litestar", "prometheus", "starlette")
SERVERS, SERVED = ROOT / "benchmarks" / "servers", ROOT / "benchmarks" / "served"
STORES = ("mongodb", "postgres", "redis", "sqlalchemy")


def normal(name: str) -> str:
    """A distribution's name in its normal spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(requirements: list[str]) -> set[str]:
    """The names in *requirements*."""
    return {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements}  # type: ignore[index]


# It reads the list of files of all that is installed.
installed = cache(packages_distributions)


def distributions(packages: set[str]) -> set[str]:
    """The distributions that *packages* are imported from; one that is not here has that name."""
    return {normal(installed().get(package, [package])[0]) for package in packages}


def adapter(name: str) -> Path:
    """The file that imports an optional package."""
    inside = _source.PACKAGE / "adapters" / f"{name}.py"
    return inside if inside.exists() else _source.PACKAGE / f"{name}.py"


def store(name: str) -> list[Path]:
    """The files of the store that imports an optional driver."""
    return _source.python_files(_source.PACKAGE / "stores" / name)


def test_the_version_is_written_once() -> None:
    """The package says its version, and the build reads it there."""
    assert "version" in project()["dynamic"]
    assert ROOT / pyproject()["tool"]["hatch"]["version"]["path"] == ROOT / "devsess/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", devsess.__version__)


def test_the_changes_name_this_version() -> None:
    """The newest entry of the changes is this version's."""
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert devsess.__version__ == re.search(r"^## (\S+)", changes, re.MULTILINE)[1]  # type: ignore[index]


def test_types_are_declared() -> None:
    """The package is marked as typed, where it is imported from."""
    assert (_source.PACKAGE / "py.typed").is_file()
    assert ["devsess"] == pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_dependencies_are_what_is_imported() -> None:
    """Each package that devsess imports is required, and no other is."""
    # FastAPI is asked for nothing: where it is installed, its document says more.
    optional = [*map(adapter, FRAMEWORKS), _source.PACKAGE / "adapters" / "_fastapi.py"]
    optional += [path for name in STORES for path in store(name)]
    optional += _source.python_files(
        *(_source.PACKAGE / it for it in ("client", "django", "geo", "web"))
    )
    files = [path for path in _source.python_files(_source.PACKAGE) if path not in optional]
    imported = distributions(_source.third_party(*files))
    assert imported == required(project()["dependencies"])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_has_its_extra(name: str) -> None:
    """The adapter of a framework imports that framework, which its extra installs."""
    imported = distributions(_source.third_party(adapter(name)))
    assert imported <= required(project()["optional-dependencies"][name])


@pytest.mark.parametrize("name", STORES)
def test_a_store_has_its_extra(name: str) -> None:
    """The store of an engine imports its driver, which its extra installs."""
    imported = distributions(_source.third_party(*store(name)))
    allowed = [*project()["dependencies"], *project()["optional-dependencies"][name]]
    assert imported <= required(allowed)


def test_pages_have_their_extra() -> None:
    """The pages import their templates' engine, which their extra installs; Django has its own."""
    imported = distributions(_source.third_party(*_source.python_files(_source.PACKAGE / "web")))
    extras = project()["optional-dependencies"]
    assert imported <= required([*project()["dependencies"], *extras["web"], *extras["django"]])


def test_the_app_of_django_has_its_extras() -> None:
    """It imports Django, which its extra installs, and the framework for APIs by another one."""
    imported = distributions(_source.third_party(*_source.python_files(_source.PACKAGE / "django")))
    extras = project()["optional-dependencies"]
    names = ("django", "drf", "prometheus")
    allowed = [*project()["dependencies"], *(it for name in names for it in extras[name])]
    # A project that exchanges the tokens of these has them.
    assert imported - {"django-rest-knox", "djangorestframework-simplejwt"} <= required(allowed)


def test_a_programs_side_has_its_extras() -> None:
    """It imports its HTTP client, which its extra installs, and a keyring by another one."""
    imported = distributions(_source.third_party(*_source.python_files(_source.PACKAGE / "client")))
    extras = project()["optional-dependencies"]
    assert imported <= required([*project()["dependencies"], *extras["client"], *extras["keyring"]])


def test_places_have_their_extra() -> None:
    """The locator imports its reader, which its extra installs."""
    imported = distributions(_source.third_party(*_source.python_files(_source.PACKAGE / "geo")))
    allowed = [*project()["dependencies"], *project()["optional-dependencies"]["geo"]]
    assert imported <= required(allowed)


def test_every_script_of_a_store_is_in_the_package() -> None:
    """The files that a store reads lie in the package's folder, which the wheel takes whole."""
    folder = _source.PACKAGE / "stores" / "redis" / "lua"
    assert {"lib.lua", "write.lua", "insert.lua"} <= {path.name for path in folder.iterdir()}
    wheel = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {"packages"} == set(wheel)


def test_benchmarks_need_nothing_more() -> None:
    """The benchmarks run on what the package requires, but for peers, pictures and servers."""
    more = (
        "_peer_",
        "peers.py",
        "_plots.py",
        "served.py",
        "_places.py",
        "_filling.py",
        "_filled.py",
    )
    files = [
        path
        for path in _source.python_files(ROOT / "benchmarks")
        if not path.name.startswith(more) and path.parent not in (SERVERS, SERVED)
    ]
    imported = _source.third_party(*files)
    assert set() == distributions(imported) - required(project()["dependencies"])


def test_tests_need_the_test_extra_only() -> None:
    """What tests and their servers import is required by devsess or by its test extra."""
    files = [ROOT / "conftest.py", *_source.python_files(ROOT / "tests")]
    files += _source.python_files(SERVERS)
    allowed = [*project()["dependencies"], *project()["optional-dependencies"]["test"]]
    assert set() == distributions(_source.third_party(*files)) - required(allowed)


def test_all_is_all() -> None:
    """The extra `all` names every other one."""
    extras = project()["optional-dependencies"]
    [everything] = extras["all"]
    named = re.fullmatch(r"devsess\[(.*)\]", everything)[1].split(",")  # type: ignore[index]
    assert set(extras) - {"all"} == set(named)


def test_the_site_needs_no_other_extra() -> None:
    """The extra `docs` brings all that users may, since the reference imports it."""
    extras = project()["optional-dependencies"]
    [ours] = [each for each in extras["docs"] if each.startswith("devsess[")]
    for_work = {"all", "bench", "docs", "lint", "release", "test"}
    assert set(extras) - for_work == set(ours.removeprefix("devsess[").rstrip("]").split(","))


def test_every_requirement_has_a_floor() -> None:
    """Each requirement says the oldest version that will do."""
    extras = project()["optional-dependencies"]
    given = [*project()["dependencies"]]
    given += [each for extra in extras.values() for each in extra]
    given = [each for each in given if not each.startswith("devsess[")]
    assert [] == [each for each in given if ">=" not in each]


def test_the_versions_of_python_agree() -> None:
    """The oldest Python required is the oldest of the classifiers, mypy's and ruff's."""
    listed = re.findall(r"Python :: 3\.(\d+)", "\n".join(project()["classifiers"]))
    oldest = min(map(int, listed))
    assert f">=3.{oldest}" == project()["requires-python"]
    assert f"3.{oldest}" == pyproject()["tool"]["mypy"]["python_version"]
    assert f"py3{oldest}" == pyproject()["tool"]["ruff"]["target-version"]


@pytest.mark.parametrize("name", ["Django", "Flask", "Starlette", "FastAPI", "SQLAlchemy"])
def test_the_page_on_versions_has_the_oldest(name: str) -> None:
    """That of the extra."""
    page = (ROOT / "docs" / "versions.md").read_text("utf-8")
    [shown] = re.findall(rf"^\| {name} \| ([\d.]+)", page, re.MULTILINE)
    extra = project()["optional-dependencies"][name.lower()]
    [floor] = [each.partition(">=")[2] for each in extra if name.lower() in required([each])]
    assert f"{floor}.".startswith(f"{shown}.")


@pytest.mark.parametrize(("command", "target"), project()["scripts"].items())
def test_commands_lead_somewhere(command: str, target: str) -> None:
    """Each command's function can be imported and called."""
    module, _, name = target.partition(":")
    assert callable(getattr(import_module(module), name)), command


@pytest.mark.parametrize(
    "path",
    ["README.md", "LICENSE", "conftest.py", ".ci/run", "tests/project/test_packaging.py"],
)
def test_the_source_distribution_is_whole(path: str) -> None:
    """The source distribution holds all files that the README's commands need."""
    included = pyproject()["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert (ROOT / path).is_file()
    assert any(
        fnmatchcase(f"/{path}", pattern) or f"/{path}".startswith(f"{pattern}/")
        for pattern in included
    )
