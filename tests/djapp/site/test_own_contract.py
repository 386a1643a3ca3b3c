"""The contract of stores, over a project's own connections."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from unittest import TestCase
from unittest.mock import patch

from django.db import connections

from devsess._runtime.drive import drive
from devsess.django.own_store import OwnStore
from devsess.stores import semantics
from devsess.testing import CopyContract, SearchContract, StoreContract, contract_log


class Opened(OwnStore):
    """A store that serves the next test too: each new one would compile all its statements."""

    async def close(self) -> None: ...

    def empty(self) -> None:
        """Make it new."""
        with self.wrapper.cursor() as cursor:
            for table in self.tables.all:
                cursor.execute(f"DELETE FROM {table.name}")
        self.is_ready = self.apart.is_ready = False


def opened(alias: str) -> Opened:
    """The store in a database of the project's kind that has nothing else in it."""
    own = connections["default"]
    given = {**own.settings_dict, "NAME": ":memory:"}
    if own.vendor == "postgresql":
        with own.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {alias}")
        options = {**given["OPTIONS"], "options": f"-c search_path={alias}"}
        given |= {"NAME": own.settings_dict["NAME"], "OPTIONS": options}
    connections.settings[alias] = given
    store = Opened(alias)
    drive(store.migrate())
    return store


class OverConnections(TestCase):
    """Each store has a database, which is emptied before the test."""

    stores: tuple[Opened, ...]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # On an event loop Django would refuse each call, and no call of this store waits.
        cls.enterClassContext(patch.object(asyncio, "run", drive))
        cls.stores = (opened("contract"), opened("other"))

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        for store in cls.stores:
            store.wrapper.close()

    def setUp(self) -> None:
        self.free = [*self.stores]
        if "SHOP_THOROUGH" not in os.environ:  # to fill a store's log takes seconds
            self.enterContext(patch.object(semantics, "LOG_KEPT", 100))
            self.enterContext(patch.object(contract_log, "MANY", 101))

    def make_store(self) -> Any:
        store = self.free.pop(0)
        store.empty()
        return store


class ContractTests(OverConnections, StoreContract):
    """The contract of every store."""


class CapabilityTests(OverConnections, CopyContract, SearchContract):
    """And those of what this one can do beside."""
