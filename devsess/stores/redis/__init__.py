"""Sessions in Redis or Valkey: one server, one behind Sentinel, or a cluster."""

from devsess.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
