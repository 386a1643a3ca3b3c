"""Servers for the stores that are compared with memory."""

from servers.mongo import isolated_mongo, mongoeco
from servers.postgres import postgres, postgres_schemas
from servers.valkey import valkey_url

__all__ = ["isolated_mongo", "mongoeco", "postgres", "postgres_schemas", "valkey_url"]
