"""For tests: a clock that obeys, and the contract that a store of your own must keep."""

from devsess.testing.awaited import Awaited
from devsess.testing.clock import FakeClock
from devsess.testing.contract import StoreContract

__all__ = ["Awaited", "FakeClock", "StoreContract"]
