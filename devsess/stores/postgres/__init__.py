"""The store in PostgreSQL."""

from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection
from devsess.stores.postgres.store import PostgresStore

__all__ = ["LimitedAsyncConnection", "LimitedConnection", "PostgresStore"]
