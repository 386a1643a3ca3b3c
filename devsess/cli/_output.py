"""The output of the command line: lists, facts and JSON, safe for a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from tabulate import tabulate

from devsess._client import UNKNOWN
from devsess.cli._table import Column, Table, text, width_of, wrapped
from devsess.history.sentences import proof
from devsess.history.words import provider_name
from devsess.models import iso

if TYPE_CHECKING:
    from devsess.models import Device, Event, Location, Session

# Columns of a sentence in a terminal that is too narrow for it.
LEAST = 20
SESSIONS = (
    Column("session"),
    Column("device", least=16),
    Column("address", least=12, rank=2),
    Column("place", least=8, rank=4),
    Column("since", rank=3),
    Column("signed in", least=12, rank=5),
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


class Unfailing:
    """
    A stream that drops what it cannot write: the disk is full, or the reader has gone.

    Args:
        stream: Has all else.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """See TextIO."""
        try:
            self._stream.write(text)
        except OSError:
            lead_nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        """See TextIO."""
        try:
            self._stream.flush()
        except OSError:
            lead_nowhere(self._stream)


def lead_nowhere(stream: TextIO) -> None:
    """Drop what *stream* still holds: to write it as the interpreter ends would fail again."""
    with suppress(OSError, ValueError):  # one that has no file, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def reconfigure() -> None:
    """
    Print characters that the output's encoding lacks as `?`, instead of failing.

    A stream that the caller has closed is as an empty one.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
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


def listing(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    empty: str,
    *,
    says_utc: bool = True,
    err: bool = False,
) -> None:
    """Print *rows*, or say that there are none; once, that times are UTC."""
    if not rows:
        click.echo(empty, err=err)
        return
    table, now, width = Table.of(columns, rows), datetime.now(UTC), terminal_width()
    says_utc = says_utc and table.has_instants()
    if width is None and says_utc:
        table = table.saying_utc()
    click.echo("\n".join(table.lines(width, now)), err=err)
    if width is not None and says_utc:
        click.echo(f"\nTimes are UTC; it is {text(now)}.", err=err)


def terminal_width() -> int | None:
    """The columns of the terminal; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def prose(said: str) -> None:
    """Print sentences, broken where the terminal ends."""
    width = terminal_width()
    if width is not None:
        ends = [said[: len(said) - len(said.lstrip("\n"))], said[len(said.rstrip("\n")) :]]
        said = click.wrap_text(said.strip("\n"), width).join(ends)
    click.echo(said)


def indented(head: str, said: str) -> None:
    """Print *said* behind *head*; what is too long for the terminal goes on below, as far in."""
    width, indent = terminal_width(), width_of(click.unstyle(head))
    lines = [said] if width is None else wrapped(said, max(LEAST, width - indent))
    for line in lines:
        click.echo(f"{head}{line}")
        head = " " * indent


def facts(known: Mapping[str, object]) -> None:
    """Print the facts about one thing, a line each."""
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
    """A few words for an event; JSON has its own name."""
    return event.type.name.lower().replace("_", " ").removeprefix("session ")


def network(location: Location | None) -> str:
    """The number and name of a network, and whether it is known for hosting."""
    if location is None:
        return ""
    number = None if location.asn is None else f"AS{location.asn}"
    parts = (number, location.organisation, "(hosting)" if location.is_hosting else None)
    return " ".join(part for part in parts if part)


def sessions(found: Sequence[Session]) -> None:
    """A table of sessions."""
    listing(SESSIONS, [[it.id, *_cells(it)] for it in found], "no sessions")


def found(columns: Sequence[Column], sessions: Sequence[Session], *, err: bool = False) -> None:
    """A table of sessions of several users."""
    rows = [[it.id, it.user_id, *_cells(it)] for it in sessions]
    listing(columns, rows, "no sessions", err=err)


def _cells(it: Session) -> tuple[object, ...]:
    """The cells of a session in a table, behind its id."""
    how, state_of = proof(it.amr, it.provider), state(it)
    return (it.device, it.ip, it.location, it.created_at, how, it.last_seen_at, state_of)


def program(browser: str, system: str) -> str:
    """Browser and system in one, of which an unknown one says nothing."""
    return " on ".join(it for it in (browser, system) if it and it != UNKNOWN) or browser


def session(it: Session) -> None:
    """All facts about one session, but for its events."""
    device = it.device
    facts(
        {
            "session": it.id,
            "user": it.user_id,
            "state": state(it),
            "ended": it.revoked_at,
            "device": device,
            "device id": device.id,
            "kind": f"{device.kind}, {program(device.browser, device.os)}",
            "trust ends": device.trusted_until,
            "blocked": "yes" if device.blocked else None,
            "address": it.ip,
            "place": str(it.location or ""),
            "network": network(it.location),
            "user agent": it.user_agent,
            "signed in": it.created_at,
            "last seen": it.last_seen_at,
            "expires": it.expires_at,
            "at the latest": it.absolute_expires_at,
            "authenticated": it.auth_time,
            "by": ", ".join(it.amr),
            "through": provider_name(it.provider) if it.provider else None,
            "level": it.acr,
            "levels": ", ".join(f"{acr} {text(at)}" for acr, at in it.levels.items()),
            "persistent": "yes" if it.persistent else "no",
            "claims": json.dumps(it.claims, ensure_ascii=False) if it.claims else None,
            "times": f"UTC; it is {text(datetime.now(UTC))}",
        }
    )


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


def events(found: Iterable[Event], *, says_utc: bool = True) -> None:
    """A table of events."""
    rows = [
        [it.at, what(it), it.session_id or it.device_id, it.ip, it.reason, it.actor] for it in found
    ]
    listing(EVENTS, rows, "no events", says_utc=says_utc)


def session_facts(it: Session) -> dict[str, Any]:
    """All that `session` prints, as JSON types."""
    return {
        **session_json(it),
        "absoluteExpiresAt": iso(it.absolute_expires_at),
        "levels": {acr: iso(at) for acr, at in it.levels.items()},
        "revokedAt": iso(it.revoked_at),
        "revokeReason": it.revoke_reason,
        "claims": it.claims,
    }


def session_json(it: Session) -> dict[str, Any]:
    """A session's published shape and its state; in a shell none is the caller's own."""
    shape = {name: value for name, value in it.to_dict().items() if name != "current"}
    return {**shape, "state": state(it).partition(" ")[0]}
