"""
The credentials of a request, judged before the app sees it.

Written once, awaited on ASGI and driven on WSGI.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.adapters import _cors as cors
from devsess.adapters import _csrf as csrf
from devsess.adapters import _stale_page as stale_page
from devsess.adapters._carrier import Credentials, device_alone, read_credentials
from devsess.adapters._http import SESSION_HEADER
from devsess.adapters._jar import Jar
from devsess.adapters._problem import answer_to, problem
from devsess.adapters._proxy import client_of
from devsess.adapters._uses import TokenUses
from devsess.errors import (
    BadTokenError,
    DevsessError,
    InvalidSessionError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.models import Session

if TYPE_CHECKING:
    from devsess.adapters._http import Answer, Request
    from devsess.adapters._sessions import Sessions
    from devsess.adapters._settings import Settings
    from devsess.models import Grant

log = logging.getLogger("devsess")

# Seconds after which a sign-in in another tab may have set newer cookies.
SOON = 3.0

_NOTHING = Credentials()


class Authentication:
    """
    One request: its credentials, and the session they give.

    Attributes:
        request: The request.
        credentials: The credentials in it.
        client: The client, as the manager sees it.
        session: The live session of the request, or None.
        error: The reason why credentials gave no session.
        refused: The error that `require` raised; it replaces a 500 of the app.
        is_at_endpoint: Whether one of the JSON endpoints answers it.
        is_status_query: Whether the request only asks for the session's status.
        is_for_any_page: Whether it may come from a page that was made for another session.
        depends_on_user: Whether the app read the session, so its answer is for this user.
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
    is_at_endpoint = is_status_query = is_for_any_page = depends_on_user = False
    _jar: Jar | None = None
    _uses: TokenUses | None = None
    _vary_on: tuple[str, ...] = ()
    _prolonged: Session | None = None
    _renewed: Session | None = None
    _stepped_up: Session | None = None
    _is_ours = _gives_tokens = False

    @property
    def jar(self) -> Jar:
        """The cookies of this exchange; most responses set none."""
        if self._jar is None:
            self._jar = Jar(self.settings, self.request, self.credentials)
        return self._jar

    @property
    def uses(self) -> TokenUses:
        """The uses of its tokens; most requests need none beside memory."""
        if self._uses is None:
            self._uses = TokenUses(self.sessions)
        return self._uses

    def leave_cookies_alone(self) -> None:
        """Act as without cookies; set none, and clear none."""
        if self.credentials.by != "bearer":
            self.credentials = device_alone(self.request)
            self.client = client_of(self.request, self.settings, self.credentials.device)
            self._jar = None
            self.session, self.error = None, self.credentials.error
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
        # Memory has verified the access token: this is the session that it names.
        if stale_page.is_stale(self.request, self.credentials, self.core, found.id):
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
            await self.look_for_ended()
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
        """The answer to a request that comes from a page of another site, or of another session."""
        refusal = await self._refusal_of_others()
        if refusal is not None or self.is_for_any_page:
            return refusal
        # Another library's credential may have given a session already.
        known = None if self.session is None else self.session.id
        if not stale_page.is_stale(self.request, self.credentials, self.core, known):
            return None
        self.depends_on_user = True
        self.vary_on(SESSION_HEADER)
        return self.ours(problem(409, stale_page.WHY, error="another_session"))

    async def _refusal_of_others(self) -> Answer | None:
        """The answer to a request that another site may have made a browser send."""
        why = csrf.refusal(self.request, self.credentials, self.settings)
        if why is None or (await self._signs_nobody_in()):
            return None
        return self._refuse(why)

    def _refuse(self, why: str) -> Answer:
        csrf.report(why, self.request, self.settings)
        self.depends_on_user = True
        self.vary_on("Sec-Fetch-Site", "Origin")
        return self.ours(problem(403, f"{why[0].upper()}{why[1:]}."))

    async def _signs_nobody_in(self) -> bool:
        """Whether the request authenticates no user: all its cookies belong to ended sessions."""
        if csrf.refusal(self.request, _NOTHING, self.settings):
            return False
        self.jar.ended = await self._ended()
        names, credentials = self.settings.cookie_names, self.credentials
        sent = {names.access: credentials.access, names.refresh: credentials.refresh}
        return self.jar.ended >= {name for name, token in sent.items() if token}

    async def look_for_ended(self) -> None:
        """Find the cookies whose sessions have ended, where the response may clear them."""
        if self.session is None and self.error is not None and self.may_clear:
            self.jar.checked_at = self.core.now()
            with suppress(StoreUnavailableError):  # next time, then
                self.jar.ended = await self._ended()

    async def _ended(self) -> frozenset[str]:
        return await self.uses.ended(self.credentials, self.client, self.settings.cookie_names)

    @property
    def may_still_clear(self) -> bool:
        """Whether the response may clear cookies: a late one would clear a newer sign-in's."""
        return self.may_clear and not self.is_late(self.jar.checked_at)

    def is_late(self, since: float | None) -> bool:
        """Whether, for all that is known, a sign-in *since* then may have set newer cookies."""
        return since is not None and self.core.now() - since > SOON

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
            self.session = session = await self.uses.validate(
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

    async def renew(self, refresh_token: str) -> Grant:
        """New cookies for a refresh cookie; racing tabs get the same."""
        try:
            grant = await self.uses.refresh(refresh_token, self.client, touch=self.is_activity)
        except InvalidSessionError as error:
            self.error = error
            raise
        self._hand_out(grant)
        self._renewed = None if self.is_at_endpoint else grant.session
        return grant

    def missing(self) -> InvalidSessionError:
        """The reason why there is no session."""
        return self.error or BadTokenError("no credentials came with this request: sign in")

    # For the response.

    def answer_to(self, error: DevsessError) -> Answer | None:
        """The answer that *error* means; None if it is the application's own fault."""
        if isinstance(error, StoreUnavailableError):
            log.error("answered 503: %s", error)  # the client does not see why
        login_url, has_credentials = self.settings.login_url, self.credentials.can_sign_in
        answer = answer_to(
            error,
            self.request,
            login_url,
            has_credentials=has_credentials,
            return_parameter=self.settings.return_parameter,
        )
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

    def _hand_out(self, grant: Grant) -> None:
        self.jar.hand_out(grant, self.core.now())
        if grant.device_token and self.jar.is_carried:
            # The rest of the request is on the device of its sign-in. Not for a program: to
            # present the token binds the session, and a program need not keep it.
            self.client = evolve(self.client, device_token=grant.device_token)
        self.session, self.error, self.refused = grant.session, None, None
        self._update_nothing()
        self._gives_tokens = True

    def _update_nothing(self) -> None:
        """Look at no cookie again before the response begins."""
        self._prolonged = self._renewed = self._stepped_up = None
