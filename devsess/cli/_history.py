"""`devsess history`: what happened at an account, in sentences."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from devsess._text import clean_text
from devsess.cli import _output as output
from devsess.cli._store import NOT_FOUND
from devsess.cli._table import text, wrapped
from devsess.cli._with import json_option, with_sessions
from devsess.history.entries import HistoryEntry
from devsess.manager import SessionManager

# As wide as `2026-11-26 14:03`, and a gap.
INDENT = " " * 18
# Of two sentences, the ids and an address: more than the longest cell of a table.
LONGEST = 1_000


@click.command()
@click.argument("user")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--cursor", help="Go on behind a page, as it said.")
@click.option("--all", "every_event", is_flag=True, help="Moves, renamings and the like too.")
@json_option
@with_sessions
def history(
    sessions: SessionManager,
    user: str,
    limit: int,
    cursor: str | None,
    *,
    every_event: bool,
    as_json: bool,
) -> None:
    """
    Show what happened at USER's account, newest first.

    With --json, every event as it is kept.
    """
    if as_json:
        events = sessions.history(user, limit=limit, cursor=cursor)
        output.as_json({"events": [it.to_dict() for it in events], "next": events.next})
        sys.exit(0 if events.items else NOT_FOUND)
    page = sessions.login_history(user, limit=limit, cursor=cursor, every_event=every_event)
    _show(page.items)
    if page.next:
        click.echo(f"\nolder: --cursor {page.next}")
    sys.exit(0 if page.items else NOT_FOUND)


def _show(entries: tuple[HistoryEntry, ...]) -> None:
    """Each entry: its instant and sentences, and below them the ids; in a pipe in one line."""
    if not entries:
        click.echo("no events")
        return
    width = output.terminal_width()
    if width is None:
        click.echo(f"{'when (UTC)':<{len(INDENT)}}what")
    for it in entries:
        for line in _lines(it, width):
            click.echo(line)
    if width is not None:
        click.echo(f"\nTimes are UTC; it is {text(datetime.now(UTC))}.")


def _lines(it: HistoryEntry, width: int | None) -> list[str]:
    said, ids = clean_text(it.text, LONGEST) or "", _ids(it)
    first = f"{text(it.at)}  "
    if width is None:
        return [f"{first}{said}{f' ({ids})' if ids else ''}"]
    lines = wrapped(said, max(output.LEAST, width - len(INDENT)))
    indents = [first, *[INDENT] * (len(lines) - 1)]
    return [*map("".join, zip(indents, lines, strict=True)), *_folded(ids, width)]


def _folded(ids: str, width: int) -> list[str]:
    """The line below: beside the sentences, where no id is cut, or from the edge on."""
    if not ids:
        return []
    return [f"{INDENT}{ids}"] if len(INDENT) + len(ids) <= width else ids.split(", ")


def _ids(it: HistoryEntry) -> str:
    """The session or device, and the address, to be copied."""
    event = it.event
    if event is None:
        return ""
    kind, named = ("session", event.session_id) if event.session_id else ("device", event.device_id)
    parts = (f"{kind} {named}" if named else None, event.ip)
    return text(", ".join(part for part in parts if part))
