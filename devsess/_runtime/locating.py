"""
A locator that may hang, waited for no longer than a second.

Its calls run in threads of their own. Those that hang keep their thread; once all threads
hang, the locator is not asked until one of them returns: a sign-in then waits for nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from devsess._runtime.fork import after_fork
from devsess._runtime.notify import log_warning
from devsess._runtime.threads import Threads

if TYPE_CHECKING:
    from concurrent.futures import Future

    from devsess.geo.locator import Locator
    from devsess.models import Location

# A person waits meanwhile. A locator that asks another host needs a tenth of it.
PATIENCE = 1.0
MOST_CALLS = 8


def bounded(locator: Locator | None) -> Locator | None:
    """*locator* itself, if it never waits; otherwise with a bound on the wait for it."""
    if locator is None or getattr(locator, "never_waits", False) is True:
        return locator
    return BoundedLocator(locator, PATIENCE)


class BoundedLocator:
    """
    *locator*, which is not waited for longer than *patience*.

    Args:
        locator: Knows where an address is.
        patience: The longest wait, in seconds.
    """

    def __init__(self, locator: Locator, patience: float) -> None:
        self._locator = locator
        self._patience = patience
        self._threads = Threads("devsess-locate", MOST_CALLS)
        self._forget()
        after_fork(self, BoundedLocator._forget)

    def _forget(self) -> None:
        self._hanging: set[Future[Location | None]] = set()

    def locate(self, ip: str) -> Location | None:
        """As Locator.locate; None once the patience is at an end."""
        if len(self._hanging) >= MOST_CALLS:
            return None
        future = self._threads.submit(partial(_asked, self._locator, ip))
        try:
            return future.result(self._patience)
        except TimeoutError:
            if future.done():
                raise  # the locator's own
        if not future.cancel():
            self._hanging.add(future)
            future.add_done_callback(self._hanging.discard)
        log_warning(f"the locator did not answer within {self._patience:g} s: no location")
        return None

    def close(self) -> None:
        """End the threads, once their calls return."""
        self._threads.close()


def _asked(locator: Locator, ip: str) -> Location | None:
    """
    The locator's answer.

    Raises:
        Exception: The locator's own. What would end the program, a task or a generator is none:
            no interrupt is delivered to this thread, so that it is the locator's own as well.
    """
    try:
        return locator.locate(ip)
    except Exception:
        raise
    except BaseException as error:
        raise RuntimeError(f"the locator raised {type(error).__name__}") from error
