"""Old credentials are exchanged once each, and nobody is signed out by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any
from unittest.mock import patch

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as Row
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone
from knox.models import get_token_model
from prometheus_client import CollectorRegistry
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from devsess import Policy, SessionManager
from devsess.django import exchange, manager
from devsess.django.exchange import counts
from devsess.django.metrics import ExchangeCollector
from devsess.django.models import Exchange
from shop.visits import FIREFOX, SAFARI, Shop, given

OPEN = {**given.DEVSESS, "exchange_until": "2999-01-01"}
OVER = {**given.DEVSESS, "exchange_until": "2026-01-01"}
OF_ONE = {**OPEN, "policy": Policy(max_sessions=1)}
OF_ONE_AT_MOST = {**OPEN, "policy": Policy(max_sessions=1, on_limit="reject")}
BACKEND = "django.contrib.auth.backends.ModelBackend"


def minutes_pass() -> None:
    """The records of exchanges are older than the grace period."""
    Exchange.objects.update(at=timezone.now() - timedelta(minutes=2))


@contextmanager
def overtaken(rival: Callable[[], object]) -> Iterator[None]:
    """A request is overtaken by all that *rival* does, once it saw that nobody was before it."""
    look, rivals = exchange.again, iter([rival])

    def see(digest: str) -> object:
        found = look(digest)
        next(rivals, bool)()
        return found

    with patch.object(exchange, "again", see):
        yield


@override_settings(DEVSESS=OPEN)
class SessionTests(Shop):
    """Sessions of `django.contrib.sessions`, as they were before the app."""

    def setUp(self) -> None:
        super().setUp()
        self.key = self.row()

    def row(self) -> str:
        """A session of ada's, and its key."""
        store = import_module("django.contrib.sessions.backends.db").SessionStore()
        store[SESSION_KEY], store[BACKEND_SESSION_KEY] = self.id, BACKEND
        store[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        store["cart"] = ["tea"]
        store.save()
        return str(store.session_key)

    def old(self, key: str | None = None) -> Client:
        """A browser with the cookie of before."""
        browser = self.browser()
        browser.cookies["sessionid"] = key or self.key
        return browser

    def who(self, browser: Client) -> str:
        return str(browser.get("/").content.decode().strip())

    def test_a_person_stays_signed_in(self) -> None:
        """On their device, with their data; the old cookie goes, and its row, and it is counted."""
        browser = self.old()
        answer = browser.get("/cart/")
        assert answer.json() == {"cart": ["tea"], "user": "ada"}
        assert answer.cookies["sessionid"].value == ""
        assert browser.get("/cart/").json() == {"cart": ["tea"], "user": "ada"}
        assert [str(it.device) for it in self.live()] == ["Firefox on Windows"]
        assert not Row.objects.filter(session_key=self.key).exists()
        assert counts() == {"session": 1}

    def test_forms_from_before_stay_good(self) -> None:
        """Of a page that was there before the app."""
        self.ask_and_post("/cart/")

    def test_forms_from_before_stay_good_behind_an_endpoint(self) -> None:
        """Whatever the page asked for first."""
        self.ask_and_post("/auth/session")

    def ask_and_post(self, first: str) -> None:
        headers = {"user-agent": FIREFOX, "sec-fetch-site": "same-origin"}
        browser = Client(enforce_csrf_checks=True, headers=headers)
        browser.get("/accounts/login/", secure=True)
        form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
        browser.cookies["sessionid"] = self.key
        browser.get(first, secure=True)
        assert self.who(browser) == "ada"
        headers = {"origin": "https://testserver"}
        answer = browser.post("/accounts/logout/", form, secure=True, headers=headers)
        assert answer.status_code == 302

    def test_views_of_devsess_find_it_at_once(self) -> None:
        """But not as recent: nobody knows when the person signed in."""
        assert self.old().get("/api/me/").json()["user"] == "ada"
        assert self.old().get("/recent/").status_code == 401

    def test_a_page_of_somebody_elses_session_gets_nothing(self) -> None:
        """The person behind the old cookie is signed in, for whom the page was not made."""
        page = {"devsess-session": "another"}
        for method, path in (("GET", "/cart/"), ("POST", "/cart/salt/"), ("POST", "/auth/logout")):
            with self.subTest(path):
                browser = self.old(self.row())
                answer = browser.generic(method, path, headers=page)
                assert (answer.status_code, answer.json()["error"]) == (409, "another_session")
                assert browser.get("/cart/").json() == {"cart": ["tea"], "user": "ada"}

    def test_a_page_of_the_session_that_an_old_cookie_became_is_served(self) -> None:
        """Also without the new cookies; and any page is told who is signed in."""
        self.old().get("/")
        [session] = self.live()
        page = {"devsess-session": session.id}
        assert self.old().get("/mine/", headers=page).content == b"ada"
        page = {"devsess-session": "another"}
        assert self.old().get("/auth/session", headers=page).json()["signed_in"]

    def test_a_token_in_the_body_is_used_alone(self) -> None:
        """An old cookie beside it ends no other session in its place, and stays good."""
        grant, browser = manager().login(self.id), self.old()
        body = json.dumps({"refresh_token": grant.refresh_token})
        answer = browser.post("/auth/logout", body, content_type="application/json")
        assert (answer.status_code, len(answer.cookies)) == (204, 0)
        assert grant.session.id not in {it.id for it in self.live()}
        minutes_pass()
        assert (self.who(browser), len(self.live())) == ("ada", 1)

    def test_other_tabs_are_served(self) -> None:
        """They came with the same old cookie, and set none; all are one session."""
        first = self.old()
        first.get("/")
        for tab in (self.old(), self.old()):
            answer = tab.get("/mine/")
            assert (answer.content, len(answer.cookies)) == (b"ada", 0)
        assert len(self.live()) == 1
        assert self.who(first) == "ada"

    def test_a_tab_that_is_overtaken_is_served(self) -> None:
        """The old session has gone since it looked who was first."""
        self.overtake()

    def overtake(self) -> None:
        """Of two tabs the slower is served in the session of the other one, whose cookies live."""
        first, tab = self.old(), self.old()
        with overtaken(lambda: first.get("/")):
            answer = tab.get("/mine/")
        assert (answer.content, len(answer.cookies)) == (b"ada", 0)
        assert len(self.live()) == 1
        assert self.who(first) == "ada"

    @override_settings(DEVSESS=OF_ONE)
    def test_a_tab_that_is_overtaken_signs_nobody_in(self) -> None:
        """It had read the old session before that went: a limit would end what is in use."""
        first, tab, row = self.old(), self.old(), Row.objects.get()

        def rival() -> None:
            first.get("/")
            row.save()

        with overtaken(rival):
            assert tab.get("/mine/").content == b"ada"
        assert len(self.live()) == 1
        assert self.who(first) == "ada"

    @override_settings(DEVSESS=OF_ONE)
    def test_a_tab_whose_second_try_is_overtaken_is_served(self) -> None:
        """The old cookie stays until the new ones are there: they could be lost once more."""
        self.old().get("/")  # the answer is lost
        minutes_pass()
        self.overtake()

    def test_a_tab_that_meets_the_end_of_a_lost_session_is_served(self) -> None:
        """In the one that took its place, between the record's read and the session's."""
        self.old().get("/")  # the answer is lost
        minutes_pass()
        first, tab = self.old(), self.old()
        get, rivals = SessionManager.get, iter([lambda: first.get("/")])

        def see(*of: Any) -> object:
            next(rivals, bool)()
            return get(*of)

        with patch.object(SessionManager, "get", see):
            answer = tab.get("/mine/")
        assert (answer.content, len(answer.cookies)) == (b"ada", 0)
        assert self.who(first) == "ada"

    @override_settings(DEVSESS=OF_ONE_AT_MOST)
    def test_a_lost_answer_at_a_limit(self) -> None:
        """The session that nobody can use makes room for the other one."""
        self.old().get("/")
        minutes_pass()
        browser = self.old()
        assert self.who(browser) == "ada"
        assert self.who(browser) == "ada"
        assert len(self.live()) == 1

    def test_claims_of_the_project_stay(self) -> None:
        """When the new tokens come in, whatever the claims are called."""
        browser = self.old()
        browser.get("/")
        claims = {"exchanged": 1, "django": 2}
        manager().update(self.live()[0].id, claims=claims)
        assert self.who(browser) == "ada"
        [session] = self.live()
        assert {**session.claims, **claims} == session.claims
        User.objects.update(password="!")
        assert self.who(browser) == "nobody"

    def test_a_lost_answer_signs_nobody_out(self) -> None:
        """Nobody came with the new tokens: the browser gets others, and the lost session ends."""
        self.old().get("/")
        [lost] = self.live()
        minutes_pass()
        browser = self.old()
        assert self.who(browser) == "ada"
        [live] = self.live()
        assert live.id != lost.id
        assert self.who(browser) == "ada"
        assert counts() == {"session": 1}

    def test_a_repeat_that_is_refused_ends_nothing(self) -> None:
        """The account's other sessions were ended since the old sign-in: no new one is made."""
        self.old().get("/")
        [lost] = self.live()
        manager().revoke_all(self.id, keep=lost.id)
        minutes_pass()
        assert self.who(self.old()) == "ada"
        assert [it.id for it in self.live()] == [lost.id]

    def test_a_second_exchange_is_refused(self) -> None:
        """Once the new tokens came in, the old cookie is worth nothing, and is cleared."""
        browser = self.old()
        browser.get("/")
        browser.get("/")
        for passes in (bool, minutes_pass):  # at once, and later
            passes()
            thief = self.old()
            answer = thief.get("/")
            assert answer.content.strip() == b"nobody"
            assert answer.cookies["sessionid"].value == ""
            assert self.who(browser) == "ada"

    def test_a_tab_that_is_late_signs_nobody_out(self) -> None:
        """Nobody's cookie, which its answer sets over the new one, leaves the refresh token's."""
        browser = self.old()
        browser.get("/")
        assert self.who(browser) == "ada"
        tab = self.old()
        tab.post("/cart/salt/")
        browser.cookies["__Host-devsess-access"] = tab.cookies["__Host-devsess-access"].value
        assert self.who(browser) == "ada"
        assert self.who(tab) == "nobody"

    def test_a_sign_out_is_one(self) -> None:
        """The old cookie brings nobody back, whose session has ended since."""
        browser = self.old()
        browser.get("/")
        manager().revoke(self.live()[0].id)
        assert self.who(self.old()) == "nobody"

    def test_an_account_whose_sessions_were_ended(self) -> None:
        """Its old cookies, too: they are older than that."""
        manager().revoke_all(self.id, reason="test")
        assert self.who(self.old()) == "nobody"
        assert self.live() == []

    def test_another_password(self) -> None:
        """Ends the old session, as Django would have."""
        User.objects.update(password="!")
        assert self.who(self.old()) == "nobody"

    def test_what_is_no_old_session(self) -> None:
        """Is nobody's, and leaves no record."""
        for key in ("a" * 32, "short", "x.y.z", self.key.upper()):
            assert self.who(self.old(key)) == "nobody"
        assert not Exchange.objects.exists()

    def test_another_site_exchanges_nothing(self) -> None:
        """A form of another site, with the old cookie, changes nothing and signs nobody in."""
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
            self.old().post("/cart/salt/", headers=headers)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies["sessionid"] = self.key
        strict.post("/cart/salt/")
        assert (self.live(), Exchange.objects.count()) == ([], 0)

    def test_records_go_with_their_user(self) -> None:
        """Nobody else's do."""
        self.old().get("/")
        record = Exchange.objects.get()
        Exchange.objects.create(digest="x", kind="knox", user_id="5", session_id="s", at=record.at)
        self.user.delete()
        assert [it.user_id for it in Exchange.objects.all()] == ["5"]

    def test_records_go_with_the_date(self) -> None:
        """By `clearsessions`: until it is over they refuse what was exchanged."""
        self.old().get("/")
        for options, left in ((OPEN, 1), (OVER, 0)):
            with override_settings(DEVSESS=options):
                call_command("clearsessions")
            assert Exchange.objects.count() == left

    def test_after_the_date(self) -> None:
        """Nothing is exchanged, as before there was the setting."""
        for options in (OVER, given.DEVSESS):
            with override_settings(DEVSESS=options):
                assert self.who(self.old()) == "nobody"
        assert self.live() == []

    def test_where_no_cookies_are_read(self) -> None:
        """None is exchanged, since none could be set."""
        with override_settings(DEVSESS={**OPEN, "transport": "bearer"}):
            assert self.who(self.old()) == "nobody"
        assert self.live() == []

    async def test_below_asgi(self) -> None:
        """In the same way."""
        self.async_client.cookies["sessionid"] = self.key
        assert (await self.async_client.get("/async/")).content == b"ada"
        assert (await self.async_client.get("/async/")).content == b"ada"


@override_settings(DEVSESS=OPEN)
class TokenTests(Shop):
    """Tokens of three libraries."""

    def tokens(self) -> dict[str, str]:
        """One of each."""
        return {
            "simplejwt": str(RefreshToken.for_user(self.user)),
            "knox": get_token_model().objects.create(user=self.user)[1],
            "authtoken": Token.objects.get_or_create(user=self.user)[0].key,
        }

    def ask(self, kind: str, token: Any) -> Any:
        body = json.dumps({"token": token})
        return Client(headers={"user-agent": SAFARI}).post(
            f"/exchange/{kind}/", body, content_type="application/json"
        )

    def use(self, grant: dict[str, str]) -> int:
        header = {"authorization": f"Bearer {grant['access_token']}"}
        return int(
            Client(headers={"user-agent": SAFARI}).get("/api/me/", headers=header).status_code
        )

    def test_each_is_exchanged_once(self) -> None:
        """For tokens that work; then it is refused, here and where it came from."""
        for kind, token in self.tokens().items():
            with self.subTest(kind):
                answer = self.ask(kind, token)
                assert (answer.status_code, len(answer.cookies)) == (200, 0), answer.content
                assert self.use(answer.json()) == 200
                assert self.ask(kind, token).status_code == 401
                minutes_pass()
                assert self.ask(kind, token).status_code == 401
        assert counts() == {"authtoken": 1, "knox": 1, "simplejwt": 1}
        registry = CollectorRegistry()
        registry.register(ExchangeCollector())
        assert registry.get_sample_value("devsess_exchanged_total", {"kind": "knox"}) == 1
        assert not Token.objects.exists()
        assert not get_token_model().objects.exists()
        assert len(self.live()) == 3

    def test_one_that_is_overtaken_waits(self) -> None:
        """Whether or not the first has ended the token meanwhile."""
        for kind, token in self.tokens().items():
            answers: list[Any] = []
            with self.subTest(kind), overtaken(partial(self.ask_into, answers, kind, token)):
                assert self.ask(kind, token).status_code == 409
                assert self.use(answers[0].json()) == 200

    @override_settings(DEVSESS=OF_ONE)
    def test_one_whose_second_try_is_overtaken_waits(self) -> None:
        """It is not told to sign in: the first one's tokens are on their way."""
        for kind, token in self.tokens().items():
            answers: list[Any] = []
            self.ask(kind, token)  # the answer is lost
            minutes_pass()
            with self.subTest(kind), overtaken(partial(self.ask_into, answers, kind, token)):
                assert self.ask(kind, token).status_code == 409
                assert self.use(answers[0].json()) == 200

    def ask_into(self, answers: list[Any], kind: str, token: str) -> None:
        answers.append(self.ask(kind, token))

    def test_a_lost_answer(self) -> None:
        """The program is asked to wait, and gets other tokens then."""
        for kind, token in self.tokens().items():
            with self.subTest(kind):
                lost = self.ask(kind, token).json()
                waits = self.ask(kind, token)
                assert (waits.status_code, waits["Retry-After"]) == (409, "60")
                minutes_pass()
                answer = self.ask(kind, token)
                assert answer.status_code == 200
                assert (self.use(lost), self.use(answer.json())) == (401, 200)

    def test_one_token_in_other_letters(self) -> None:
        """Is one token: the last letter of a signature has bits that nobody reads."""
        token = str(RefreshToken.for_user(self.user))
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        other = token[:-1] + letters[letters.index(token[-1]) ^ 1]
        assert self.use(self.ask("simplejwt", token).json()) == 200
        BlacklistedToken.objects.all().delete()  # as in a project without that app
        for again in (token, other, f"{token}=", f"{token}!"):
            assert self.ask("simplejwt", again).status_code == 401, again
        assert len(self.live()) == 1

    def test_a_token_of_another_password(self) -> None:
        """Is refused where the library's own views would refuse it."""
        old = RefreshToken.for_user(self.user)
        old["hash_password"] = get_md5_hash_password(self.user.password)
        User.objects.update(password="!")
        new = RefreshToken.for_user(self.user)
        new["hash_password"] = get_md5_hash_password("!")
        with override_settings(SIMPLE_JWT={"CHECK_REVOKE_TOKEN": True}):
            assert self.ask("simplejwt", str(old)).status_code == 401
            assert self.ask("simplejwt", str(new)).status_code == 200

    def test_what_is_no_token(self) -> None:
        """Is a 401, and so is one of a user who may not sign in, or after the date."""
        tokens = self.tokens()
        for token in ("", "x", "a.b.c", None, 5, ["x"], "é" * 99, "\0", "\ud800"):
            for kind in tokens:
                assert self.ask(kind, token).status_code == 401, (kind, token)
        assert Client().get("/exchange/knox/").status_code == 405
        deep = Client().post("/exchange/knox/", "[" * 8000, content_type="application/json")
        assert deep.status_code == 401
        with override_settings(DEVSESS=OVER):
            assert self.ask("knox", tokens["knox"]).status_code == 401
        User.objects.update(is_active=False)
        for kind, token in tokens.items():
            assert self.ask(kind, token).status_code == 401
        assert self.live() == []

    def test_a_kind_is_no_other(self) -> None:
        """A token is exchanged at its own library's view alone."""
        tokens = self.tokens()
        for kind in tokens:
            for other in tokens.keys() - {kind}:
                assert self.ask(other, tokens[kind]).status_code == 401
        assert FIREFOX != SAFARI
