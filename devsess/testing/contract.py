"""The contract of `devsess.stores.base` as tests: subclass it for a store of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing.contract_change import ChangeContract
from devsess.testing.contract_clocks import ClocksContract
from devsess.testing.contract_ending import EndingContract
from devsess.testing.contract_history import HistoryContract
from devsess.testing.contract_items import ItemsContract
from devsess.testing.contract_log import LogContract
from devsess.testing.contract_login import LoginContract
from devsess.testing.contract_many import ManyContract
from devsess.testing.contract_numbers import NumbersContract
from devsess.testing.contract_pages import PagesContract
from devsess.testing.contract_reading import ReadingContract

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore


class StoreContract(
    ReadingContract,
    LoginContract,
    ChangeContract,
    EndingContract,
    NumbersContract,
    ManyContract,
    ClocksContract,
    LogContract,
    HistoryContract,
    ItemsContract,
    PagesContract,
):
    """
    The contract of every store; pytest and runners like it find its tests.

        class TestMyStore(StoreContract):
            def make_store(self):
                return Awaited(MyStore(...))
    """

    def make_store(self) -> AsyncStore:
        """A new, empty store; wrap a blocking one in `Awaited`. Called inside a running loop."""
        raise NotImplementedError
