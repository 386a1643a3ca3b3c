"""`devsess copy`: all sessions of one store into another, while the application runs."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import click
from attrs import asdict

from devsess._runtime.drive import drive
from devsess.cli import _output as output
from devsess.cli._progress import Progress
from devsess.cli._store import (
    Finite,
    check_ready,
    closing_store,
    location_options,
)
from devsess.cli._with import json_option
from devsess.copying import Check, Copier, CopyingStore
from devsess.errors import ConfigurationError
from devsess.stores.awaited import Awaited
from devsess.stores.capabilities import capabilities_of
from devsess.stores.open import file_of, open_store

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore

DIFFERENT = 1
# Passes after which a copy does not wait any longer for one without a change.
PASSES = 5


@click.command("copy")
@click.option("--follow", is_flag=True, help="Go on until interrupted, while both are in use.")
@click.option("--check", "only_check", is_flag=True, help="Compare, and write nothing.")
@click.option(
    "--interval",
    type=Finite(min=0.01, max=3_600),
    default=1.0,
    show_default=True,
    help="Seconds between two passes of --follow.",
)
@json_option
@location_options("--to", "to", "DEVSESS_COPY_TO", "Path or URL of the store that is written.")
@location_options("--from", "from_", "DEVSESS_COPY_FROM", "Path or URL of the store that is read.")
def copy(
    from_: str | None,
    to: str | None,
    *,
    follow: bool,
    only_check: bool,
    interval: float,
    as_json: bool,
) -> None:
    """
    Copy all sessions, devices and events of one store into another.

    The application may go on. A copy that was interrupted goes on where it was.
    """
    if follow and only_check:
        raise click.UsageError("--check compares once: leave --follow out")
    source, target = _locations(from_, to, is_target_there=only_check)
    with (
        closing_store(open_store(source)) as one,
        closing_store(open_store(target)) as other,
        Progress(is_quiet=as_json) as progress,
    ):
        pair = copying(one, "--from"), copying(other, "--to")
        copier = Copier(*pair, progress=progress.advance)
        if not only_check:
            drive(other.migrate())
            if follow:
                _follow(copier, progress, interval)
            else:
                _copy(copier, progress)
        progress.begin("checking accounts", copier.accounts)
        found = drive(copier.check(mends=not only_check))
    _show(found, as_json=as_json)
    sys.exit(DIFFERENT if found.behind else 0)


def _locations(from_: str | None, to: str | None, *, is_target_there: bool) -> tuple[str, str]:
    source, target = _named(from_, "--from"), _named(to, "--to")
    if (file_of(source) or source) == (file_of(target) or target):
        raise ConfigurationError("--from and --to are the same store")
    check_ready(source, "--from")
    if is_target_there:
        check_ready(target, "--to")
    return source, target


def _named(location: str | None, option: str) -> str:
    if not location:
        raise ConfigurationError(f"name a store with {option}, or in {option}-file")
    return location


def copying(store: AsyncStore, option: str) -> CopyingStore:
    """
    *store*, of which whole accounts can be read.

    Raises:
        ConfigurationError: If it does not support that; the message names *option*.
    """
    # An Awaited has the methods whether its store has them or not.
    itself = store.store if isinstance(store, Awaited) else store
    if capabilities_of(itself).copy is None:
        raise ConfigurationError(f"the store that {option} names does not support copies")
    return cast("CopyingStore", store)


def _copy(copier: Copier, progress: Progress) -> None:
    for _ in range(PASSES):
        if not _pass(copier, progress):
            return


def _follow(copier: Copier, progress: Progress, interval: float) -> None:
    with _until_interrupted() as is_over:
        while not is_over():
            _pass(copier, progress)
            until = time.monotonic() + interval
            while not (is_over() or copier.is_due) and (left := until - time.monotonic()) > 0:
                time.sleep(min(left, 0.1))
                drive(copier.hear())
    _pass(copier, progress)


def _pass(copier: Copier, progress: Progress) -> int:
    is_first = copier.accounts is None
    progress.begin("copying accounts" if is_first else "looking for changes", copier.accounts)
    return drive(copier.run())


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Whether a signal has asked to stop; the pass that is under way is finished."""
    heard: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {it: signal.signal(it, lambda number, _: heard.append(number)) for it in numbers}
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(found: Check, *, as_json: bool) -> None:
    if as_json:
        output.as_json(asdict(found))
        return
    of_source, of_target = asdict(found.source), asdict(found.target)
    rows = [(name, _short(of_source[name]), _short(of_target[name])) for name in of_source]
    output.figures(["what", "source", "target"], rows)
    output.prose(f"\nAccounts that are the same: {found.same}.")
    if found.ahead:
        output.prose(
            f"{found.ahead} went on at the target, or have records there that the source has"
            " deleted since."
        )
    if found.behind:
        output.prose(f"{found.behind} differ: copy again.")
    if found.alone:
        output.prose(
            f"{found.alone} are at the target alone: they signed in there, or were erased at the"
            " source while no copy ran."
        )


def _short(value: object) -> str:
    return value[:16] if isinstance(value, str) else f"{value:,}"
