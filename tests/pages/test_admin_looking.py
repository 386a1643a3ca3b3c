"""The pages that operators look at: lists page by page, hostile text, impersonation, statistics."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable

import pytest
from _admin_site import Desk, form, links, words
from attrs import evolve

from devsess import Client
from devsess.statistics import PlaceCount, Share, Stats
from devsess.stores.counting import AGES, Measures
from devsess.web import Look
from devsess.web.admin import finding, overview
from devsess.web.admin.acts import lines
from devsess.web.admin.visit import AdminVisit

SCRIPT = "<script>alert(1)</script>"


def test_a_list_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page shows each session once."""
    monkeypatch.setattr(finding, "ROWS", 2)
    ids = set()
    for number in range(5):
        ids.add(desk.sign_in(f"user-{number}").session.id)
        desk.clock.advance(1)
    seen: list[str] = []
    page = desk.get("/search")
    while True:
        seen += [href.split("id=")[1] for href, _ in links(page.text) if "/session?" in href]
        if not any(text == "More" for _, text in links(page.text)):
            break
        page = desk.click("More")
    assert (5, ids) == (len(seen), set(seen))


def test_a_tenants_list_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sessions come each once, however many of others stand between them."""
    monkeypatch.setattr(finding, "ROWS", 2)
    monkeypatch.setattr(finding, "READS", 2)
    for number in range(12):
        desk.sign_in(f"{'acme' if number % 4 == 0 else 'other'}-{number}")
        desk.clock.advance(1)
    acme, seen = desk.as_("support-7/acme-"), []
    acme.get("/search")
    while True:
        seen += [text for href, text in links(acme.page.text) if "/user?" in href]
        onward = [text for _, text in links(acme.page.text) if text in ("More", "Look further")]
        if not onward:
            break
        acme.click(onward[0])
    assert ["acme-8", "acme-4", "acme-0"] == seen


@pytest.mark.parametrize(
    "path",
    ["/search", "/user?id=ada&", "/review", "/log", "/activity?id=ada&", "/day?on=2025-07-18&"],
)
def test_a_mangled_cursor(desk: Desk, path: str) -> None:
    """It is a request that cannot be read, and no fault of the server."""
    desk.sign_in("ada")
    path = path if path.endswith("&") else f"{path}?"
    assert 400 == desk.get(f"{path}after=nonsense").status_code


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/session?id=unknown", 404),
        ("/session", 404),
        ("/device?user=ada&id=unknown", 404),
        ("/user", 404),
        ("/user?id=nobody", 404),
        ("/user?id=" + "x" * 300, 404),
        ("/network?ip=nonsense", 404),
        ("/network", 404),
        ("/day", 404),
        ("/day?on=soon", 404),
        ("/day?on=0001-01-01", 404),
        ("/day?on=9999-12-31", 404),
        ("/find?q=nobody", 200),
        ("/find?q=", 200),
        ("/search?ip=nonsense", 400),
        ("/search?state=asleep", 400),
        ("/search?since=2025-02-30", 400),
        ("/search?since=0001-01-01", 400),
        ("/search?until=9999-12-31", 200),
        ("/search?since=9999-12-31", 400),
        ("/end?since=0001-01-01", 303),
        ("/search?user=" + "x" * 300, 400),
        ("/?days=12345", 200),
        ("/search?user=a%00b", 200),
        ("/user?id=a%00b", 404),
        ("/search?user=%ff", 400),
    ],
)
def test_odd_addresses(desk: Desk, path: str, status: int) -> None:
    """A missing page is 404, a query that cannot be read 400, and nothing is 500."""
    assert status == desk.get(path).status_code


def test_a_field_that_cannot_be_read(desk: Desk) -> None:
    """The form keeps all that was typed, and marks the one to mend."""
    typed = {"user": "ada", "ip": "102.89.77.x", "state": "live"}
    page = desk.get("/search", typed).text

    assert typed == {name: value for name, value in filled_in(page).items() if value}
    assert ["ip"] == re.findall(r'name="(\w+)"[^>]* aria-invalid', page)
    query = {"user": "ada", "since": "2025-07-18", "state": "ended"}
    assert query == {it: of for it, of in filled_in(desk.get("/search", query).text).items() if of}


def filled_in(page: str) -> dict[str, str]:
    """The fields of the search, and their values."""
    action, fields = form(page, "Search")
    assert action.endswith("/search")
    chosen = re.search(r'<option value="(\w+)" selected', page)
    return {**fields, "state": chosen[1] if chosen else ""}


def test_hostile_text_is_shown_harmlessly(desk: Desk) -> None:
    """Names, agents and reasons are text: no markup, no direction, no ten thousand letters."""
    agent = f"{SCRIPT} \u202etxt " + "A" * 10_000
    session = desk.sessions.login(SCRIPT, Client(ip="203.0.113.9", user_agent=agent)).session
    desk.sessions.rename_device(SCRIPT, session.device.id, f'"><img src=x> \u202e{"n" * 30}')
    desk.sessions.revoke(session, reason=f"{SCRIPT}\u2028", actor=SCRIPT)
    paths = [
        ("/user", {"id": SCRIPT}),
        ("/session", {"id": session.id}),
        ("/device", {"user": SCRIPT, "id": session.device.id}),
        ("/activity", {"id": SCRIPT}),
    ]
    more: list[tuple[str, dict[str, str]]] = [("/search", {}), ("/log", {})]
    more.append(("/search", {"ip": f'">{SCRIPT}\u202e{"A" * 10_000}'}))
    for path, query in [*paths, *more, ("/find", {"q": f"{SCRIPT}x"})]:
        text = desk.get(path, query).text
        assert "<script>alert" not in text, path
        assert "<img" not in text, path
        assert "\u202e" not in text, path
        assert "A" * 1_000 not in text, path


def test_an_impersonation_is_seen(desk: Desk) -> None:
    """On the list, on its page and in the log: by whom."""
    staff = desk.sign_in("boss", acr="aal2").session
    session = desk.sessions.impersonate("ada", staff, Client(ip="203.0.113.9")).session

    for path, query in [("/user", {"id": "ada"}), ("/session", {"id": session.id})]:
        assert "impersonation by boss" in words(desk.get(path, query).text)
    assert "boss acts in the user’s name" in words(desk.get("/session", {"id": session.id}).text)
    assert "boss Impersonations begun: 1 ada" in words(desk.get("/log").text)


def test_what_a_request_would_meet(desk: Desk) -> None:
    """Of a live session all passes; of an ended one the check that refuses says why."""
    session = desk.sign_in("ada").session
    page = words(desk.get("/session", {"id": session.id}).text)
    assert "refuses" not in page
    desk.sessions.revoke(session, reason="lost phone")
    page = words(desk.get("/session", {"id": session.id}).text)
    assert "refuses It was ended on 18 July 2025, 09:30: lost phone" in page
    assert "not reached" in page


@pytest.mark.parametrize(
    ("amr", "provider", "expected"),
    [
        (("hwk",), "okta", "by a key in hardware, through Okta"),
        ((), "<b>x</b>", "by –, through <b>x</b>"),
        (("pwd",), None, "by a password"),
    ],
)
def test_the_latest_proof_says_through_whom(
    desk: Desk, amr: tuple[str, ...], provider: str | None, expected: str
) -> None:
    """Methods and provider as the application gave them, and in the history; names are text."""
    session = desk.sessions.login("ada", Client(), amr=amr, provider=provider).session
    page = desk.get("/session", {"id": session.id}).text

    assert f"Latest proof 18 July 2025, 09:30, {expected} " in f"{words(page)} "
    assert "<b>x" not in page
    said = expected.rpartition(", ")[2] if provider else "with a password"
    assert said in words(desk.get("/activity", {"id": "ada"}).text)


def test_a_session_that_timed_out(desk: Desk) -> None:
    """It says since when."""
    session = desk.sign_in("ada").session
    desk.clock.advance(15 * 86_400)
    page = words(desk.get("/session", {"id": session.id}).text)
    assert "refuses It was idle for too long on 1 August 2025, 09:30" in page


def test_an_address_of_ended_sessions(desk: Desk) -> None:
    """They keep only their network: the address's page says so, and leads there."""
    session = desk.sign_in("ada", "203.0.113.9").session
    desk.sessions.revoke(session)
    page = desk.get("/network", {"ip": "203.0.113.9"})
    assert "Ended sessions keep only their network." in words(page.text)
    assert "ada" in words(desk.click("All of 203.0.113.0/24").text)


def test_live_numbers(desk: Desk) -> None:
    """A fragment; 304 while nothing has changed, and new numbers when something has."""
    desk.sign_in("ada")
    first = desk.get("/live")
    tag = first.headers["etag"]
    assert "open sessions 1 sign-ins today 1 failed today 0" in words(first.text)
    assert "<html" not in first.text
    assert 304 == desk.get("/live", if_none_match=tag).status_code
    desk.sign_in("bob")
    again = desk.get("/live", if_none_match=tag)
    assert (200, True) == (again.status_code, tag != again.headers["etag"])


def test_statistics_for_programs(desk: Desk) -> None:
    """CSV and JSON of the days that the page shows."""
    desk.sign_in("ada")
    csv = desk.get("/statistics.csv", {"days": "7"})
    assert "text/csv; charset=utf-8" == csv.headers["content-type"]
    assert 8 == len(csv.text.splitlines())
    found = json.loads(desk.get("/statistics.json", {"days": "90"}).text)
    assert (90, 1) == (len(found["days"]), found["days"][-1]["signedIn"])


def test_the_overview_draws_what_is_counted(desk: Desk) -> None:
    """Sums in words, the same numbers in the tables, and each bar leads to its day."""
    for number in range(3):
        desk.sign_in(f"user-{number}", "203.0.113.9")
    desk.sessions.record_failure("user-1", Client(ip="203.0.113.9"))
    desk.clock.advance(86_400)
    desk.sign_in("user-1")
    page = desk.get("/")
    said = words(page.text)
    assert "4 signed in, 1 failed or refused" in said
    assert "18 July 2025 3 1" in said
    assert "19 July 2025 1 0" in said
    assert "Show as a table" in said
    assert "3 with open sessions now, 1.3 each on average" in said
    assert "open sessions users 1 2 2 1 3 0 4–5 0 6–10 0 11+ 0" in said
    assert any(href.endswith("/day?on=2025-07-18") for href, _ in links(page.text))
    assert len(page.content) < 50_000


def test_ninety_busy_days_are_light(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 50 KB, 12 of them on the wire: a bar says its numbers once, for eyes and ears."""
    desk.sign_in("ada")
    busy = Measures(signed_in=10_523, ended=10_221, failed=1_312)

    async def stats(visit: AdminVisit, days: int) -> Stats:
        found = await real(visit, days)
        shares = [Share(age, 0.99**it, {"logout": 1 - 0.99**it}) for it, age in enumerate(AGES)]
        return evolve(
            found,
            days=tuple(evolve(it, open=172_301, counts=busy) for it in found.days),
            survival=tuple(shares[1:]),
            places=tuple(
                PlaceCount("NG", f"Country {it}", f"Town {it}", it, it, 9_999) for it in range(60)
            ),
        )

    real = overview._stats
    monkeypatch.setattr(overview, "_stats", stats)
    page = desk.get("/", {"days": "90"}).content

    assert 2 * 90 == page.count(b"/day?on=")
    assert 90 == page.count(b"10,523 signed in, 1,312 failed or refused</title>")
    assert len(page) < 50_000
    assert len(gzip.compress(page)) < 12_000


def test_days_are_those_of_the_time_zone(make_desk: Callable[..., Desk]) -> None:
    """Half past nine in UTC is the next day in Auckland's evening."""
    desk = make_desk(look=Look(time_zone="Pacific/Auckland"))
    desk.clock.advance(5 * 3_600)  # 14:30 UTC, 02:30 in Auckland
    desk.sign_in("ada")
    assert "ada" in words(desk.get("/day", {"on": "2025-07-19"}).text)
    assert "ada" not in words(desk.get("/day", {"on": "2025-07-18"}).text)


def test_acts_in_a_row_are_one_line(desk: Desk) -> None:
    """Acts of one actor for one reason, and no other, are one line with its accounts."""
    for user in ("ada", "bob"):
        desk.sessions.revoke(desk.sign_in(user).session, reason="r", actor="s-1")
    desk.sessions.revoke(desk.sign_in("eve").session, reason="r", actor="s-2")
    found = lines(desk.sessions.acts().items)
    assert [("s-2", ("eve",)), ("s-1", ("bob", "ada"))] == [(it.actor, it.users) for it in found]


@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "fr"])
def test_every_language(make_desk: Callable[..., Desk], language: str) -> None:
    """Each page is drawn in each; Arabic from right to left."""
    desk = make_desk(look=Look(language=language))
    session = desk.unusual("ada").session
    paths = ["/", "/search", "/review", "/log", "/end?user=ada", "/user?id=ada"]
    for path in [
        *paths,
        f"/session?id={session.id}",
        "/day?on=2025-07-18",
        "/network?ip=203.0.113.9",
    ]:
        answer = desk.get(path)
        assert 200 == answer.status_code, path
        direction = "rtl" if language == "ar" else "ltr"
        assert f'<html lang="{language}" dir="{direction}">' in answer.text


@pytest.mark.parametrize("path", ["/search", "/end"])
def test_the_first_day_of_the_calendar(make_desk: Callable[..., Desk], path: str) -> None:
    """East of Greenwich it begins before there are instants: it is no day to search from."""
    desk = make_desk(look=Look(time_zone="Europe/Berlin"))

    assert desk.get(f"{path}?since=0001-01-01").status_code in (303, 400)
    assert 200 == desk.get(f"{path}?until=9999-12-31").status_code
