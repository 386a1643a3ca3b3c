"""Several accounts in one browser: what views do within one request, and whose data is whose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as Row
from django.test import Client, override_settings

from devsess.django import manager, signins
from devsess.django.channels import SessionMiddleware
from devsess.errors import LoginDeniedError
from shop.visits import FIREFOX, KEYS, TwoPeople

SEVERAL = {**settings.DEVSESS, "accounts": 3}


class Acts(TwoPeople):
    """Ada is in the first slot, bob in the second; bob acts unless a test says otherwise."""

    path = "/acts/"

    def setUp(self) -> None:
        super().setUp()
        self.eve = User.objects.create_user("eve", "", "mallet", id=next(KEYS))

    @property
    def bobs(self) -> list[Any]:
        return manager().list(str(self.bob.pk))

    def ways(self) -> Iterator[Client]:
        """Such a browser, for a view, and for the same view that is awaited."""
        for path in ("/acts/", "/async/acts/"):
            self.path = path
            yield self.both()
            for each in (self.user, self.bob, self.eve):
                manager().revoke_all(str(each.pk))

    def acts(self, browser: Client, *acts: str) -> Any:
        return browser.get(self.path, {"do": acts}).json()


@override_settings(DEVSESS=SEVERAL)
class ActTests(Acts):
    """Within one request."""

    def test_after_a_flush_nobody_is_signed_in(self) -> None:
        """Until something else follows: for those who ask devsess, too, and those who list."""
        bob = str(self.bob.pk)
        for browser in self.ways():
            assert self.acts(browser, "sees", "flush", "sees") == [[bob, bob], None, [None, None]]
            assert (self.who(browser), self.bobs, len(self.live())) == ("nobody", [], 1)

    def test_a_switch_after_a_flush_ends_the_account_that_was_flushed(self) -> None:
        """And not the one that was switched to."""
        for browser in self.ways():
            assert self.acts(browser, "flush", "switch:0", "user") == [None, self.id, "ada"]
            assert (self.who(browser), self.bobs, len(self.live())) == ("ada", [], 1)

    def test_a_sign_in_by_devsess_after_a_flush_ends_the_account_that_was_flushed(self) -> None:
        """It takes its slot."""
        eve = str(self.eve.pk)
        for browser in self.ways():
            assert self.acts(browser, "flush", f"enter:{eve}", "user") == [None, eve, "eve"]
            assert (self.who(browser), self.bobs, len(manager().list(eve))) == ("eve", [], 1)
            assert self.users(browser) == [self.id, eve]

    def test_a_login_after_a_flush_keeps_the_account(self) -> None:
        """Django's own calls `flush` before it, and a second one changes nothing."""
        for before in ((), ("flush",), ("flush", "flush")):
            for browser in self.ways():
                assert (
                    self.acts(browser, *before, "login:eve", "sees")[-1] == [str(self.eve.pk)] * 2
                )
                assert self.users(browser) == [self.id, str(self.bob.pk), str(self.eve.pk)]
                assert self.switch(browser, 1).status_code == 200
                assert self.who(browser) == "bob"

    def test_a_login_after_a_changed_password_ends_the_account(self) -> None:
        """Django's auth flushes it, as soon as somebody looks: no `login` has parted the two."""
        for browser in self.ways():
            User.objects.filter(pk=self.bob.pk).update(password=make_password("other"))
            assert self.acts(browser, "user", "login:eve")[0] == "AnonymousUser"
            assert (self.bobs, self.users(browser)) == ([], [self.id, str(self.eve.pk)])
            self.bob.save()

    def test_what_an_account_has_written_before_a_login_is_kept(self) -> None:
        """It stays signed in, and so do its data."""
        browser = self.both()
        assert self.acts(browser, "put:tea", "login:eve", "cart")[-1] is None
        assert self.switch(browser, 1).status_code == 200
        assert self.acts(browser, "cart") == [["tea"]]

    def test_a_flush_ends_at_once_what_no_answer_settles(self) -> None:
        """While the answer is on its way, and the session of a program that brings a token."""
        browser = self.both()
        answer: Any = browser.get("/acts/streamed/")
        assert b"begun" == b"".join(answer.streaming_content)
        assert (self.bobs, len(self.live())) == ([], 1)
        token = manager().login(str(self.bob.pk)).access_token
        headers = {"authorization": f"Bearer {token}"}
        do = {"do": ["flush", "login:eve", "sees"]}
        assert Client(headers=headers).get("/acts/", do).status_code == 200
        assert self.bobs == []

    async def test_a_flush_in_a_consumer_ends_the_session(self) -> None:
        """As the sign-out of Channels does: no answer follows it."""
        browser = await sync_to_async(self.both)()

        async def consumer(scope: Any, _: Any, send: Any) -> None:
            await scope["session"].aflush()
            await send({"type": "websocket.close"})

        cookies = "; ".join(f"{name}={it.value}" for name, it in browser.cookies.items())
        headers = {"host": "testserver", "origin": "https://testserver", "cookie": cookies}
        headers["user-agent"] = FIREFOX
        scope = {
            "type": "websocket",
            "scheme": "wss",
            "path": "/",
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        served = ApplicationCommunicator(SessionMiddleware(consumer), scope)
        assert (await served.receive_output(5))["type"] == "websocket.close"
        await served.wait()
        left = await sync_to_async(lambda: (self.bobs, len(self.live())))()
        assert left == ([], 1)

    def test_what_follows_a_switch_is_of_the_account_that_acts(self) -> None:
        """A flush, a sign-out, and a sign-in by devsess."""
        for acts, left in (
            (("switch:0", "flush"), ("nobody", 0, 1)),
            (("switch:0", "logout"), ("nobody", 0, 1)),
            (("switch:0", "end:one"), ("nobody", 0, 1)),
            (("switch:0", f"enter:{self.eve.pk}"), ("eve", 1, 1)),
            (("switch:0", "login:eve"), ("eve", 1, 1)),
        ):
            for browser in self.ways():
                self.acts(browser, *acts)
                assert (self.who(browser), len(self.live()), len(self.bobs)) == left

    @override_settings(DEVSESS={**settings.DEVSESS, "accounts": 1})
    def test_one_account_ends_with_its_flush(self) -> None:
        """Whatever follows."""
        browser, eve = self.browser(), str(self.eve.pk)
        self.enter(browser, "ada", "lovelace")
        assert self.acts(browser, "flush", "sees", f"enter:{eve}", "user") == [
            *(None, [None, None]),
            *(eve, "eve"),
        ]
        assert (self.live(), self.who(browser)) == ([], "eve")


@override_settings(DEVSESS=SEVERAL)
class DataTests(Acts):
    """And whose data is whose."""

    def test_other_calls_after_a_flush_sign_out_first(self) -> None:
        """A list has the others alone; a sign-out by Django or devsess ends both or one."""
        eve = str(self.eve.pk)
        for act, said, left in (
            ("list", [self.id], 1),
            ("logout", None, 1),
            ("end:one", None, 1),
            ("end:all", None, 0),
            (f"token:{eve}", None, 1),
        ):
            with self.subTest(act=act):
                browser = self.both()
                self.acts(browser, "put:tea")
                rows = Row.objects.count()
                assert self.acts(browser, "flush", act)[1] == said
                assert (self.who(browser), self.bobs, len(self.live())) == ("nobody", [], left)
                assert Row.objects.count() == rows - 1
                manager().revoke_all(self.id)

    def test_a_sign_out_after_a_flush_is_none_that_a_login_takes_back(self) -> None:
        """By Django or devsess; the data goes too, and a second user is signed in alone."""
        for act in ("logout", "end:one"):
            with self.subTest(act=act):
                browser = self.both()
                self.acts(browser, "flush", act, "login:eve")
                assert (self.who(browser), self.bobs) == ("eve", [])
                assert self.users(browser) == [self.id, str(self.eve.pk)]
                manager().revoke_all(self.id)

    def test_no_data_is_left_without_a_session(self) -> None:
        """What a visitor wrote goes along with a sign-in; with one account a second ends it."""
        self.acts(self.browser(), "put:tea", f"enter:{self.id}")
        assert Row.objects.count() == 1
        with override_settings(DEVSESS={**settings.DEVSESS, "accounts": 1}):
            browser = self.browser()
            self.enter(browser, "bob", "marley")
            self.acts(browser, "put:tea", f"enter:{self.eve.pk}")
        assert Row.objects.count() == 1

    @override_settings(DEVSESS={**settings.DEVSESS, "accounts": 1})
    def test_a_sign_in_over_overtaken_tokens_takes_its_data(self) -> None:
        """As over live ones: the same user's data stays, another's is deleted with the session."""
        for user, cart in (("ada", ["tea"]), ("bob", None)):
            with self.subTest(user=user):
                late = self.overtaken_with_tea()
                assert self.acts(late, f"login:{user}", "cart")[-1] == cart
                assert Row.objects.count() == (1 if cart else 0)
                manager().revoke_all(self.id)
                manager().revoke_all(str(self.bob.pk))
                Row.objects.all().delete()

    @override_settings(DEVSESS={**settings.DEVSESS, "accounts": 1})
    def test_after_an_overtaken_sign_out_the_data_is_not_found_again(self) -> None:
        """Not by a sign-in in the same request either."""
        late = self.overtaken_with_tea()
        assert self.acts(late, "logout", "login:ada", "cart")[-1] is None

    def overtaken_with_tea(self) -> Client:
        """A tab of ada's, whose cookies are those from before a step-up."""
        browser, late = self.browser(), self.browser()
        self.enter(browser, "ada", "lovelace")
        self.acts(browser, "put:tea")
        late.cookies.load(browser.cookies.output(header="", sep=";"))
        self.acts(browser, "step:otp")
        assert self.who(late) == "nobody"
        return late

    def test_data_is_of_one_user_and_one_password(self) -> None:
        """A sign-in with the hash of another's password is not theirs."""
        self.both()
        [session] = self.live()
        hashed = self.user.get_session_auth_hash()
        for user, of, is_same in (
            (self.user, hashed, True),
            (self.user, "other", False),
            (self.bob, hashed, False),
        ):
            keys = {SESSION_KEY: str(user.pk), HASH_SESSION_KEY: of}
            assert is_same == signins.is_same(session, signins.sign_in_of(keys, persistent=True))

    def test_a_refused_login_leaves_who_was_there(self) -> None:
        """With their data, and what was written in between is lost."""
        browser = self.browser()
        self.enter(browser, "ada", "lovelace")
        self.acts(browser, "put:milk")
        denied = LoginDeniedError("no", reason="policy")
        with mock.patch.object(type(manager()), "login", side_effect=denied):
            said = self.acts(browser, "flush", "put:tea", "login:bob", "sees", "cart", "put:rice")
        assert said == [None, None, "refused", [self.id, self.id], ["milk"], None]
        assert (self.who(browser), self.acts(browser, "cart")) == ("ada", [["milk", "rice"]])

    def test_what_nobody_kept_stays_nobodys(self) -> None:
        """A switch from an empty slot shows the account's data, and writes no other over it."""
        for acts in (("switch:0", "cart"), ("cart", "switch:0", "cart"), ("put:rice", "switch:0")):
            for then in ((), ("put:salt",)):
                with self.subTest(acts=acts, then=then):
                    browser = self.both()
                    self.acts(browser, "switch:0", "put:milk", "switch:1", "logout", "put:tea")
                    said = self.acts(browser, *acts, *then, "cart")
                    kept = ["milk", *(it.removeprefix("put:") for it in then)]
                    assert (said[-1], self.acts(browser, "cart", "user")) == (kept, [kept, "ada"])

    @override_settings(CSRF_USE_SESSIONS=True)
    def test_a_token_that_nobody_kept_stays_nobodys(self) -> None:
        """Where Django keeps it in the session; the account keeps its cart."""
        for how in ("endpoint", "view"):
            with self.subTest(how=how):
                browser = self.both()
                self.acts(browser, "switch:0", "put:milk", "switch:1", "logout", "put:tea")
                browser.get("/accounts/login/")
                if how == "endpoint":
                    assert self.switch(browser, 0).status_code == 200
                else:
                    self.acts(browser, "switch:0")
                assert self.acts(browser, "cart", "user") == [["milk"], "ada"]

    def test_a_sign_in_again_keeps_the_data(self) -> None:
        """Wherever the account is, and with what nobody had kept since; the old row is gone."""
        for before, cart in (
            ((), ["milk"]),
            (("switch:0",), ["milk"]),
            (("logout",), ["milk"]),
            (("logout", "put:tea"), ["tea"]),
        ):
            with self.subTest(before=before):
                browser = self.both()
                self.acts(browser, "switch:0", "put:milk", "switch:1")
                self.acts(browser, *before)
                self.enter(browser, "ada", "lovelace")
                assert self.acts(browser, "cart", "user") == [cart, "ada"]
                assert self.users(browser)[0] == self.id
                [session] = self.live()
                assert Row.objects.filter(session_key__startswith="").count() >= 1
                manager().revoke_all(self.id)
                manager().revoke_all(str(self.bob.pk))
                Row.objects.all().delete()
                assert session.user_id == self.id

    def test_a_sign_in_under_another_password_keeps_no_data(self) -> None:
        """As with one account: an UPDATE has ended it, and nobody knows whose data that is."""
        browser = self.both()
        self.acts(browser, "switch:0", "put:milk", "switch:1")
        self.user.set_password("babbage")
        User.objects.filter(pk=self.user.pk).update(password=self.user.password)
        rows = Row.objects.count()
        self.enter(browser, "ada", "babbage")
        assert self.acts(browser, "cart", "user") == [None, "ada"]
        assert Row.objects.count() == rows - 1

    def test_what_was_written_before_a_sign_in_is_kept(self) -> None:
        """For the account that wrote it, which stays signed in."""
        browser, eve = self.both(), str(self.eve.pk)
        assert self.acts(browser, "put:tea", f"enter:{eve}", "cart", "user") == [
            *(None, eve),
            *(None, "eve"),
        ]
        assert self.acts(browser, "switch:1", "cart")[1] == ["tea"]

    def test_forms_from_before_a_sign_in_are_refused(self) -> None:
        """Also by devsess itself; not where it is a program's."""
        eve = str(self.eve.pk)
        for act, status in ((f"enter:{eve}", 403), ("login:eve", 403), (f"token:{eve}", 302)):
            with self.subTest(act=act):
                browser = self.both(enforce_csrf_checks=True)
                form = {"csrfmiddlewaretoken": self.form_token(browser)}
                self.acts(browser, act)
                answer = browser.post("/accounts/logout/", form, secure=True)
                assert answer.status_code == status
