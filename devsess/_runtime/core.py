"""The core of both managers: operations and cache put together, still without any I/O."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

from devsess import requirement
from devsess._runtime.cache import Cache
from devsess._runtime.clock import Clock, elapsed
from devsess._runtime.corrections import Corrections
from devsess._runtime.currency import Currency
from devsess._runtime.notify import log_warning
from devsess._runtime.plain import PlainWay, Seen, verified, whole_by
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.metrics import CallTimes, Metrics
from devsess.models import Client, Session
from devsess.operations._checks import checked_client
from devsess.operations.operation import Operation
from devsess.operations.validate import validate
from devsess.policy import Policy, Span, seconds
from devsess.requirement import Requirement
from devsess.stores.calls import PartlyUnavailableError
from devsess.stores.capabilities import Capabilities
from devsess.tokens.issuer import Tokens
from devsess.tokens.keys import Keys
from devsess.tokens.sources import KeySource
from devsess.tokens.text import check_length

if TYPE_CHECKING:
    from devsess._runtime.currency import MakeRunner
    from devsess._runtime.drive import OperationFunction
    from devsess._runtime.faces import Face
    from devsess._runtime.notify import OnEvent
    from devsess.stores.base import Store
    from devsess.stores.rows import EventRow

P = ParamSpec("P")
T = TypeVar("T")

AnyKeys: TypeAlias = Keys | KeySource | Sequence[KeySource]
StorePath: TypeAlias = str | os.PathLike[str]


# Seconds without a question to a log that a part of the store could not answer.
_PARTLY = 1.0


class Core:
    """
    The unchanging parts of a manager, and how they run with the cache.

    Args:
        all: As for SessionManager.

    Attributes:
        is_joined: Whether it works within a transaction of the application's.
    """

    is_joined = False

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
        self.now = now_of(clock)
        passed = clock.elapsed if clock else elapsed
        self.cache = Cache(policy, passed)
        self._elapsed, self._asks_log_from = passed, -math.inf
        self.corrections = Corrections(passed, log_warning)
        self.times = CallTimes()
        self.currency = Currency(policy, self.cache, passed, self.times)
        self._capabilities = Capabilities()

    def operation(self, face: Face, events: list[EventRow], now: float) -> Operation:
        """An operation at *now*, whose events are put into *events*."""
        return Operation(
            self.policy,
            self.tokens,
            self.keys,
            secrets.token_bytes,
            self.corrections,
            now,
            face,
            events,
        )

    def plain_way(self, store: Store, *, may_wait: bool) -> PlainWay:
        """Validations over a blocking *store*, whose calls may wait, or may not."""
        has = self._capabilities

        def call(method: Callable[..., T]) -> Callable[..., T]:
            return method if may_wait else partial(method, wait=False)

        return PlainWay(
            *(self.policy, self.tokens, self.cache, self.times, self.currency.keep),
            read=whole_by(call(store.get)) if has.plain is None else call(has.plain.plain_row),
            changes=call(store.changes),
            stamp=None if has.stamps is None else call(has.stamps.stamp),
            activity=None if has.activity is None else call(has.activity.activity),
            reads_log=has.mark is not None,  # a store with a mark has one part
        )

    def dropping_changed(self, write: OperationFunction[P, T]) -> OperationFunction[P, T]:
        """*write*, followed by a catch-up: the cache holds no row that it changed."""

        async def then_dropping(op: Operation, /, *args: P.args, **kwargs: P.kwargs) -> T:
            result = await self._written(write, op, *args, **kwargs)
            await self._drop_changed(op)
            return result

        return then_dropping

    def heard_by_all(self, end: OperationFunction[P, T]) -> OperationFunction[P, T]:
        """
        As `dropping_changed`; then no process answers from a memory of before *end*.

        Also where *end* found nothing to end: the call that did may still wait.
        """

        async def then_heard(op: Operation, /, *args: P.args, **kwargs: P.kwargs) -> T:
            result = await self._written(end, op, *args, **kwargs)
            wait = self.currency.wait()  # its time begins here, after the answer to the write
            if wait is None:
                await self._drop_changed(op)
                return result
            try:
                await wait.for_readers(op.store, op.store.sleep)
            except BaseException:  # interrupted: the write stands, and others hear of it
                self.cache.clear()
                raise
            return result

        return then_heard

    async def _written(
        self, write: OperationFunction[P, T], op: Operation, /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await write(op, *args, **kwargs)
        except StoreUnavailableError:
            self.cache.doubt()  # the log is read later: now its caller would wait twice as long
            raise
        except Exception:
            await self._drop_changed(op)
            raise
        except BaseException:  # interrupted: its changes are not known any more
            self.cache.clear()
            raise

    async def _drop_changed(self, op: Operation) -> None:
        # Each commit moves a mark: then the log is read in any case, and better by the write.
        if self._capabilities.mark is None and not op.store.may_have_logged:
            return
        # The write is done. A log that cannot be read must not turn it into an error.
        try:
            await self.cache.catch_up(op.store)
        except StoreUnavailableError:
            self.cache.clear()
        except BaseException:
            self.cache.clear()
            raise

    async def validate(
        self,
        op: Operation,
        token: str,
        client: Client | None,
        *,
        stale: bool,
        fresh: bool,
        touch: bool,
        seen: Seen | None = None,
    ) -> Session:
        """
        The slow path of a validation: catch up, look again, read the row, keep it.

        Args:
            stale: Whether the cache must catch up before it may be looked into.
            seen: What was read already: then it goes on from there.
            others: As for SessionManager.validate.
        """
        if seen is not None:
            return await self._judged(op, token, client, seen, touch=touch)
        check_length(token)
        checked_client(client)
        if stale and await self._caught_up(op):
            session = self.cache.look(token, client, op.now)
            if session is not None:
                self.currency.keep()
                return session
        ticket = self.cache.ticket()
        stamp = None
        if fresh:
            session = await self._unchanged(op, token, client)
            if session is not None:
                return session
        self.cache.misses += 1
        claims = verified(token, self.cache.known(token), op.now, self.tokens.access)
        if fresh:
            # Read before the row is: if the row changes in between, the stamps differ next time.
            stamp = await op.store.stamp(claims.session_id)
        return await self._judged(
            op, token, client, Seen(ticket, claims, None), stamp=stamp, touch=touch
        )

    async def _judged(
        self,
        op: Operation,
        token: str,
        client: Client | None,
        seen: Seen,
        *,
        stamp: int | None = None,
        touch: bool,
    ) -> Session:
        """The session of a verified token, kept in memory."""
        if seen.is_busy:
            await op.store.wait()
        validated = await validate(op, seen.claims, client, touch=touch, row=seen.row)
        self.cache.keep(seen.ticket, token, client, validated, stamp)
        self.currency.keep()
        return validated.session

    async def _caught_up(self, op: Operation) -> bool:
        """Whether memory is current: not while a part of the store is down; rows are read then."""
        if self._elapsed() < self._asks_log_from:
            return False
        try:
            await self.cache.catch_up(op.store)
        except PartlyUnavailableError:
            self._asks_log_from = self._elapsed() + _PARTLY
            return False
        return True

    async def _unchanged(self, op: Operation, token: str, client: Client | None) -> Session | None:
        """The session as kept, if the row's stamp is still the same; the store is asked."""
        entry = self.cache.entry(token, client, op.now)
        if entry is None or entry.stamp is None:
            return None
        stamp = await op.store.stamp(entry.session.id)
        return entry.session if stamp == entry.stamp else None

    def watch(self, capabilities: Capabilities, make_runner: MakeRunner) -> None:
        """Keep memory current by what the store can do; *make_runner* is for a feed."""
        self._capabilities = capabilities
        self.currency.choose(capabilities, make_runner)

    def metrics(self) -> Metrics:
        """The counts so far."""
        cache = self.cache
        return Metrics(
            hits=cache.hits,
            misses=cache.misses,
            catch_ups=cache.catch_ups,
            evictions=cache.evictions,
            entries=len(cache),
            feed_lag=cache.lag(),
            mark=self._capabilities.mark_in_use,
            way=self.currency.way,
            lease=self.currency.lease_state,
            waits=self.currency.counts.waits,
            waits_in_vain=self.currency.counts.waits_in_vain,
            expelled=self.currency.counts.expelled,
            calls=self.times.calls(),
        )

    def require(
        self, session: Session, now: float, max_auth_age: Span | None, acr: str | None
    ) -> None:
        """
        Check how fresh and strong *session*'s authentication is.

        Raises:
            StepUpRequiredError: If it does not suffice.
        """
        age = None if max_auth_age is None else seconds(max_auth_age)
        requirement.check(Requirement(age, acr), session, now, self.policy)


def now_of(clock: Clock | None) -> Callable[[], float]:
    """The clock's instants as seconds since the epoch."""
    if clock is None:
        import time

        return time.time
    return lambda: clock.now().timestamp()
