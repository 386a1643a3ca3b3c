"""The tables, in a MetaData that migration tools compare with a database."""

from __future__ import annotations

import re

from attrs import fields, frozen
from sqlalchemy import Index, MetaData, Table

from devsess.errors import ConfigurationError
from devsess.stores.sqlalchemy import columns
from devsess.stores.sqlalchemy.columns import Items

# Written into the database: an older devsess refuses what a newer one made.
VERSION = 1
# Accounts share so many locks: a row of its own each would outlive the account.
SLOTS = 64
# Rows of `counters`.
DRAWN, LOG, FLOOR = "drawn", "log", "floor"

_SHORT = re.compile(r"[a-z_][a-z0-9_]{0,31}|", re.ASCII)


@frozen
class Tables:
    """
    The tables of one store.

    Attributes:
        metadata: Where they are registered.
        meta: One row: the database's id, the store's ending number and cut-off.
        counters: The highest ending number drawn, and the ends of the log.
        locks: A row for each share of the accounts.
        others: The rows of `devsess.stores.rows`, endings whose rows follow, and the log.
    """

    metadata: MetaData
    meta: Table
    counters: Table
    locks: Table
    accounts: Table
    devices: Table
    sessions: Table
    events: Table
    endings: Table
    erased: Table
    items: Table
    log: Table

    @property
    def all(self) -> tuple[Table, ...]:
        """All of them."""
        small = (self.meta, self.counters, self.locks, self.accounts, self.endings, self.erased)
        return (*small, self.devices, self.sessions, self.events, self.items, self.log)


def tables_for(
    prefix: str = "devsess_", schema: str | None = None, metadata: MetaData | None = None
) -> Tables:
    """
    The tables of a store with this *prefix* and *schema*.

    Args:
        prefix: Of the names of tables and indexes: small letters, digits and `_`, at most 32.
        schema: The schema of the database that they are in; None is the connection's own.
        metadata: Where they are registered, such as an application's `Base.metadata`, so that its
            migrations make them; a new one if left out. To ask again gives the same tables.

    Raises:
        ConfigurationError: If *prefix* is no such text.
    """
    if not _SHORT.fullmatch(prefix):
        raise ConfigurationError(
            "prefix must be small letters, digits and _, 32 at most, and begin with no digit"
        )
    known = metadata if metadata is not None else MetaData()

    def table(name: str) -> Table:
        full = f"{prefix}{name}"
        there = known.tables.get(full if schema is None else f"{schema}.{full}")
        if there is not None:
            return there
        parts: Items = getattr(columns, name)(index)
        return Table(full, known, *parts, schema=schema)

    def index(name: str, *of: str) -> Index:
        return Index(f"{prefix}{name}", *of)

    return Tables(
        known, **{it.name: table(it.name) for it in fields(Tables) if it.name != "metadata"}
    )
