"""
The feed: a loop that keeps memory current while it is in use.

Written once for both managers; `feed_runners` runs it. It ends when memory has not been used for
a while, and the next validation that could use it starts another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from devsess._runtime.notify import log_error
from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from devsess._runtime.leases import Member

# Spans without a validation after which the feed ends.
IDLE_SPANS = 2
# The longest that a feed listens before it renews, in seconds: closing waits for its end.
LONGEST_WAIT = 0.5
# Pauses where nothing can be heard, and from the first failure to the last, in seconds.
DEAF, SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 0.05, 1.0

_FAILED = "the feed of the change log failed; it tries again"


class Pace(Protocol):
    """The ways of one runner to stop and to pause."""

    @property
    def is_over(self) -> bool:
        """Whether the feed must end."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause, at most until the feed must end."""
        ...


class Feed:
    """
    One run of the loop.

    Args:
        member: Renews.
        wait: Returns when something may have changed, or after so many seconds.
        pace: How this run pauses and stops.
        span: Seconds for which one renewal keeps memory current.
        uses: A number that grows with each validation.
        elapsed: The cache's clock.

    Attributes:
        member: As above.
        is_waiting: Whether nothing is under way but a wait: it may be cancelled.
    """

    def __init__(
        self,
        member: Member,
        wait: Callable[[float], Awaitable[None]],
        pace: Pace,
        span: float,
        uses: Callable[[], int],
        elapsed: Callable[[], float],
    ) -> None:
        self.member = member
        self.is_waiting = False
        self._wait = wait
        self._pace = pace
        self._span = span
        self._uses = uses
        self._elapsed = elapsed
        self._failures = 0
        self._used, self._used_at = uses(), elapsed()

    async def run(self) -> None:
        """Renew until the feed must end or memory is not used; then give up, and leave."""
        try:
            while not self._pace.is_over and not self._is_idle():
                await self.turn()
        finally:
            self.member.stop()
        await self.member.leave()

    async def turn(self) -> None:
        """Renew once; then wait for a change, unless this one must be acknowledged."""
        try:
            must_acknowledge = await self.member.renew()
            if not must_acknowledge:
                await self.member.observe()
        except Exception as error:  # noqa: BLE001 - it is logged, and tried again
            await self._back_off(error)
            return
        self._failures = 0
        if not must_acknowledge:
            await self._listen()

    async def _listen(self) -> None:
        self.is_waiting = True
        try:
            await self._wait(min(self._span / 3, LONGEST_WAIT))
        except Exception as error:  # noqa: BLE001 - it is logged
            _log(error)
            await self._pace.sleep(min(self._span / 3, DEAF))
        finally:
            self.is_waiting = False

    async def _back_off(self, error: Exception) -> None:
        """Pause before the next try; requests ask the store meanwhile, once the lease is over."""
        if self._failures == 0:
            _log(error)
        pause = min(SHORTEST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures += pause < LONGEST_PAUSE
        self.is_waiting = True
        try:
            await self._pace.sleep(pause)
        finally:
            self.is_waiting = False

    def _is_idle(self) -> bool:
        used, now = self._uses(), self._elapsed()
        if used != self._used:
            self._used, self._used_at = used, now
        return now - self._used_at >= IDLE_SPANS * self._span


def _log(error: Exception) -> None:
    if not isinstance(error, StoreUnavailableError):  # that shows in the metrics
        log_error(_FAILED)
