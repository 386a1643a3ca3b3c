"""How far long work is: a line on standard error, where a person is looking."""

from __future__ import annotations

import itertools
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_COUNT = "%(label)s  %(info)s"
_BAR = "%(label)s  [%(bar)s]  %(info)s"


class Progress:
    """
    Shows the parts of a work one after another, each on a line; those of one label share it.

    Args:
        is_quiet: Whether to show nothing. Nothing is shown either where standard error is
            no terminal.
    """

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_hidden = is_quiet or not sys.stderr.isatty()
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._finish()

    def begin(self, label: str, length: int | None = None) -> None:
        """Begin a part: with a bar if its *length* is known, or else with a mere count."""
        if self._bar is not None and self._bar.label == label:
            self._bar.pos, self._bar.length, self._bar.finished = 0, length or None, False
        else:
            self._finish()
            self._bar = self._new_bar(label, length)
        self._bar.render_progress()

    def advance(self, count: int) -> None:
        """*count* more are done."""
        if self._bar is not None:
            self._bar.update(count)

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def _new_bar(self, label: str, length: int | None) -> ProgressBar[int]:
        return click.progressbar(
            itertools.count(),  # of no length, which is asked for where none is given
            length or None,
            label,
            hidden=self._is_hidden,
            show_eta=False,
            show_percent=False,
            show_pos=True,
            bar_template=_BAR if length else _COUNT,
            file=sys.stderr,
        )
