"""The store over an application's engine."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from devsess.errors import ConfigurationError
from devsess.stores.sqlalchemy import joined, migrating
from devsess.stores.sqlalchemy.calls import Calls
from devsess.stores.sqlalchemy.ports import Isolation, port_of
from devsess.stores.sqlalchemy.schema import tables_for

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData
    from sqlalchemy.ext.asyncio import AsyncEngine

    from devsess.stores.capabilities import Joined


class SQLAlchemyStore(Calls):
    """
    Sessions in the tables of an application's own database.

    Over an `Engine` its calls block, for SessionManager; over an `AsyncEngine` they are awaited,
    for AsyncSessionManager. PostgreSQL, MariaDB and SQLite. It makes no table by itself: let
    your migrations do it, or call `migrate`.

    Args:
        engine: The application's; it stays open when the store is closed.
        prefix: Of the names of the tables.
        schema: The schema of the database that they are in; None is the connection's own.
        metadata: Where the tables are registered, such as `Base.metadata`.
        timeout: Seconds that one attempt of a call may take.

    Attributes:
        tables: The tables.

    Raises:
        ConfigurationError: If it is no engine of SQLAlchemy's, or of another database.
    """

    def __init__(
        self,
        engine: Engine | AsyncEngine,
        *,
        prefix: str = "devsess_",
        schema: str | None = None,
        metadata: MetaData | None = None,
        timeout: float = 5.0,
    ) -> None:
        if not 0 < timeout < 3_600:
            raise ConfigurationError("timeout must be a number of seconds above 0, below an hour")
        super().__init__(tables_for(prefix, schema, metadata), port_of(engine, timeout))

    @property
    def metadata(self) -> MetaData:
        """Where the tables are registered: what a migration tool compares with the database."""
        return self.tables.metadata

    def join(self, transaction: object) -> Joined:
        """See SupportsJoining: a Session, or for an AsyncEngine an AsyncSession."""
        return joined.join(self, transaction)

    # The schema.

    async def pending(self) -> builtins.list[str]:
        """
        See Store.pending.

        Raises:
            StoreUnavailableError: If a table lacks a column, or a newer devsess made it.
        """
        lacking = await self.port.run_sync(
            lambda connection: migrating.missing(self.tables, connection)
        )
        if lacking:
            return [*(it.name for it in lacking), migrating.FIRST_ROWS]
        is_ready = await self.run(migrating.is_ready, Isolation.READ)
        return [] if is_ready else [migrating.FIRST_ROWS]

    async def migrate(self) -> builtins.list[str]:
        """Make the tables that the database lacks; their names, and the first rows."""
        made = await self.port.run_sync(lambda it: migrating.make(self.tables, it))
        if not made and await self.run(migrating.is_ready, Isolation.READ):
            return []
        await self.run(migrating.put_first_rows, Isolation.WRITE)
        return [*made, migrating.FIRST_ROWS]

    async def close(self) -> None:
        """Take no more calls; the engine stays as it is."""
        await self.port.close()
