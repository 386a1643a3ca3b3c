"""The contract of `devsess.stores.base` as tests: subclass it for a store of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.testing._laws_of_change import LawsOfChange
from devsess.testing._laws_of_clocks import LawsOfClocks
from devsess.testing._laws_of_ending import LawsOfEnding
from devsess.testing._laws_of_history import LawsOfHistory
from devsess.testing._laws_of_login import LawsOfLogin
from devsess.testing._laws_of_many import LawsOfMany
from devsess.testing._laws_of_numbers import LawsOfNumbers
from devsess.testing._laws_of_pages import LawsOfPages
from devsess.testing._laws_of_reading import LawsOfReading
from devsess.testing._laws_of_the_log import LawsOfTheLog

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore


class StoreContract(
    LawsOfReading,
    LawsOfLogin,
    LawsOfChange,
    LawsOfEnding,
    LawsOfNumbers,
    LawsOfMany,
    LawsOfClocks,
    LawsOfTheLog,
    LawsOfHistory,
    LawsOfPages,
):
    """
    What every store must keep; pytest and unittest-like runners find its tests.

        class TestMyStore(StoreContract):
            def make_store(self):
                return Awaited(MyStore(...))
    """

    def make_store(self) -> AsyncStore:
        """A new, empty store; wrap a blocking one in `Awaited`. Called inside a running loop."""
        raise NotImplementedError
