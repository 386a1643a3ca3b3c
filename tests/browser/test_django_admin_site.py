"""The admin of Django with the app, in a real browser: a sign-in, the lists, and an ending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _browsers import WHERE, Browsers
from djapp._django_served import Served, serving
from playwright.sync_api import BrowserContext, Page


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The project, behind a server."""
    with serving("wsgi", tmp_path) as served:
        yield served


def signed_in(context: BrowserContext) -> Page:
    """By the admin's own form."""
    page = context.new_page()
    page.goto("/admin/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", "lovelace")
    with page.expect_navigation():
        page.click("[type=submit]")
    assert page.locator("#user-tools").is_visible()
    return page


@pytest.mark.thorough
def test_the_admin_ends_a_session(browsers: Browsers, served: Served) -> None:
    """One browser ends the session of another, which is asked to sign in at its next click."""
    if WHERE["chromium"] is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    browser = browsers.started("chromium", keeps_pages=False)
    site = served.url.replace("127.0.0.1", "localhost")
    here, there = (
        browser.new_context(base_url=site, user_agent=it) for it in ("here/1", "there/1")
    )
    try:
        page, other = signed_in(here), signed_in(there)
        page.goto("/admin/devsess/session/?q=ada&state=live")
        assert 2 == page.locator("#result_list tbody tr").count()
        row = page.locator("#result_list tbody tr").filter(has_text="There")
        row.locator(".action-select").check()
        page.select_option("select[name=action]", "revoke")
        with page.expect_navigation():
            page.click("button[name=index]")
        assert "Sessions ended: 1" in page.inner_text(".messagelist")
        other.goto("/admin/devsess/session/")
        assert "/admin/login/" in other.url
        page.goto("/admin/devsess/event/")
        assert "was ended by the owner" in page.inner_text("#result_list")
        with page.expect_navigation():
            page.click("#logout-form button")
        page.goto("/admin/")
        assert "/admin/login/" in page.url
    finally:
        here.close()
        there.close()
