"""What a project's own tests do goes on; and each law of the sign-in."""

from __future__ import annotations

import re
import time
from functools import cache
from itertools import count
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session as Row
from django.core import mail
from django.test import Client, TestCase, TransactionTestCase, override_settings
from rest_framework.authtoken.models import Token

from devsess.django import manager

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Safari/605.1.15"


KEYS = count(1000, 10)  # the keys that the database gives lie between


@cache
def proxy() -> Any:
    """The user's model, as an admin of the project's shows it."""

    class Member(User):
        class Meta:
            proxy = True
            app_label = "shop"

    return Member


class Visits(TransactionTestCase):
    """One user, and browsers."""

    databases = ("default", "devsess")

    def setUp(self) -> None:
        super().setUp()
        # The sessions of a test before are not undone, and its user's key would come again.
        key = next(KEYS)
        self.user = User.objects.create_user("ada", "ada@example.com", "lovelace", id=key)
        self.id = str(self.user.pk)

    def sign_in(self, client: Client, password: str = "lovelace", query: str = "") -> Any:
        form = {"username": "ada", "password": password}
        return client.post(f"/accounts/login/{query}", form)

    def live(self) -> list[Any]:
        return manager().list(self.id)

    def browser(self, agent: str = FIREFOX) -> Client:
        return Client(headers={"user-agent": agent})


class Shop(TestCase, Visits):
    """Each test is undone."""


class SignInTests(Shop):
    """Django's own ways in and out."""

    def test_login_view_signs_in_on_a_device(self) -> None:
        """LoginView makes a session of devsess, of the browser's device."""
        browser = self.browser()
        answer = self.sign_in(browser)
        self.assertRedirects(answer, "/", fetch_redirect_response=False)
        assert browser.get("/mine/").content == b"ada"
        assert [str(it.device) for it in self.live()] == ["Firefox on Windows"]

    def test_no_row_of_django_signs_anybody_in(self) -> None:
        """A sign-in leaves no row in Django's own table."""
        self.sign_in(self.browser())
        assert Row.objects.count() == 0

    def test_logout_view_ends_the_session(self) -> None:
        """LogoutView revokes it, and clears its cookies."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/accounts/logout/")
        assert self.live() == []
        assert browser.get("/mine/").status_code == 302

    def test_revoked_is_signed_out(self) -> None:
        """A session that is revoked elsewhere is over at the next request."""
        browser = self.browser()
        self.sign_in(browser)
        manager().revoke(self.live()[0].id)
        assert browser.get("/").content.strip() == b"nobody"

    def test_client_login_and_force_login(self) -> None:
        """The test client's own ways sign in, and out."""
        for is_forced in (False, True):
            with self.subTest(is_forced=is_forced):
                client = Client()
                if is_forced:
                    client.force_login(self.user)
                else:
                    assert client.login(username="ada", password="lovelace")
                assert client.get("/mine/").content == b"ada"
                assert client.post("/cart/tea/").status_code == 200
                assert client.get("/recent/").content.decode() == self.id
                client.logout()
                assert client.get("/").content.strip() == b"nobody"
        assert self.live() == []

    def test_client_session_shows_the_sign_in(self) -> None:
        """`client.session` has the keys that tests look for."""
        browser = self.browser()
        assert SESSION_KEY not in browser.session
        self.sign_in(browser)
        assert browser.session[SESSION_KEY] == self.id
        assert browser.session[HASH_SESSION_KEY] == self.user.get_session_auth_hash()

    def test_client_session_can_be_written(self) -> None:
        """What a test puts into `client.session` is there in the view, signed in or not."""
        client = Client()
        for _ in range(2):
            session = client.session
            session["cart"] = ["tea"]
            session.save()
            assert client.get("/cart/").json()["cart"] == ["tea"]
            client.force_login(self.user)

    def test_next_is_where_login_required_and_require_lead(self) -> None:
        """Both name the page in `next`, and LoginView goes there."""
        for path in ("/mine/", "/recent/"):
            browser = self.browser()
            answer = browser.get(path, headers={"accept": "text/html"})
            assert answer["Location"] == f"/accounts/login/?next={path}"
            there = self.sign_in(browser, query=f"?next={path}")
            assert there["Location"] == path

    def test_permission_required(self) -> None:
        """PermissionRequiredMixin lets in whom it should."""
        browser = self.browser()
        self.sign_in(browser)
        assert browser.get("/pay/").status_code == 403
        self.user.user_permissions.add(Permission.objects.get(codename="view_user"))
        assert browser.get("/pay/").content == b"paid"

    def test_the_admin_signs_in(self) -> None:
        """By its own form."""
        User.objects.create_superuser("root", "", "toor")
        browser = self.browser()
        form = {"username": "root", "password": "toor", "next": "/admin/"}
        self.assertRedirects(browser.post("/admin/login/", form), "/admin/")

    def test_remember_me(self) -> None:
        """`set_expiry(0)` ends the cookies with the browser; else they have an age."""
        browser = self.browser()
        self.sign_in(browser)
        assert browser.cookies["__Host-devsess-access"]["max-age"]
        other = self.browser()
        other.get("/by-hand/?password=lovelace")
        assert not other.cookies["__Host-devsess-access"]["max-age"]

    def test_an_inactive_user_is_nobody(self) -> None:
        """As with Django's own sessions."""
        browser = self.browser()
        self.sign_in(browser)
        User.objects.update(is_active=False)
        assert browser.get("/").content.strip() == b"nobody"

    def test_a_deleted_user_is_nobody(self) -> None:
        """As with Django's own sessions."""
        browser = self.browser()
        self.sign_in(browser)
        User.objects.all().delete()
        assert browser.get("/").content.strip() == b"nobody"

    def test_a_user_id_that_is_no_key_is_nobody(self) -> None:
        """Sessions of another program in the same store are no error here."""
        grant = manager().login("somebody@example.com")
        client = Client()
        client.cookies["__Host-devsess-access"] = grant.access_token
        assert client.get("/").content.strip() == b"nobody"

    def test_a_session_of_the_manager_is_its_users(self) -> None:
        """One that was signed in past Django."""
        grant = manager().login(self.id)
        client = Client()
        client.cookies["__Host-devsess-access"] = grant.access_token
        assert client.get("/").content.strip() == b"ada"

    def test_bearer_tokens_sign_in_too(self) -> None:
        """A program's request has its user."""
        access = Client().get("/token/?password=lovelace").json()["access"]
        answer = Client().get("/mine/", headers={"authorization": f"Bearer {access}"})
        assert answer.content == b"ada"

    def test_settings_of_a_test_leave_no_trace(self) -> None:
        """A browser goes on after settings were overridden; in between there is another store."""
        browser = self.browser()
        self.sign_in(browser)
        with override_settings(DEVSESS={"store": "memory://"}):
            assert manager().list(self.id) == []
        assert browser.get("/mine/").content == b"ada"


class QueryTests(Shop):
    """How often the database is asked."""

    def test_a_page_that_does_not_look_asks_nothing(self) -> None:
        """Signed in, and not a query."""
        browser = self.browser()
        self.sign_in(browser)
        browser.get("/plain/")
        with self.assertNumQueries(0), self.assertNumQueries(0, using="devsess"):
            browser.get("/plain/")

    def test_a_page_that_looks_asks_once(self) -> None:
        """For the user's own row."""
        browser = self.browser()
        self.sign_in(browser)
        for path in ("/", "/mine/", "/async/"):
            with self.assertNumQueries(1):
                browser.get(path)

    def test_rows_of_other_models_are_deleted_as_before(self) -> None:
        """In one statement: nobody listens, so that Django need not read them first."""
        self.browser().post("/cart/tea/")
        with self.assertNumQueries(1):
            assert Row.objects.all().delete()[0] == 1

    def test_answers_vary_by_those_who_look(self) -> None:
        """And name each header once."""
        browser = self.browser()
        self.sign_in(browser)
        browser.get("/plain/")  # moves the deadline of the cookies, for once
        assert "Vary" not in browser.get("/plain/").headers
        vary = browser.get("/").headers["Vary"].split(", ")
        assert sorted(vary) == sorted(set(vary))
        assert {"Cookie", "Authorization"} <= set(vary)


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

    def test_claims_of_the_project_are_beside_those_of_the_app(self) -> None:
        """Whatever they are called, they stay when the session goes on under another password."""
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
    """What takes effect with a commit."""

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


class DataTests(Shop):
    """What a session holds beside the sign-in."""

    def cart(self, browser: Client) -> Any:
        return browser.get("/cart/").json()["cart"]

    def test_a_cart_goes_along(self) -> None:
        """What was put in before the sign-in is there after it, and once."""
        browser = self.browser()
        browser.post("/cart/tea/")
        assert self.cart(browser) == ["tea"]
        self.sign_in(browser)
        assert self.cart(browser) == ["tea"]
        assert Row.objects.count() == 1

    def test_each_browser_has_its_own(self) -> None:
        """Two of one person do not share a cart."""
        browsers = [self.browser(), self.browser(SAFARI)]
        for browser, item in zip(browsers, ("tea", "salt"), strict=True):
            self.sign_in(browser)
            browser.post(f"/cart/{item}/")
        assert [self.cart(it) for it in browsers] == [["tea"], ["salt"]]

    def test_it_ends_with_a_sign_out(self) -> None:
        """And the row goes."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        browser.post("/accounts/logout/")
        assert (self.cart(browser), Row.objects.count()) == ([], 0)

    def test_the_next_person_does_not_find_it(self) -> None:
        """Nor where the session was ended elsewhere, and nobody signed out here."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        manager().revoke(self.live()[0].id)
        assert self.cart(browser) == []
        User.objects.create_user("bob", "", "builder")
        browser.post("/accounts/login/", {"username": "bob", "password": "builder"})
        assert browser.get("/cart/").json() == {"cart": [], "user": "bob"}

    def test_another_user_begins_anew(self) -> None:
        """A sign-in over a session of somebody else."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        User.objects.create_user("bob", "", "builder")
        browser.post("/accounts/login/", {"username": "bob", "password": "builder"})
        assert browser.get("/cart/").json() == {"cart": [], "user": "bob"}
        assert self.live() == []

    def test_a_session_that_changes_within_a_request(self) -> None:
        """By devsess's own methods: the data of before is neither read nor kept for the next."""
        bob = User.objects.create_user("bob", "", "builder")
        browser = self.browser()
        for to in (f"?to={bob.pk}", ""):
            self.sign_in(browser)
            browser.post("/cart/tea/")
            assert browser.get(f"/switch/{to}").json() == {"cart": []}
            found = browser.get("/cart/").json()
            assert found == {"cart": [], "user": "bob" if to else "AnonymousUser"}

    def test_an_account_of_others_leaves_nothing(self) -> None:
        """Its key is none of a user's here, so that Django sees nobody."""
        browser = self.browser()
        browser.get("/switch/?to=robot")
        browser.post("/cart/tea/")
        assert self.cart(browser) == ["tea"]
        self.sign_in(browser)
        assert browser.get("/cart/").json() == {"cart": [], "user": "ada"}

    def test_the_same_user_keeps_it(self) -> None:
        """A second sign-in takes the place of the first."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        self.sign_in(browser)
        assert (self.cart(browser), len(self.live())) == (["tea"], 1)

    def test_a_key_of_signed_in_data_opens_nothing(self) -> None:
        """Whoever knows it, or makes one up, gets an empty session of another key."""
        browser = self.browser()
        self.sign_in(browser)
        browser.post("/cart/tea/")
        row = Row.objects.get()
        for key in (row.session_key, "a" * 32, "not.a.token", "x"):
            thief = Client()
            thief.cookies["__Host-devsess-access"] = key
            assert self.cart(thief) == []
            thief.post("/cart/salt/")
            assert thief.cookies["__Host-devsess-access"].value != key

    def test_nothing_is_written_for_those_who_keep_nothing(self) -> None:
        """No cookie and no row for a visitor."""
        browser = self.browser()
        answer = browser.get("/")
        assert (len(answer.cookies), Row.objects.count()) == (0, 0)


class AsyncTests(Shop):
    """Views that are async, below ASGI."""

    async def test_a_sign_in_and_out(self) -> None:
        """alogin, auser and alogout."""
        client = self.async_client
        answer = await client.get("/async/sign-in/?password=lovelace")
        assert answer.content.decode() == self.id
        assert (await client.get("/async/")).content == b"ada"
        assert (await client.get("/mine/")).content == b"ada"
        await client.get("/async/sign-out/")
        assert (await client.get("/async/")).content == b"nobody"

    async def test_aforce_login(self) -> None:
        """The awaited test client signs in."""
        await self.async_client.aforce_login(self.user)
        assert (await self.async_client.get("/async/")).content == b"ada"
        assert (await self.async_client.get("/recent/")).status_code == 200


class ForgeryTests(Shop):
    """Where requests come from."""

    def test_another_site_changes_nothing(self) -> None:
        """The middleware refuses it, whatever Django's own check says."""
        browser = self.browser()
        self.sign_in(browser)
        answer = browser.post("/cart/tea/", headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403

    def test_a_client_that_enforces_checks_is_checked(self) -> None:
        """Only the test client's own flag takes the check away."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.user)
        # Django's own middleware leaves this view alone.
        assert client.post("/exempt/").status_code == 403
        same = {"sec-fetch-site": "same-origin"}
        assert client.post("/exempt/", headers=same).status_code == 200


class RestTests(Shop):
    """Django REST framework."""

    def test_a_cookie_and_a_token_are_the_user(self) -> None:
        """And the session is `request.auth`."""
        browser = self.browser()
        self.sign_in(browser)
        assert browser.get("/api/me/").json() == {"user": "ada", "device": "Firefox on Windows"}
        access = Client().get("/token/?password=lovelace").json()["access"]
        answer = Client().get("/api/me/", headers={"authorization": f"Bearer {access}"})
        assert answer.json()["user"] == "ada"

    def test_nobody_and_a_bad_token_are_a_401(self) -> None:
        """With the challenge that fits."""
        answer = Client().get("/api/me/")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="devsess"')
        bad = Client().get("/api/me/", headers={"authorization": "Bearer a.b.c"})
        assert bad.status_code == 401
        assert 'error="invalid_token"' in bad["WWW-Authenticate"]

    def test_a_session_of_another_user_proves_nothing(self) -> None:
        """A key that was stolen is no recent sign-in because its thief has one."""
        bob = User.objects.create_user("bob", "", "builder")
        token = {"x-key": Token.objects.create(user=bob).key}
        client = Client()
        client.force_login(self.user)
        assert client.get("/api/two/").status_code == 200
        assert client.get("/api/two/", headers=token).status_code == 403
        client.force_login(bob)
        assert client.get("/api/two/", headers=token).status_code == 200

    def test_an_old_sign_in_is_challenged(self) -> None:
        """By RFC 9470; a recent one is let in, and another permission may stand for it."""
        old = manager().login(self.id, auth_time=time.time() - 1000)
        header = {"authorization": f"Bearer {old.access_token}"}
        for path in ("/api/recent/", "/api/either/"):
            answer = Client().get(path, headers=header)
            assert answer.status_code == 401
            assert "insufficient_user_authentication" in answer["WWW-Authenticate"]
        assert Client().get("/api/either/?any", headers=header).status_code == 200
        client = Client()
        client.force_login(self.user)
        assert client.get("/api/recent/").status_code == 200
