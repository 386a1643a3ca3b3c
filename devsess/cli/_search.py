"""`devsess search`, and `revoke` by the same options: sessions of all accounts, found and ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import click

from devsess.cli import _output as output
from devsess.cli._store import NOT_FOUND
from devsess.cli._table import Column
from devsess.cli._with import json_option, with_sessions
from devsess.manager import SessionManager
from devsess.stores.searching import MOST

# Sessions that a question shows, and those that end between two looks at the rest.
SHOWN, BATCH = 5, 100
FOUND = (output.SESSIONS[0], Column("user", least=8), *output.SESSIONS[1:])
_INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])

F = TypeVar("F", bound=Callable[..., Any])


def filter_options(command: F) -> F:
    """The options that say which sessions: *command* has those that were given as `wanted`."""

    @click.option("--user", "user_id", help="Of this user.")
    @click.option("--ip", help="An address, or a network: 102.89.77.0/24, 2001:db8:1::/48.")
    @click.option("--device", "device_id", help="Of the device with this id.")
    @click.option(
        "--since", type=_INSTANT, help="Begun on this day or at this minute, or later; in UTC."
    )
    @click.option("--until", type=_INSTANT, help="Begun before; in UTC.")
    @wraps(command)
    def with_filter(
        user_id: str | None,
        ip: str | None,
        device_id: str | None,
        since: datetime | None,
        until: datetime | None,
        **options: Any,
    ) -> None:
        given: dict[str, object] = {"user_id": user_id, "ip": ip, "device_id": device_id}
        given |= {"since": since and since.replace(tzinfo=UTC)}
        given |= {"until": until and until.replace(tzinfo=UTC)}
        command(wanted={name: it for name, it in given.items() if it is not None}, **options)

    return with_filter  # type: ignore[return-value]


@click.command()
@filter_options
@click.option("--state", type=click.Choice(["live", "ended"]), help="Both if left out.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--cursor", help="Go on behind a page, as it said.")
@json_option
@with_sessions
def search(
    sessions: SessionManager,
    wanted: Mapping[str, Any],
    state: Any,
    limit: int,
    cursor: str | None,
    *,
    as_json: bool,
) -> None:
    """
    Find sessions of all users, the newest sign-in first.

    A page may be short, or empty, and still say how to go on.
    """
    page = sessions.search(**wanted, state=state, limit=limit, cursor=cursor)
    if as_json:
        found = [output.session_json(it) for it in page]
        output.as_json({"sessions": found, "next": page.next})
    else:
        output.found(FOUND, page.items)
        if page.next:
            click.echo(f"\nmore: --cursor {page.next}")
    sys.exit(0 if page.items or page.next else NOT_FOUND)


def revoke_found(
    sessions: SessionManager,
    wanted: Mapping[str, Any],
    reason: str,
    actor: str,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """End the live sessions that are *wanted*, after a look at them and a number to type."""
    now = datetime.now(UTC)
    if not yes:
        _ask(sessions, wanted)
    ended, cursor, is_over = 0, None, False
    while not is_over:
        batch = sessions.revoke_found(
            **wanted, before=now, reason=reason, actor=actor, limit=BATCH, cursor=cursor
        )
        ended, cursor, is_over = ended + len(batch), batch.next, batch.next is None
    output.as_json({"count": ended}) if as_json else click.echo(f"{ended} ended")
    sys.exit(0 if ended else NOT_FOUND)


def _ask(sessions: SessionManager, wanted: Mapping[str, Any]) -> None:
    """Show some of those that would end; exit unless their number is typed."""
    count = sessions.count(**wanted, state="live")
    if count == 0:
        return
    number = str(count) if count <= MOST else f"{MOST}+"
    some = sessions.search(**wanted, state="live", limit=SHOWN).items
    output.found(FOUND, some, err=True)
    typed = click.prompt(f"\nType {number} to end these {number} sessions", err=True)
    if typed.strip() != number:
        click.echo("nothing was ended", err=True)
        sys.exit(NOT_FOUND)
