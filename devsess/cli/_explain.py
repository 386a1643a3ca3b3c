"""`devsess explain`: every check that a validation makes of a token, with its numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import click

from devsess._text import clean_text
from devsess.cli import _output as output
from devsess.cli._store import (
    LONGEST,
    NOT_FOUND,
    USAGE,
    check_ready,
    fail,
    store_option,
)
from devsess.cli._table import width_of
from devsess.cli._with import json_option
from devsess.explanation import Outcome
from devsess.manager import SessionManager
from devsess.models import Client
from devsess.policy import DAY, MAX_SPAN, Policy
from devsess.tokens.keys import Keys, generate_secret

if TYPE_CHECKING:
    from devsess.explanation import Check, Explanation

# The application's lifetimes are not known here: those in token and row decide, and no others.
UNBOUNDED = Policy(
    access_lifetime=MAX_SPAN, idle_timeout=MAX_SPAN, absolute_lifetime=MAX_SPAN, touch_interval=DAY
)
MARKS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAILED", Outcome.NOT_REACHED: "-"}
COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.NOT_REACHED: None}


@click.command()
@click.argument("token", default="-")
@click.option(
    "--key",
    envvar="DEVSESS_SECRET",
    show_envvar=True,
    help="The application's secret, or its key as PEM; a public one will do.",
)
@click.option("--key-file", type=click.File("r"), help="The same, in a file.")
@click.option(
    "--secret-file",
    type=click.File("r"),
    help="Beside a PEM, the application's secret: to compare a device token.",
)
@click.option(
    "--device-token-file", type=click.File("r"), help="The device token that came with it."
)
@click.option("--issuer", default="devsess", show_default=True, help="As the application's.")
@click.option("--audience", default="devsess", show_default=True, help="As the application's.")
@json_option
@store_option
def explain(
    token: str,
    store: str,
    key: str | None,
    key_file: TextIO | None,
    secret_file: TextIO | None,
    device_token_file: TextIO | None,
    issuer: str,
    audience: str,
    *,
    as_json: bool,
) -> None:
    """
    Show each check that a validation makes of an access TOKEN.

    Give "-" for TOKEN, or none: it is read from standard input, where no other user of this
    machine sees it. It is never printed, and nothing is written.
    """
    given = key_file.read().strip() if key_file else key
    if not given:
        fail("give the application's key: --key-file, --key or DEVSESS_SECRET", USAGE)
    check_ready(store)
    keys = _keys(given, _text(secret_file))
    client = Client(device_token=_text(device_token_file)) if device_token_file else None
    presented = _from_stdin() if token == "-" else token  # noqa: S105 - the name of a stream
    with SessionManager(
        store, keys=keys, policy=UNBOUNDED, issuer=issuer, audience=audience
    ) as sessions:
        found = sessions.explain(presented, client)
    output.as_json(found.to_dict()) if as_json else _show(found)
    sys.exit(0 if found.is_valid else NOT_FOUND)


def _keys(given: str, secret: str | None) -> Keys:
    """The keys of the application; without its secret, no device token is genuine."""
    if not given.lstrip().startswith("-----BEGIN"):
        return Keys(given, secret=secret)
    if "PRIVATE" in given:
        return Keys(given, secret=secret or generate_secret())
    # A key that can sign must come first.
    return Keys(generate_secret(), given, secret=secret or generate_secret())


def _text(file: TextIO | None) -> str | None:
    return file.read().strip() if file else None


def _from_stdin() -> str:
    """A token; typed into a terminal, it is not echoed."""
    if sys.stdin.isatty():
        typed: str = click.prompt("token", hide_input=True, err=True)
        return typed.strip()
    return sys.stdin.read().strip()


def _show(found: Explanation) -> None:
    widest = max(width_of(it.name) for it in found.checks)
    for check in found.checks:
        _line(check, widest)
    if found.failed is None:
        output.prose("\nvalid: every check passed")
    else:
        output.prose(f"\nnot valid: {found.failed.data['error']} at {_name(found.failed)}")


def _line(check: Check, widest: int) -> None:
    """Outcome, name and sentence."""
    mark = click.style(f"{MARKS[check.outcome]:<6}", fg=COLOURS[check.outcome])
    said = clean_text(check.message, LONGEST) or "not reached"
    output.indented(f"{mark}  {_name(check):<{widest}}  ", said)


def _name(check: Check) -> str:
    return check.name.replace("_", " ")
