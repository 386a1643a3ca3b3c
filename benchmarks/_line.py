"""A line of the cost table."""

from __future__ import annotations

from attrs import frozen


@frozen
class Line:
    """
    One measurement and its bound.

    Attributes:
        name: What was measured.
        measured: The figure that is bound.
        bound: What it may be at most; None where it is told for completeness only.
        unit: Of both: times a bare decode, if left out.
        microseconds: What it took, if it is about time.
    """

    name: str
    measured: float
    bound: float | None
    unit: str = "×"
    microseconds: float | None = None

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        return self.bound is None or self.measured <= self.bound

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        bounds = ("", "")
        if self.bound is not None:
            bounds = (f"{self.bound:,.3g} {self.unit}", "met" if self.met else "missed")
        took = "" if self.microseconds is None else f"{self.microseconds:,.2f}"
        return (self.name, took, f"{self.measured:,.3g} {self.unit}", *bounds)
