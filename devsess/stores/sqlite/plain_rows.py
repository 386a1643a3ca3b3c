"""
Between the columns of a session and its PlainRow.

The first sight of each token passes here, so no more is read than it needs, and little is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess._later import unfrozen
from devsess.stores.interning import intern
from devsess.stores.plain_rows import SHOWN, PlainRow
from devsess.stores.sqlite.damage import Shape, check_object, damaged_if_unreadable, names
from devsess.stores.sqlite.one_row import select_one
from devsess.stores.sqlite.rows import (
    DEVICE_ID,
    ELSEWHERE,
    UNENDED,
    WHOLE,
    Values,
    levels_of,
    location_of,
)

if TYPE_CHECKING:
    from devsess.stores.plain_rows import Shown

_SESSION = (
    *("id", "user_id", "ip", "acr", "score", "generation", "previous_generation"),
    *("created_at", "last_seen_at", "idle_from", "idle_expires_at", "absolute_expires_at"),
    *("auth_time", "step_up_after"),
    *("claims", "agent_id", "location", "amr", "levels"),
    *("persistent", "bound", "presented", "impersonator"),
    "ending_number",  # UNENDED compares it: one that is no number would be above any ending's
)
_SHAPE = Shape((*_SESSION, *SHOWN))
GET_PLAIN = select_one(
    ", ".join(
        [ELSEWHERE.get(it, f"s.{it}") for it in _SESSION]
        + [DEVICE_ID, *(f"d.{it}" for it in SHOWN[1:])]
    ),
    f"{WHOLE} WHERE s.id = ? AND {UNENDED}",
)
_blank = unfrozen(PlainRow)


@damaged_if_unreadable
def plain_row(values: Values) -> PlainRow:
    """A session from a row of GET_PLAIN."""
    _SHAPE.check(values)
    row = _blank()
    row.id, row.user_id, row.ip, row.acr, row.score = values[:5]
    row.generation, row.previous_generation, row.created_at, row.last_seen_at = values[5:9]
    row.idle_from, row.idle_expires_at, row.absolute_expires_at = values[9:12]
    row.auth_time, row.step_up_after, row.claims, agent, location = values[12:17]
    amr, levels, persistent, bound, presented, impersonator, _ = values[17:24]
    if row.claims != "{}":
        check_object(row.claims)
    row.user_agent = None if agent is None else intern(agent)
    row.location = None if location is None else location_of(location)
    row.amr = names(amr)
    row.levels = () if levels == "[]" else levels_of(levels)
    row.persistent, row.bound, row.presented = persistent == 1, bound == 1, presented == 1
    row.is_impersonation = impersonator is not None
    row.device = _device(values[24:])
    row.revoked_at = row.whole = None
    row.__class__ = PlainRow
    made: PlainRow = row
    return made


def _device(values: Values) -> Shown:
    id_, label, kind, os, browser, *instants = values[:8]
    blocked, name, resembles = values[8:]
    # Sessions by the thousand share these few; a cached one must not have its own copies.
    shared = (intern(label), intern(kind), intern(os), intern(browser))
    return (id_, *shared, *instants, blocked == 1, name, resembles)
