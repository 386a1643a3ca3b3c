"""The store in this process's memory, the reference for every other."""

from devsess.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
