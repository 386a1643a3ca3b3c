"""Servers for all tests of a folder that asks for them."""

from servers.valkey import valkey_cluster, valkey_url

__all__ = ["valkey_cluster", "valkey_url"]
