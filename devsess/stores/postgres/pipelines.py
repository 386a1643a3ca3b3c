"""
Statements that are sent together, and of whose errors the first is raised.

psycopg sends a synchronisation at the end of a pipeline. Where a statement has failed since the
connection is lost, that fails too, and psycopg logs it as a warning: where an application has
set up no logging, on standard error. So here the end is reached without an error under way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection


@contextmanager
def pipeline(connection: LimitedConnection) -> Iterator[None]:
    """See psycopg.Connection.pipeline; an error at the end is the cause of the first."""
    failed: BaseException | None = None
    try:
        with connection.pipeline():
            try:
                yield
            except BaseException as error:  # noqa: BLE001 - raised below
                failed = error
        if failed is not None:
            raise failed
    except psycopg.Error as last:
        if failed is None or failed is last:
            raise
        raise failed from last
    finally:
        failed = None  # its traceback has this frame: the two would keep each other


@asynccontextmanager
async def pipeline_awaited(connection: LimitedAsyncConnection) -> AsyncIterator[None]:
    """`pipeline`, awaited."""
    failed: BaseException | None = None
    try:
        async with connection.pipeline():
            try:
                yield
            except BaseException as error:  # noqa: BLE001 - raised below
                failed = error
        if failed is not None:
            raise failed
    except psycopg.Error as last:
        if failed is None or failed is last:
            raise
        raise failed from last
    finally:
        failed = None  # its traceback has this frame: the two would keep each other
