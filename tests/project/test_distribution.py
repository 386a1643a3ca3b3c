"""The wheel and the source distribution: built, complete, and good in an empty environment."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import _source
import pytest

import devsess

pytestmark = pytest.mark.thorough
ROOT = _source.ROOT
# Any instant will do: two builds have the same.
EPOCH = "1700000000"
# Imports each module of the wheel, and prints what those that cannot be imported lack.
IMPORTING = """
import importlib, json, pkgutil, devsess
lacking = {}
for each in pkgutil.walk_packages(devsess.__path__, "devsess.", onerror=lambda name: None):
    if each.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(each.name)
    except ModuleNotFoundError as error:
        lacking[each.name] = error.name.partition(".")[0]
    except devsess.ConfigurationError as error:
        lacking[each.name] = "jinja2"
print(json.dumps([devsess.__file__, lacking]))
"""
OPTIONAL = {
    *("anyio", "django", "fastapi", "flask", "httpx", "jinja2", "keyring", "maxminddb"),
    *("litestar", "prometheus_client", "psycopg", "psycopg_pool", "pymongo", "redis", "starlette"),
    "sqlalchemy",
}


def built(target: Path, source: Path = ROOT) -> tuple[Path, Path]:
    """The wheel and the source distribution, as `python -m build` makes them."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    [wheel], [archive] = target.glob("*.whl"), target.glob("*.tar.gz")
    return wheel, archive


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both files."""
    return built(tmp_path_factory.mktemp("dist"))


def names_in(wheel: Path) -> set[str]:
    """The files of the package in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("devsess/")}


def test_the_wheel_has_all_of_the_package(distribution: tuple[Path, Path]) -> None:
    """Each file of the package is in it, scripts, templates and catalogues too, and no other."""
    files = {
        path.relative_to(ROOT).as_posix()
        for path in _source.PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == names_in(distribution[0])
    kinds = {Path(name).suffix for name in files}
    assert {".css", ".html", ".js", ".lua", ".po", ".py", ".ts"} <= kinds


def test_the_wheel_says_what_it_is(distribution: tuple[Path, Path]) -> None:
    """Its name, version, licence, oldest Python, and the README as its description."""
    with zipfile.ZipFile(distribution[0]) as archive:
        [name] = [it for it in archive.namelist() if it.endswith(".dist-info/METADATA")]
        found = Parser().parsestr(archive.read(name).decode())
    assert ("devsess", devsess.__version__) == (found["Name"], found["Version"])
    assert (">=3.11", "MIT") == (found["Requires-Python"], found["License-Expression"])
    assert "text/markdown" == found["Description-Content-Type"]
    assert (ROOT / "README.md").read_text("utf-8").strip() in found.as_string()


def test_two_builds_of_one_source_are_equal(
    distribution: tuple[Path, Path], tmp_path: Path
) -> None:
    """Byte for byte, so that others can see what a wheel was built from."""
    digests = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
        for files in (distribution, built(tmp_path))
    ]
    assert digests[0] == digests[1]


def test_the_source_distribution_builds_the_same_wheel(
    distribution: tuple[Path, Path], tmp_path: Path
) -> None:
    """It holds what a build needs, and what tests and the site need."""
    with tarfile.open(distribution[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    assert (source / "docs" / "conf.py").is_file()
    assert (source / "tests" / "project" / "test_distribution.py").is_file()

    again, _ = built(tmp_path / "dist", source)

    assert names_in(distribution[0]) == names_in(again)


def test_it_works_in_an_empty_environment(distribution: tuple[Path, Path], tmp_path: Path) -> None:
    """Each module can be imported, but for those that lack the package of an extra."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, str(distribution[0])], check=True, cwd=tmp_path)

    done = subprocess.run(
        [python, "-I", "-c", IMPORTING], check=True, cwd=tmp_path, capture_output=True, text=True
    )

    where, lacking = json.loads(done.stdout)
    assert str(tmp_path) in where
    assert set() == set(lacking.values()) - OPTIONAL
    assert "devsess.web" in lacking
    demo = [str(tmp_path / "venv" / "bin" / "devsess"), "demo"]
    assert 0 == subprocess.run(demo, cwd=tmp_path, capture_output=True, check=False).returncode
