"""Servers for all tests of a folder that asks for them."""

from servers.mongo import isolated_mongo, mongo, mongoeco
from servers.postgres import postgres, postgres_schemas
from servers.valkey import valkey_cluster, valkey_url

__all__ = [
    "isolated_mongo",
    "mongo",
    "mongoeco",
    "postgres",
    "postgres_schemas",
    "valkey_cluster",
    "valkey_url",
]
