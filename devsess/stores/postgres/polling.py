"""
The events of all accounts, for programs that ask again and again.

Why no event is missed that is committed out of order: events are read by their transactions, and
only those of transactions that began before every one that is still running. One that commits
later has a higher number than all that were given, and is behind each position. So one long
transaction that writes holds back what came after its beginning, in any database of the server.

Writes that hold an account's lock have their transactions in the order of its history. `add_event`
and `settle` hold none: an event of theirs may change places with one that is written meanwhile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devsess.errors import ConfigurationError
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.polled import readable
from devsess.stores.postgres import rows

if TYPE_CHECKING:
    from devsess.stores.postgres.opened import Opened
    from devsess.stores.rows import EventRow

_POSITION = re.compile(r"(\d{1,19})-(\d{1,18})", re.ASCII)
# An event of before the transactions were kept has none.
_XID = "coalesce(e.xid, '0'::xid8)"
# The next transaction of this server, and the highest that an event has. Put in order, so that the
# index answers it whatever the server believes of the table.
_HIGHEST = (
    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text,"  # noqa: S608
    f" (SELECT {_XID}::text FROM {{s}}.events e ORDER BY {_XID} DESC, e.seq DESC LIMIT 1)"
)
BEHIND = (
    rows.SELECT_EVENT.replace("SELECT", f"SELECT {_XID}::text,", 1)
    + f" WHERE ({_XID}, e.seq) > (%s::text::xid8, %s)"
    + f" AND {_XID} < pg_snapshot_xmin(pg_current_snapshot())"
    + f" ORDER BY {_XID}, e.seq LIMIT %s"
)


async def poll(db: Opened, position: str | None, limit: int) -> Page[EventRow]:
    """See SupportsPolling.poll."""
    semantics.check_size(limit)
    xid, seq = _read(position)
    [[following, highest]], found = await db.ask_all(
        (_HIGHEST, ()), (BEHIND, (str(xid), seq, limit))
    )
    if int(highest or 0) >= int(following):
        raise ConfigurationError(
            "a dump of another server has brought events whose transactions are still to come"
            f' here: set xid to NULL in all of "{db.schema}".events, and begin with None'
        )
    if xid >= int(following):
        raise ValueError("this position is of another server: begin with None")
    read = [(f"{it[0]}-{it[1]}", it[2:]) for it in found]
    return Page(readable(read, rows.event_row), read[-1][0] if read else f"{xid}-{seq}")


def _read(position: str | None) -> tuple[int, int]:
    """The transaction and the number of the last event that was given."""
    if position is None:
        return 0, 0
    found = _POSITION.fullmatch(position)
    if found is None:
        raise ValueError("this position was not given out by poll")
    return int(found[1]), int(found[2])
