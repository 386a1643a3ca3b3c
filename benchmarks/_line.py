"""A line of the results."""

from __future__ import annotations

from collections.abc import Sequence

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
        trips: How often it waits for a server, if that was counted.
        trips_bound: The most that it should.
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
    trips: float | None = None
    trips_bound: float | None = None

    @property
    def met(self) -> bool:
        """Whether the bounds hold."""
        return self.is_within and self.is_direct

    @property
    def is_within(self) -> bool:
        """Whether the bound of the figure holds."""
        if self.bound is None:
            return True
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def is_direct(self) -> bool:
        """Whether the bound of the round trips holds."""
        return self.trips is None or self.trips_bound is None or self.trips <= self.trips_bound

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        bounds = ("", "")
        if self.bound is not None:
            sign = "≥" if self.at_least else "≤"
            met = "met" if self.is_within else "missed"
            bounds = (f"{sign} {figure(self.bound)} {self.unit}", met)
        took = "" if self.microseconds is None else f"{self.microseconds:,.2f}"
        return (self.name, took, f"{figure(self.measured)} {self.unit}", *bounds)

    def trips_cell(self) -> str:
        """The round trips, and what they should be."""
        if self.trips is None:
            return ""
        if self.trips_bound is None:
            return figure(self.trips)
        return (
            f"{figure(self.trips)} ≤ {figure(self.trips_bound)}"
            if self.is_direct
            else (f"{figure(self.trips)} > {figure(self.trips_bound)}, missed")
        )


HEADERS = ("µs", "measured", "bound", "")


def table_of(lines: Sequence[Line], title: str = "") -> tuple[tuple[str, ...], list[list[str]]]:
    """The headers and rows of a table; with round trips, if any were counted."""
    headers, rows = [title, *HEADERS], [[*line.cells()] for line in lines]
    if any(line.trips is not None for line in lines):
        headers.append("trips")
        rows = [[*row, line.trips_cell()] for row, line in zip(rows, lines, strict=True)]
    return tuple(headers), rows


def figure(number: float) -> str:
    """Three digits of *number*, or all those before the point."""
    return f"{number:,.3g}" if abs(number) < 1000 else f"{number:,.0f}"
