"""AsyncSessionManager: the same as SessionManager, awaited."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from devsess._held import HeldSignIn
from devsess._provider import PASSWORD
from devsess._runtime import operations
from devsess._runtime.cache import STALE
from devsess._runtime.core import AnyKeys, Core, StorePath
from devsess._runtime.running import AsyncRunner
from devsess.explanation import Explanation
from devsess.history.entries import HistoryEntry
from devsess.models import Assessment, Client, Device, Event, Grant, Page, Session
from devsess.policy import Policy, Span
from devsess.stores.open import store_at

if TYPE_CHECKING:
    from types import TracebackType

    from devsess._runtime.clock import Clock
    from devsess._runtime.notify import OnEvent
    from devsess.geo.locator import Locator
    from devsess.metrics import Metrics
    from devsess.statistics import Stats
    from devsess.stores.base import AsyncStore, Store


class AsyncSessionManager(AsyncRunner):
    """
    `SessionManager` for asyncio: the same methods, awaited; an async context manager.

    Over a blocking store a validation is answered on the event loop if it need not
    wait; everything else goes once to a thread. An operation that has begun is finished
    even if its caller is cancelled.

    Args: as for `SessionManager`; beside, *store* may be an AsyncStore, and
    *on_event* a coroutine function, which is awaited.

    Raises:
        ConfigurationError: If an argument cannot work.
        StoreUnavailableError: If the store cannot be opened.
    """

    def __init__(
        self,
        store: Store | AsyncStore | StorePath,
        *,
        keys: AnyKeys,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        locator: Locator | None = None,
        on_event: OnEvent | None = None,
        issuer: str = "devsess",
        audience: str = "devsess",
        clock: Clock | None = None,
    ) -> None:
        core = Core(
            keys=keys,
            policy=policy,
            issuer=issuer,
            audience=audience,
            clock=clock,
            on_event=on_event,
        )
        self._now, self._hit = core.now, core.cache.hit
        # Last: an error before this line leaves nothing to close.
        super().__init__(core, store_at(store, is_awaited=True), locator, on_event)

    async def validate(
        self,
        token: str,
        client: Client | None = None,
        *,
        fresh: bool = False,
        touch: bool = True,
        max_auth_age: Span | None = None,
        acr: str | None = None,
    ) -> Session:
        """
        The live session that an access token speaks for.

        Args:
            token: The access token.
            client: The request; its device token must be this session's. None: no check.
            fresh: Always read the row: for sensitive actions.
            touch: Whether this counts as activity.
            max_auth_age: Seconds; the latest authentication must be younger, or, with
                *acr*, the latest that reached this context or a stronger one.
            acr: The authentication context that must have been reached.

        Raises:
            BadTokenError: If the token is not a genuine access token.
            TokenExpiredError: If its time is over: refresh.
            SessionNotFoundError, SessionExpiredError, SessionRevokedError: As its session stands.
            DeviceMismatchError: If *client* presents another device's token.
            StepUpRequiredError: If the authentication is too old or too weak.
            StoreUnavailableError: If the store did not answer.
        """
        now = self._now()
        found = None if fresh else self._hit(token, client, now)
        if type(found) is Session:
            session = found
        else:
            session = await self._validated(
                now, token, client, stale=found is STALE, fresh=fresh, touch=touch
            )
        if max_auth_age is not None or acr is not None:
            self._core.require(session, now, max_auth_age, acr)
        return session

    async def login(
        self,
        user_id: str,
        client: Client | None = None,
        *,
        amr: Sequence[str] = PASSWORD,
        acr: str | None = None,
        auth_time: datetime | float | None = None,
        persistent: bool = False,
        claims: Mapping[str, object] | None = None,
        lifetime: Span | None = None,
        provider: str | None = None,
    ) -> Grant:
        """
        Write a session for *user_id*, whom the application has authenticated.

        Args:
            user_id: The account, 1 to 255 characters; it goes into the access token as `sub`.
            client: The request; its device token recognises the device.
            amr: How the person proved themselves (RFC 8176); left out where there is a *provider*,
                nothing is said of it.
            acr: The authentication context reached.
            auth_time: When they did; now if left out. Up to 300 seconds in the future,
                by the clock of an identity provider, it is taken for now.
            persistent: Whether cookies may outlive the browser.
            claims: Data of the application, at most 1,024 bytes as JSON, 32 levels deep.
            lifetime: When the session ends at the latest, as on a computer that others use too;
                the policy's absolute lifetime counts if that is shorter.
            provider: The sign-in provider that authenticated them for the application: "google", or
                the name of a customer's own. At most 64 characters, all of which show.

        Raises:
            LoginDeniedError: If all sessions were ended after *auth_time*, or the
                device is blocked.
            SessionLimitError: If the limit is reached and the policy rejects.
            SignInHeldError: If it is so unusual that it must be approved first; nothing but
                that is written.
            StepUpRequiredError: If it is unusual for the account, and the policy enforces risk.
            StoreUnavailableError: If the store did not answer.
            ConfigurationError, TypeError, ValueError: If an argument cannot be kept.
        """
        return await self._write(
            operations.login,
            user_id,
            client,
            amr=amr,
            acr=acr,
            auth_time=auth_time,
            persistent=persistent,
            claims=claims,
            lifetime=lifetime,
            provider=provider,
        )

    async def refresh(
        self, refresh_token: str, client: Client | None = None, *, touch: bool = True
    ) -> Grant:
        """
        The next access and refresh token; each refresh token is good once.

        Args:
            refresh_token: The refresh token.
            client: The request.
            touch: Whether this counts as activity.

        Raises:
            BadTokenError: If it is no refresh token of ours.
            TokenExpiredError: If a step-up took its place.
            SessionNotFoundError, SessionExpiredError, SessionRevokedError: As its session stands.
            RefreshTokenReusedError: If it came back when it should not; the session was ended.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._write(operations.refresh, refresh_token, client, touch=touch)

    async def list(
        self, user_id: str, *, current: str | Session | None = None, include_ended: bool = False
    ) -> builtins.list[Session]:
        """
        A user's sessions, newest activity first.

        Args:
            user_id: The account.
            current: The caller's own session, or its id: that one has `is_current`.
            include_ended: Whether expired and revoked ones are listed too.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(
            operations.list_sessions, user_id, current=current, include_ended=include_ended
        )

    async def live(
        self,
        user_id: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
        current: str | Session | None = None,
    ) -> Page[Session]:
        """
        A page of a user's live sessions, newest sign-in first: for accounts with very many.

        A session that lives while all pages are read is on exactly one of them.

        Args:
            user_id: The account.
            limit: 1 to 1,000.
            cursor: `next` of the page before.
            current: The caller's own session, or its id: that one has `is_current`.

        Raises:
            ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(
            operations.live, user_id, limit=limit, cursor=cursor, current=current
        )

    async def get(self, session_id: str | Session, *, user_id: str | None = None) -> Session | None:
        """
        The session, whatever its state; None where it is unknown, or not *user_id*'s.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError: If *session_id* is neither a text nor a Session.
        """
        return await self._read(operations.get, session_id, user_id=user_id)

    async def revoke(
        self,
        session_id: str | Session,
        *,
        user_id: str | None = None,
        reason: str = "revoked",
        actor: str | None = None,
    ) -> bool:
        """
        End a session; whether it exists, is *user_id*'s, and is ended now.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError: If *session_id* is neither a text nor a Session.
        """
        return await self._end(
            operations.revoke, session_id, user_id=user_id, reason=reason, actor=actor
        )

    async def revoke_all(
        self,
        user_id: str,
        *,
        keep: str | Session | None = None,
        reason: str = "revoked",
        actor: str | None = None,
        compromised: bool = False,
    ) -> Sequence[str]:
        """
        End all of a user's sessions but *keep*; the ids that ended.

        A sign-in that began before is refused from here on, and so is one with
        an older `auth_time`: a login in flight cannot outrun a password change.
        Up to 1,000 sessions end in one write. More than that end at once too, by one
        small write; their rows and events are written afterwards in batches between
        which others can write, and this call returns when that is done.

        Args:
            user_id: The account.
            keep: Id of a session of the account that lives on.
            reason: Why; kept in the sessions and the history.
            actor: The person or program that did it, if not the user.
            compromised: The account may have been in other hands: the trust in
                its devices ends too.

        Raises:
            SessionNotFoundError: If *keep* is not the user's own; nothing was ended.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._end_and_settle(
            operations.revoke_all,
            user_id,
            keep=keep,
            reason=reason,
            actor=actor,
            compromised=compromised,
        )

    async def revoke_everyone(self, *, reason: str, actor: str | None = None) -> int:
        """End every session there is, as `revoke_all` does; how many."""
        return len(
            await self._end_and_settle(operations.revoke_everyone, reason=reason, actor=actor)
        )

    async def revoke_found(
        self,
        *,
        user_id: str | None = None,
        ip: str | None = None,
        device_id: str | Device | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: datetime,
        reason: str,
        actor: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[str]:
        """
        End at most *limit* live sessions that `search` finds; a page of their ids.

        Go on with `next` until that is None: a page may be empty before. Each ends in a write
        of its own, so others need not wait, and whoever stops half-way leaves the rest as it
        was, and may begin again. Sign-ins are not refused as `revoke_all` does.

        Args:
            user_id: As for `search`, as are *ip*, *device_id*, *since* and *until*; at least
                one must be given.
            before: When the sessions were looked at: those that began since are left alone.
            reason: Why; kept in the sessions and the history.
            actor: The person or program that did it.
            limit: 1 to 1,000.
            cursor: `next` of the page before.

        Raises:
            ConfigurationError, TypeError, ValueError, StoreUnavailableError: As `search`.
        """
        wanted = operations.Wanted(
            user_id=user_id, ip=ip, device_id=device_id, since=since, until=until
        )
        return await self._end(
            operations.revoke_found,
            wanted,
            before=before,
            reason=reason,
            actor=actor,
            limit=limit,
            cursor=cursor,
        )

    async def extend(
        self, session_id: str | Session, by: Span, *, user_id: str | None = None
    ) -> Session:
        """
        Move the idle deadline ahead by *by*, never past the absolute one.

        Raises:
            SessionNotFoundError, SessionExpiredError, SessionRevokedError: As it stands.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._write(operations.extend, session_id, by, user_id=user_id)

    async def ticket(self, session: Session, purpose: str) -> str:
        """
        A ticket for one request in the name of a live session, good once and for 30 seconds.

        For requests that bring no other credentials, such as the link of a download, a stream
        of server-sent events or a WebSocket on another host: put it into the URL.

        Args:
            session: As `validate` gave it; an id alone is no secret, and gets none.
            purpose: Its use, such as "download/report-7", in 1 to 255 characters; the
                ticket is good for nothing else.

        Raises:
            SessionNotFoundError, SessionExpiredError, SessionRevokedError: As it stands.
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If *session* is no Session, or *purpose* no such text.
        """
        return await self._read(operations.ticket, session, purpose)

    async def redeem(self, ticket: str, purpose: str) -> Session:
        """
        The session of a ticket, which is used by that; it counts as no activity.

        Raises:
            BadTokenError: If it is no ticket of ours, or is for another purpose.
            TokenExpiredError: If its time is over, or it was used.
            SessionNotFoundError, SessionExpiredError, SessionRevokedError: As its session stands.
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If *purpose* is no text of 1 to 255 characters.
        """
        return await self._read(operations.redeem, ticket, purpose)

    async def update(
        self,
        session_id: str | Session,
        *,
        claims: Mapping[str, object] | None,
        user_id: str | None = None,
    ) -> Session:
        """
        Replace the session's claims with *claims*; names that begin with `devsess.` are devsess's.

        Those that it has set stay, unless *claims* has others of their names.

        Raises:
            SessionNotFoundError, SessionExpiredError, SessionRevokedError: As it stands.
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If they are no JSON object of 1,024 bytes and 32 levels at most.
        """
        return await self._write(operations.update, session_id, claims=claims, user_id=user_id)

    async def step_up(
        self,
        access_token: str,
        client: Client | None = None,
        *,
        amr: Sequence[str],
        acr: str | None = None,
        provider: str | None = None,
    ) -> Grant:
        """
        Record that the person proved themselves again (RFC 9470); older tokens end.

        The session's `auth_time`, `amr`, `acr` and `provider` are those of this event from
        now on; the levels reached before keep their instants.

        Raises:
            InvalidSessionError: As for validate.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._end(
            operations.step_up, access_token, client, amr=amr, acr=acr, provider=provider
        )

    async def require_seniority(
        self,
        session: str | Session,
        *,
        ends: str | Session | None = None,
        ends_others: bool = False,
    ) -> None:
        """
        Check that a session may do what could lock its account's owner out.

        For pages on which users end sessions, trust devices and export their data; the
        other methods never ask. Passes where `Policy.seniority` is None.

        Args:
            session: The session that the request came with, or its id.
            ends: The session that it is to end: any may end one that began later.
            ends_others: It is to end all others; with neither, it is to trust or export.

        Raises:
            InvalidSessionError: If *session* is not live.
            StepUpRequiredError: If it is young; see `Seniority`.
            StoreUnavailableError: If the store did not answer.
            TypeError: If *session* or *ends* is neither a text nor a Session.
        """
        return await self._read(
            operations.require_seniority, session, ends=ends, ends_others=ends_others
        )

    async def record_failure(self, user_id: str, client: Client | None = None) -> None:
        """
        Count a failed sign-in, for the risk of the next ones.

        Args:
            user_id: The account, or any text that was typed: a name that never signed in is
                kept as a keyed digest alone.
            client: The request.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError: If *user_id* is no text.
        """
        return await self._write(operations.record_failure, user_id, client)

    async def confirm(self, token: str, yes: bool, *, by: str | Session | None = None) -> bool:
        """
        Answer the question "was this you?" of a notice.

        Args:
            token: The notice's token of this answer.
            yes: Whether it was. *True* teaches what is usual for the account; *False* blocks
                the device, ends its sessions, and asks the others for a step-up.
            by: The session that the answer comes from, or its id: one on another device of
                the account, if it is not young, lets *True* trust the device for as long as a
                session may last, and takes the session out of question.

        Returns:
            Whether the sign-in's session, or its device, was still known.

        Raises:
            BadTokenError: If the token is not genuine, or is that of the other answer.
            TokenExpiredError: If its day is over, or the notice was answered.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._end(operations.confirm, token, yes, by=by)

    async def answer(self, session_id: str | Session, yes: bool, *, by: str | Session) -> bool:
        """
        Answer "was this you?" for a sign-in on a page of its owner, without a notice's token.

        As `confirm`, but it trusts no device. *True* takes the session out of question; while
        that is another network's than at its sign-in, it teaches nothing.

        Args:
            session_id: The session in question, or itself: one of the account of *by*.
            yes: Whether it was them.
            by: The session that the answer comes from, or its id. *True* needs one on another
                device that is older, and not in question itself, or one that has stepped up;
                both need one that is not young, and in which no step-up is due.

        Returns:
            Whether there was something to do. False where the session is unknown or another
            account's, has ended (for *True*), or was answered for with *False*.

        Raises:
            InvalidSessionError: If *by* is not live.
            StepUpRequiredError: If *by* must prove more first, or is an impersonation.
            TypeError: If *yes* is no bool.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._end(operations.answer, session_id, yes, by=by)

    async def judge(self, session_id: str | Session, it_was_them: bool, *, actor: str) -> bool:
        """
        Answer "was this you?" for a sign-in as an operator: see `review_queue`.

        As `confirm`: *True* teaches what is usual for the account, and takes the session out
        of question; it trusts no device, and while the session is on another network than at
        its sign-in, it teaches nothing. *False* blocks the device, ends its sessions, and asks
        the account's others for a step-up. The events name the actor.

        Args:
            session_id: The session in question, or itself.
            it_was_them: Whether the sign-in was the owner's.
            actor: The operator.

        Returns:
            Whether there was something to do. False where the session is unknown, has ended
            (for *True*), or was answered for with *False*.

        Raises:
            TypeError, ValueError: If an argument is none.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._end(operations.judge, session_id, it_was_them, actor=actor)

    async def held(self, user_id: str) -> builtins.list[HeldSignIn]:
        """
        The sign-ins of an account that wait to be approved, or to be collected; newest first.

        At most three; see `Risk.hold_from`.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError: If *user_id* is no text.
        """
        return await self._read(operations.held, user_id)

    async def approve(
        self,
        user_id: str,
        code: str,
        *,
        by: str | Session | None = None,
        actor: str | None = None,
    ) -> bool:
        """
        Approve a held sign-in: the browser that waits may collect it.

        Args:
            user_id: The account.
            code: The one that the waiting browser shows; in any case, with or without its dash.
            by: The session that the approval comes from, or its id: it counts for as long as
                that lives. None: the application approves, after a check of its own.
            actor: The person or program that did it, if not the user.

        Returns:
            Whether it may be collected now; False if none has that code, it was refused or
            collected, or its time is over.

        Raises:
            InvalidSessionError: If *by* is no live session of the account.
            LoginDeniedError: If *by* is on the very device that waits.
            StepUpRequiredError: If *by* is young, owes a step-up, or is an impersonation.
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If *user_id* or *code* is no such text.
        """
        return await self._write(operations.approve, user_id, code, by=by, actor=actor)

    async def refuse(self, user_id: str, code: str, *, actor: str | None = None) -> bool:
        """
        Refuse a held sign-in, also one that was approved; of a collected one the session ends.

        Any session of the account may: check only that *user_id* is the caller's.

        Returns:
            Whether there was one with that code; also if it had been refused before.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If *user_id* or *code* is no such text.
        """
        return await self._end(operations.refuse, user_id, code, actor=actor)

    async def collect(self, pending_token: str, client: Client | None = None) -> Grant:
        """
        The session of a held sign-in once it is approved: for the browser that waits.

        Its `auth_time`, `amr` and `acr` are those given to `login`: the person proved
        themselves then, and an approval from elsewhere proves nothing about them.

        Args:
            pending_token: Of the SignInHeldError that `login` raised.
            client: The request: its system, browser and known device must be those that
                signed in, its provider and country too where a locator knows them.

        Raises:
            BadTokenError: If the token is not genuine.
            DeviceMismatchError: If *client* is another one; the right one may still come.
            LoginDeniedError: If it was refused, all sessions were ended meanwhile, or the device
                is blocked.
            SessionLimitError: If the limit is reached: end a session, and collect again.
            SignInHeldError: If it still waits: ask again in a few seconds.
            StoreUnavailableError: If the store did not answer.
            TokenExpiredError: If 15 minutes are over, it was collected, or newer ones took its
                place.
        """
        return await self._write(operations.collect, pending_token, client)

    async def impersonate(
        self, user_id: str, by: str | Session, client: Client | None = None
    ) -> Grant:
        """
        A session in the name of *user_id* for staff; the refresh token is empty.

        It ends with *by* and after an hour, stands in the user's list and history under the
        name of *by*'s user, is outside limits and risk, and meets no requirement. Check
        first that *by*'s user may do this.

        Args:
            user_id: The account to act in.
            by: A live session of somebody else, signed in to within the hour.
            client: The request.

        Raises:
            InvalidSessionError: If *by* is not live.
            LoginDeniedError: If *by* is an impersonation, or the same user's.
            StepUpRequiredError: If *by*'s sign-in is older than an hour.
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If *user_id* cannot be one.
        """
        return await self._write(operations.impersonate, user_id, by, client)

    async def history(
        self, user_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Event]:
        """
        A page of an account's events, newest first.

        Raises:
            ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(operations.history, user_id, limit=limit, cursor=cursor)

    async def poll(self, position: str | None = None, *, limit: int = 100) -> Page[Event]:
        """
        The events of all accounts behind a position, oldest first: for programs that ask again.

        Each event that the history keeps comes once to a program that goes on from each
        page's `next`; keep it where you keep what you made of the events. It is there on
        an empty page too. Events of an open transaction, and of PostgreSQL those committed
        while an earlier one is open, come later.

        Args:
            position: `Page.next` of the page before; None begins with the oldest event.
            limit: Events of a page, 1 to 1,000.

        Raises:
            ConfigurationError: If the store's data cannot be polled; the message says why.
            ValueError: If *limit* is out of range, or *position* is mangled or of another
                database: after a backup was restored, begin again.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(operations.poll, position, limit=limit)

    async def stats(
        self, *, since: date | None = None, until: date | None = None, tz: str = "UTC"
    ) -> Stats:
        """
        Statistics of all accounts: sign-ins and ends a day, devices, places, lifespans.

        They are read, not reckoned: the store counts as it writes. They stay when sessions are
        purged and accounts are erased, and name none.

        Args:
            since: The first day, or an aware datetime of it; 29 days before the last one if None.
            until: The last day, likewise; today if None.
            tz: The time zone of the days: an IANA name, such as "Europe/Berlin".

        Raises:
            ConfigurationError: If the store, one of your own, keeps no statistics.
            TypeError, ValueError: If an argument is no day or time zone, or the days are more
                than ten years.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(operations.stats, since=since, until=until, tz=tz)

    async def login_history(
        self,
        user_id: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
        every_event: bool = False,
        session_id: str | Session | None = None,
        device_id: str | Device | None = None,
    ) -> Page[HistoryEntry]:
        """
        A page of an account's login history as a person reads it, newest first.

        Sign-ins, failed and refused ones, second proofs, answered notices, ends and blocked
        devices, each as a sentence. Failed sign-ins between two others are one entry, with
        their count, and come beside the *limit*. A page may have fewer entries than *limit*,
        and still have a next one.

        Args:
            user_id: The account.
            limit: Events of a page, 1 to 1,000; the store is asked for the session of each.
            cursor: `Page.next` of the page before.
            every_event: All kinds of event, as `history` has them.
            session_id, device_id: Of each page the events of this session, or device, alone,
                without failed sign-ins: a page may be empty, and have a next one.

        Raises:
            ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(
            operations.login_history,
            user_id,
            limit=limit,
            cursor=cursor,
            every_event=every_event,
            session_id=session_id,
            device_id=device_id,
        )

    async def search(
        self,
        *,
        user_id: str | None = None,
        ip: str | None = None,
        device_id: str | Device | None = None,
        state: operations.State | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Session]:
        """
        A page of the sessions of all accounts to which all that is given applies, newest first.

        For operators: nothing of it belongs on a user's page. A call looks at a bounded number
        of sessions: a page may be short, or empty, and still have a next one.

        Args:
            user_id: The account.
            ip: An address, or a network such as "102.89.77.0/24" or "2001:db8:1::/48". Of
                ended sessions the network alone is kept: an address does not find them.
            device_id: The device, or its id.
            state: "live" or "ended"; None for both.
            since: They began at this instant or later.
            until: They began before this instant.
            limit: 1 to 1,000.
            cursor: `next` of the page before.

        Raises:
            ConfigurationError: If the store, one of your own, cannot be searched.
            TypeError, ValueError: If an argument is none, or *cursor* is mangled.
            StoreUnavailableError: If the store did not answer.
        """
        wanted = operations.Wanted(
            user_id=user_id, ip=ip, device_id=device_id, state=state, since=since, until=until
        )
        return await self._read(operations.search, wanted, limit=limit, cursor=cursor)

    async def count(
        self,
        *,
        user_id: str | None = None,
        ip: str | None = None,
        device_id: str | Device | None = None,
        state: operations.State | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """
        How many sessions `search` would find, up to 1,000; 1,001 stands for more.

        And for a search that would have to look at more than 5,000 to tell.

        Raises:
            ConfigurationError, TypeError, ValueError, StoreUnavailableError: As `search`.
        """
        wanted = operations.Wanted(
            user_id=user_id, ip=ip, device_id=device_id, state=state, since=since, until=until
        )
        return await self._read(operations.count, wanted)

    async def review_queue(self, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        """
        A page of the live sessions of all accounts that are in question, most points first.

        Those of `Risk.notify_from` points and more, until they end, step up, or are judged. A
        page may be short, or empty, and still have a next one.

        Raises:
            ConfigurationError: If the store, one of your own, cannot be searched.
            ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(operations.review_queue, limit=limit, cursor=cursor)

    async def acts(self, *, limit: int = 50, cursor: str | None = None) -> Page[Event]:
        """
        A page of the events that others caused than the accounts' owners, newest first.

        Those whose `actor` is another id than their `user_id`: the log of what operators did.

        Raises:
            ConfigurationError: If the store, one of your own, cannot be searched.
            ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
            StoreUnavailableError: If the store did not answer.
        """
        return await self._read(operations.acts, limit=limit, cursor=cursor)

    async def assess(self, user_id: str, client: Client | None = None) -> Assessment:
        """
        The assessment that a sign-in of *client* would get now; nothing is written.

        Under every mode: where `login` would raise StepUpRequiredError or SignInHeldError, or
        LoginDeniedError for a blocked device, the decision says so.

        Args:
            user_id: The account.
            client: The request.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError, ValueError: If *user_id* cannot be one, or *client* is no Client.
        """
        return await self._read(operations.assess, user_id, client)

    async def explain(self, token: str, client: Client | None = None) -> Explanation:
        """
        Every check of a validation of *token*, in order, with its numbers; nothing is written.

        It agrees with `validate(token, client, fresh=True)`: the check that fails is the
        one whose error that raises. No check holds a token, a secret or a key.

        Args:
            token: The access token, valid or not.
            client: The request; its device token is compared.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError: If *client* is no Client.
        """
        way = self._core.currency.way
        return await self._read(operations.explain, token, client, way=way)

    async def explain_session(
        self, session_id: str | Session, *, events: Sequence[Event] | None = None
    ) -> Explanation | None:
        """
        Every check that a session meets now, without a token; nothing is written.

        The checks of `explain` from "session" on, for a request with the session's newest
        token from any device. None: the session is unknown.

        Args:
            session_id: The session.
            events: Its events, newest first, if they have been read: its assessment is looked
                for there. Without them the account's latest thousand are.

        Raises:
            StoreUnavailableError: If the store did not answer.
            TypeError: If *session_id* is neither a text nor a Session.
        """
        way = self._core.currency.way
        return await self._read(operations.explain_session, session_id, events=events, way=way)

    async def devices(self, user_id: str, *, limit: int | None = None) -> builtins.list[Device]:
        """
        A user's devices, latest sign-in first.

        Args:
            limit: At most so many, 1 to 50; None for all, of which a program may have thousands.
        """
        return await self._read(operations.devices, user_id, limit=limit)

    async def device(self, user_id: str, device_id: str | Device) -> Device | None:
        """A user's device; None: there is no such device."""
        return await self._read(operations.device, user_id, device_id)

    async def rename_device(
        self, user_id: str, device_id: str | Device, name: str | None, *, actor: str | None = None
    ) -> Device | None:
        """Call a device *name*; None gives its label back. None: there is no such device."""
        return await self._write(operations.rename_device, user_id, device_id, name, actor=actor)

    async def trust_device(
        self,
        user_id: str,
        device_id: str | Device,
        until: datetime | None,
        *,
        actor: str | None = None,
    ) -> Device | None:
        """
        Trust a device until an instant; None ends the trust. None: there is no such device.

        If all the account's sessions are ended meanwhile, the device stays as that
        ending left it; see `trusted_until` of the answer.
        """
        return await self._write(operations.trust_device, user_id, device_id, until, actor=actor)

    async def end_trust(
        self,
        client: Client | None,
        *,
        access_token: str | None = None,
        refresh_token: str | None = None,
    ) -> builtins.list[Device]:
        """
        End the trust in the device whose token *client* presents, when its user signs out for good.

        Args:
            client: The request.
            access_token: Names the account; it may have expired.
            refresh_token: The same; its session may have ended.

        Returns:
            The devices that were trusted. Empty if no genuine token names the account.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        return await self._write(
            operations.end_trust, client, access_token=access_token, refresh_token=refresh_token
        )

    async def forget_device(
        self, user_id: str, device_id: str | Device, *, actor: str | None = None
    ) -> Device | None:
        """End a device's sessions and remove it. None: there is no such device."""
        return await self._end(operations.forget_device, user_id, device_id, actor=actor)

    async def block_device(
        self, user_id: str, device_id: str | Device, *, actor: str | None = None
    ) -> Device | None:
        """End a device's sessions and refuse it at login. None: there is no such device."""
        return await self._end(operations.block_device, user_id, device_id, actor=actor)

    async def unblock_device(
        self, user_id: str, device_id: str | Device, *, actor: str | None = None
    ) -> Device | None:
        """Let a device sign in again. None: there is no such device."""
        return await self._write(operations.unblock_device, user_id, device_id, actor=actor)

    async def purge(
        self, *, limit: int | None = None, progress: Callable[[int], object] | None = None
    ) -> int:
        """
        Delete the records past their retention, in bounded batches; returns how many
        rows. Safe from cron.

        *progress* is called with the number of rows of each batch, in the thread that
        works. Nothing is deleted while the clock has not been set and says that it is
        before 2025.
        """
        await self._settle_rest()
        return await self._write(operations.purge, limit=limit, progress=progress)

    async def export_user(self, user_id: str) -> dict[str, Any]:
        """Everything kept about a person, as JSON types."""
        return await self._read(operations.export_user, user_id)

    async def erase_user(self, user_id: str) -> int:
        """Delete everything about a person; how many rows."""
        return await self._end(operations.erase_user, user_id)

    async def migrate(self) -> builtins.list[str]:
        """Bring the store's schema up to date, as opening it did; the names of the steps taken."""
        return await self._read(operations.migrate)

    def bound(self, transaction: object) -> Self:
        """
        This manager within a transaction of the application's: both are committed, or neither.

        That holds for calls that return. A call that raises, such as a refused sign-in or the
        reuse of a refresh token, is written by itself, whatever becomes of the transaction; so are
        `record_failure` and `redeem`. Events are notified, and memory hears of changes, at the
        commit.

        Args:
            transaction: A Session of SQLAlchemy's, or an AsyncSession, as the store's engine is.

        Raises:
            ConfigurationError: If the store joins no transactions, or not this one.
        """
        other = self._within(transaction)
        other._hit = other._core.cache.hit
        return other

    def jwks(self) -> dict[str, builtins.list[dict[str, str]]]:
        """The public keys as a JWK set, for other services; empty with HS256."""
        return self._core.keys.jwks()

    async def metrics(self) -> Metrics:
        """The work of this manager so far: hits, misses, store calls and their times."""
        return self._core.metrics()

    async def warm(self) -> None:
        """
        Load now what the first sign-in of a process would load: the parser of user agents.

        Before a server forks its workers: they share it then, and none of their first users waits.
        """
        await self._warm()

    async def close(self) -> None:
        """Release everything; closing twice is fine."""
        await self._close()

    async def __aenter__(self) -> AsyncSessionManager:
        self._refuse_if_closed()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
