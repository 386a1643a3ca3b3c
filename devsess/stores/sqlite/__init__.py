"""The store in one SQLite file; begin reading at `store`."""

from devsess.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
