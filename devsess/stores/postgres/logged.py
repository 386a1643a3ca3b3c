"""The log as the store's calls read it, and the register of those that read under a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.errors import StoreUnavailableError
from devsess.stores import semantics
from devsess.stores.base import ALL, Changes
from devsess.stores.capabilities import Behind, Renewal
from devsess.stores.postgres import log
from devsess.stores.postgres.log import Position
from devsess.stores.postgres.opened import Opened

if TYPE_CHECKING:
    from devsess.stores.postgres.transaction import Rows


class Logged(Opened):
    """The change log of the store, and `SupportsLeases`."""

    # A snapshot grows with every write, and a position may not: those that see the same entries
    # must be equal. So the one that was given out last is given out again until an entry is new.
    _last: Position | None = None
    # The position behind which there was nothing: the next question is whether that is still so.
    _quiet: Position | None = None

    async def changes(self, position: object) -> Changes:
        """See Store.changes: in one round trip, or two for the first change after a silence."""
        known, quiet = Position.of(position), self._quiet
        if known is None or known != quiet:
            return await self._all_changes(known)
        if (await self.ask(log.UNCHANGED, log.values_of(known)))[0][0]:
            return Changes(known, ())
        changes = await self._all_changes(known)
        if changes.position == known:  # it was asked in vain, and would be again
            self._quiet = None
        return changes

    async def _all_changes(self, known: Position | None) -> Changes:
        last = self._last
        statement, values = log.ask_changes(known, last)
        found = await self.ask(statement, values)
        if not found:
            await self.batch((log.NEW_HISTORY, ()))
            found = await self.ask(statement, values)
        changes, _ = self._answer(found, known, last)
        self._quiet = known if changes.position == known else None
        return changes

    def _answer(
        self, found: Rows, position: Position | None, last: Position | None
    ) -> tuple[Changes, str]:
        """The changes in *found*, and the log's history."""
        if not found:
            raise StoreUnavailableError("the history of PostgreSQL's log was lost")
        history, snapshot, knows, is_newer, _, _ = found[0]
        here = Position(history, snapshot)
        if last is not None and last.history == history and not is_newer:
            here = last
        ids = [session_id for *_, seq, session_id in found if seq is not None]
        if position is None or position.history != history or not knows:
            ids = [None]
        elif not ids:
            here = position
        self._last = here
        if None in ids or len(ids) > semantics.LOG_READ:
            return Changes(here, ALL), history
        return Changes(here, tuple(dict.fromkeys(ids))), history

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        """
        See SupportsLeases.

        The registration is a transaction of its own, which is committed before the log is read:
        an ending that this reading does not see finds the reader registered.
        """
        known, last = Position.of(position), self._last
        own = {"reader": reader, "lease": lease}
        _, registered, _, found = await self.batch(
            ("BEGIN", ()),
            (log.REGISTER, log.values_of(known) | own),
            ("COMMIT", ()),
            log.ask_changes(known, last),
        )
        if not registered:
            raise StoreUnavailableError("PostgreSQL did not register this reader")
        if not found:
            await self.batch((log.NEW_HISTORY, ()))
            return await self.renew(reader, None, lease=lease)
        changes, history = self._answer(found, known, last)
        return Renewal(changes, history)

    async def leave(self, reader: str) -> None:
        """See SupportsLeases."""
        await self.batch((log.LEAVE, (reader,)))

    async def readers_behind(self, position: object) -> Behind:
        """See SupportsLeases."""
        known = Position.of(position)
        found = await self.ask(log.READERS_BEHIND, log.values_of(known))
        if not found:
            await self.batch((log.NEW_HISTORY, ()))
            found = await self.ask(log.READERS_BEHIND, log.values_of(known))
        history, is_seasoned, lease, _, _ = found[0]
        beats = {reader: beat for *_, reader, beat in found if reader is not None}
        return Behind(beats, history, bool(is_seasoned), float(lease))

    async def expel(self, reader: str, beat: int) -> None:
        """See SupportsLeases."""
        await self.batch((log.EXPEL, (reader, beat)))

    async def season(self, history: str) -> None:
        """See SupportsLeases."""
        await self.batch((log.SEASON, {"history": history}))

    async def wait(self, seconds: float) -> None:
        """See SupportsLeases: behind a pooler, nothing is heard, and it takes all the seconds."""
        await self.port.listen(self.channel, seconds)
