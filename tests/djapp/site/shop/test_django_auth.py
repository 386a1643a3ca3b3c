"""A project's own tests go on; and each law of the sign-in."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from asgiref.sync import sync_to_async as in_thread
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session as Row
from django.test import AsyncClient, Client, modify_settings, override_settings
from rest_framework.authtoken.models import Token

from devsess.django import manager
from shop.composed_view import COMPOSED, Code
from shop.visits import Shop


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

    def test_logout_view_ends_a_session_whose_step_up_overtook_it(self) -> None:
        """With the cookies of before, which another tab has replaced."""
        for name in ("__Host-devsess-access", "__Host-devsess-refresh"):
            with self.subTest(without=name):
                browser = self.browser()
                self.sign_in(browser)
                access_token = browser.cookies["__Host-devsess-access"].value
                manager().step_up(access_token, amr=("otp",))
                browser.cookies.pop(name)
                assert browser.get("/").content.strip() == b"nobody"
                browser.post("/accounts/logout/")
                assert self.live() == []

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
        """Data that a test puts into `client.session` is there in the view, signed in or not."""
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
        with ExitStack() as counted:
            for alias in self.databases:
                counted.enter_context(self.assertNumQueries(0, using=alias))
            browser.get("/plain/")

    def test_a_page_that_looks_asks_once(self) -> None:
        """For the user's own row."""
        browser = self.browser()
        self.sign_in(browser)
        for path in ("/", "/mine/", "/async/", "/recent/", "/both/", "/async/recent/"):
            with self.assertNumQueries(1):
                browser.get(path)

    def test_a_session_without_a_password_is_required_without_a_query(self) -> None:
        """No change of one can end it: it was signed in past the app."""
        grant = manager().login("somebody@example.com")
        with self.assertNumQueries(0, using="default"):
            answer = Client().get(
                "/recent/", headers={"authorization": f"Bearer {grant.access_token}"}
            )
        assert answer.content == b"somebody@example.com"

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

    async def test_a_sign_out_that_a_step_up_overtook(self) -> None:
        """alogout ends the session all the same."""
        client = self.async_client
        await client.get("/async/sign-in/?password=lovelace")
        access_token = client.cookies["__Host-devsess-access"].value
        await in_thread(manager().step_up)(access_token, amr=("otp",))
        await client.get("/async/sign-out/")
        assert await in_thread(self.live)() == []

    async def test_aforce_login(self) -> None:
        """The awaited test client signs in."""
        await self.async_client.aforce_login(self.user)
        assert (await self.async_client.get("/async/")).content == b"ada"
        assert (await self.async_client.get("/recent/")).status_code == 200


@modify_settings(MIDDLEWARE={"append": "shop.middlewares.breaking"})
class BrokenMiddlewareTests(Shop):
    """A middleware within devsess's fails after the view."""

    def test_an_error_after_a_handled_refusal_is_the_projects(self) -> None:
        """It is a 500, and not the refusal; one that the middleware lets through is answered."""
        for query, status in (("", 500), ("requires", 401)):
            client = Client(raise_request_exception=False)
            assert client.get(f"/plain/?{query}").status_code == status

    async def test_an_error_below_asgi_is_the_projects_too(self) -> None:
        """As below WSGI."""
        for query, status in (("", 500), ("requires", 401)):
            client = AsyncClient(raise_request_exception=False)
            assert (await client.get(f"/async/?{query}")).status_code == status


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
        other = Client(raise_request_exception=False)
        for query, status in (("any", 200), ("any&own", 403), ("any&crash", 500)):
            assert other.get(f"/api/either/?{query}", headers=header).status_code == status
        client = Client()
        client.force_login(self.user)
        assert client.get("/api/recent/").status_code == 200

    def composed(self, name: str, **query: str) -> Any:
        """The answer to an old sign-in, where the permissions of that name guard."""
        old = manager().login(self.id, auth_time=time.time() - 1000)
        header = {"authorization": f"Bearer {old.access_token}"}
        return Client().get("/api/composed/", {"by": name, **query}, headers=header)

    def test_a_challenge_is_for_what_a_newer_sign_in_would_get(self) -> None:
        """However permissions are composed, also those of an object; else the refusal is plain."""
        for name, (_, expected) in COMPOSED.items():
            with self.subTest(name):
                Code.asked = 0
                answer = self.composed(name)
                challenge = answer.get("WWW-Authenticate", "")
                if isinstance(expected, int):
                    assert (answer.status_code, challenge) == (expected, "")
                else:
                    assert answer.status_code == 401
                    other = {"max_age", "acr_values"} - {expected}
                    assert expected in challenge
                    assert not any(it in challenge for it in other)

    def test_a_challenge_needs_no_authentication_class_of_ours(self) -> None:
        """Where another one finds the same user, whoever would get in is challenged too."""
        for name, (_, expected) in COMPOSED.items():
            if isinstance(expected, str):
                with self.subTest(name):
                    Code.asked = 0
                    challenge = self.composed(name, own="")["WWW-Authenticate"]
                    assert "insufficient_user_authentication" in challenge

    def test_a_permission_is_asked_no_more_often_than_by_the_framework(self) -> None:
        """A code that is good once is used up by one request at most, and not before its turn."""
        for name, times in (
            ("a code, and", 1),
            ("a code and", 1),
            ("and a code", 0),
            ("or a code, and nobody", 1),
            ("of an object", 1),
            ("and of an object", 0),
        ):
            for own in ({}, {"own": ""}):
                with self.subTest(name, **own):
                    Code.asked = 0
                    self.composed(name, **own)
                    assert times == Code.asked

    def test_a_refusal_that_the_view_has_handled_is_no_challenge(self) -> None:
        """What it answers then is its own."""
        answer = self.composed("or its owner's", handled="")
        assert (answer.status_code, answer.get("WWW-Authenticate")) == (403, None)
