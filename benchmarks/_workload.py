"""The workload: browsers as they are, addresses, and sessions of theirs."""

from __future__ import annotations

import platform
import secrets
import sqlite3
from importlib.metadata import version
from typing import TYPE_CHECKING

import jwt
from attrs import evolve

import devsess
from devsess import Client, SessionManager
from devsess.tuning.clients import AGENTS
from devsess.tuning.timing import Batch, each_fresh, fresh_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from devsess import Grant

SECRET = secrets.token_urlsafe(32)


def address(number: int) -> str:
    """An address of the ranges that are kept for benchmarks (RFC 2544, RFC 5180)."""
    if number % 4 == 0:
        high, low = divmod(number, 65_536)
        return f"2001:2:0:{low:x}:a8bb:ccff:fe{high % 256:02x}:{low:x}"
    return f"198.{18 + number // 65_536 % 2}.{number // 256 % 256}.{number % 256}"


def client(number: int) -> Client:
    """The client of the user with that number, before it has a device token."""
    return Client(ip=address(number), user_agent=AGENTS[number % len(AGENTS)])


def parts_of(client: Client) -> tuple[str, str]:
    """Its address and its user agent."""
    return client.ip or "", client.user_agent or ""


def signed_in(sessions: SessionManager, count: int, *, start: int = 0) -> list[Grant]:
    """*count* users' sessions."""
    return [
        sessions.login(f"user-{number:07d}", client(number))
        for number in range(start, start + count)
    ]


def opened(path: Path | str) -> SessionManager:
    """A manager as an application makes it."""
    return SessionManager(path, keys=SECRET)


def bare_decode(token: str) -> object:
    """The unit of all ratios: the check of an application whose sessions cannot be revoked."""
    return jwt.decode(token, SECRET, algorithms=["HS256"], issuer="devsess", audience="devsess")


def requests(grants: Sequence[Grant], *, start: int = 0) -> list[tuple[str, Client]]:
    """Each one's token and browser, which presents its device token; numbered from *start* on."""
    return [
        (grant.access_token, evolve(client(number), device_token=grant.device_token))
        for number, grant in enumerate(grants, start)
    ]


def keep(sessions: SessionManager, tokens: Sequence[str]) -> None:
    """Have *sessions* keep all of *tokens* in memory."""
    # The first answer from memory reads the log, and drops all that was kept before.
    for token in (tokens[0], *tokens):
        sessions.validate(token)


def repeated(validate: Callable[[str], object], tokens: Sequence[str]) -> float:
    """Validations of *tokens*, each of which has been seen before."""
    # Catches up with the commits of others since the last round, which is another figure: see
    # shared.
    validate(tokens[0])
    return each_fresh(validate, tokens, fresh_copy)


def decoding(grants: Sequence[Grant]) -> Batch:
    """Bare decodes of these sessions' tokens."""
    tokens = [grant.access_token for grant in grants]
    return lambda: each_fresh(bare_decode, tokens, fresh_copy)


def surroundings() -> dict[str, str]:
    """The versions that the figures depend on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "sqlite": sqlite3.sqlite_version,
        "pyjwt": version("pyjwt"),
        "cryptography": version("cryptography"),
        "devsess": devsess.__version__,
    }
