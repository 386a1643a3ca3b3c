"""`devsess devices`: the devices of an account."""

from __future__ import annotations

import sys

import click

from devsess.cli import _output as output
from devsess.cli._store import NOT_FOUND
from devsess.cli._with import json_option, with_sessions
from devsess.manager import SessionManager


@click.command()
@click.argument("user")
@json_option
@with_sessions
def devices(sessions: SessionManager, user: str, *, as_json: bool) -> None:
    """List the devices of USER, latest sign-in first."""
    found = sessions.devices(user)
    if as_json:
        output.as_json({"devices": [it.to_dict() for it in found]})
    else:
        output.devices(found)
    sys.exit(0 if found else NOT_FOUND)
