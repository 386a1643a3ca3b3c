"""`devsess bench`: the cost of validations and writes on one's own store."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

import click
import jwt
from attrs import asdict

from devsess import __version__
from devsess.cli import _output as output
from devsess.cli._store import (
    UNAVAILABLE,
    Finite,
    check_ready,
    cleaning_up,
    closing_store,
    fail,
    store_option,
)
from devsess.errors import InvalidSessionError, LoginDeniedError
from devsess.stores.open import open_store
from devsess.tokens.keys import Keys, generate_secret

if TYPE_CHECKING:
    from devsess.tuning.suite import Figures

MEANING = (
    "Each time is that of one call in the best round; for the writes, the median. The ratio is to a"
    " bare jwt.decode of the same tokens, measured in turn: below 1, a revocable session costs less"
    " than a token that cannot be revoked."
)


@click.command()
@store_option
@click.option(
    "--key",
    envvar="DEVSESS_SECRET",
    show_envvar=True,
    help="Secret of 32 bytes or more, or a private key as PEM, to sign with; a new secret if left"
    " out.",
)
@click.option("--key-file", type=click.File("r"), help="The same, in a file.")
@click.option(
    "--seconds",
    type=Finite(min=0.1, max=600),
    default=60.0,
    show_default=True,
    help="Take no longer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(
    store: str, key: str | None, key_file: TextIO | None, seconds: float, *, as_json: bool
) -> None:
    """
    Measure the cost of sessions on the store.

    It signs in a made-up user, and erases it in the end.
    """
    from devsess.tuning.suite import measure

    given = key_file.read().strip() if key_file else key or generate_secret()
    # Everything made with the other secret is erased in the end: any will do.
    keys = Keys(given, secret=generate_secret())
    check_ready(store)
    try:
        opened = open_store(store)
        with cleaning_up(), closing_store(opened):
            found = measure(opened, keys, bare_decode(given, keys), seconds)
    except (InvalidSessionError, LoginDeniedError) as error:
        fail(
            f"somebody else ended the sessions that were measured; try again ({error})", UNAVAILABLE
        )
    alg = keys.current.alg
    output.as_json(_json(found, alg)) if as_json else _show(found, alg)


def bare_decode(given: str, keys: Keys) -> Callable[[str], object]:
    """The unit of all ratios: the check of an application whose sessions cannot be revoked."""
    key = keys.current
    verifies = given if key.public is None else jwt.PyJWK(dict(key.public)).key

    def decode(token: str) -> object:
        return jwt.decode(
            token, verifies, algorithms=[key.alg], issuer="devsess", audience="devsess"
        )

    return decode


def _show(found: Figures, alg: str) -> None:
    rows = [("a bare jwt.decode", f"{found.decode_us:.2f} µs", "1.00")]
    rows += [
        (f"validate: {name}", f"{cost:.2f} µs", f"{found.ratio[name]:.2f}")
        for name, cost in found.validate_us.items()
    ]
    rows += [
        (name, f"{cost:.2f} ms", f"{cost * 1000 / found.decode_us:.0f}")
        for name, cost in found.writes_ms.items()
    ]
    output.figures(["what", "time", "ratio"], rows)
    versions = ", ".join(f"{name} {version}" for name, version in _versions().items())
    output.prose(f"\nmark: {found.mark}; tokens: {alg}; {found.rounds} rounds; {versions}")
    output.prose(MEANING)


def _json(found: Figures, alg: str) -> dict[str, object]:
    return {**asdict(found), "ratio": found.ratio, "alg": alg, "versions": _versions()}


def _versions() -> dict[str, str]:
    return {
        "devsess": __version__,
        platform.python_implementation(): platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }
