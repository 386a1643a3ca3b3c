"""Tests in real browsers: all of them, and the fixtures that they share, use one a process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from _browsers import WHERE, Browsers, Name
from _visitor import Visitor

BROWSERS = pytest.StashKey[Browsers]()


@pytest.fixture(scope="session")
def browsers(pytestconfig: pytest.Config) -> Iterator[Browsers]:
    """The browsers of this process."""
    browsers = Browsers()
    pytestconfig.stash[BROWSERS] = browsers
    try:
        yield browsers
    finally:
        browsers.close()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run the tests of this folder in the browsers' thread."""
    if "browsers" in pyfuncitem.fixturenames:
        test, browsers = pyfuncitem.obj, pyfuncitem.config.stash[BROWSERS]
        pyfuncitem.obj = lambda **given: browsers.run(test, **given)
    return (yield)


@pytest.fixture(params=["chromium", pytest.param("firefox", marks=pytest.mark.thorough)])
def any_browser(request: pytest.FixtureRequest) -> Name:
    """Each browser in turn; Firefox with --thorough."""
    name: Name = request.param
    return there(name)


def there(name: Name) -> Name:
    """*name*, if it is installed: these are among the few tests that a machine may lack."""
    if WHERE[name] is None:
        pytest.skip(f"{name.capitalize()} is not installed: apt-get install {_PACKAGES[name]}")
    return name


_PACKAGES = {"chromium": "chromium", "firefox": "firefox-esr"}


@pytest.fixture
def visit(browsers: Browsers) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors of a site; in the end, none of them may have seen a fault."""
    made: list[Visitor] = []

    def visit(
        site: str, *, using: Name = "chromium", keeps_pages: bool = False, **settings: Any
    ) -> Visitor:
        browser = browsers.started(there(using), keeps_pages=keeps_pages)
        visitor = Visitor(browser, site, **settings)
        made.append(visitor)
        return visitor

    def leave() -> list[str]:
        for visitor in made:
            visitor.close()
        return [fault for visitor in made for fault in visitor.faults]

    yield visit
    assert [] == browsers.run(leave)
