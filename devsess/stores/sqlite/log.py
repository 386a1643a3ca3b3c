"""Appending to the tables `changes` and `events`: the change log and the history."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from devsess.lifecycle import AGENTS_SEEN_EVERY
from devsess.models import EventType
from devsess.stores import semantics
from devsess.stores.counting import Counts
from devsess.stores.sqlite import rows, statistics
from devsess.stores.sqlite.schema import new_tag

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from devsess.stores.rows import EventRow

# The numbers of user agents that are known already.
Agents: TypeAlias = Mapping[str | None, int | None]
_NO_AGENTS: Agents = MappingProxyType({})

_ALIKE = (
    "SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_session"
    " WHERE session_id = ? AND type = ? LIMIT ?)"
)
_ALIKE_ALONE = (
    "SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_sessionless"
    " WHERE user_id = ? AND type = ? AND session_id IS NULL LIMIT ?)"
)
_ONCE = frozenset({EventType.SESSION_CREATED, EventType.NEW_DEVICE, EventType.SESSION_REVOKED})


def append_changes(db: sqlite3.Cursor, session_ids: Sequence[str | None]) -> None:
    """Append to the log; None stands for all sessions."""
    tag = new_tag()
    db.executemany(
        "INSERT INTO changes (session_id, tag) VALUES (?, ?)", [(it, tag) for it in session_ids]
    )


def insert_events(db: sqlite3.Cursor, *events: EventRow) -> None:
    """Insert events in this order, up to the limit for each type and session, or account."""
    counts = Counts()
    insert_counted(db, counts, *events)
    statistics.add(db, counts)


def insert_counted(
    db: sqlite3.Cursor, counts: Counts, *events: EventRow, agents: Agents = _NO_AGENTS
) -> None:
    """As `insert_events`, in *counts*, which are still to be added; *agents* are known numbers."""
    for event in events:
        if not is_full(db, event):
            write_event(db, counts, event, agents)


def write_event(
    db: sqlite3.Cursor, counts: Counts, event: EventRow, agents: Agents = _NO_AGENTS
) -> None:
    """Insert an event, for which the history has room, in *counts* too."""
    agent = agents.get(event.user_agent) or agent_number(db, event.user_agent, event.at)
    db.execute(rows.INSERT_EVENT, rows.event_values(event, agent))
    counts.happened(event)


def keep_last_event(db: sqlite3.Cursor) -> None:
    """Note the place of the newest event, before events are deleted: no other is given it."""
    db.execute(
        f"UPDATE meta SET last_event = ({rows.LAST_EVENT}) WHERE last_event < ({rows.LAST_EVENT})"  # noqa: S608
    )


def is_full(db: sqlite3.Cursor, event: EventRow) -> bool:
    """Whether the history keeps as many events of this type and session, or account, as it may."""
    # Each part has an index; each session begins and ends but once.
    if event.session_id is None:
        statement, whose = _ALIKE_ALONE, event.user_id
    elif event.type in _ONCE:
        return False
    else:
        statement, whose = _ALIKE, event.session_id
    [[found]] = db.execute(statement, (whose, event.type.value, semantics.EVENTS_EACH)).fetchall()
    return bool(found == semantics.EVENTS_EACH)


def agent_number(db: sqlite3.Cursor, user_agent: str | None, at: float) -> int | None:
    """The number of a user agent; that it was seen is written down once a day."""
    if user_agent is None:
        return None
    found = db.execute("SELECT id, seen_at FROM agents WHERE user_agent = ?", [user_agent])
    for known, seen_at in found.fetchall():
        if seen_at + AGENTS_SEEN_EVERY < at:
            db.execute("UPDATE agents SET seen_at = ? WHERE id = ?", [at, known])
        return int(known)
    db.execute("INSERT INTO agents (user_agent, seen_at) VALUES (?, ?)", [user_agent, at])
    return db.lastrowid
