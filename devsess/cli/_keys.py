"""`devsess keys`: make keys, and show the public ones."""

from __future__ import annotations

from typing import Any, Literal

import click

from devsess.cli import _output as output
from devsess.cli._store import USAGE, fail
from devsess.cli._with import json_only, json_option
from devsess.errors import ConfigurationError
from devsess.tokens.keys import Keys, generate_pem, generate_secret


@click.group()
def keys() -> None:
    """Make keys, and show the public ones."""


@keys.command("new")
@click.option(
    "--alg",
    type=click.Choice(["HS256", "EdDSA", "ES256"]),
    default="HS256",
    show_default=True,
    help="HS256 is a secret; the others are private keys in PEM.",
)
@json_option
def new_key(alg: Literal["HS256", "EdDSA", "ES256"], *, as_json: bool) -> None:
    """Print a new key. Keep it where you keep your secrets."""
    key = generate_secret() if alg == "HS256" else generate_pem(alg)
    output.as_json({"alg": alg, "key": key}) if as_json else click.echo(key.rstrip())


@keys.command()
@click.argument("key_file", type=click.File("r"), default="-")
@json_only
def jwks(key_file: Any) -> None:
    """
    Print the JWK set of a private or public key.

    It is read from KEY_FILE, or from standard input.
    """
    try:
        # The set says nothing of the secret, which the others need: any will do.
        shown = Keys(generate_secret(), key_file.read().strip(), secret=generate_secret()).jwks()
    except ConfigurationError as error:
        fail(str(error), USAGE)
    output.as_json(shown)
