"""The statements of the reads: one each, so that a read is one round trip and one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.stores import semantics
from devsess.stores.postgres.rows import (
    LIVE,
    SELECT_DEVICE,
    SELECT_EVENT,
    SELECT_SESSION,
    SELECT_UNCOVERED,
    UNENDED,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.postgres.transaction import Statement

GET = f"{SELECT_SESSION} WHERE s.id = %s"
GET_MANY = f"{SELECT_SESSION} WHERE s.id = ANY(%s::text[])"
GET_UNCOVERED = f"{SELECT_UNCOVERED} WHERE s.id = %s"
LIST = f"{SELECT_SESSION} WHERE s.user_id = %s ORDER BY s.last_seen_at DESC, s.id"
_LIVE_PAGE = (
    f"{SELECT_SESSION} WHERE s.user_id = %(user)s AND {UNENDED} AND {LIVE}{{behind}}"
    " ORDER BY s.created_at DESC, s.id DESC LIMIT %(limit)s"
)
AHEAD = (
    f"{SELECT_SESSION} WHERE {UNENDED} AND s.idle_expires_at > %s"
    " ORDER BY s.idle_expires_at DESC, s.id LIMIT %s"
)
CUT_OFF = "SELECT cut_off FROM {s}.accounts WHERE user_id = %s"
NEWEST_INSTANTS = "SELECT at FROM {s}.events ORDER BY seq DESC LIMIT %s"
_NUMBER = (
    "greatest((SELECT ending_number FROM {s}.meta),"
    " (SELECT ending_number FROM {s}.accounts WHERE user_id = %(user)s),"
    " (SELECT max(ending_number) FROM {s}.erased WHERE digest = ANY(%(digests)s::bytea[])))"
)
ENDING_NUMBER = f"SELECT {_NUMBER}"
_KNOWN = f"{SELECT_DEVICE} WHERE user_id = %(user)s AND NOT forgotten"
DEVICES = f"{SELECT_DEVICE} WHERE user_id = %s AND NOT forgotten ORDER BY last_seen_at DESC, id"
# Each part has an index: a program that signs in every minute has devices by the thousand.
KNOWN_DEVICES = (
    f"SELECT {_NUMBER}, d.* FROM (VALUES (1)) AS one LEFT JOIN ("  # noqa: S608
    f"({_KNOWN} ORDER BY last_seen_at DESC, id LIMIT {semantics.DEVICES_COMPARED})"
    f" UNION ({_KNOWN} AND id = ANY(%(ids)s::text[]))"
    f" UNION ({_KNOWN} AND fingerprint = ANY(%(fingerprints)s::bytea[]))"
    ") d ON true ORDER BY d.last_seen_at DESC, d.id"
)
EVENTS = f"{SELECT_EVENT} WHERE e.user_id = %s AND e.seq < %s ORDER BY e.seq DESC LIMIT %s"
WAS_LIVE = (
    "s.idle_expires_at > n.at AND s.absolute_expires_at > n.at"
    " AND s.idle_from > n.idle_after AND s.created_at > n.created_after"
)
# The rows that an ending was the first to cover.
FIRST_COVERED = (
    "s.revoked_at IS NULL AND s.ending_number < n.number"
    " AND (n.user_id IS NULL OR n.user_id = s.user_id)"
    " AND NOT EXISTS (SELECT 1 FROM {s}.endings o WHERE o.number < n.number"
    " AND o.number > s.ending_number AND (o.user_id IS NULL OR o.user_id = s.user_id))"
)
COVERED = (
    "SELECT s.id FROM {s}.endings n JOIN {s}.sessions s"  # noqa: S608
    f" ON {FIRST_COVERED} AND {WAS_LIVE}"
    " WHERE n.number = %s AND s.id > %s ORDER BY s.id LIMIT %s"
)


def of_live(at: LivenessCutoffs) -> dict[str, object]:
    """The values of LIVE."""
    return {"now": at.now, "idle_after": at.idle_after, "created_after": at.created_after}


def live_page(
    user_id: str, cutoffs: LivenessCutoffs, limit: int, before: tuple[float, str] | None
) -> Statement:
    """The statement for live sessions older than *before*."""
    values = of_live(cutoffs) | {"user": user_id, "limit": limit}
    if before is None:
        return _LIVE_PAGE.replace("{behind}", ""), values
    values |= {"at": before[0], "id": before[1]}
    return _LIVE_PAGE.replace("{behind}", _BEHIND), values


_BEHIND = " AND (s.created_at, s.id) < (%(at)s, %(id)s)"


def is_id(*ids: str) -> bool:
    """Whether PostgreSQL can keep *ids* at all: if not, they are as unknown."""
    return all(_is_text(it) for it in ids)


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def known(ids: Sequence[str]) -> list[str]:
    """Those of *ids* that can be kept."""
    return [it for it in ids if _is_text(it)]
