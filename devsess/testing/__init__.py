"""For tests: a clock that obeys, races move by move, and the contract of stores."""

from devsess.testing.awaited import Awaited
from devsess.testing.clock import FakeClock
from devsess.testing.contract import StoreContract
from devsess.testing.steps import Steps, interleave, orders

__all__ = ["Awaited", "FakeClock", "Steps", "StoreContract", "interleave", "orders"]
