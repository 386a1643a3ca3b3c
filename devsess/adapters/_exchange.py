"""
One request's dealings with the manager: written once, awaited on ASGI and driven on WSGI.

An exchange records what the response will carry, and the response applies it when it begins.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from devsess.adapters import _cors as cors
from devsess.adapters import _csrf as csrf
from devsess.adapters import _ended as ended
from devsess.adapters import _trust as trust
from devsess.adapters._body import EMPTY_BODY, Body
from devsess.adapters._carrier import device_alone, read_credentials
from devsess.adapters._http import ACCEPT_HINTS, CLEAR_CACHE, NO_STORE, PRIVATE
from devsess.adapters._jar import Jar
from devsess.adapters._problem import answer_to, problem
from devsess.adapters._proxy import client_of
from devsess.errors import (
    BadTokenError,
    DevsessError,
    InvalidSessionError,
    StepUpRequiredError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.models import Session

if TYPE_CHECKING:
    from devsess.adapters._http import Answer, Header, Request
    from devsess.adapters._sessions import LoginOptions, Sessions, StepUpOptions
    from devsess.adapters._settings import Settings
    from devsess.models import Grant
    from devsess.policy import Span

log = logging.getLogger("devsess")


class Exchange:
    """
    One request, and the effects it has on the response.

    Attributes:
        request: The request.
        credentials: The credentials in it.
        client: The client, as the manager sees it.
        session: The live session of the request, or None.
        error: The reason why credentials gave no session.
        refused: The error that `require` raised; it replaces a 500 of the app.
        ended_by: The error that a guard raised; a response that ends with it is no failure.
        is_guarded: Whether a guard was made.
        is_at_endpoint: Whether one of the JSON endpoints answers it.
        is_status_query: Whether the request only asks for the session's status.
        depends_on_user: Whether the app read the session, so its answer is for this user.
        has_begun: Whether the response is on its way, and headers are too late.
        unawaited: Methods of AsyncCurrent that were called and have not begun.
    """

    def __init__(self, sessions: Sessions, settings: Settings, request: Request) -> None:
        self.sessions = sessions
        self.core = sessions.core
        self.settings = settings
        self.request = request
        self.credentials = read_credentials(request, settings)
        self.client = client_of(request, settings, self.credentials.device)
        self.error: InvalidSessionError | None = self.credentials.error

    # First values, in the class: most requests change none of these.
    session: Session | None = None
    refused: DevsessError | None = None
    ended_by: DevsessError | None = None
    is_guarded = is_at_endpoint = is_status_query = depends_on_user = has_begun = False
    unawaited: tuple[str, ...] = ()
    _jar: Jar | None = None
    _vary_on: tuple[str, ...] = ()
    _prolonged: Session | None = None
    _renewed: Session | None = None
    _is_ours = _gives_tokens = _has_signed_out = False

    @property
    def jar(self) -> Jar:
        """The cookies of this exchange; most responses set none."""
        if self._jar is None:
            self._jar = Jar(self.settings, self.request, self.credentials)
        return self._jar

    def leave_cookies_alone(self) -> None:
        """Act as without cookies; set none, and clear none."""
        if self.credentials.by != "bearer":
            self.credentials = device_alone(self.request)
            self.client = client_of(self.request, self.settings, self.credentials.device)
            self._jar = None
            self.error = self.credentials.error
        self.jar.leave_alone()

    # Before the app.

    def try_cache(self) -> bool:
        """
        Whether the cache alone gives the session, as for most requests.

        Decides as `open` would, without a coroutine, which costs more than the lookup.
        """
        access_token = self.credentials.access
        if not access_token or self.credentials.error is not None:
            return False
        if self.settings.required and self._is_for_us():
            return False
        if csrf.refusal(self.request, self.credentials, self.settings):
            return False
        try:
            found = self.core.cache.hit(access_token, self.client, self.core.now())
        except StoreUnavailableError:
            return False  # `open` will meet it, and answer
        if type(found) is not Session:
            return False
        self.session = found
        return True

    async def open(self) -> Answer | None:
        """Authenticate the request; an answer, if the app must not see it."""
        try:
            if self._is_for_us():
                return self.preflight(None)
            refusal = await self.refusal()
            if refusal:
                return refusal
            await self.authenticate()
            await ended.look(self)
            if self.session is None and self.settings.is_closed(self.request):
                raise self.missing()
        except DevsessError as error:
            answer = self.answer_to(error)
            if answer is None:
                raise  # None would let the request reach the app
            return answer
        return None

    def _is_for_us(self) -> bool:
        """
        Whether it is a preflight of a path that needs a session: the middleware answers it.

        All answers for such a path depend on the user.
        """
        if not self.settings.is_closed(self.request):
            return False
        self.depends_on_user = True
        return self.request.is_preflight

    def preflight(self, methods: Collection[str] | None) -> Answer:
        """Our answer to a preflight; see `_cors`."""
        self.vary_on("Origin", *cors.PREFLIGHT_VARY)
        return self.ours(cors.preflight(self.request, self.settings, methods))

    async def refusal(self) -> Answer | None:
        """The answer to a request that another site may have made a browser send."""
        why = csrf.refusal(self.request, self.credentials, self.settings)
        if why is None or (await ended.signs_nobody_in(self)):
            return None
        csrf.report(why, self.request, self.settings)
        self.depends_on_user = True
        self.vary_on("Sec-Fetch-Site", "Origin")
        return self.ours(problem(403, f"{why[0].upper()}{why[1:]}."))

    @property
    def may_clear(self) -> bool:
        """Whether the answer may clear cookies: a late answer of this kind undoes no sign-in."""
        return (self.is_at_endpoint or self.request.wants_html) and self.request.takes_cookies

    async def authenticate(self) -> None:
        """
        Validate the access token; where a cookie's has expired, or is gone, renew it.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        if self.credentials.error is not None:
            return
        if self.credentials.access:
            await self._validate(self.credentials.access)
            # A token that cannot be read (its key was dropped) is no worse than none.
            if not isinstance(self.error, (TokenExpiredError, BadTokenError)):
                return
        # A rotation whose cookies cannot arrive would end the session.
        if self.credentials.refresh and self.request.takes_cookies:
            with suppress(InvalidSessionError):
                await self.renew(self.credentials.refresh)

    async def _validate(self, access_token: str) -> None:
        now = self.core.now()
        try:
            self.session = session = await self.sessions.validate(
                access_token, self.client, touch=self.is_activity
            )
        except InvalidSessionError as error:
            self.error = error
            return
        if session.persistent and session.last_seen_at.timestamp() >= now:
            self._prolonged = session  # this request counted as activity

    @property
    def is_activity(self) -> bool:
        """Whether the request keeps its session alive."""
        return not (self.is_status_query or self.settings.is_passive(self.request))

    # For the app.

    async def renew(self, refresh_token: str) -> Grant:
        """New cookies for a refresh cookie; racing tabs get the same."""
        try:
            grant = await self.sessions.refresh(refresh_token, self.client, touch=self.is_activity)
        except InvalidSessionError as error:
            self.error = error
            raise
        self._hand_out(grant)
        self._renewed = None if self.is_at_endpoint else grant.session
        return grant

    async def login(self, user_id: str, options: LoginOptions, *, cookies: bool = True) -> Grant:
        """Sign in on this response; with *cookies*, the browser's previous session ends."""
        self._check_not_begun()
        if not cookies:
            self.jar.leave_alone()
        before = self.session if self.credentials.by == "cookie" and cookies else None
        grant = await self.sessions.login(user_id, self.client, **options)
        if before is not None and before.id not in grant.evicted:
            # Its cookies are overwritten: the browser can neither use nor end it.
            await self._revoke(before, "replaced")
        try:
            self._hand_out(grant)
        except ValueError:  # no browser would keep its cookies
            await self._revoke(grant.session, "undeliverable")
            raise
        return grant

    async def step_up(self, options: StepUpOptions) -> Grant:
        """Step the session up; its new tokens go out with this response."""
        self._check_not_begun()
        if self.session is None or self.jar.held.access is None:
            raise self.missing()
        grant = await self.sessions.step_up(self.jar.held.access, self.client, **options)
        self._hand_out(grant)
        return grant

    async def extend(self, by: Span) -> Session:
        """Move the idle deadline of the request's session, and that of its cookies."""
        self._check_not_begun()
        self.depends_on_user = True
        if self.session is None:
            raise self.missing()
        self.session = session = await self.sessions.extend(self.session.id, by)
        if session.persistent:
            self._prolonged = session
        return session

    async def logout(self, *, forget_device: bool = False, body: Body = EMPTY_BODY) -> None:
        """End the session and clear its cookies; *forget_device* ends trust in its device too."""
        self._check_not_begun()
        if forget_device:  # first: while the session lives, a failure can be retried
            await trust.end_trust(self, body)
        session = self.session
        if session is not None:
            await self._revoke(session, "logout")
        self.session, self._prolonged, self._renewed = None, None, None
        self._has_signed_out = True
        self.jar.drop(forget_device=forget_device)

    async def _revoke(self, session: Session, reason: str) -> None:
        user_id = session.user_id
        await self.sessions.revoke(session.id, user_id=user_id, reason=reason, actor=user_id)

    def require(self, max_auth_age: Span | None, acr: str | None) -> Session:
        """The session; without one the error is kept as `refused`, and raised."""
        self.depends_on_user = True
        if self.session is None:
            self.refused = self.missing()
            raise self.refused
        try:
            self.core.require(self.session, self.core.now(), max_auth_age, acr)
        except StepUpRequiredError as error:
            self.refused = error
            raise
        self.refused = None
        return self.session

    def missing(self) -> InvalidSessionError:
        """The reason why there is no session."""
        return self.error or BadTokenError("no credentials came with this request: sign in")

    # For the response.

    def answer_to(self, error: DevsessError) -> Answer | None:
        """The answer that *error* means; None if it is the application's own fault."""
        if isinstance(error, StoreUnavailableError):
            log.error("answered 503: %s", error)  # the client does not see why
        login_url, has_credentials = self.settings.login_url, self.credentials.can_sign_in
        answer = answer_to(error, self.request, login_url, has_credentials=has_credentials)
        if answer is None:
            return None
        self.depends_on_user = True
        if login_url is not None:
            self.vary_on("Accept")
        return self.ours(answer)

    def ours(self, answer: Answer) -> Answer:
        """*answer*, marked as one of devsess: named origins may read it."""
        self._is_ours = True
        return answer

    def vary_on(self, *names: str) -> None:
        """Add request headers that the answer depends on."""
        self._vary_on = tuple(dict.fromkeys((*self._vary_on, *names)))

    def in_place_of_500(self) -> Answer | None:
        """The answer for a refusal of `require` that a framework turned into a 500."""
        if self.refused is None:
            return None
        log.warning("a 500 of the app was replaced by its refusal: %s", self.refused)
        return self.answer_to(self.refused)

    @property
    def has_cookies(self) -> bool:
        """Whether cookies are to be set; losing them would sign the user out."""
        return self._jar is not None and not self._jar.is_empty

    def crashed(self) -> Answer:
        """The answer that carries the cookies when the app gives none."""
        return self.ours(problem(500, "Something went wrong."))

    async def update_cookies(self) -> None:
        """
        Before the response begins, let persistent cookies follow a moved deadline.

        If the session has changed since, another response has set newer cookies: a
        slow response must not overwrite them, and takes back those of its own renewal.
        """
        prolonged, self._prolonged = self._prolonged, None
        renewed, self._renewed = self._renewed, None
        before = renewed or prolonged
        if before is None:
            return
        with suppress(StoreUnavailableError, BadTokenError):  # they end early, until next time
            found = await self.sessions.get(before.id)
            held = self.core.tokens.access.identify(self.jar.held.access or "", self.core.now())
            if found is None or not found.is_active or found.generation != held.generation:
                self.jar.take_back()
            elif prolonged is not None and found.last_seen_at == prolonged.last_seen_at:
                self.jar.follow(found, self.core.now())

    @property
    def has_cookies_to_update(self) -> bool:
        """Whether `update_cookies` has anything to do."""
        return self._prolonged is not None or self._renewed is not None

    def headers(self, content_type: str, *, is_marked: bool, is_shared: bool) -> list[Header]:
        """
        The headers to add to a response.

        Args:
            content_type: Its Content-Type, or "".
            is_marked: Whether it has a Cache-Control header.
            is_shared: Whether it has an Access-Control-Allow-Origin header.
        """
        found = cookies = self._cookies()
        if cookies or self._gives_tokens:
            found = [*cookies, NO_STORE]
        elif self.session is not None and not is_marked and not self.request.is_live:
            found = [PRIVATE]  # the page may show the user's own data
        if self._has_signed_out and self.settings.clear_site_data:
            found.append(CLEAR_CACHE)
        if self._is_ours and self.settings.origins:
            self.vary_on("Origin")
            found += [] if is_shared else cors.sharing(self.request, self.settings)
        if cookies or self.depends_on_user:
            found.append(self.settings.vary)
        if self._vary_on:
            found.append(("Vary", ", ".join(self._vary_on)))
        if content_type.startswith("text/html"):
            found.append(ACCEPT_HINTS)
        return found

    def _cookies(self) -> list[Header]:
        if (self._jar is None and not self.credentials.twice) or self.jar.is_untouched:
            return []
        return self.jar.headers(may_clear=ended.may_still_clear(self))

    def _hand_out(self, grant: Grant) -> None:
        self.jar.hand_out(grant, self.core.now())
        self.session, self.error, self.refused = grant.session, None, None
        self._prolonged, self._renewed = None, None
        self._gives_tokens = True

    def _check_not_begun(self) -> None:
        if self.has_begun:
            raise RuntimeError("the response has begun: its cookies are sent, do this before")
