"""What both managers are made of: flows and cache put together, still without any I/O."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeAlias, TypeVar

from devsess import lifecycle
from devsess._clock import Clock, elapsed
from devsess.cache import Cache
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.flows import Context, Flow, step_up, validate
from devsess.flows import _ask as ask
from devsess.flows._checks import checked_client
from devsess.keys import Keys, KeySource
from devsess.metrics import CallTimes, Metrics
from devsess.models import Client, Event, Session
from devsess.policy import Policy, Span, seconds
from devsess.tokens import Tokens, check_length

if TYPE_CHECKING:
    from devsess.models import Grant
    from devsess.stores.base import Store

P = ParamSpec("P")
T = TypeVar("T")

AnyKeys: TypeAlias = Keys | KeySource | Sequence[KeySource]
OnEvent: TypeAlias = Callable[[Event], object]
Location: TypeAlias = str | os.PathLike[str]


class Core:
    """
    The unchanging parts of a manager, and its operations as flows that keep the cache honest.

    Args:
        all: As for SessionManager.
    """

    def __init__(
        self,
        *,
        keys: AnyKeys,
        policy: Policy,
        issuer: str,
        audience: str,
        clock: Clock | None,
        on_event: OnEvent | None,
    ) -> None:
        if not isinstance(policy, Policy):
            raise ConfigurationError(f"policy must be a Policy, not {type(policy).__name__}")
        if on_event is not None and not callable(on_event):
            raise ConfigurationError("on_event must be a function of one event")
        self.policy = policy
        self.keys = Keys.of(keys)
        self.tokens = Tokens(self.keys, issuer, audience, policy)
        self.context = Context(policy, self.tokens, self.keys, secrets.token_bytes)
        self.now = now_of(clock)
        self.cache = Cache(policy, clock.elapsed if clock else elapsed)
        self.times = CallTimes()
        self._watched: Store | None = None

    def read(
        self,
        flow: Callable[Concatenate[Context, float, P], Flow[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Flow[T]:
        """*flow* at this instant."""
        return flow(self.context, self.now(), *args, **kwargs)

    def write(
        self,
        flow: Callable[Concatenate[Context, float, P], Flow[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Flow[T]:
        """*flow* at this instant; what it changed is out of the cache before it returns."""
        return self._settled(flow(self.context, self.now(), *args, **kwargs))

    def validate(
        self,
        now: float,
        token: str,
        client: Client | None,
        *,
        stale: bool,
        fresh: bool,
        touch: bool,
    ) -> Flow[Session]:
        """
        The slow path of a validation: catch up, look again, read the row, keep it.

        Args:
            stale: Whether the cache must catch up before it may be looked into.
            others: As for SessionManager.validate.
        """
        check_length(token)
        checked_client(client)
        if stale:
            yield from self.cache.catch_up()
            session = self.cache.look(token, client, now)
            if session is not None:
                return session
        ticket = self.cache.ticket()
        stamp = None
        if fresh:
            session = yield from self._unchanged(token, client, now)
            if session is not None:
                return session
        self.cache.misses += 1
        claims = self.tokens.verify_access(token, now)
        if fresh:
            # Asked for before the row is read: if it changes in between, they differ next time.
            stamp = yield from ask.stamp(claims.session_id)
        validated = yield from validate(self.context, now, claims, client, touch=touch)
        self.cache.keep(ticket, token, client, validated, stamp)
        return validated.session

    def _unchanged(self, token: str, client: Client | None, now: float) -> Flow[Session | None]:
        """The session as kept, if its row still holds what it held then; the row is asked."""
        entry = self.cache.entry(token, client, now)
        if entry is None or entry.stamp is None:
            return None
        stamp = yield from ask.stamp(entry.session.id)
        return entry.session if stamp == entry.stamp else None

    def watch(self, store: Store | None) -> None:
        """Compare the cache with *store*'s mark; without one, every hit asks the store."""
        self._watched = store
        if store is not None:
            self.cache.watch(store.mark)

    def metrics(self) -> Metrics:
        """What was counted so far."""
        cache = self.cache
        return Metrics(
            hits=cache.hits,
            misses=cache.misses,
            catch_ups=cache.catch_ups,
            evictions=cache.evictions,
            entries=len(cache),
            feed_lag=cache.lag(),
            mark=self._watched.mark_in_use if self._watched else "none",
            calls=self.times.calls(),
        )

    def step_up(
        self,
        access_token: str,
        client: Client | None,
        *,
        amr: Sequence[str],
        acr: str | None,
    ) -> Flow[Grant]:
        """As `flows.step_up`, for a token that is not verified yet."""
        now = self.now()
        checked_client(client)
        claims = self.tokens.verify_access(access_token, now)
        return self._settled(step_up(self.context, now, claims, client, amr=amr, acr=acr))

    def require(
        self, session: Session, now: float, max_auth_age: Span | None, acr: str | None
    ) -> None:
        """
        Check how fresh and strong *session*'s authentication is.

        Raises:
            StepUpRequiredError: If it does not suffice.
        """
        lifecycle.require_strength(
            session.auth_time.timestamp(),
            {level: at.timestamp() for level, at in session.levels.items()} if acr else {},
            now,
            self.policy,
            max_auth_age=None if max_auth_age is None else seconds(max_auth_age),
            required_acr=acr,
        )

    def writes(self, flow: Flow[T]) -> bool:
        """Whether *flow* may wait for others to write: what `write` and `step_up` gave."""
        return getattr(flow, "gi_code", None) is Core._settled.__code__

    def _settled(self, flow: Flow[T]) -> Flow[T]:
        try:
            result = yield from flow
        except Exception:
            yield from self._settle()
            raise
        yield from self._settle()
        return result

    def _settle(self) -> Flow[None]:
        # It is done, whatever follows: that it cannot be heard of must not undo the answer.
        try:
            yield from self.cache.catch_up()
        except StoreUnavailableError:
            self.cache.clear()


def now_of(clock: Clock | None) -> Callable[[], float]:
    """The clock's instants as seconds since the epoch."""
    if clock is None:
        import time

        return time.time
    return lambda: clock.now().timestamp()
