"""
Where an address is: the protocol a locator fulfils, and one that reads files.

    locator    the protocol
    maxmind    the locator over MMDB files, put together
    files      an MMDB file, opened and read
    hosting    a list of networks of hosting providers
    replaced   a file that is opened again once it was replaced
    records    the place and the network in one record of a file
    countries  the names of countries, for files that hold codes only
    checked    what no place has, dropped
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.geo.locator import Locator as Locator

__all__ = ["Hosting", "Locator", "MaxMindLocator"]

if TYPE_CHECKING:
    from devsess.geo.hosting import Hosting as Hosting
    from devsess.geo.maxmind import MaxMindLocator as MaxMindLocator
else:

    def __getattr__(name: str) -> object:
        # Late: `import devsess` needs the protocol, and few need the files.
        if name == "MaxMindLocator":
            from devsess.geo.maxmind import MaxMindLocator

            return MaxMindLocator
        if name == "Hosting":
            from devsess.geo.hosting import Hosting

            return Hosting
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
