"""How pages look, and in which words and time zone they speak: the application's choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen
from jinja2 import BaseLoader

from devsess.adapters._http import Request
from devsess.adapters._settings import is_local_path
from devsess.errors import ConfigurationError

# A language such as "de", or a function that chooses one for a request.
Language: TypeAlias = "str | Callable[[Request], str | None] | None"


def _zone(name: str | ZoneInfo) -> ZoneInfo:
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(name)
    except (ValueError, TypeError, OSError, ZoneInfoNotFoundError) as error:
        raise ConfigurationError(f"time_zone: there is no {name!r}") from error


def _paths(paths: Sequence[str]) -> tuple[str, ...]:
    if isinstance(paths, str) or not all(isinstance(it, str) for it in paths):
        raise ConfigurationError("stylesheets: must be a list of paths")
    if not all(map(is_local_path, paths)):
        raise ConfigurationError("stylesheets: each must be a path of this site, such as /my.css")
    return tuple(paths)


@frozen(kw_only=True)
class Look:
    """
    The look of the pages.

    Attributes:
        name: The application's name, at the top of each page.
        home: Where that name leads, such as "/"; "" for nowhere.
        language: "de", or a function that chooses one for a request; without it, or where it
            returns None or one that is not there, the browser's.
        time_zone: The zone of the times that the server writes; each page names it.
        templates: A folder, or a Jinja loader, whose templates take the place of ours; one
            that only changes ours extends it as "devsess/<its name>".
        stylesheets: Paths of this site that are loaded behind our stylesheet.

    Raises:
        ConfigurationError: If one of them cannot work.
    """

    name: str = ""
    home: str = ""
    language: Language = None
    time_zone: ZoneInfo = field(factory=lambda: ZoneInfo("UTC"), converter=_zone)
    templates: str | Path | BaseLoader | None = None
    stylesheets: tuple[str, ...] = field(default=(), converter=_paths)
