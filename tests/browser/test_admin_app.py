"""The operators' pages in real browsers, over the demo's site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _axe import violations
from _browsers import Name
from _demo import Demo, demo
from _keyboard import sideways, tab_faults
from _pages import OPERATORS as PAGES
from _visitor import Visitor
from screenshots import LANGUAGES, SCHEMES

from devsess import Client
from devsess.cli._scenes import ADA

Visit = Callable[..., Visitor]
BRIEF = {"admin-overview"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Demo]:
    """A site of the test's own: its link is good once."""
    with demo(tmp_path) as here:
        yield here


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A site that tests look at and change nothing on."""
    with demo(tmp_path_factory.mktemp("demo")) as here:
        yield here


@pytest.fixture(scope="module")
def jars() -> dict[str, object]:
    """The cookies of the browser that opened the shared site's link."""
    return {}


def operator(visit: Visit, here: Demo, **settings: object) -> Visitor:
    """The browser that opened the link."""
    visitor = visit(here.site, **settings)
    visitor.go(here.link)
    assert "/operators/" == visitor.path
    return visitor


def looking(visit: Visit, shared: Demo, jars: dict[str, object], **settings: object) -> Visitor:
    """One that only looks, at the shared site."""
    if not jars:
        jars["jar"] = operator(visit, shared).jar
    return visit(shared.site, jar=jars["jar"], **settings)


@pytest.mark.parametrize(
    ("number", "scripts"),
    [
        (12, True),
        pytest.param(1_000, True, marks=pytest.mark.thorough),
        pytest.param(1_000, False, marks=pytest.mark.thorough),
    ],
)
def test_an_operator_ends_a_network(visit: Visit, here: Demo, number: int, scripts: bool) -> None:
    """Found from the search box, previewed, ended by typing the count, and seen in the log."""
    for each in range(number):
        here.sessions.login(f"user-{each}", Client(f"192.0.2.{each % 250}"))
    visitor = operator(visit, here, scripts=scripts)
    _search(visitor, "192.0.2.0/24", by_key=scripts)
    visitor.page.get_by_role("link", name="End these").first.click()
    visitor.page.wait_for_load_state()
    assert f"{number:,} open sessions will end" in visitor.page.locator(".ds-lead").inner_text()
    visitor.page.get_by_label("Reason").fill("stolen passwords")
    visitor.page.get_by_label("to confirm").fill(str(number + 1))
    visitor.press("End these sessions")
    assert number == here.sessions.count(ip="192.0.2.0/24", state="live")
    visitor.page.get_by_label("to confirm").fill(str(number))
    visitor.press("End these sessions")
    _go_on(visitor, number)
    assert () == tuple(here.sessions.search(ip="192.0.2.0/24", state="live").items)
    assert here.sessions.live(ADA).items
    visitor.press("To the log")
    newest = visitor.page.locator("tbody tr").first.inner_text()
    assert "grace" in newest
    assert "stolen passwords" in newest


def _search(visitor: Visitor, text: str, *, by_key: bool) -> None:
    if by_key:
        visitor.page.keyboard.press("/")
        visitor.page.keyboard.type(text)
    else:
        visitor.page.locator("#find").fill(text)
    with visitor.page.expect_navigation():
        visitor.page.locator("#find").press("Enter")


def _go_on(visitor: Visitor, number: int) -> None:
    """Until all are ended: a script presses "Continue", without one the operator does."""
    for _ in range(number // 100 + 2):
        visitor.page.wait_for_load_state()
        if f"{number:,} sessions were ended" in visitor.page.locator("h1").inner_text():
            return
        if visitor.page.locator("form[data-continue]").count() and not visitor.scripts:
            visitor.press("Continue")
        else:
            visitor.page.wait_for_timeout(500)
    assert f"{number:,} sessions were ended" in visitor.page.locator("h1").inner_text()


@pytest.mark.thorough
def test_an_attack_is_judged(visit: Visit, here: Demo, any_browser: Name) -> None:
    """From the queue to the sign-in, and with two presses its device is blocked."""
    visitor = operator(visit, here, using=any_browser)
    visitor.press("To review")
    visitor.page.get_by_role("link", name="Chrome on Linux").first.click()
    visitor.page.wait_for_load_state()
    assert "network of a data centre or VPN" in visitor.text
    visitor.press("It was an attack")
    visitor.page.locator("main form[method=post] button").first.click()
    visitor.page.wait_for_load_state()
    assert "Chrome on Linux" in {str(it) for it in here.sessions.devices(ADA) if it.blocked}


@pytest.mark.thorough
def test_each_bar_says_its_numbers(visit: Visit, shared: Demo, jars: dict[str, object]) -> None:
    """Its name, as a screen reader says it, has the day and the numbers."""
    visitor = looking(visit, shared, jars)
    visitor.page.goto(f"{shared.site}/operators/?days=90")
    name = re.compile(r"^\d+ \w+ \d{4}: [\d,]+ signed in, [\d,]+ failed or refused$")

    assert 90 == visitor.page.get_by_role("link", name=name).count()
    assert [] == violations(visitor.page)
    visitor.page.locator(".ds-hits a rect").last.click(position={"x": 2, "y": 150})
    assert "/operators/day" == visitor.path


@pytest.mark.thorough
def test_another_browser_is_not_let_in(visit: Visit, here: Demo) -> None:
    """The link is good once: a second browser that opens it sees nothing."""
    operator(visit, here)
    other = visit(here.site)
    other.go(here.link, status=403)
    other.go("/operators/", status=403)
    assert "Overview" not in other.text


@pytest.mark.parametrize(
    "page",
    [page if page in BRIEF else pytest.param(page, marks=pytest.mark.thorough) for page in PAGES],
)
def test_operators_pages_are_for_everyone(
    visit: Visit, shared: Demo, jars: dict[str, object], page: str
) -> None:
    """axe finds nothing, the keyboard reaches all in order, and 320 pixels are wide enough."""
    visitor = looking(visit, shared, jars, width=320)
    visitor.page.goto(PAGES[page](shared))
    assert [] == violations(visitor.page)
    assert [] == tab_faults(visitor.page)
    assert 0 == sideways(visitor.page)


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_operators_pages_are_for_everyone_everywhere(
    visit: Visit, shared: Demo, jars: dict[str, object], scheme: str, language: str
) -> None:
    """Contrast holds in the dark too, and longer words fit."""
    visitor = looking(visit, shared, jars, width=320, scheme=scheme, language=language)
    for page, path in PAGES.items():
        visitor.page.goto(path(shared))
        assert [] == violations(visitor.page), page
        assert 0 == sideways(visitor.page), page
