"""Parts that the commands share: the option for the store, and exit codes for errors."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TextIO, TypeVar, cast

import click
from attrs import frozen
from click.core import ParameterSource

from devsess._runtime.drive import drive
from devsess._text import clean_text
from devsess.cli._output import lead_nowhere
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.awaited import Awaited
from devsess.stores.open import file_of, is_async

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore, Store

NOT_FOUND, USAGE, UNAVAILABLE = 1, 2, 3
# A sentence may name a file, whose path may be long.
LONGEST = 10_000
_DEADLY = ("SIGINT", "SIGTERM", "SIGHUP")

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_CHOSEN = "devsess.cli.location"


@frozen
class OfProgram:
    """
    The knowledge of a program that runs the commands: the object of their context.

    Attributes:
        store: Gives the location of its store. Where the command line names none, that is
            the one, whatever the environment says.
    """

    store: Callable[[], str]


def location_options(
    name: str, into: str, variable: str, meaning: str, *, default: str | None = None
) -> Callable[[F], F]:
    """
    The option *name* for the location of a store, and another one to read it from a file.

    A URL may hold a password, which every user of the machine sees in a list of processes.
    The command has it as *into*.
    """

    def from_file(context: click.Context, _: click.Parameter, given: TextIO | None) -> None:
        if given is not None:
            with given:
                context.meta[f"{_CHOSEN}.{name}"] = given.read().strip()

    def chosen(context: click.Context, option: click.Parameter, given: str) -> str:
        read: str | None = context.meta.get(f"{_CHOSEN}.{name}")
        source = context.get_parameter_source(str(option.name))
        if read is not None and source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"give {name} or {name}-file, not both")
        if read is not None:
            return read
        program = context.find_object(OfProgram)
        if name != "--store" or program is None or source is ParameterSource.COMMANDLINE:
            return given
        return program.store()

    def with_options(command: F) -> F:
        of_file = click.option(
            f"{name}-file",
            type=click.File("r"),
            is_eager=True,
            expose_value=False,
            callback=from_file,
            help="The same, in a file: so that a password in it is not seen by others.",
        )
        itself = click.option(
            name,
            into,
            envvar=variable,
            default=default,
            show_default=default is not None,
            show_envvar=True,
            callback=chosen,
            help=meaning,
        )
        return itself(of_file(command))

    return with_options


store_option = location_options(
    "--store", "store", "DEVSESS_STORE", "Path or URL of the store.", default="sessions.db"
)


def exit_codes(command: Callable[P, T]) -> Callable[P, T]:
    """*command*, with an exit code for each error of devsess."""

    @wraps(command)
    def with_exit_codes(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except StoreUnavailableError as error:
            fail(str(error), UNAVAILABLE)
        except BrokenPipeError:
            raise  # the reader of the pipe has gone: click ends quietly
        except OSError as error:
            if error.filename is None:
                lead_nowhere(sys.stdout)
            fail(f"{error.strerror}: {error.filename or 'standard output'}", UNAVAILABLE)
        except (ConfigurationError, ValueError) as error:
            fail(str(error), USAGE)

    return with_exit_codes


def check_there(store: str, option: str = "--store") -> str | None:
    """
    The file that *store* names, if it is in one: a mistyped path must not become a database.

    Args:
        option: Names the store on the command line, for the messages.

    Raises:
        ConfigurationError: If *store* is empty, or a URL that names no file.
        StoreUnavailableError: If it names a file, and nothing is there.
    """
    path = file_of(store)
    if path == "":
        raise ConfigurationError(f"{option} is empty: name a path or a URL")
    if path is not None and not Path(path).exists():
        raise StoreUnavailableError(f"there is no database at {path}: name it with {option}")
    return path


def check_ready(store: str, option: str = "--store") -> None:
    """
    Check that *store* is devsess's and up to date; nothing but `migrate` may make it so.

    Args:
        option: As for `check_there`.

    Raises:
        ConfigurationError, StoreUnavailableError: If not, with what to do about it.
    """
    path = check_there(store, option)
    if path is not None:
        from devsess.stores.sqlite import owner

        owner.check_ready(path)


@contextmanager
def closing_store(store: Store | AsyncStore) -> Iterator[AsyncStore]:
    """*store*, awaited or not, with calls that are awaited and never suspend; closed in the end."""
    face = cast("AsyncStore", store) if is_async(store) else Awaited(cast("Store", store))
    try:
        yield face
    finally:
        drive(face.close())


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Let a signal that ends the process end the block first, so that it removes what it made."""

    def stop(number: int, _: object) -> None:
        # A second signal must not disturb the removal. But only while it is under way: a first
        # signal can be lost, since an import that compiles a module swallows it.
        if not isinstance(sys.exception(), SystemExit):
            sys.exit(128 + number)

    numbers = [getattr(signal, name) for name in _DEADLY if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Finite(click.FloatRange):
    """A number that is none of "nan" and "inf"."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See click."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number to reckon with.", param, ctx)
        return number


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong, and exit with *code*."""
    click.echo(f"devsess: {clean_text(message, LONGEST)}", err=True)
    sys.exit(code)
