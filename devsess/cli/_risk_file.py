"""A file of risk's numbers: TOML with the tables [risk] and [risk.points]."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import fields

from devsess.errors import ConfigurationError
from devsess.risk_policy import Points, Risk

# The settings that are texts; all others are whole numbers.
TEXTS = ("mode", "acr")


def read_risk(path: Path) -> Risk:
    """
    The numbers in the file; those it leaves out are the defaults.

    Raises:
        ConfigurationError: If it is no TOML, or a key in it is unknown or of the wrong type; the
            message names the key.
        OSError: If it cannot be read.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from None
    _check_known(found, {"risk"}, path, "")
    settings = _table(found.get("risk", {}), path, "risk")
    points = _table(settings.pop("points", {}), path, "risk.points")
    _check_known(settings, {it.name for it in fields(Risk)}, path, "risk.")
    _check_known(points, {it.name for it in fields(Points)}, path, "risk.points.")
    for table, inside in (("risk", settings), ("risk.points", points)):
        for name, value in inside.items():
            _check_type(value, name, path, table)
    try:
        return Risk(**settings, points=Points(**points))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _table(value: Any, path: Path, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: {name} must be a table, [{name}]")
    return dict(value)


def _check_known(found: Mapping[str, Any], known: set[str], path: Path, prefix: str) -> None:
    unknown = sorted(found.keys() - known)
    if unknown:
        raise ConfigurationError(
            f"{path}: {prefix}{unknown[0]} is no setting; there are {', '.join(sorted(known))}"
        )


def _check_type(value: Any, name: str, path: Path, table: str) -> None:
    if name in TEXTS:
        if not isinstance(value, str):
            raise ConfigurationError(f"{path}: {table}.{name} must be a text, not {value!r}")
    elif isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{path}: {table}.{name} must be a whole number, not {value!r}")
