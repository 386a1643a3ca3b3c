"""`devsess demo --web`: both pages over a made-up population, for a browser on this machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from devsess.cli._demo_site import ACCOUNT, NAME, OPERATORS, demo_site
from devsess.cli._local import operators, serve_until_ended, serving
from devsess.cli._population import PEOPLE, SEED, populate
from devsess.cli._progress import Progress
from devsess.cli._store import cleaning_up
from devsess.cli._town import MadeUpLocator
from devsess.errors import ConfigurationError
from devsess.manager import SessionManager
from devsess.policy import Policy
from devsess.tokens.keys import generate_secret

# All that is there to be seen; nobody is refused, since the demo's sign-in asks for no password.
POLICY = Policy()


def run(
    *,
    keep: str | None = None,
    port: int | None = None,
    accounts: int = PEOPLE,
    seed: int = SEED,
) -> None:
    """
    Fill a database, and serve the pages over it until the process is ended.

    Args:
        keep: A new file for the database; None for one that is thrown away.
        port: Where; 0 takes a free one, None too unless 8000 is free.
        accounts: How many, beside the one whose page is shown.
        seed: Of the population.

    Raises:
        ConfigurationError: If *keep* is there already, or Jinja2 is not installed.
        OSError: If the port is taken.
        StoreUnavailableError: If the database cannot be written.
    """
    with cleaning_up(), _place(keep) as place:
        keys = generate_secret()
        _fill(place, keys, accounts, seed)
        with SessionManager(
            Path(place), keys=keys, policy=POLICY, locator=MadeUpLocator()
        ) as sessions:
            door = operators(sessions, "support-1", name=NAME)
            with serving(demo_site(sessions, door), port) as server:
                click.echo(f"A person's pages:      {server.site}{ACCOUNT}/")
                click.echo(f"The operators' pages:  {server.site}{OPERATORS}/{door.query}")
                click.echo("The second link is good once, for five minutes. Ctrl+C ends it.")
                serve_until_ended(server)


@contextmanager
def _place(file: str | None) -> Iterator[str]:
    if file is None:
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "demo.db")
    elif Path(file).exists():
        raise ConfigurationError(f"{file} is there already: name a new file")
    else:
        yield file


def _fill(place: str, keys: str, accounts: int, seed: int) -> None:
    done = 0

    def show(share: float) -> None:
        nonlocal done
        hundredths = int(share * 100)
        progress.advance(hundredths - done)
        done = hundredths

    with Progress(is_quiet=False) as progress:
        progress.begin("people sign in", 100)
        populate(
            Path(place),
            keys=keys,
            policy=POLICY,
            now=time.time(),
            people=accounts,
            seed=seed,
            progress=show,
        )
