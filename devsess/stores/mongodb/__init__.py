"""The store in MongoDB, for both managers."""

from devsess.stores.mongodb.store import MongoStore

__all__ = ["MongoStore"]
