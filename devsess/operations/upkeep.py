"""Clean a store, and bring its schema up to date."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING

from devsess import lifecycle, skew
from devsess.operations._checks import checked_count
from devsess.operations.common import set_back
from devsess.stores.calls import Retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.operations.operation import Operation
    from devsess.policy import Policy

BATCH = 500


async def purge(
    op: Operation,
    *,
    limit: int | None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """
    Delete the rows past their retention, in batches of 500; returns how many.

    After each batch *progress* is called with its rows, and others may write.

    A clock that has not been set deletes nothing. A clock that the history disputes sets
    nothing back and dates no ending: by it, all sessions would have ended long ago, and the
    next purge would delete them.

    Raises:
        TypeError, ValueError: If *limit* is not 1 or more.
    """
    if limit is not None:
        checked_count(limit, "limit")
    if skew.is_unset(op.now):
        return 0
    is_believed = await _is_believed(op)
    if is_believed:
        await _set_back(op)
    retention = _retention(op.now, op.policy, skew.latest(op.now) if is_believed else math.inf)
    done = 0
    while limit is None or done < limit:
        batch = BATCH if limit is None else min(BATCH, limit - done)
        deleted = await op.store.purge(retention, limit=batch)
        if deleted == 0:
            break
        done += deleted
        if progress is not None:
            progress(deleted)
        await op.pause()
    return done


async def _is_believed(op: Operation) -> bool:
    """Whether the newest events of the history do not dispute this clock; logged if they do."""
    by = skew.disputed_by(await op.store.newest_instants(limit=skew.NEWEST), op.now)
    if by:
        op.corrections.dispute(by)
    return not by


def _retention(now: float, policy: Policy, latest: float) -> Retention:
    return Retention(
        now=now,
        latest=latest,
        before=lifecycle.purge_before(now, policy),
        devices_before=lifecycle.purge_devices_before(now, policy),
        agents_before=lifecycle.purge_agents_before(now, policy),
    )


async def _set_back(op: Operation) -> None:
    """Set back the sessions that a clock that was ahead has dated to live too long."""
    after = skew.latest_deadline(op.now, op.policy)
    found = True
    while found:  # the farthest come first; a longer policy of before may have left right ones
        found = False
        for row in await op.store.ahead(after=after, limit=BATCH):
            found |= skew.was_ahead(row, op.now) and await set_back(op, row)


async def migrate(op: Operation) -> builtins.list[str]:
    """Bring the store's schema up to date; the names of the steps taken."""
    return await op.store.migrate()
