"""
Lists for people: tables as wide as the terminal, in which no id is ever cut.

Where a table is too wide, its instants are written shorter, then long cells are
cut, then the least important columns left out. A pipe has no width: all is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen

from devsess._text import clean_text

WIDEST = 200
GAP = "  "
# Cells longer than this are no reason to write instants shorter.
COMFORTABLE = 30
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_NO_WIDTH = ("Mn", "Me", "Cf")

TimeForm = Callable[[datetime, datetime], str]


@frozen
class Column:
    """
    The heading of a column, and the ways to make it narrower.

    Attributes:
        header: Its name.
        least: Cells are cut no shorter than this; None: never.
        rank: Columns of the highest rank are left out first; of rank 0, never.
    """

    header: str
    least: int | None = None
    rank: int = 0


def text(value: object) -> str:
    """*value* for people; control characters would move a terminal's cursor."""
    if value == "":
        return ""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return clean_text(str(value), WIDEST) or "-"


def width_of(shown: str) -> int:
    """The columns of a terminal that *shown* takes: two for a wide character, none for a mark."""
    return len(shown) if shown.isascii() else sum(map(_width, shown))


def _width(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(shown: str, most: int) -> str:
    """*shown* in at most so many columns, the last of which says that it was cut."""
    if width_of(shown) <= most:
        return shown
    taken, kept = 0, ""
    for character in shown:
        taken += _width(character)
        if taken >= most:
            break
        kept += character
    return f"{kept.rstrip()}…"


def wrapped(said: str, most: int) -> list[str]:
    """*said* in lines of at most so many columns, broken at spaces; a longer word is broken."""
    lines, line = [], ""
    for word in said.split():
        if line and width_of(line) + 1 + width_of(word) <= most:
            line = f"{line} {word}"
            continue
        lines += [line] if line else []
        while width_of(word) > most:
            part = _fitting(word, most)
            lines.append(part)
            word = word[len(part) :]
        line = word
    return [*lines, line] if line else lines


def _fitting(word: str, most: int) -> str:
    """The beginning of *word* in at most so many columns, and at least a character."""
    end, taken = 1, _width(word[0])
    while end < len(word) and taken + _width(word[end]) <= most:
        taken += _width(word[end])
        end += 1
    return word[:end]


def full(instant: datetime, _now: datetime) -> str:
    """Such as `2026-11-24 14:03`."""
    return text(instant)


def medium(instant: datetime, now: datetime) -> str:
    """Such as `14:03`, `Nov 24 14:03`, `2025-11-24 14:03`: the parts that differ from *now*."""
    if instant.date() == now.date():
        return f"{instant:%H:%M}"
    if instant.year == now.year:
        return f"{MONTHS[instant.month - 1]} {instant.day:2} {instant:%H:%M}"
    return text(instant)


def short(instant: datetime, now: datetime) -> str:
    """Such as `14:03`, `Nov 24`, `2025-11-24`."""
    if instant.date() == now.date():
        return f"{instant:%H:%M}"
    if instant.year == now.year:
        return f"{MONTHS[instant.month - 1]} {instant.day:2}"
    return f"{instant:%Y-%m-%d}"


@frozen
class Table:
    """Columns and rows, without those columns that are empty."""

    columns: list[Column]
    rows: list[list[object]]

    @classmethod
    def of(cls, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> Table:
        """A table without its empty columns."""
        used = [i for i in range(len(columns)) if any(row[i] not in (None, "") for row in rows)]
        return cls([columns[i] for i in used], [[row[i] for i in used] for row in rows])

    def has_instants(self) -> bool:
        """Whether any cell is an instant."""
        return any(isinstance(value, datetime) for row in self.rows for value in row)

    def saying_utc(self) -> Table:
        """With the time zone in the first header above instants, for a pipe."""
        for i, column in enumerate(self.columns):
            if any(isinstance(row[i], datetime) for row in self.rows):
                named = evolve(column, header=f"{column.header} (UTC)")
                return evolve(self, columns=[*self.columns[:i], named, *self.columns[i + 1 :]])
        return self

    def lines(self, width: int | None, now: datetime) -> list[str]:
        """Header, rule and rows; *width* is that of the terminal, None for a pipe."""
        if width is None:
            cells = self._cells(full, now)
            return _laid_out(cells, _widths(cells))
        for form in (full, medium, short):
            cells = self._cells(form, now)
            widths = _widths(cells)
            if _total([min(it, COMFORTABLE) for it in widths]) <= width or form is short:
                break
        if not _shrink(widths, self._least(cells), width):
            fewer = self._without_one()
            if fewer is not None:
                return fewer.lines(width, now)
        return _laid_out(cells, widths)

    def _cells(self, form: TimeForm, now: datetime) -> list[list[str]]:
        shown = [
            [form(it, now) if isinstance(it, datetime) else text(it) for it in row]
            for row in self.rows
        ]
        return [[column.header for column in self.columns], *shown]

    def _least(self, cells: list[list[str]]) -> list[int]:
        """The widths to which the columns may be cut."""
        natural = _widths(cells)
        return [
            it if column.least is None else min(it, max(column.least, width_of(column.header)))
            for it, column in zip(natural, self.columns, strict=True)
        ]

    def _without_one(self) -> Table | None:
        """Without the least important column, if there is one to leave out."""
        worst = max(range(len(self.columns)), key=lambda i: self.columns[i].rank)
        if self.columns[worst].rank == 0:
            return None
        keep = [i for i in range(len(self.columns)) if i != worst]
        return Table([self.columns[i] for i in keep], [[row[i] for i in keep] for row in self.rows])


def _widths(cells: list[list[str]]) -> list[int]:
    return [max(map(width_of, column)) for column in zip(*cells, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _shrink(widths: list[int], least: list[int], most: int) -> bool:
    """Take from the widest column that may be cut, until they fit; whether they do."""
    while _total(widths) > most:
        able = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not able:
            return False
        widths[max(able, key=widths.__getitem__)] -= 1
    return True


def _laid_out(cells: list[list[str]], widths: list[int]) -> list[str]:
    rule = ["-" * it for it in widths]
    return [_line(row, widths) for row in (cells[0], rule, *cells[1:])]


def _line(row: list[str], widths: list[int]) -> str:
    shown = [cut(it, width) for it, width in zip(row, widths, strict=True)]
    padded = [it + " " * (width - width_of(it)) for it, width in zip(shown, widths, strict=True)]
    return GAP.join(padded).rstrip()
