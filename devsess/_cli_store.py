"""What the commands share: how a store is named, and how errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

import click

from devsess import _cli_output as output
from devsess.errors import ConfigurationError, StoreUnavailableError

NOT_FOUND, USAGE, UNAVAILABLE = 1, 2, 3

P = ParamSpec("P")
T = TypeVar("T")

store_option = click.option(
    "--store",
    envvar="DEVSESS_STORE",
    default="sessions.db",
    show_default=True,
    show_envvar=True,
    help="Path or URL of the store.",
)


def exit_codes(command: Callable[P, T]) -> Callable[P, T]:
    """*command*, exiting with what the errors of devsess mean."""

    @wraps(command)
    def with_exit_codes(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except StoreUnavailableError as error:
            fail(str(error), UNAVAILABLE)
        except (ConfigurationError, ValueError) as error:
            fail(str(error), USAGE)

    return with_exit_codes


def check_there(store: str) -> None:
    """
    A mistyped path must not become an empty database.

    Raises:
        StoreUnavailableError: If *store* is a path, and nothing is there.
    """
    path = store.removeprefix("sqlite:///")
    if "://" not in path and not Path(path).exists():
        raise StoreUnavailableError(f"there is no database at {path}: name it with --store")


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong, and exit with *code*."""
    click.echo(f"devsess: {output.text(message)}", err=True)
    sys.exit(code)
