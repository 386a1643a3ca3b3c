"""
The middleware of the app: that of `devsess.adapters.django`, with Django's session and auth.

It stands where Django's own SessionMiddleware would, and does what that does.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Unpack

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from attrs import evolve
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.exceptions import ImproperlyConfigured

from devsess.adapters import _cookies as cookies
from devsess.adapters import django as adapter
from devsess.adapters._carrier import is_in_header
from devsess.adapters._current import exchange_of
from devsess.adapters._endpoints import path_below
from devsess.adapters._http import NO_STORE
from devsess.adapters._sessions import BlockingSessions, LoginOptions, Sessions, StepUpOptions
from devsess.adapters._settings import is_local_path
from devsess.django import conf, signins
from devsess.django.current import SERVED, DjangoCurrent
from devsess.django.dealings import kind_for, tie
from devsess.django.links import OfRequest
from devsess.django.project import project
from devsess.django.sessions import SessionStore, is_anonymous
from devsess.errors import ConfigurationError, InvalidSessionError, StoreUnavailableError

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from devsess.adapters._exchange import Exchange
    from devsess.adapters._http import Request
    from devsess.manager import SessionManager
    from devsess.models import Client, Grant


class DjangoSessions(BlockingSessions):
    """A manager whose sessions know the password that they were made under."""

    async def login(self, user_id: str, client: Client, **options: Unpack[LoginOptions]) -> Grant:
        """Sign in, also past Django's auth; a change of the password is noticed all the same."""
        options["claims"] = signins.claims_for(user_id, options["claims"])
        return self._handed_out(await super().login(user_id, client, **options))

    async def collect(self, pending_token: str, client: Client) -> Grant:
        """See Sessions."""
        return self._handed_out(await super().collect(pending_token, client))

    async def step_up(
        self, access_token: str, client: Client, **options: Unpack[StepUpOptions]
    ) -> Grant:
        """See Sessions."""
        return self._handed_out(await super().step_up(access_token, client, **options))

    async def revoke(self, session_id: str, *, user_id: str, reason: str, actor: str) -> bool:
        """See Sessions."""
        self._note(session_id, None)
        return await super().revoke(session_id, user_id=user_id, reason=reason, actor=actor)

    def _handed_out(self, grant: Grant) -> Grant:
        self._note(grant.session.id, grant.session.generation)
        return grant

    def _note(self, session_id: str, generation: int | None) -> None:
        """Have the answer look whether what was done in a transaction was committed."""
        current = SERVED.get()
        if current is not None and getattr(self._manager, "is_within", False):
            current.joined = (*current.joined, (session_id, generation))


class SessionMiddleware(adapter.SessionMiddleware, DjangoSessionMiddleware):
    """See the module. Blocking below WSGI, awaited below ASGI."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: adapter.GetResponse) -> None:
        app = project()
        options = dict(app.options.middleware)
        options["login_url"] = _login_url(options.get("login_url"))
        options.setdefault("return_parameter", REDIRECT_FIELD_NAME)
        self._manager = app.sessions
        self._exchanges = app.options.exchange_until is not None
        self._old_cookie = app.options.exchange_cookie
        try:
            self._wrap(get_response, self._manager, options)
        except (ConfigurationError, TypeError) as error:
            raise ImproperlyConfigured(f"DEVSESS: {error}") from error
        self._kind = kind_for(self._kind)
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def _face(self, manager: SessionManager) -> Sessions:
        return DjangoSessions(manager)

    def __call__(self, request: HttpRequest) -> Any:
        """Serve one request."""
        return self._awaited(request) if self._is_async else self._serve(request)

    def _serve(self, request: HttpRequest) -> HttpResponseBase:
        served = SERVED.set(None)
        try:
            return super().__call__(request)
        finally:
            SERVED.reset(served)

    def _before(self, request: HttpRequest, exchange: Exchange) -> HttpResponseBase | None:
        if self._exchanges:
            # Late: its models are there once the apps are.
            from devsess.django.old_sessions import OldSession

            old = OldSession(request, exchange)
            old.exchange()
            request.devsess.clears_old = old.is_done
        answer = super()._before(request, exchange)
        if _is_new(exchange):
            self._presented(exchange)
        return answer

    def _presented(self, exchange: Exchange) -> None:
        """Tokens that an old credential was exchanged for have come in: the answer was not lost."""
        session = exchange.session
        if session is None or not exchange.credentials.can_sign_in:
            return
        with suppress(StoreUnavailableError, InvalidSessionError):  # next time, then
            exchange.session = signins.change(self._manager, session, signins.as_presented)

    async def _awaited(self, request: HttpRequest) -> HttpResponseBase:
        served = SERVED.set(None)
        try:
            return await self._serve_async(request)
        finally:
            SERVED.reset(served)

    async def _serve_async(self, request: HttpRequest) -> HttpResponseBase:
        exchange = self._begin(request)
        response: HttpResponseBase | None = None
        # First without a thread: enough for most requests.
        if path_below(exchange) is not None or not exchange.try_cache():
            response = await sync_to_async(self._before)(request, exchange)
        elif _is_new(exchange):
            await sync_to_async(self._presented)(exchange)
        if response is None:
            app: Any = self._app
            response = self._in_place_of(request, exchange, await app(request))
        store = request.session
        is_written = store.modified or settings.SESSION_SAVE_EVERY_REQUEST
        if is_written or exchange.has_cookies_to_update or request.devsess.joined:
            await sync_to_async(self._finish)(request, response, exchange)
        else:
            self._finish(request, response, exchange)
        return response

    def _in_place_of(
        self, request: HttpRequest, exchange: Exchange, response: HttpResponseBase
    ) -> HttpResponseBase:
        challenge = request.devsess.challenge
        if challenge is not None and response.status_code == 403:
            answer = exchange.answer_to(challenge)
            return response if answer is None else adapter.response_to(request, answer)
        return super()._in_place_of(request, exchange, response)

    def _begin(self, request: HttpRequest) -> Exchange:
        """The exchange, and the session of Django's that hangs on it."""
        exchange, key = self._without_data_key(super()._begin(request))
        current = DjangoCurrent(exchange, request)
        request.devsess = current
        request.session = SessionStore(key, link=OfRequest(current, self._manager))
        tie(exchange, request)
        SERVED.set(current)
        return exchange

    def exchange_for(self, request: Request) -> tuple[Exchange, str | None]:
        """The exchange of a connection, and the key of its data where nobody is signed in."""
        return self._without_data_key(self._exchange(request))

    def _environ(self, request: HttpRequest) -> dict[str, Any]:
        environ = super()._environ(request)
        # Django's test client says so, and no request from outside can.
        is_tested = getattr(request, "_dont_enforce_csrf_checks", False)
        if is_tested and "HTTP_ORIGIN" not in environ:
            environ.setdefault("HTTP_SEC_FETCH_SITE", "same-origin")
        return environ

    def _without_data_key(self, exchange: Exchange) -> tuple[Exchange, str | None]:
        """
        The key of a session that nobody is signed in to, which travels in the same cookie.

        It is no token: the exchange is that of a request without it.
        """
        keys = _data_keys(exchange)
        if not keys:
            return exchange, None
        request = exchange.request
        others = [
            pair
            for pair in request.headers["cookie"].split(";")
            if pair.partition("=")[0].strip() not in keys
        ]
        headers = {**request.headers, "cookie": ";".join(others)}
        value = keys.get(exchange.settings.cookie_names.access)
        return self._exchange(evolve(request, headers=headers)), value

    def _finish(self, request: HttpRequest, response: HttpResponseBase, exchange: Exchange) -> None:
        """Keep the session, and set the cookies: after all that the app does."""
        store: SessionStore = request.session
        line = None
        if isinstance(store, SessionStore):
            store.settle()
        if self._is_undone(request.devsess):
            exchange.undo()
        elif isinstance(store, SessionStore):
            line = self._keep(store, response, exchange)
            if store.accessed:
                exchange.depends_on_user = True
        super()._finish(request, response, exchange)
        if request.devsess.clears_old and exchange.jar.is_carried:
            response.delete_cookie(
                self._old_cookie,
                path=settings.SESSION_COOKIE_PATH,
                domain=settings.SESSION_COOKIE_DOMAIN,
            )
        if line is not None:
            # Of the same name as one that signs out: only the last of two would count.
            response.cookies.pop(exchange.settings.cookie_names.access, None)
            adapter.add_cookie(response, line)
            name, value = NO_STORE
            response.headers[name] = value

    def _is_undone(self, current: DjangoCurrent) -> bool:
        """Whether a rollback has undone a sign-in or sign-out of this request."""
        return not all(self._stands(*each) for each in current.joined)

    def _stands(self, session_id: str, generation: int | None) -> bool:
        found = self._manager.get(session_id)
        if generation is None:
            return found is None or not found.is_active
        return found is not None and found.generation >= generation

    def _keep(
        self, store: SessionStore, response: HttpResponseBase, exchange: Exchange
    ) -> str | None:
        """Save the session as Django's middleware does; the line of its cookie, if it needs one."""
        names, attributes = exchange.settings.cookie_names, exchange.settings.cookie_attributes
        if not (store.modified or settings.SESSION_SAVE_EVERY_REQUEST):
            return None
        if response.status_code >= 500:
            return None
        if store.is_empty():
            gone = exchange.session is None and store.was_sent
            return cookies.clear(names.access, attributes) if gone else None
        try:
            store.save()
        except UpdateError as error:
            raise SessionInterrupted("the session was ended by another request") from error
        if exchange.session is not None:
            return None  # its tokens are its cookies
        until = None if store.get_expire_at_browser_close() else int(store.get_expiry_age())
        return cookies.write(names.access, str(store.session_key), attributes, max_age=until)


def _data_keys(exchange: Exchange) -> dict[str, str]:
    """The cookies that hold no token, but the key of a session that nobody is signed in to."""
    credentials = exchange.credentials
    if exchange.settings.accounts == 1:
        value = credentials.access if credentials.by == "cookie" else None
        found = {exchange.settings.cookie_names.access: value or ""}
    elif credentials.error is not None or is_in_header(exchange.request, exchange.settings):
        return {}
    else:
        cookie = exchange.request.headers.get("cookie", "")
        found, twice = cookies.read(cookie, exchange.access_cookies)
        found = {name: value for name, value in found.items() if name not in twice}
    return {name: value for name, value in found.items() if is_anonymous(value)}


def _is_new(exchange: Exchange) -> bool:
    return exchange.session is not None and signins.is_new(exchange.session)


def _login_url(given: object) -> str | None:
    found = conf.login_path(given)
    if given is None and (found is None or not is_local_path(found)):
        return None  # LOGIN_URL of another site: Django's own redirects go there
    return found


def exchange_in(request: HttpRequest) -> Exchange:
    """The exchange behind a request."""
    return exchange_of(request.devsess)
