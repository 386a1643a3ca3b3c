"""
The devsess command: a file for each group of commands.

Exit codes: 0 done, 1 not found or nothing ended, 2 wrong usage, 3 store unavailable.
"""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stderr
from typing import Any, TextIO, cast

import click

from devsess import __version__
from devsess.cli import _accounts, _devices, _keys, _sessions, _upkeep
from devsess.cli._bench import bench
from devsess.cli._copy import copy
from devsess.cli._explain import explain
from devsess.cli._history import history
from devsess.cli._output import Unfailing, reconfigure
from devsess.cli._search import search
from devsess.cli._serve import serve
from devsess.cli._simulate import simulate
from devsess.cli._stats import stats
from devsess.cli._store import exit_codes
from devsess.cli._tune import tune
from devsess.cli._with import json_option


class _Commands(click.Group):
    def main(self, *args: Any, **options: Any) -> Any:
        """Run one, or show help; each error has its exit code, also where nobody can read it."""
        with redirect_stderr(cast("TextIO", sys.stderr and Unfailing(sys.stderr))):
            return exit_codes(super().main)(*args, **options)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="devsess")
def main() -> None:
    """Sessions of devices: look at them, end them, clean up."""
    reconfigure()
    # The error that a driver raises in the end says all that it logs while it tries again.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())


@main.command()
@json_option
@click.option("--web", is_flag=True, help="Serve the pages to a browser, over made-up people.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Of --web.  [default: 8000, or free]")
@click.option("--accounts", type=click.IntRange(1, 100_000), help="Of --web.  [default: 360]")
@click.option("--seed", type=int, help="Of --web: other people.")
@click.option("--keep", type=click.Path(dir_okay=False), help="Of --web: a new file for them.")
def demo(*, as_json: bool, web: bool, **options: Any) -> None:
    """Show what devsess does, on a database that is thrown away."""
    given = {name: it for name, it in options.items() if it is not None}
    if web:
        if as_json:
            raise click.UsageError("--web prints no JSON")
        from devsess.cli._web import run as run_web  # it needs Jinja2

        run_web(**given)
        return
    if given:
        raise click.UsageError(f"--{next(iter(given))} needs --web")
    from devsess.cli._demo import run

    sys.exit(0 if run(as_json=as_json) else 1)


for command in (
    *(_sessions.list_, _sessions.show, _sessions.revoke, _sessions.revoke_all, search),
    *(history, stats, _devices.devices, _accounts.export, _accounts.erase),
    *(_upkeep.purge, _upkeep.migrate, copy, explain, simulate, serve, bench, tune, _keys.keys),
):
    main.add_command(command)
