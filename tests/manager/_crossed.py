"""A store in which other requests run whole in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.stores.calls import Columns, InsertAnswer, Insertion
    from devsess.stores.items import Item
    from devsess.stores.rows import EventRow, SessionRow


class Crossed(MemoryStore):
    """
    Another request runs whole before, or after, the next write of an item of a kind.

    Kind "session" is the next sign-in, and "change" the next change of a session.
    """

    kind = when = ""
    other: Callable[[], Any] | None = None

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        if item.kind != self.kind or self.other is None:
            return super().put_item(item, most=most)
        other, self.other = self.other, None
        if self.when == "before":
            other()
        done = super().put_item(item, most=most)
        if self.when == "after":
            other()
        return done

    def insert(self, insertion: Insertion) -> InsertAnswer:
        if self.kind == "session" and self.other is not None:
            other, self.other = self.other, None
            other()
        return super().insert(insertion)

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        if self.kind == "change" and self.other is not None:
            other, self.other = self.other, None
            other()
        return super().update(session_id, expected=expected, changes=changes, event=event)
