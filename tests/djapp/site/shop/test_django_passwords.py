"""A password that changes, and an account that is closed, end sessions."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import User
from django.core import mail
from django.test import Client, override_settings

from devsess.django import manager
from shop.visits import KEYS, SAFARI, Shop, Visits, given, proxy


class PasswordTests(Shop):
    """A password that changes ends the sessions that it did not make."""

    def setUp(self) -> None:
        super().setUp()
        self.here, self.there = self.browser(), self.browser(SAFARI)
        self.sign_in(self.here)
        self.sign_in(self.there)

    def who(self, browser: Client) -> str:
        return str(browser.get("/").content.decode().strip())

    def change(self, browser: Client) -> Any:
        new = {"new_password1": "xK3!abcdef", "new_password2": "xK3!abcdef"}
        with self.captureOnCommitCallbacks(execute=True):
            return browser.post("/accounts/password_change/", {"old_password": "lovelace", **new})

    def test_a_change_ends_the_others(self) -> None:
        """PasswordChangeView: this session stays, and is the only one."""
        assert self.change(self.here).status_code == 302
        assert len(self.live()) == 1
        assert (self.who(self.here), self.who(self.there)) == ("ada", "nobody")

    def test_a_reset_ends_all(self) -> None:
        """PasswordResetConfirmView: whoever sits in the account is out."""
        other = self.browser()
        other.post("/accounts/password_reset/", {"email": "ada@example.com"})
        link = re.search(r"http://testserver(\S+)", str(mail.outbox[0].body))
        assert link is not None
        form = other.get(link[1])["Location"]
        new = {"new_password1": "xK3!abcdef", "new_password2": "xK3!abcdef"}
        with self.captureOnCommitCallbacks(execute=True):
            assert other.post(form, new).status_code == 302
        assert self.live() == []

    def test_an_administrator_ends_all(self) -> None:
        """The admin's form for another user's password keeps none of theirs."""
        User.objects.create_superuser("root", "", "toor")
        staff = Client()
        staff.login(username="root", password="toor")
        new = {"password1": "xK3!abcdef", "password2": "xK3!abcdef", "usable_password": "true"}
        with self.captureOnCommitCallbacks(execute=True):
            staff.post(f"/admin/auth/user/{self.user.pk}/password/", new)
        assert self.live() == []
        assert staff.get("/admin/").status_code == 200

    def test_a_change_through_a_proxy_ends_all(self) -> None:
        """Admins register proxies of the user's model: these are other senders."""
        member = proxy().objects.get(pk=self.user.pk)
        member.set_password("xK3!abcdef")
        with self.captureOnCommitCallbacks(execute=True):
            member.save()
        assert self.live() == []

    def test_a_change_past_the_model_is_noticed(self) -> None:
        """A password that an UPDATE wrote ends a session when it looks for its user."""
        User.objects.update(password="!")
        assert self.who(self.here) == "nobody"
        assert len(self.live()) == 1

    def test_a_change_past_the_model_is_noticed_wherever_a_session_is_required(self) -> None:
        """Views that ask devsess alone, and its endpoints, agree with `request.user`."""
        for path in ("/recent/", "/both/", "/async/recent/", "/auth/sessions"):
            with self.subTest(path):
                browser = self.browser()
                self.sign_in(browser)
                assert browser.get(path).status_code == 200
                User.objects.update(password="!")
                assert browser.get(path).status_code == 401
                self.user.save()

    @override_settings(DEVSESS={**given.DEVSESS, "accounts": 2})
    def test_of_several_accounts_the_one_that_acts_is_known(self) -> None:
        """An UPDATE of one account's password is noticed where that one acts, and only there."""
        browser = self.browser()
        self.sign_in(browser)
        bob = User.objects.create_user("bob", "", "marley", id=next(KEYS))
        browser.post("/accounts/login/", {"username": "bob", "password": "marley"})
        assert browser.get("/both/").content.decode() == f"{bob.pk} bob"
        User.objects.filter(pk=bob.pk).update(password="!")
        assert browser.get("/recent/").status_code == 401
        assert browser.get("/accounts-switch/0/").content.decode() == "AnonymousUser ada None"
        assert browser.get("/both/").content.decode() == f"{self.id} ada"

    def test_an_update_that_closes_an_account_is_noticed_there_too(self) -> None:
        """And so is one that deletes it; the session lives on for an account that is opened."""
        User.objects.update(is_active=False)
        assert self.here.get("/recent/").status_code == 401
        User.objects.update(is_active=True)
        assert self.here.get("/recent/").status_code == 200
        User.objects.all()._raw_delete("default")
        assert self.here.get("/recent/").status_code == 401

    def test_a_path_that_is_required_is_required_of_the_user(self) -> None:
        """The middleware itself turns the request away."""
        public = {**given.DEVSESS, "required": True, "public": ["/"]}
        with override_settings(DEVSESS=public):
            browser = self.browser()
            browser.cookies = self.here.cookies
            for _ in range(3):  # from memory
                assert browser.get("/plain/").status_code == 200
            User.objects.update(password="!")
            assert browser.get("/plain/").status_code == 401
            assert self.there.get("/").status_code == 200

    def test_the_way_out_is_open_where_a_session_is_required(self) -> None:
        """Also for a user whom Django no longer knows: by the endpoint, or the session's own id."""
        public = {**given.DEVSESS, "required": True, "public": ["/", "/accounts/login/"]}
        for method, path in (("POST", "/auth/logout"), ("DELETE", "/auth/sessions/{own}")):
            with self.subTest(path), override_settings(DEVSESS=public):
                self.user.save()
                browser, own = self.own()
                User.objects.update(password="!")
                assert browser.generic(method, path.format(own=own)).status_code == 204
                assert own not in {it.id for it in self.live()}

    def test_a_page_of_another_session_is_refused(self) -> None:
        """Somebody else has signed in since: what it sends acts for nobody."""
        browser, own = self.own()
        page = {"Devsess-Session": own}
        assert browser.get("/plain/", headers=page).status_code == 200
        User.objects.create_user("bob", "", "marley", id=next(KEYS))
        browser.post("/accounts/login/", {"username": "bob", "password": "marley"})
        for path in ("/plain/", "/async/recent/", "/auth/sessions"):
            assert browser.get(path, headers=page).status_code == 409
        assert self.who(browser) == "bob"

    def own(self) -> tuple[Client, str]:
        """A browser of ada's, and the id of its session."""
        browser, before = self.browser(), {it.id for it in self.live()}
        self.sign_in(browser)
        [own] = {it.id for it in self.live()} - before
        return browser, own

    def test_a_user_who_signs_in_after_somebody_looked_is_known(self) -> None:
        """The user whom `request.user` found first is not the one that is required."""
        path = "/in-and-required/?to="
        answer = self.browser().get(f"{path}{self.id}")
        assert (answer.status_code, answer.content.decode()) == (200, self.id)
        closed = User.objects.create_user("bob", "", "builder", is_active=False)
        assert self.here.get(f"{path}{closed.pk}").status_code == 401

    def test_a_view_that_is_awaited_may_require_at_once(self) -> None:
        """Without the user, for whom it would have to wait: `arequire` asks for both."""
        User.objects.update(password="!")
        with self.assertNumQueries(0, using="default"):
            assert self.here.get("/async/recent/?at-once").status_code == 200
        assert self.here.get("/async/recent/").status_code == 401

    def test_claims_of_the_project_are_beside_those_of_the_app(self) -> None:
        """By any name, they stay when the session goes on under another password."""
        claims = {"django": "x", "exchanged": 1, "tenant": {"id": 5}}
        for session in self.live():
            manager().update(session.id, claims=claims)
        assert (self.who(self.here), self.who(self.there)) == ("ada", "ada")
        self.change(self.here)
        assert self.who(self.here) == "ada"
        [session] = self.live()
        assert {**session.claims, **claims} == session.claims

    def test_claims_that_are_replaced_are_not_those_of_the_app(self) -> None:
        """A change past the model is noticed as before."""
        for session in self.live():
            manager().update(session.id, claims={"tenant": 5})
        User.objects.update(password="!")
        assert (self.who(self.here), self.who(self.there)) == ("nobody", "nobody")

    def test_facts_that_cannot_be_read_sign_nobody_in(self) -> None:
        """They are no proof of today's password."""
        for wrong in (None, "", "ab", [], ["x"], {"a": 1, "b": 2}, [1, 2, 3, 4]):
            with self.subTest(wrong):
                browser = self.browser()
                self.sign_in(browser)
                session = max(self.live(), key=lambda it: it.created_at)
                manager().update(session.id, claims={"devsess.django": wrong})
                assert self.who(browser) == "nobody"

    def test_a_change_that_was_rolled_back_ends_nothing(self) -> None:
        """Only what is committed counts."""
        with self.captureOnCommitCallbacks(execute=True) as called:
            self.here.get("/password/?to=other&fail=1")
        assert (len(called), len(self.live())) == (0, 2)

    def test_another_save_ends_nothing(self) -> None:
        """A sign-in updates `last_login`, and a form the name."""
        self.user.first_name = "Ada"
        with self.captureOnCommitCallbacks(execute=True):
            self.user.save()
        assert len(self.live()) == 2

    def test_a_secret_that_rotates_ends_nothing(self) -> None:
        """SECRET_KEY_FALLBACKS verify tokens, and hashes of passwords, of before."""
        from django.conf import settings

        old = settings.SECRET_KEY
        with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[old]):
            browser = self.browser()
            browser.cookies = self.here.cookies
            assert self.who(browser) == "ada"
            assert self.who(browser) == "ada"
        with override_settings(SECRET_KEY="n" * 50):
            assert self.who(self.browser()) == "nobody"


class CommitTests(Visits):
    """Changes that take effect with a commit."""

    def test_an_account_that_is_closed_or_deleted_is_signed_out(self) -> None:
        """Of views, too, that ask devsess alone, and look for no user."""
        for ends in ("closed", "deleted"):
            browser = self.browser()
            self.sign_in(browser)
            assert browser.get("/recent/").status_code == 200
            if ends == "closed":
                self.user.is_active = False
                self.user.save()
                assert self.live() == []
                self.user.is_active = True
                self.user.save()
            else:
                self.user.delete()
            assert browser.get("/recent/").status_code == 401, ends

    def test_an_account_that_is_closed_or_deleted_through_a_proxy(self) -> None:
        """A proxy is another sender, and its rows are the same users."""
        member = proxy().objects.get(pk=self.user.pk)
        self.sign_in(self.browser())
        member.is_active = False
        member.save()
        assert self.live() == []
        member.is_active = True
        member.save()
        self.sign_in(self.browser())
        assert len(self.live()) == 1
        member.delete()
        assert self.live() == []

    def test_an_account_that_may_sign_in_while_it_is_closed(self) -> None:
        """Is not signed out: a backend of the project's lets it in."""
        browser = self.browser()
        self.sign_in(browser)
        self.user.is_active = False
        backend = "django.contrib.auth.backends.AllowAllUsersModelBackend"
        with override_settings(AUTHENTICATION_BACKENDS=[backend]):
            self.user.save()
        assert len(self.live()) == 1

    def test_a_reset_that_signs_in_stays_signed_in(self) -> None:
        """All other sessions end, once it is committed."""
        self.sign_in(self.browser(SAFARI))
        browser = self.browser()
        assert browser.get("/reset/?to=xK3!abcdef").content == b"in"
        assert browser.get("/mine/").content == b"ada"
        assert [str(it.device) for it in self.live()] == ["Firefox on Windows"]
