"""`devsess stats`: sign-ins and ends a day, devices, places, lifespans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from devsess._text import clean_text
from devsess.cli import _output as output
from devsess.cli._with import json_option, with_sessions
from devsess.manager import SessionManager
from devsess.statistics import ALL_KINDS

if TYPE_CHECKING:
    from devsess.statistics import Stats, UserCount

# Rows of a table of devices, places or reasons.
MOST = 10
DAYS = ("date", "open", "signed in", "new device", "failed", "denied", "ended", "expired")
_DAY = click.DateTime(formats=["%Y-%m-%d"])
_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


@click.command()
@click.option("--since", type=_DAY, help="The first day; 30 days together if left out.")
@click.option("--until", type=_DAY, help="The last day; today if left out.")
@click.option("--tz", default="UTC", show_default=True, help="The time zone: Europe/Berlin.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the days as CSV.")
@json_option
@with_sessions
def stats(
    sessions: SessionManager,
    since: datetime | None,
    until: datetime | None,
    tz: str,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show how many people sign in, and from where."""
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    found = sessions.stats(since=_date(since), until=_date(until), tz=tz)
    if as_json:
        output.as_json(found.to_dict())
    elif as_csv:
        click.echo(found.to_csv().replace("\r\n", "\n"), nl=False)
    else:
        _show(found)


def _date(given: datetime | None) -> date | None:
    return None if given is None else given.date()


def _show(found: Stats) -> None:
    lagging = f" ({found.lagging} more have ended, and wait for a purge)" if found.lagging else ""
    click.echo(f"live sessions: {found.active}{lagging}\n")
    output.figures(DAYS, _days(found))
    devices = ((output.program(it.browser, it.os), it.kind, it.count) for it in found.devices)
    _most(("device", "kind", "sign-ins"), devices)
    places = ((it.city, it.country, it.count) for it in found.places)
    _most(("city", "country", "sign-ins"), places)
    _most(("ended by", "sessions"), found.reasons.items())
    lifespans = ((kind, _span(found.median_lifespan[kind])) for kind in _kinds(found))
    _most(("kind of device", "median lifespan"), lifespans)
    if found.mean_sessions_per_user is not None:
        users = ((_size(it), it.count) for it in found.sessions_per_user)
        _most(("open sessions", "users"), users)
        click.echo(f"{found.mean_sessions_per_user:.2f} open sessions per user who has any")


def _size(it: UserCount) -> str:
    if it.most is None:
        return f"{it.least} and more"
    return f"{it.least}" if it.least == it.most else f"{it.least} to {it.most}"


def _days(found: Stats) -> Iterable[Sequence[str]]:
    for day in found.days:
        it = day.counts
        known = (it.signed_in, it.new_devices, it.failed, it.denied, it.ended, it.expired)
        yield (day.date.isoformat(), str(day.open), *map(str, known))


def _most(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print the first rows of a table, and how many more there are; nothing where there is none."""
    found = [[_cell(it) for it in row] for row in rows]
    if not found:
        return
    click.echo()
    output.figures(headers, found[:MOST])
    if len(found) > MOST:
        click.echo(f"and {len(found) - MOST} more: --json has them all")


def _cell(value: object) -> str:
    return clean_text(str(value), 64) or "(others)"


def _kinds(found: Stats) -> list[str]:
    """All together first."""
    return sorted(found.median_lifespan, key=lambda it: (it != ALL_KINDS, it))


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "longer than is known yet"
    for name, unit in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} seconds"
