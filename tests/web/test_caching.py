"""Answers name for caches the request headers they depend on, and private ones are marked."""

from __future__ import annotations

from typing import Any

CREDENTIALS = ["Cookie", "Authorization"]


def vary(answer: Any) -> list[str]:
    return [name for name in answer.headers.get("vary", "").split(", ") if name]


def test_with_required_every_answer_varies(make: Any) -> None:
    """The middleware read the credentials, so a cache must not give a stored page to a stranger."""
    site = make(required=True, public=["/login", "/client"])
    browser = site.browser("ada")
    for _ in range(2):  # from memory, the second time
        assert CREDENTIALS == vary(browser.get("/nothing"))
    assert CREDENTIALS == vary(site.browser().get("/nothing"))
    assert [] == vary(site.browser().get("/client"))
    assert [] == vary(make().browser().get("/nothing"))


def test_vary_names_the_other_headers_read(make: Any) -> None:
    """Accept, where it decides between a redirect and a problem; where a page comes from."""
    site = make(login_url="/sign-in", origins=["https://www.app.example"])
    assert [*CREDENTIALS, "Accept", "Origin"] == vary(site.browser().get("/me"))
    assert [*CREDENTIALS, "Accept", "Origin"] == vary(site.browser().get("/me", Accept="text/html"))
    refused = site.browser().post("/", site="cross-site")
    assert [*CREDENTIALS, "Sec-Fetch-Site", "Origin"] == vary(refused)
    plain = make(transport="cookie").browser()
    assert ["Cookie"] == vary(plain.get("/"))
    assert ["Cookie"] == vary(plain.get("/me"))
    assert ["Authorization"] == vary(make(transport="bearer").browser().get("/me"))


def test_an_unmarked_answer_is_its_persons_own(site: Any) -> None:
    """No shared cache stores it, even if the app never looked at the session."""
    browser = site.browser("ada")
    for path in ("/unmarked", "/unmarked?look"):
        assert "private" == browser.get(path).headers["cache-control"]
        assert "cache-control" not in site.browser().get(path).headers
    assert "public, max-age=60" == browser.get("/").headers["cache-control"]


def test_an_extension_makes_the_answer_vary(site: Any) -> None:
    """It gives the session: an answer that shows it is not for strangers."""
    assert CREDENTIALS == vary(site.browser("ada").get("/extend"))


def test_an_answer_with_cookies_is_not_stored(site: Any) -> None:
    """Its only Cache-Control is `no-store`."""
    browser = site.browser("ada")
    site.clock.advance(16 * 60)
    assert ["no-store"] == browser.get("/unmarked").headers.get_list("cache-control")
