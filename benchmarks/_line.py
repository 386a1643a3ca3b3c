"""A line of the results."""

from __future__ import annotations

from attrs import frozen


@frozen
class Line:
    """
    One measurement and its bound.

    Attributes:
        name: The name of the measurement.
        measured: The figure that is bound.
        bound: The most that it may be; None where the figure is shown for completeness only.
        unit: Of both: times a bare decode, if left out.
        microseconds: Its duration, if it is about time.
        at_least: Whether the bound is the least that it must be.
        drifts: Whether a figure of twice the recorded one is worth an alarm.
        series, at: In a picture: the curve it belongs to, and where along it.
        points: In a picture: all that *measured* sums up.
    """

    name: str
    measured: float
    bound: float | None = None
    unit: str = "×"
    microseconds: float | None = None
    at_least: bool = False
    drifts: bool = True
    series: str = ""
    at: float = 0.0
    points: tuple[float, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        if self.bound is None:
            return True
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        bounds = ("", "")
        if self.bound is not None:
            sign = "≥" if self.at_least else "≤"
            bounds = (f"{sign} {figure(self.bound)} {self.unit}", "met" if self.met else "missed")
        took = "" if self.microseconds is None else f"{self.microseconds:,.2f}"
        return (self.name, took, f"{figure(self.measured)} {self.unit}", *bounds)


def figure(number: float) -> str:
    """Three digits of *number*, or all those before the point."""
    return f"{number:,.3g}" if abs(number) < 1000 else f"{number:,.0f}"
