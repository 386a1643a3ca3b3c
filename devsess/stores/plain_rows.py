"""
A session as `validate` looks at it, and no more.

Most validations that read a row are answered from this one: the session is live, on its own device,
and there is nothing to write. For all others the row is needed whole.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from attrs import field, fields, frozen

from devsess.stores.rows import ActivityRow, SessionRow

if TYPE_CHECKING:
    from devsess.models import Kind, Location
    from devsess.stores.rows import DeviceRow, Levels

# The values of a device that a Session shows, in the order of `models.Device`.
Shown: TypeAlias = (
    "tuple[str, str, Kind, str, str, float, float, float | None, bool, str | None, str | None]"
)
# Their names.
SHOWN = (
    *("id", "label", "kind", "os", "browser", "first_seen_at", "last_seen_at"),
    *("trusted_until", "blocked", "name", "resembles"),
)


# Without a slot for weak references: Python 3.11 lays one out otherwise in an `unfrozen` twin.
@frozen(weakref_slot=False)
class PlainRow:
    """
    What is judged of a session, and what of it is shown.

    Attributes:
        device: Its device as shown; the first value is its id.
        is_impersonation: Whether another user acts in it.
        whole: The row itself, where it was read as a whole.
        Others as in SessionRow.
    """

    id: str
    user_id: str
    ip: str | None
    user_agent: str | None
    location: Location | None
    created_at: float
    last_seen_at: float
    idle_from: float
    idle_expires_at: float
    absolute_expires_at: float
    auth_time: int
    amr: tuple[str, ...]
    acr: str | None
    persistent: bool
    claims: str
    generation: int
    bound: bool
    revoked_at: float | None
    previous_generation: int | None
    presented: bool
    levels: Levels
    step_up_after: int | None
    score: int | None
    is_impersonation: bool
    device: Shown
    whole: SessionRow | None = field(default=None, repr=False, eq=False)


_SAME = attrgetter(*(it.name for it in fields(PlainRow)[:-3]))
_SHOWN: Callable[[DeviceRow], Shown] = attrgetter(*SHOWN)


def shown(row: DeviceRow) -> Shown:
    """The values of a device that are shown."""
    return _SHOWN(row)


def plain_row_of(row: SessionRow) -> PlainRow:
    """*row*, for a store that reads no others."""
    others = row.impersonator is not None, shown(row.device), row
    values: tuple[Any, ...] = (*_SAME(row), *others)
    return PlainRow(*values)


# All of them have what a touch or a rotation changes.
AnyRow: TypeAlias = SessionRow | PlainRow | ActivityRow


class SupportsPlainRows(Protocol):
    """A blocking store that reads of a session no more than most validations look at."""

    def plain_row(self, session_id: str, *, wait: bool = True) -> PlainRow | None:
        """
        As `get`, of a session that has not ended, and cheaper; None for any other.

        StoreBusyError where it would have to *wait*, and may not.
        """
        ...
