"""`devsess export` and `erase`: print or delete all that is kept about a person."""

from __future__ import annotations

import sys

import click

from devsess.cli import _output as output
from devsess.cli._store import NOT_FOUND
from devsess.cli._table import text
from devsess.cli._with import json_only, json_option, with_sessions
from devsess.manager import SessionManager

KEPT = ("sessions", "devices", "events")


@click.command()
@click.argument("user")
@json_only
@with_sessions
def export(sessions: SessionManager, user: str) -> None:
    """Print all that is kept about USER, as JSON."""
    found = sessions.export_user(user)
    output.as_json(found)
    sys.exit(0 if any(found[name] for name in KEPT) else NOT_FOUND)


@click.command()
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@with_sessions
def erase(sessions: SessionManager, user: str, *, yes: bool, as_json: bool) -> None:
    """
    Delete all that is kept about USER.

    Their sessions end with it.
    """
    yes or click.confirm(f"Delete all that is kept about {text(user)}?", abort=True, err=True)
    deleted = sessions.erase_user(user)
    output.as_json({"deleted": deleted}) if as_json else click.echo(f"{deleted} rows deleted")
    sys.exit(0 if deleted else NOT_FOUND)
