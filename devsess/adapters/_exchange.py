"""
One request's dealings with the manager: decisions as flows, driven by either face.

What is to become of the response (cookies, an answer in its place) is noted
here, and carried out by the face when the response begins.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.adapters import _ask as ask
from devsess.adapters import _csrf as csrf
from devsess.adapters._carrier import cookies_of, credentials, no_cookies
from devsess.adapters._http import HINTS, NO_STORE, Answer, Header, Request
from devsess.adapters._problem import answer_to, problem
from devsess.adapters._proxy import client_address
from devsess.errors import (
    BadTokenError,
    DevsessError,
    InvalidSessionError,
    StepUpRequiredError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.models import Client

if TYPE_CHECKING:
    from devsess._core import Core
    from devsess.adapters._settings import Settings
    from devsess.flows import Flow
    from devsess.models import Grant, Session
    from devsess.policy import Span

log = logging.getLogger("devsess")

# What makes browsers say on which device they run, where it is more than they
# say unasked (User-Agent Client Hints, RFC 8942).
_ACCEPT_HINTS: Header = ("Accept-CH", "Sec-CH-UA-Platform-Version, Sec-CH-UA-Model")


class Exchange:
    """
    One request, and what it comes to.

    Attributes:
        request: What came.
        client: Who asks, as the manager sees it.
        session: The live session it came with, or None.
        error: Why there is none, where credentials came.
        noted: What `require` refused: a 500 in its place is not the app's answer.
        has_begun: Whether the response is on its way, and headers are too late.
    """

    def __init__(self, core: Core, settings: Settings, request: Request) -> None:
        self.core = core
        self.settings = settings
        self.request = request
        self.credentials = credentials(request, settings)
        self.client = _client(request, settings, self.credentials.device)
        self.session: Session | None = None
        self.error: InvalidSessionError | None = self.credentials.error
        self.noted: DevsessError | None = None
        self.has_begun = False
        self._cookies: dict[str, Header] = {}

    def open(self) -> Flow[Answer | None]:
        """Find out who asks; an answer, if the app shall not be asked at all."""
        try:
            refused = self.refused()
            if refused:
                return refused
            yield from self.authenticate()
            if self.settings.required and self.session is None:
                raise self.missing()
        except DevsessError as error:
            return self.answer_to(error)
        return None

    def refused(self) -> Answer | None:
        """The answer to a request that another site may have made a browser send."""
        why = csrf.refusal(self.request, self.credentials, self.settings)
        return problem(403, f"{why[0].upper()}{why[1:]}.") if why else None

    def authenticate(self) -> Flow[None]:
        """
        Validate the access token; where a cookie's has expired, renew it.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        brought = self.credentials
        if brought.error is not None:
            return
        try:
            if brought.access:
                yield from self._validate(brought.access)
            elif brought.refresh:
                yield from self.renew(brought.refresh)
        except TokenExpiredError as error:
            self.error = error
            if brought.refresh:
                yield from self._renew_instead(brought.refresh)
        except InvalidSessionError as error:
            self.error = error

    def _validate(self, access_token: str) -> Flow[None]:
        now = self.core.now()
        self.session = session = yield from ask.validate(access_token, self.client)
        if session.persistent and session.last_seen_at.timestamp() >= now:
            # This request was noted as activity: the deadline has moved, and theirs with it.
            self._send_cookies(session)

    def _renew_instead(self, refresh_token: str) -> Flow[None]:
        try:
            yield from self.renew(refresh_token)
        except InvalidSessionError as error:
            self.error = error

    def renew(self, refresh_token: str) -> Flow[Grant]:
        """New cookies for a refresh cookie; racing tabs get the same."""
        grant = yield from ask.refresh(refresh_token, self.client)
        self._hand_out(grant)
        return grant

    def login(self, user_id: str, options: Mapping[str, object]) -> Flow[Grant]:
        """Sign in on this response; the session that this browser had until now ends."""
        self._check_not_begun()
        before = self.session if self.credentials.by == "cookie" else None
        grant = yield from ask.login(user_id, self.client, options)
        self._hand_out(grant)
        if before is not None and before.id not in grant.evicted:
            # Its cookies are overwritten: nobody could use it, nor end it here.
            yield from ask.revoke(before.id, before.user_id, "replaced")
        return grant

    def step_up(self, options: Mapping[str, object]) -> Flow[Grant]:
        """Raise the session that came; its new tokens go out with this response."""
        self._check_not_begun()
        access_token = self.credentials.access
        if self.session is None or access_token is None:
            raise self.missing()
        grant = yield from ask.step_up(access_token, self.client, options)
        self._hand_out(grant)
        return grant

    def extend(self, by: Span) -> Flow[Session]:
        """Move the idle deadline of the session that came, and that of its cookies."""
        self._check_not_begun()
        if self.session is None:
            raise self.missing()
        self.session = session = yield from ask.extend(self.session.id, by)
        if session.persistent:
            self._send_cookies(session)
        return session

    def logout(self) -> Flow[None]:
        """End the session, clear its cookies."""
        self._check_not_begun()
        if self.session is not None:
            yield from ask.revoke(self.session.id, self.session.user_id, "logout")
        self.forget()

    def require(self, max_auth_age: Span | None, acr: str | None) -> Session:
        """The session; else what is missing is noted, and raised."""
        if self.session is None:
            self.noted = self.missing()
            raise self.noted
        try:
            self.core.require(self.session, self.core.now(), max_auth_age, acr)
        except StepUpRequiredError as error:
            self.noted = error
            raise
        return self.session

    def missing(self) -> InvalidSessionError:
        """Why there is no session."""
        return self.error or BadTokenError("no credentials came with this request: sign in")

    def answer_to(self, error: DevsessError) -> Answer | None:
        """The answer that *error* means; None if it is the application's own fault."""
        if isinstance(error, StoreUnavailableError):
            log.error("answered 503: %s", error)  # the client is not told why
        came, login_url = self.credentials.came, self.settings.login_url
        return answer_to(error, self.request, came=came, login_url=login_url)

    def forget(self) -> None:
        """Sign the browser out: no session from here on, and no cookies."""
        self.session = None
        self.credentials = evolve(self.credentials, access=None, refresh=None)
        if self._carries_cookies:
            self._set(no_cookies(self.settings))

    def headers(self, content_type: str) -> list[Header]:
        """What goes beside the headers of a response; NO_STORE in place of its Cache-Control."""
        found = list(self._cookies.values())
        if found:
            found.append(NO_STORE)
        if content_type.startswith("text/html"):
            found.append(_ACCEPT_HINTS)
        return found

    def _hand_out(self, grant: Grant) -> None:
        self.session, self.error = grant.session, None
        self.credentials = evolve(
            self.credentials,
            access=grant.access_token,
            refresh=grant.refresh_token,
            device=grant.device_token or self.credentials.device,
        )
        self._send_cookies(grant.session)

    def _send_cookies(self, session: Session) -> None:
        if self._carries_cookies:
            self._set(cookies_of(session, self.credentials, self.core.now(), self.settings))

    @property
    def _carries_cookies(self) -> bool:
        return self.settings.reads_cookies and self.credentials.by != "bearer"

    def _set(self, cookies: list[Header]) -> None:
        for cookie in cookies:
            self._cookies[cookie[1].partition("=")[0]] = cookie

    def _check_not_begun(self) -> None:
        if self.has_begun:
            raise RuntimeError("the response has begun: its cookies are sent, do this before")


def _client(request: Request, settings: Settings, device_token: str | None) -> Client:
    headers = request.headers
    proxies, named_in = settings.trusted_proxies, settings.proxy_header
    return Client(
        client_address(request.peer, headers, proxies, named_in),
        headers.get("user-agent"),
        {name: headers[name] for name in HINTS if name in headers} or None,
        device_token,
    )
