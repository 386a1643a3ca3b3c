"""The built site: complete, without a broken reference, and without a request to anybody else."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import zlib
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import _documents
import pytest
from test_reference import ENUMS, FIELDS, NAMES

import devsess

pytestmark = pytest.mark.thorough
# The attributes by which a page fetches something as it is shown.
FETCHED = {("script", "src"), ("img", "src"), ("source", "srcset"), ("iframe", "src")}
STYLES = ("stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch")


def command(target: Path) -> list[str]:
    """The documented command, with another folder in the place of its own."""
    [line] = re.findall(r"`(python -m sphinx [^`]+)`", _documents.text("CONTRIBUTING.md"))
    words = shlex.split(line)
    return [sys.executable, *words[1:-1], str(target)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by the documented command, for which a warning is an error."""
    target = tmp_path_factory.mktemp("site") / "html"
    done = subprocess.run(
        command(target), cwd=_documents.ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert "" == done.stderr
    return target


class Page(HTMLParser):
    """The ids, links and fetched addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what counts."""
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values["id"]} if "id" in values else set()
        self.links |= {values["href"]} if tag == "a" and "href" in values else set()
        self.fetched |= {values[name] for at, name in FETCHED if at == tag and name in values}
        if tag == "link" and values.get("rel", "") in STYLES:
            self.fetched.add(values.get("href", ""))


@cache
def page(path: Path) -> Page:
    """A page of the site."""
    return Page(path.read_text("utf-8"))


def pages(site: Path) -> list[Path]:
    """Every page of the site."""
    found = sorted(site.rglob("*.html"))
    assert len(found) > 50
    return found


def inventory(site: Path) -> set[str]:
    """The names that the site describes, from the list that other sites link by."""
    *_, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)  # behind four lines of text
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split(" py:")[0] for line in lines if " py:" in line}


def wanted() -> Iterator[str]:
    """Every name, field and type that the site has to describe."""
    yield from NAMES
    yield from (f"devsess.{record}.{name}" for record, name in FIELDS)
    yield from (f"devsess.{each.__name__}.{name}" for each in ENUMS for name in each.__members__)
    for manager in (devsess.SessionManager, devsess.AsyncSessionManager):
        methods = [name for name in dir(manager) if not name.startswith("_")]
        yield from (f"devsess.{manager.__name__}.{name}" for name in methods if name != "core")


def test_nothing_public_is_missing(site: Path) -> None:
    """Each public name, each field of each record, and each type of event has an entry."""
    assert [] == sorted(set(wanted()) - inventory(site))


def test_no_page_asks_another_server(site: Path) -> None:
    """Scripts, styles, fonts and pictures come from the site itself."""
    outside = {
        (path.name, each)
        for path in pages(site)
        for each in page(path).fetched
        if urlsplit(each).netloc or each.startswith("//")
    }
    styles = "\n".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert set() == outside
    assert [] == re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\s]+", styles)


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    """To a file that is there, and to an id in it."""
    broken = [
        (path.name, link)
        for path in pages(site)
        for link in page(path).links
        if not urlsplit(link).scheme and not leads(path, link)
    ]
    assert [] == broken


def leads(path: Path, link: str) -> bool:
    """Whether a link of a page has a target."""
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    is_page = target.suffix == ".html" and parts.fragment
    return not is_page or unquote(parts.fragment) in page(target).ids


def test_the_search_knows_every_page(site: Path) -> None:
    """The index of the search, which the browser loads, names each page."""
    index = (site / "searchindex.js").read_text("utf-8")
    names = {path.relative_to(site).with_suffix("").as_posix() for path in pages(site)}
    generated = {"genindex", "search", "py-modindex"}
    assert [] == sorted(name for name in names - generated if f'"{name}"' not in index)


def test_light_and_dark(site: Path) -> None:
    """Each page has the switch, and a picture that has two versions shows one at a time."""
    home = (site / "index.html").read_text("utf-8")
    assert "theme-toggle" in home
    assert "only-light" in home
    assert "only-dark" in home


@pytest.mark.parametrize("name", ["validation", "refresh-race", "revocation"])
def test_diagrams_stand_within_the_page(site: Path, name: str) -> None:
    """So that they take the page's colours, and their words can be read out and searched."""
    title = re.search("<title>(.+)</title>", _documents.text(f"docs/diagrams/{name}.svg"))
    assert title is not None
    assert title[0] in (site / "how-it-works.html").read_text("utf-8")
