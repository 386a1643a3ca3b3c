"""`devsess serve`: the operators' pages for the person at this machine."""

from __future__ import annotations

import click

from devsess.cli import _output as output
from devsess.cli._store import cleaning_up
from devsess.cli._with import actor_option, json_option, with_sessions
from devsess.manager import SessionManager


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="[default: 8000, or a free one]")
@actor_option
@json_option
@with_sessions
def serve(*, sessions: SessionManager, port: int | None, actor: str, as_json: bool) -> None:
    """
    Serve the operators' pages to one browser on this machine.

    It prints a link that signs in once, within five minutes. Nobody else on the network reaches
    the pages.
    """
    from devsess.cli._local import operators, serve_until_ended, serving  # it needs Jinja2

    door = operators(sessions, actor)
    with cleaning_up(), serving(door, port) as server:
        link = f"{server.site}/{door.query}"
        if as_json:
            output.as_json({"url": link})
        else:
            click.echo(f"{link}\nCtrl+C ends it.")
        serve_until_ended(server)
