"""A person's pages in real browsers, over the demo's site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _axe import violations
from _browsers import Name
from _demo import Demo, demo
from _keyboard import sideways, tab_faults
from _pages import ACCOUNT as PAGES
from _visitor import Visitor
from screenshots import LANGUAGES, SCHEMES

from devsess.cli._scenes import ADA

Visit = Callable[..., Visitor]
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The site, whose people several tests share."""
    with demo(tmp_path_factory.mktemp("demo")) as here:
        yield here


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Demo]:
    """A site of the test's own."""
    with demo(tmp_path) as own:
        yield own


def signed_in(visit: Visit, here: Demo, **settings: object) -> Visitor:
    """One of Ada's browsers."""
    visitor = visit(here.site, **settings)
    visitor.sign_in()
    assert "/account/" == visitor.path
    return visitor


def row(name: str) -> str:
    """The row of a device on the overview."""
    return f"li:has-text('{name}')"


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_one_browser_ends_the_other(
    visit: Visit, here: Demo, any_browser: Name, scripts: bool
) -> None:
    """One person, two browsers: the next click of the one that was ended leads to the sign-in."""
    one = signed_in(visit, here, using=any_browser, scripts=scripts)
    other = signed_in(visit, here, using=any_browser, scripts=scripts, user_agent=EDGE)
    one.go("/account/")
    one.press("Sign out", within=row("Edge on Windows"))
    assert "/account/" == one.path
    assert 0 == one.page.locator(row("Edge on Windows")).get_by_role("button").count()
    other.press("All activity")
    assert "/sign-in" == other.path


@pytest.mark.thorough
def test_the_way_back_leads_to_no_page_of_before(
    visit: Visit, here: Demo, any_browser: Name
) -> None:
    """Who comes to a browser after its person signed out sees none of their pages."""
    visitor = signed_in(visit, here, using=any_browser, keeps_pages=True)
    visitor.press("All activity")
    visitor.go("/account/")
    visitor.page.locator("li", has_text="This device").get_by_role("link").first.click()
    visitor.page.wait_for_url("**/account/devices/*")
    own = visitor.page.locator("li", has_text="This sign-in")
    own.get_by_role("button", name="Sign out").click()
    visitor.page.wait_for_url("**/sign-in**")
    for _ in range(3):
        visitor.page.go_back()
        assert "/sign-in" == visitor.path
        assert "Lagos" not in visitor.text
        assert "My MacBook" not in visitor.text


@pytest.mark.thorough
def test_a_copied_jar_ends_with_one_click(visit: Visit, here: Demo) -> None:
    """A thief of a browser's cookies is out when their owner ends it on another one."""
    phone, laptop = signed_in(visit, here), signed_in(visit, here, user_agent=EDGE)
    thief = visit(here.site, jar=laptop.jar, user_agent=EDGE)
    thief.go("/account/")
    assert "/account/" == thief.path
    phone.go("/account/")
    phone.press("Sign out", within=row("Edge on Windows"))
    for copy in (thief, laptop):
        copy.go("/account/")
        assert "/sign-in" == copy.path


@pytest.mark.thorough
def test_a_stranger_is_asked_about_and_shut_out(visit: Visit, own: Demo) -> None:
    """ "No, secure my account" ends the sign-in from elsewhere, and blocks its device."""
    visitor = signed_in(visit, own)
    assert "Was this you?" in visitor.text
    assert "Near Amsterdam, Netherlands" in visitor.text
    visitor.press("No, secure my account")
    visitor.page.locator("form button").first.click()
    visitor.page.wait_for_load_state()
    visitor.go("/account/")
    assert "Was this you?" not in visitor.text
    live = {str(it.device) for it in own.sessions.live(ADA).items}
    assert "Chrome on Linux" not in live
    assert "Safari on iPhone" in live
    blocked = {str(it) for it in own.sessions.devices(ADA) if it.blocked}
    assert {"Chrome on Linux", "python-requests"} == blocked


BRIEF = {"overview"}


@pytest.mark.parametrize(
    "page",
    [page if page in BRIEF else pytest.param(page, marks=pytest.mark.thorough) for page in PAGES],
)
def test_pages_are_for_everyone(visit: Visit, here: Demo, page: str) -> None:
    """axe finds nothing, the keyboard reaches all in order, and 320 pixels are wide enough."""
    visitor = signed_in(visit, here, width=320)
    path = PAGES[page](here)
    visitor.page.goto(path)
    assert [] == violations(visitor.page)
    assert [] == tab_faults(visitor.page)
    assert 0 == sideways(visitor.page)


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_for_everyone_everywhere(
    visit: Visit, here: Demo, scheme: str, language: str
) -> None:
    """Contrast holds in the dark too, and longer words fit."""
    first = signed_in(visit, here)
    visitor = visit(here.site, jar=first.jar, width=320, scheme=scheme, language=language)
    for page, path in PAGES.items():
        visitor.page.goto(path(here))
        assert [] == violations(visitor.page), page
        assert 0 == sideways(visitor.page), page


@pytest.mark.thorough
def test_times_are_the_readers_own(visit: Visit, here: Demo) -> None:
    """The script writes them in the browser's zone, and then hides the note that names another."""
    plain, scripted = (signed_in(visit, here, scripts=scripts) for scripts in (False, True))
    note = "Dates and times are those of the time zone UTC."
    assert note in plain.text
    assert note not in scripted.text
    texts = [
        it.page.locator("time[data-style=instant]").first.inner_text() for it in (plain, scripted)
    ]
    assert texts[0] != texts[1]
