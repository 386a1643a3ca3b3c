"""What the command line prints: lists, facts and JSON, safe for a terminal."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from tabulate import tabulate

from devsess.cli._table import Column, Table, text, width_of

if TYPE_CHECKING:
    from devsess.models import Device, Event, Session

SESSIONS = (
    Column("session"),
    Column("device", least=16),
    Column("address", least=12, rank=2),
    Column("place", least=8, rank=4),
    Column("since", rank=3),
    Column("last seen", rank=1),
    Column("state", least=13),
)
DEVICES = (
    Column("device"),
    Column("name", least=16),
    Column("kind", rank=3),
    Column("first seen", rank=4),
    Column("last seen", rank=2),
    Column("trust ends", rank=1),
    Column("state"),
)
EVENTS = (
    Column("when"),
    Column("what"),
    Column("session or device"),
    Column("address", least=12, rank=3),
    Column("reason", least=8, rank=1),
    Column("by", least=6, rank=2),
)


def reconfigure() -> None:
    """Print what this terminal has no letters for as `?`, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def as_json(value: Any) -> None:
    """Print *value* as JSON; escaped where the output is not in UTF-8."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    click.echo(json.dumps(value, indent=2, ensure_ascii=encoding != "utf8"))


def figures(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of measurements."""
    click.echo(tabulate([*rows], headers=headers, tablefmt="simple", disable_numparse=True))


def listing(columns: Sequence[Column], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print *rows*, or say that there are none."""
    if not rows:
        click.echo(empty)
        return
    table, now = Table.of(columns, rows), datetime.now(UTC)
    if sys.stdout.isatty():
        click.echo("\n".join(table.lines(shutil.get_terminal_size().columns, now)))
        if table.has_instants():
            click.echo(f"\nTimes are UTC; it is {text(now)}.")
    else:
        click.echo("\n".join(table.saying_utc().lines(None, now)))


def prose(said: str) -> None:
    """Print sentences, broken where the terminal ends."""
    if sys.stdout.isatty():
        ends = [said[: len(said) - len(said.lstrip("\n"))], said[len(said.rstrip("\n")) :]]
        width = shutil.get_terminal_size().columns
        said = click.wrap_text(said.strip("\n"), width).join(ends)
    click.echo(said)


def facts(known: Mapping[str, object]) -> None:
    """Print what is known of one thing, a line each."""
    said = {name: text(value) for name, value in known.items() if value not in (None, "")}
    widest = max(map(width_of, said))
    for name, value in said.items():
        click.echo(f"{name:<{widest}}  {value}")


def state(session: Session) -> str:
    """One word for how a session stands."""
    if session.revoked:
        return f"ended ({session.revoke_reason})"
    return "live" if session.is_active else "expired"


def what(event: Event) -> str:
    """A few words for what happened; JSON has the event's own name."""
    return event.type.name.lower().replace("_", " ").removeprefix("session ")


def sessions(found: Sequence[Session]) -> None:
    """A table of sessions."""
    rows = [
        [it.id, it.device, it.ip, it.location, it.created_at, it.last_seen_at, state(it)]
        for it in found
    ]
    listing(SESSIONS, rows, "no sessions")


def devices(found: Sequence[Device]) -> None:
    """A table of devices."""
    rows = [
        [
            *(it.id, it, it.kind, it.first_seen_at, it.last_seen_at, it.trusted_until),
            "blocked" if it.blocked else None,
        ]
        for it in found
    ]
    listing(DEVICES, rows, "no devices")


def events(found: Iterable[Event]) -> None:
    """A table of events."""
    rows = [
        [it.at, what(it), it.session_id or it.device_id, it.ip, it.reason, it.actor] for it in found
    ]
    listing(EVENTS, rows, "no events")


def session_json(session: Session) -> dict[str, Any]:
    """A session's published shape, with what a script wants beside it."""
    return {**session.to_dict(), "state": state(session).partition(" ")[0]}
