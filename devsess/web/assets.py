"""
Stylesheet, script and icons: package data, served under names that hold their hash.

A name with its hash never changes its content, so browsers keep it for a year.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from attrs import field, frozen

from devsess.adapters._http import Answer

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PREFIX = "/static/"
_CACHING = ("Cache-Control", "private, max-age=31536000, immutable")


@frozen
class Asset:
    """
    One file.

    Attributes:
        path: Below the mount point, with its hash.
        kind: Its media type.
        content: Its bytes.
    """

    path: str
    kind: str
    content: bytes = field(repr=False)

    @property
    def answer(self) -> Answer:
        """The file as it is served."""
        length = ("Content-Length", str(len(self.content)))
        return Answer(200, (("Content-Type", self.kind), length, _CACHING), self.content)


@cache
def assets() -> dict[str, Asset]:
    """The files of the package, by their plain names."""
    found = {}
    for each in files("devsess.web").joinpath("static").iterdir():
        name = PurePosixPath(each.name)
        if name.suffix in KINDS:
            content = each.read_bytes()
            digest = sha256(content).hexdigest()[:16]
            path = f"{PREFIX}{name.stem}.{digest}{name.suffix}"
            found[each.name] = Asset(path, KINDS[name.suffix], content)
    return found


@cache
def served() -> dict[str, Asset]:
    """The same, by their paths."""
    return {each.path: each for each in assets().values()}
