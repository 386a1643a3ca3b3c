"""
One request's dealings with the manager: written once, awaited on ASGI and driven on WSGI.

An exchange records what the response will carry, and the response applies it when it begins.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from devsess import requirement
from devsess.adapters import _cors as cors
from devsess.adapters._account import Account
from devsess.adapters._authentication import Authentication
from devsess.adapters._body import EMPTY_BODY, Body, with_device_token
from devsess.adapters._http import ACCEPT_HINTS, CLEAR_CACHE, NO_STORE, PRIVATE
from devsess.adapters._problem import problem
from devsess.errors import (
    BadTokenError,
    DeviceMismatchError,
    DevsessError,
    SessionNotFoundError,
    StepUpRequiredError,
    StoreUnavailableError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from devsess.adapters._http import Answer, Header
    from devsess.adapters._sessions import LoginOptions, StepUpOptions
    from devsess.errors import InvalidSessionError
    from devsess.models import Client, Grant, Session
    from devsess.policy import Span
    from devsess.requirement import Requirement

log = logging.getLogger("devsess")

# Errors after which the session may still live. A forged token is among them: the
# answer must not distinguish it from an expired one.
MAY_LIVE = (BadTokenError, TokenExpiredError, DeviceMismatchError)


class Exchange(Authentication):
    """
    A request, and the effects that the app has on its response.

    Attributes:
        ended_by: The error that a guard raised; a response that ends with it is no failure.
        is_guarded: Whether a guard was made.
        has_begun: Whether the response is on its way, and headers are too late.
        unawaited: Methods of AsyncCurrent that were called and have not begun.
        has_switched: Whether the browser acts for another account from now on.
        unended: The reasons why credentials gave no session to sign out.
        failure: What a 500 of the app is of, where its framework says so.
        handled_before: What an app around this one handled as it called it.
        others: As for Authentication.
    """

    is_guarded = has_begun = False
    unawaited: tuple[str, ...] = ()
    ended_by: DevsessError | None = None
    has_switched = False
    unended: tuple[InvalidSessionError, ...] = ()
    failure: BaseException | None = None
    handled_before: BaseException | None = None
    _has_signed_out = False

    # For the app.

    async def login(self, user_id: str, options: LoginOptions, *, cookies: bool = True) -> Grant:
        """Sign in on this response; with *cookies*, the browser's previous session ends."""
        return await self._signed_in_by(
            lambda client: self.sessions.login(user_id, client, **options), cookies=cookies
        )

    async def collect(
        self, pending_token: str, client: Client | None = None, *, cookies: bool = True
    ) -> Grant:
        """Collect a held sign-in on this response, as `login`."""
        return await self._signed_in_by(
            lambda own: self.sessions.collect(pending_token, client or own), cookies=cookies
        )

    async def _signed_in_by(
        self, sign_in: Callable[[Client], Awaitable[Grant]], *, cookies: bool
    ) -> Grant:
        self._check_not_begun()
        if not cookies:
            self.jar.leave_alone()
        grant = await sign_in(self._client_to_sign_in())
        before = await self._make_room_for(grant) if cookies else None
        if before is not None and before.id not in grant.evicted:
            # Its cookies are overwritten: the browser can neither use nor end it.
            await self._revoke(before, "replaced")
        try:
            self._hand_out(grant)
        except ValueError:  # no browser would keep its cookies
            await self._revoke(grant.session, "undeliverable")
            raise
        self.has_switched |= cookies
        return grant

    def _client_to_sign_in(self) -> Client:
        """The client, with the device token that its sign-in presents."""
        return self.client

    async def _make_room_for(self, grant: Grant) -> Session | None:
        """Act where the grant belongs; the session whose cookies it takes, if there is one."""
        if not self.jar.is_carried:
            return None
        return self.session or await self._overtaken_before(grant)

    async def _overtaken_before(self, grant: Grant) -> Session | None:
        """As `_overtaken`, if that session lived until this sign-in."""
        with suppress(StoreUnavailableError):  # the sign-in was written: its cookies go out
            found = await self._overtaken()
            if found is not None and (found.is_active or found.id in grant.evicted):
                return found
        return None

    async def accounts(self) -> tuple[Account, ...]:
        """The accounts that are signed in here."""
        self.depends_on_user = True
        slot = self.settings.slot
        return () if self.session is None else (Account(slot, self.session, True),)

    async def switch(self, slot: int) -> Session:
        """Act for the account in *slot*."""
        self.depends_on_user = True
        if slot != self.settings.slot:
            self.refused = SessionNotFoundError(f"this browser has no account {slot}")
            raise self.refused
        return self.signed_in()

    async def step_up(self, options: StepUpOptions) -> Grant:
        """Step the session up; its new tokens go out with this response."""
        self._check_not_begun()
        if self.session is None or self.jar.held.access is None:
            raise self.missing()
        grant = await self.sessions.step_up(self.jar.held.access, self.client, **options)
        self._hand_out(grant)
        self._stepped_up = grant.session
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

    async def logout(
        self,
        *,
        forget_device: bool = False,
        all_accounts: bool = False,  # noqa: ARG002 - there is one
        body: Body = EMPTY_BODY,
    ) -> None:
        """End the session and clear its cookies; *forget_device* ends trust in its device too."""
        self._check_not_begun()
        if forget_device:  # first: while the session lives, a failure can be retried
            await self._end_trust(body)
        session = self.session or await self._overtaken()
        if session is not None:
            await self._revoke(session, "logout")
        elif self.error is not None:
            self.unended = (*self.unended, self.error)
        may_live = session is None and isinstance(self.error, MAY_LIVE)
        self.session = None
        self._update_nothing()
        self._has_signed_out = True
        self.jar.drop(None if may_live else self.core.now(), forget_device=forget_device)

    async def _overtaken(self) -> Session | None:
        """
        The session whose tokens came, but for a step-up that another request made meanwhile.

        They let nobody in, but end it, unless another device's token comes with them.
        """
        session_id = self.uses.overtaken
        session = None if session_id is None else await self.sessions.get(session_id)
        if session is None:
            return None
        owns = self.core.tokens.device.proves(self.client.device_token, session.device.id)
        return None if owns is False else session

    @property
    def access_cookies(self) -> frozenset[str]:
        """The names of the cookies that access tokens may be in."""
        return frozenset((self.settings.cookie_names.access,))

    def undo(self) -> None:
        """Set no cookies: a rollback has undone the sign-in or sign-out that they are of."""
        self.jar.take_back()
        self.session = None

    async def _end_trust(self, body: Body) -> None:
        """
        End trust in the device that a sign-out forgets, whatever state the session is in.

        The request's tokens prove the device and its account. A live session proves its own
        device. A token that has expired, or whose session has ended or is another device's,
        still proves the account, and the device token proves which of its devices it is. The
        trust of other accounts stays.
        """
        session, credentials = self.session, self.credentials
        if session is not None and session.device.trusted_until is not None:
            await self.sessions.trust_device(session.user_id, session.device.id, None)
        await self.sessions.end_trust(
            with_device_token(self.client, body),
            access_token=credentials.access,
            refresh_token=body.refresh_token or credentials.refresh,
        )

    async def _revoke(self, session: Session, reason: str) -> None:
        user_id, actor = session.user_id, session.impersonator or session.user_id
        await self.sessions.revoke(session.id, user_id=user_id, reason=reason, actor=actor)

    def signed_in(self) -> Session:
        """The session; without one the error is kept as `refused`, and raised."""
        self.depends_on_user = True
        if self.session is None:
            self.refused = self.missing()
            raise self.refused
        self.refused = None
        return self.session

    def require(self, needed: Requirement, *, by_user: bool = False) -> Session:
        """
        The session, if it meets what is *needed*; else as `signed_in`.

        *by_user*: never an impersonation, even where nothing else is needed.
        """
        session = self.signed_in()
        try:
            if by_user:
                requirement.check_is_user(session)
            requirement.check(needed, session, self.core.now(), self.core.policy)
        except StepUpRequiredError as error:
            self.refused = error
            raise
        return session

    async def require_seniority(self, *, ends: str | None, ends_others: bool) -> Session:
        """The session, if it may do so, as its user; else as `signed_in`."""
        session = self.signed_in()
        try:
            requirement.check_is_user(session)
            await self.sessions.require_seniority(session.id, ends=ends, ends_others=ends_others)
        except StepUpRequiredError as error:
            self.refused = error
            raise
        return session

    def _check_not_begun(self) -> None:
        if self.has_begun:
            raise RuntimeError("the response has begun: its cookies are sent, do this before")

    # For the response.

    def in_place_of_500(self) -> Answer | None:
        """
        The answer for a refusal of `require` that a framework turned into a 500.

        None where it is known that the 500 is of another error: then the app has handled the
        refusal, and a client that met its demand would send the request again.
        """
        failure = self._in_handler() if self.failure is None else self.failure
        if self.refused is None or not _comes_of(self.refused, failure):
            return None
        log.warning("a 500 of the app was replaced by its refusal: %s", self.refused)
        return self.answer_to(self.refused)

    def _in_handler(self) -> BaseException | None:
        """The error that the app handles as it answers, and did not when it was called."""
        error = sys.exception()
        return None if error is self.handled_before else error

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
        slow response must not overwrite them, and takes back those of its own renewal or step-up.
        """
        prolonged = self._prolonged
        before = self._renewed or self._stepped_up or prolonged
        self._update_nothing()
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
        return (self._prolonged or self._renewed or self._stepped_up) is not None

    @property
    def shows_somebody(self) -> bool:
        """Whether the page may show a user's own data."""
        return self.session is not None

    def headers(self, *, is_html: bool, is_marked: bool, is_shared: bool) -> list[Header]:
        """
        The headers to add to a response.

        Args:
            is_html: Whether it is a page.
            is_marked: Whether it has a Cache-Control header.
            is_shared: Whether it has an Access-Control-Allow-Origin header.
        """
        found = cookies = self._cookies()
        if cookies or self._gives_tokens:
            found = [*cookies, NO_STORE]
        elif self.shows_somebody and not is_marked and not self.request.is_live:
            found = [PRIVATE]
        if self._has_signed_out and self.settings.clear_site_data:
            found.append(CLEAR_CACHE)
        if self._is_ours and self.settings.origins:
            self.vary_on("Origin")
            found += cors.sharing(self.request, self.settings, is_shared=is_shared)
        if cookies or self.depends_on_user:
            found.append(self.settings.vary)
        if self._vary_on:
            found.append(("Vary", ", ".join(self._vary_on)))
        if is_html:
            found.append(ACCEPT_HINTS)
        return found

    def _cookies(self, *, clears: bool = True) -> list[Header]:
        """The cookies to set, and where it *clears* and still may, those to clear."""
        if (self._jar is None and not self.credentials.twice) or self.jar.is_untouched:
            return []
        if self.is_late(self.jar.dropped_at):  # those of an ended session do no harm
            self.jar.take_back()
        return self.jar.headers(may_clear=clears and self.may_still_clear)


def _comes_of(refused: DevsessError, failure: BaseException | None) -> bool:
    """
    Whether *failure*, if it is known, is the refusal, or came of it: as its cause, while it was
    handled, or as one of a group.
    """
    if failure is None:
        return True
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        error = waiting.pop()
        if error is refused:
            return True
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            waiting += [error.__cause__, error.__context__]
            waiting += error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return False
