"""Sessions in an application's own database, through its SQLAlchemy engine."""

from devsess.stores.sqlalchemy.schema import Tables, tables_for
from devsess.stores.sqlalchemy.store import SQLAlchemyStore

__all__ = ["SQLAlchemyStore", "Tables", "tables_for"]
