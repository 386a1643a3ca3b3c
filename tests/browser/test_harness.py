"""The tests in browsers see what they are there to see: each fault, on a page that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _axe import violations
from _browsers import Name
from _keyboard import sideways, tab_faults
from _visitor import Visitor

from devsess.cli._serving import LocalServer

pytestmark = pytest.mark.thorough

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'"
PAGE = """<!doctype html><html lang="en"><head><title>A page</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>Heading</h1>
{}</main></body></html>"""
ELSEWHERE = "http://127.0.0.1:9/x.png"
PAGES = {
    "/good": '<a href="/good">One</a> <button type="button">Two</button>',
    "/inline": '<p style="color: red">Text</p>',
    "/outside": '<link rel="stylesheet" href="/outside.css">',
    "/missing": '<img src="/nothing.png" alt="">',
    "/error": '<script src="/error.js"></script>',
    "/nameless": "<input>",
    "/order": '<a href="/good">One</a> <a href="/good" tabindex="1">Two</a>',
    "/ringless": '<link rel="stylesheet" href="/ringless.css"><a href="/good">One</a>',
    "/unguarded": f'<img src="{ELSEWHERE}" alt="">',
    "/wide": '<link rel="stylesheet" href="/wide.css"><p>Text</p>',
}
FILES = {
    "/outside.css": ("text/css", f"body {{ background: url({ELSEWHERE}) }}"),
    "/ringless.css": ("text/css", "a { outline: none }"),
    "/wide.css": ("text/css", "p { width: 600px }"),
    "/error.js": ("text/javascript", "nothing.there()"),
}


def app(environ: Any, start_response: Any) -> list[bytes]:
    path = environ["PATH_INFO"]
    if path not in {**PAGES, **FILES}:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b""]
    kind, text = FILES.get(path, ("text/html; charset=utf-8", PAGE.format(PAGES.get(path))))
    policy = [] if path == "/unguarded" else [("Content-Security-Policy", POLICY)]
    start_response("200 OK", [("Content-Type", kind), *policy])
    return [text.encode()]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with LocalServer(app).running() as server:
        yield server.site


def faults(visitor: Visitor, path: str) -> list[str]:
    """Those of one page, taken from the visitor, who would fail by them."""
    visitor.go(path)
    visitor.page.wait_for_load_state("networkidle")
    found, visitor.faults[:] = visitor.faults[:], []
    return found


def test_faults_of_pages_are_seen(
    visit: Callable[..., Visitor], site: str, any_browser: Name
) -> None:
    """A violated policy, a request elsewhere, a missing file, an error, a page without policy."""
    visitor = visit(site, using=any_browser)
    assert [] == faults(visitor, "/good")
    expected = {
        "/inline": "style-src",
        "/outside": "img-src",
        "/missing": "404: ",
        "/error": "script: ",
        "/unguarded": "no policy: ",
    }
    found = {path: "; ".join(faults(visitor, path)) for path in expected}
    assert {} == {path: found[path] for path in found if expected[path] not in found[path]}


def test_a_request_that_leaves_is_seen(visit: Callable[..., Visitor], site: str) -> None:
    """Also where the policy of the page allows it."""
    assert f"outside: {ELSEWHERE}" in faults(visit(site), "/unguarded")


def test_axe_works_under_the_policy(visit: Callable[..., Visitor], site: str) -> None:
    """It finds a field without a name, on a page that allows no script but its own."""
    visitor = visit(site)
    assert [] == violations(visitor.go("/good"))
    [found] = violations(visitor.go("/nameless"))
    assert found.startswith("label: ")


def test_the_way_of_the_keyboard_is_walked(visit: Callable[..., Visitor], site: str) -> None:
    """Another order than the page's and a control without a ring are faults."""
    visitor = visit(site)
    assert [] == tab_faults(visitor.go("/good"))
    assert ["Tab reaches A Two where A One is next"] == tab_faults(visitor.go("/order"))
    assert ["no ring around A One"] == tab_faults(visitor.go("/ringless"))


def test_a_page_that_is_too_wide_is_seen(visit: Callable[..., Visitor], site: str) -> None:
    """At 320 pixels nothing may need scrolling to the side."""
    visitor = visit(site, width=320)
    assert 0 == sideways(visitor.go("/good"))
    assert 600 - 320 <= sideways(visitor.go("/wide"))
