"""A URL of PostgreSQL, and the settings of the store that stand in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import psycopg
from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import Any

# Ours; all others are libpq's, such as sslmode.
_OWN = ("pool_size", "schema", "timeout")
# Seconds: no timeout is longer.
_LONGEST = 3_600.0
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,47}")


@frozen
class Settings:
    """
    The settings of a PostgresStore.

    Attributes:
        conninfo: For libpq; it may hold a password.
        schema: The schema of the tables.
        timeout: Seconds that a call may take.
        pool_size: Connections that a process may have open at once.
    """

    conninfo: str = field(default="", repr=False)
    schema: str = "devsess"
    timeout: float = 5.0
    pool_size: int = 10

    def __attrs_post_init__(self) -> None:
        if not _SCHEMA.fullmatch(self.schema):
            raise ConfigurationError(
                "schema must be a name of small letters, digits and _, of 48 characters at most"
            )
        if not 0 < self.timeout < _LONGEST:
            raise ConfigurationError("timeout must be a number of seconds above 0, below an hour")
        if self.pool_size < 1:
            raise ConfigurationError("pool_size must be 1 or more")


def libpq_options() -> frozenset[str]:
    """The names of libpq's options, of the version that is installed."""
    return frozenset(it.keyword.decode() for it in Conninfo.get_defaults())


def read_url(url: str) -> Settings:
    """
    The settings in *url*.

    Raises:
        ConfigurationError: If one is wrong; the URL may hold a password and is not quoted.
    """
    base, _, query = url.partition("?")
    parts = [part.partition("=") for part in query.split("&") if part]
    own = {name: unquote(value) for name, _, value in parts if name in _OWN}
    rest = "&".join(f"{name}={value}" for name, _, value in parts if name not in _OWN)
    conninfo = f"{base}?{rest}" if rest else base
    try:
        conninfo_to_dict(conninfo)
    except psycopg.Error:
        raise ConfigurationError(
            "this is no URL that PostgreSQL's library reads: write postgresql://user@host/database"
        ) from None
    return Settings(conninfo, **_numbers(own))


def _numbers(own: dict[str, str]) -> dict[str, Any]:
    kinds = {"pool_size": int, "schema": str, "timeout": float}
    try:
        return {name: kinds[name](value) for name, value in own.items()}
    except ValueError:
        raise ConfigurationError("pool_size and timeout in the URL must be numbers") from None
