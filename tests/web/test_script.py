"""The module for pages is served below the endpoints, under a name that holds its hash."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from devsess import browser


def test_it_is_served_for_a_year(site: Any) -> None:
    """As a script, to everybody, with and without a session."""
    for visitor in (site.browser(), site.browser("ada")):
        answer = visitor.get(browser.path("/auth"))
        assert (200, browser.content()) == (answer.status_code, answer.content)
        assert "text/javascript; charset=utf-8" == answer.headers["content-type"]
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]
        assert "set-cookie" not in answer.headers
        assert "vary" not in answer.headers


def test_no_other_name_is_served(site: Any) -> None:
    """A page that was made by another version must not keep this one under its name."""
    visitor = site.browser()
    for name in ("client.js", "client.0123456789abcdef.js", "client.d.ts", "__init__.py"):
        assert 404 == visitor.get(f"/auth/{name}").status_code
    assert 405 == site.browser("ada").post(browser.path("/auth")).status_code


def test_pages_of_a_named_origin_import_it(make: Any) -> None:
    """Modules are asked for by CORS; other origins are not told that they may read it."""
    site = make(origins=["https://www.example.com"])
    for origin, shared in (("https://www.example.com", True), ("https://evil.example", False)):
        answer = site.browser().get(browser.path("/auth"), Origin=origin)
        assert shared is ("access-control-allow-origin" in answer.headers)
        assert "Origin" in answer.headers["vary"]


def test_its_path_begins_where_the_endpoints_are() -> None:
    """With the mount point."""
    assert f"/shop/auth/{browser.name()}" == browser.path("/shop/auth/")


def test_its_types_come_along() -> None:
    """For bundlers, which take both from the package."""
    types = files("devsess.browser").joinpath("client.d.ts").read_text("utf-8")
    assert "export class SessionClient" in types
