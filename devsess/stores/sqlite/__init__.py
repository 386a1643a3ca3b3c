"""The store in one SQLite file; `store` is the way in, the others are what it is made of."""

from devsess.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
