"""For tests: a clock that you set, signed-in clients, races in turns, the contract of stores."""

from devsess.stores.awaited import Awaited
from devsess.testing.browsers import as_browser, sign_in
from devsess.testing.clock import FakeClock
from devsess.testing.contract import StoreContract
from devsess.testing.contract_copy import CopyContract
from devsess.testing.contract_leases import LeaseContract
from devsess.testing.contract_polling import PollingContract
from devsess.testing.contract_search import SearchContract
from devsess.testing.contract_statistics import StatisticsContract
from devsess.testing.proxy import Proxy
from devsess.testing.steps import Steps, interleave, orders

__all__ = [
    "Awaited",
    "CopyContract",
    "FakeClock",
    "LeaseContract",
    "PollingContract",
    "Proxy",
    "SearchContract",
    "StatisticsContract",
    "Steps",
    "StoreContract",
    "as_browser",
    "interleave",
    "orders",
    "sign_in",
]
