"""What the command line prints: plain tables and JSON, safe for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from tabulate import tabulate

from devsess._text import clean_text

if TYPE_CHECKING:
    from devsess.models import Device, Event, Session

WIDEST = 200


def text(value: object) -> str:
    """*value* for a cell; control characters would move a terminal's cursor."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return clean_text(str(value), WIDEST) or "-"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print *rows* below *headers*, or say that there are none."""
    cells = [[text(value) for value in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    click.echo(tabulate(cells, headers=headers, tablefmt="simple", disable_numparse=True))


def as_json(value: Any) -> None:
    """Print *value* as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def state(session: Session) -> str:
    """One word for how a session stands."""
    if session.revoked:
        return f"ended ({session.revoke_reason})"
    return "live" if session.is_active else "expired"


def sessions(found: Sequence[Session]) -> None:
    """A table of sessions."""
    table(
        ["session", "device", "address", "place", "signed in", "last seen", "state"],
        [
            [it.id, it.device, it.ip, it.location, it.created_at, it.last_seen_at, state(it)]
            for it in found
        ],
        "no sessions",
    )


def devices(found: Sequence[Device]) -> None:
    """A table of devices."""
    table(
        ["device", "name", "kind", "first seen", "last seen", "trusted until", "blocked"],
        [
            [
                *(it.id, it.name or it.label, it.kind, it.first_seen_at, it.last_seen_at),
                *(it.trusted_until, "yes" if it.blocked else "no"),
            ]
            for it in found
        ],
        "no devices",
    )


def events(found: Iterable[Event]) -> None:
    """A table of events."""
    table(
        ["when", "what", "session", "address", "reason", "by"],
        [[it.at, it.type.value, it.session_id, it.ip, it.reason, it.actor] for it in found],
        "no events",
    )


def session_json(session: Session) -> dict[str, Any]:
    """A session's published shape, with what a script wants beside it."""
    return {**session.to_dict(), "state": state(session).partition(" ")[0]}
