"""`devsess purge` and `migrate`: a store's upkeep."""

from __future__ import annotations

import click

from devsess._runtime.drive import drive
from devsess.cli import _output as output
from devsess.cli._progress import Progress
from devsess.cli._store import check_there, closing_store, store_option
from devsess.cli._with import DEVICE_DAYS, LIFETIME_DAYS, RETENTION_DAYS, json_option, with_sessions
from devsess.manager import SessionManager
from devsess.stores.open import open_store
from devsess.stores.sqlite import owner


@click.command()
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows.")
@click.option(
    "--retention",
    type=click.IntRange(1, 36_500),
    default=RETENTION_DAYS,
    show_default=True,
    help="Days that ended sessions and events are kept.",
)
@click.option(
    "--device-retention",
    type=click.IntRange(1, 36_500),
    default=DEVICE_DAYS,
    show_default=True,
    help="Days after its latest sign-in that a device is still known.",
)
@click.option(
    "--absolute-lifetime",
    type=click.IntRange(1, 36_500),
    default=LIFETIME_DAYS,
    show_default=True,
    help="Days that a session lasts at most, by your policy or a longer one.",
)
@click.option("--quiet", is_flag=True, help="Say nothing, unless it fails or the clock is behind.")
@json_option
@with_sessions
def purge(sessions: SessionManager, limit: int | None, *, quiet: bool, as_json: bool) -> None:
    """Delete the records past their retention; safe from cron."""
    if quiet and as_json:
        raise click.UsageError("--quiet prints nothing, not even JSON: leave one of the two out")
    with Progress(is_quiet=quiet or as_json) as progress:
        progress.begin("purging rows", limit)
        deleted = sessions.purge(limit=limit, progress=progress.advance)
    if as_json:
        output.as_json({"deleted": deleted})
    elif not quiet:
        click.echo(f"{deleted} rows deleted")


@click.command()
@click.option("--plan", is_flag=True, help="Print the steps, and take none.")
@json_option
@store_option
def migrate(store: str, *, plan: bool, as_json: bool) -> None:
    """Make the store's tables, or bring them up to date."""
    steps = _steps(store, check_there(store), plan=plan)
    if as_json:
        output.as_json({"steps": steps})
    else:
        click.echo("\n".join(steps) if steps else "the schema is up to date")


def _steps(store: str, path: str | None, *, plan: bool) -> list[str]:
    """The steps that were taken, or, with *plan*, that would be."""
    # Of a file they are asked for first: opening it takes them.
    lacking = [] if path is None else owner.look(path).lacking
    if plan and path is not None:
        return lacking
    with closing_store(open_store(store)) as opened:
        return drive(opened.pending()) if plan else [*lacking, *drive(opened.migrate())]
