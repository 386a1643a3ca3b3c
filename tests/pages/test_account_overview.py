"""The overview: one row each device, in their order, with what is known of each."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from _pages_site import FIREFOX, IPHONE, Site

from devsess import Client, Policy, Risk

QUIET = Policy(risk=None)
ASKING = Policy(risk=Risk(notify_from=-1000))
TITLE = r'class="ds-title">(?:<a [^>]*>)?<bdi>(.*?)</bdi>'
HOSTILE = "<script>alert(1)</script>\u202e\"'><img src=x onerror=alert(1)>\n" + "x" * 10_000


def titles(text: str) -> list[str]:
    """The names of the devices, from top to bottom."""
    return re.findall(TITLE, text)


def test_each_device_has_one_row(make_site: Callable[..., Site]) -> None:
    """This device first, then by activity; sessions of one device share a row."""
    site = make_site(policy=QUIET)
    person = site.person(agent=FIREFOX)
    grant = site.sign_in(agent=IPHONE, ip="192.0.2.7")
    site.clock.advance(60)
    site.sign_in(agent="okhttp/4.9")
    first = grant.session.device.id
    page = person.page().text

    assert ["Firefox on Windows", "okhttp", "Safari on iPhone"] == titles(page)
    assert [1, 1] == [page.count("This device</span>"), page.count(f"/devices/{first}/sign-out")]


def test_a_row_says_where_and_when(make_site: Callable[..., Site]) -> None:
    """Place, activity, day and way of the sign-in stand on the row."""
    site = make_site(policy=QUIET)
    person = site.person()
    site.sessions.login("ada", Client(ip="203.0.113.4", user_agent=FIREFOX), amr=("pwd", "otp"))
    site.clock.advance(timedelta(hours=2))
    page = re.sub(r"<[^>]+>", "", person.page().text)

    assert "Near Québec, Canada" in page
    assert "Active 2 hours ago" in page
    assert "Signed in on 18 July 2025, with a password and a code" in page
    assert "Dates and times are those of the time zone UTC." in page


@pytest.mark.parametrize(
    ("amr", "provider", "expected"),
    [
        (("passkey",), "google", ", with a passkey, through Google"),
        ((), "Müller GmbH", ", through Müller GmbH"),
        ((), "<b>{x}</b>", ", through &lt;b&gt;{x}&lt;/b&gt;"),
        ((), "x" * 64, f", through {'x' * 31}…"),
        ((), None, ""),
    ],
)
def test_a_row_says_through_whom(
    make_site: Callable[..., Site], amr: tuple[str, ...], provider: str | None, expected: str
) -> None:
    """The provider's own name, as text, on the row and in the history."""
    site = make_site(policy=QUIET)
    person = site.person()
    client = Client(ip="203.0.113.4", user_agent=FIREFOX)
    site.sessions.login("ada", client, amr=amr, provider=provider)
    page = re.sub(r"</?(?!b>)[a-z][^>]*>", "", person.page().text)
    history = re.sub(r"</?(?!b>)[a-z][^>]*>", "", person.page("/history").text)

    assert f"Signed in on 18 July 2025{expected}\n" in page
    assert expected.rpartition(", ")[2] in history


def test_a_renamed_device_shows_its_label_too(site: Site) -> None:
    """The name its user gave stands in place of the label, which stands beneath."""
    person = site.person()
    [own] = site.sessions.devices("ada")
    site.sessions.rename_device("ada", own.id, "Ada’s Mac")
    page = person.page().text

    assert ["Ada’s Mac"] == titles(page)
    assert "<bdi>Chrome on macOS</bdi>" in page


def test_devices_signed_out_stand_below(site: Site) -> None:
    """A device without a session is listed beneath, a blocked one with its tag."""
    person = site.person()
    gone = site.sign_in().session
    blocked = site.sign_in(agent=IPHONE).session
    site.sessions.revoke(gone.id)
    site.sessions.block_device("ada", blocked.device.id)
    site.clock.advance(timedelta(days=3))
    page = person.page().text
    below = page[page.index("Devices you are signed out on") :]

    assert {"Firefox on Windows", "Safari on iPhone"} == set(titles(below))
    assert 1 == below.count("Blocked</span>")
    assert "Last signed in 3 days ago" in below


def test_an_unusual_sign_in_is_asked_about_first(make_site: Callable[..., Site]) -> None:
    """Its question stands before all rows; a session is never asked about itself."""
    site = make_site(policy=ASKING)
    site.sign_in(agent=IPHONE)
    person = site.person()
    other = site.sign_in().session
    scores = [it.score is not None for it in site.sessions.list("ada")]
    page = person.page().text

    assert (2, 1) == (sum(scores), page.count("Was this you?"))
    assert ["Firefox on Windows", "Chrome on macOS", "Safari on iPhone"] == titles(page)
    assert f"/account/sessions/{other.id}/mine" in page
    assert f"/account/sessions/{other.id}/not-mine" in page


def test_at_most_three_questions_stand_before_the_rows(make_site: Callable[..., Site]) -> None:
    """The latest three; the others say on their rows that they wait for an answer."""
    site = make_site(policy=ASKING)
    person = site.person()
    for number in range(5):
        site.clock.advance(10)
        site.sign_in(agent=f"client-{number}x/1.0")
    page = person.page().text

    assert 3 == page.count("Was this you?")
    assert ["client-4x", "client-3x", "client-2x", "Chrome on macOS"] == titles(page)[:4]
    rows = page[: page.index("Recent activity")]
    assert 2 == rows.count("Not confirmed yet</span>")


def test_many_sessions_come_in_pages(site: Site) -> None:
    """Each session is on one page; this device is on the first, and on no other."""
    person = site.person()
    for number in range(60):
        site.clock.advance(1)
        site.sign_in(agent=f"client-{number}x/1.0")
    first = person.page()
    [more] = re.findall(r'href="/account(/\?after=[^"]+)"', first.text)
    second = person.page(more.replace("&amp;", "&"))

    seen = titles(first.text) + titles(second.text)
    assert (1, 61) == (seen.count("Chrome on macOS"), len(set(seen)))
    assert "Sign out all other devices" in first.text
    assert "Recent activity" not in second.text


@pytest.mark.parametrize("cursor", ["x", "-", "%00", "é" * 300])
def test_a_mangled_cursor(site: Site, cursor: str) -> None:
    """It is a request that cannot be read, as on the operators' pages."""
    person = site.person()

    assert [400, 400] == [
        person.page(path, Accept="text/html").status_code
        for path in (f"/?after={cursor}", f"/history?after={cursor}")
    ]


def test_hostile_text_is_shown_harmlessly(site: Site) -> None:
    """No agent, name or reason is markup, turns the page around or fills it."""
    person = site.person()
    grant = site.sessions.login("ada", Client(ip="203.0.113.9", user_agent=HOSTILE[:500]))
    site.sessions.rename_device("ada", grant.session.device.id, HOSTILE[:60].strip())
    site.sessions.revoke(site.sign_in().session.id, reason=HOSTILE[:200], actor="<b>mallory</b>")
    for path in ("/", "/history", f"/devices/{grant.session.device.id}"):
        answer = person.page(path)
        text = answer.text

        assert 200 == answer.status_code
        assert [0, 0, 0, 0] == [text.count(it) for it in ("<script>a", "<img", "\u202e", "<b>m")]
        assert "&lt;script&gt;" in text
        assert len(text) < 20_000


def test_names_of_others_never_meet(site: Site) -> None:
    """A page shows the account's own devices and history alone."""
    person = site.person()
    site.sessions.rename_device("bob", site.sign_in("bob").session.device.id, "Bob’s secret")

    assert "Bob" not in person.page().text + person.page("/history").text


@pytest.mark.parametrize("query", ["done=signed-out", "done=<script>", "done=", "a=1&" * 30])
def test_an_address_puts_no_words_of_its_own_on_the_page(site: Site, query: str) -> None:
    """A message after a change is one of a table, or none; too many fields are no query."""
    answer = site.person().page(f"/?{query}")
    is_known = query == "done=signed-out"

    assert 400 if query.startswith("a") else 200 == answer.status_code
    assert is_known == ('role="status"' in answer.text)


def test_a_full_page_is_light(site: Site) -> None:
    """With fifty devices it stays below 50 KB, 12 of them on the wire."""
    person = site.person()
    for number in range(49):
        site.sign_in(agent=f"client-{number}x/1.0")
        site.sessions.record_failure("ada", Client(ip=f"198.51.{number}.1"))
    page = person.page().content

    assert 50 == len(titles(page.decode()))
    assert len(page) <= 50_000
    assert len(gzip.compress(page)) <= 12_000


def test_its_files_are_light(site: Site) -> None:
    """Style, script and icons together weigh less than a page; the script has at most 4 KB."""
    person = site.person()
    page = person.page().text
    found = {
        path.split(".")[-1]: person.get(path).content
        for path in re.findall(r'(?:href|src)="(/account/static/[^"#]+)', page)
    }

    assert {"css", "js", "svg"} == set(found)
    assert len(found["js"]) <= 4096
    assert sum(len(gzip.compress(it)) for it in found.values()) <= 12_000


@pytest.mark.parametrize("language", ["ar", "de", "es", "fr"])
def test_a_page_speaks_the_browsers_language(site: Site, language: str) -> None:
    """The page, its marks of language and direction, and its words are of one language."""
    person = site.person()
    answer = person.page(**{"Accept-Language": f"{language};q=0.9, en;q=0.5"})
    titles_of = {
        "ar": "أجهزتك",
        "de": "Ihre Geräte",
        "es": "Sus dispositivos",
        "fr": "Vos appareils",
    }

    assert language == answer.headers["content-language"]
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    assert f"<h1>{titles_of[language]}</h1>" in answer.text
    assert "Accept-Language" in answer.headers["vary"]
