"""
The devsess command: a file for each group of commands.

Exit codes: 0 done, 1 not found or nothing ended, 2 wrong usage, 3 store unavailable.
"""

from __future__ import annotations

import logging
import sys

import click

from devsess import __version__
from devsess.cli import _accounts, _devices, _keys, _sessions, _upkeep
from devsess.cli._bench import bench
from devsess.cli._copy import copy
from devsess.cli._explain import explain
from devsess.cli._history import history
from devsess.cli._output import reconfigure
from devsess.cli._search import search
from devsess.cli._simulate import simulate
from devsess.cli._stats import stats
from devsess.cli._tune import tune
from devsess.cli._with import json_option


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="devsess")
def main() -> None:
    """Sessions of devices: look at them, end them, clean up."""
    reconfigure()
    # The error that a driver raises in the end says all that it logs while it tries again.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())


@main.command()
@json_option
def demo(*, as_json: bool) -> None:
    """Show what devsess does, on a database that is thrown away."""
    from devsess.cli._demo import run

    sys.exit(0 if run(as_json=as_json) else 1)


for command in (
    *(_sessions.list_, _sessions.show, _sessions.revoke, _sessions.revoke_all, search),
    *(history, stats, _devices.devices, _accounts.export, _accounts.erase),
    *(_upkeep.purge, _upkeep.migrate, copy, explain, simulate, bench, tune, _keys.keys),
):
    main.add_command(command)
