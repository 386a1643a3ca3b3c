"""Where the open sessions of an account are, in memory; the store's lock guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from devsess.stores.rows import SessionRow


@define
class OpenSessions:
    """
    Ids of sessions that are not written as ended, by account and device.

    An id is added before its session is written, and dropped after that has ended: what an
    interrupt leaves here names too many, never too few.
    """

    _ids: dict[str, dict[str, dict[str, None]]] = field(factory=dict)

    def of(self, user_id: str, device_id: str | None = None) -> list[str]:
        """The ids of an account, or of one of its devices."""
        devices = self._ids.get(user_id, {})
        if device_id is not None:
            return [*devices.get(device_id, ())]
        return [session_id for ids in devices.values() for session_id in ids]

    def add(self, row: SessionRow) -> None:
        """Note a session that will be open."""
        devices = self._ids.setdefault(row.user_id, {})
        devices.setdefault(row.device.id, {})[row.id] = None

    def drop(self, row: SessionRow) -> None:
        """Forget a session that has ended, or is gone."""
        devices = self._ids.get(row.user_id, {})
        ids = devices.get(row.device.id, {})
        ids.pop(row.id, None)
        if not ids:
            devices.pop(row.device.id, None)
        if not devices:
            self._ids.pop(row.user_id, None)
