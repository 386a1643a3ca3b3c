"""Copies in memory: whole accounts out, and merged in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.stores import items, merging, semantics
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.memory.tables import Tables

if TYPE_CHECKING:
    from devsess.stores.rows import EventRow, SessionRow


class Copying(Tables):
    """The part of MemoryStore that gives and takes whole accounts; see SupportsCopy."""

    def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """See SupportsCopy.export. The cursor is the last account of the page before."""
        semantics.check_size(limit)
        with self._exclusive():
            behind = [it for it in sorted(self._users()) if cursor is None or it > cursor]
            page = self._batch(behind[:limit])
            first = cursor is None
            erased = [ErasedAccount(key, *it) for key, it in self._endings.erased.items()]
            return evolve(
                page,
                erased=tuple(erased) if first else (),
                next=behind[limit - 1] if len(behind) > limit else None,
            )

    def accounts(self, user_ids: Sequence[str]) -> Batch:
        """See SupportsCopy.accounts."""
        with self._exclusive():
            return self._batch(user_ids)

    def _batch(self, user_ids: Sequence[str]) -> Batch:
        found = [self._account(user_id) for user_id in user_ids]
        return Batch(tuple(map(self._settled, found)), self._mark(None), self._endings.last)

    def merge(self, batch: Batch) -> None:
        """See SupportsCopy.merge."""
        with self._exclusive():
            self._merge_numbers(batch)
            for theirs in batch.accounts:
                mine = self._account(theirs.user_id)
                self._write(
                    theirs.user_id,
                    merging.difference(mine, theirs, self._mark(None), batch.mark),
                )

    def _merge_numbers(self, batch: Batch) -> None:
        endings = self._endings
        endings.last = max(endings.last, batch.last_number)
        for each in batch.erased:
            known = endings.erased.get(each.digest)
            kept = merging.later_erasure(known and ErasedAccount(each.digest, *known), each)
            endings.erased[each.digest] = (kept.number, kept.until)
        if merging.is_unknown(batch.mark, self._mark(None)):
            self._ended(merging.ending_of_everyone(batch.mark))
        if batch.mark != Mark():
            endings.marks[None] = merging.later_mark(self._mark(None), batch.mark)

    def _write(self, user_id: str, change: merging.Difference) -> None:
        there = [self._sessions.get(row.id) for row in change.sessions]
        if any(row.user_id != user_id for row in there if row is not None):
            raise ValueError(merging.FOREIGN)
        if change.mark is not None:
            self._endings.marks[user_id] = change.mark
        for device in change.devices:
            self._devices[user_id, device.id] = device
        for row in change.sessions:
            self._put(row)
        for session_id in change.reduced:
            self._reduce_events(session_id)
        self._insert_events(*change.events)
        self._items |= {(it.owner, it.kind, it.key): it for it in change.items}
        for session_id in change.logged:
            self._append_change(session_id)

    def _put(self, row: SessionRow) -> None:
        """Write a session whatever is there, and count what that adds."""
        there = self._sessions.get(row.id)
        if row.revoked_at is None:
            self._open.add(row)
        self._sessions[row.id] = row
        if there is not None and (row.revoked_at is not None or there.device.id != row.device.id):
            self._open.drop(there)
        if there is None:
            self._count_begun(row)
        if row.revoked_at is not None and (there is None or there.revoked_at is None):
            self._count_over(row)

    def _settled(self, account: Account) -> Account:
        """*account*, with the events too that `settle` has still to write."""
        stored = [self._sessions[row.id] for row in account.sessions]
        with_devices = tuple(
            evolve(row, device=read.device)
            for row, read in zip(stored, account.sessions, strict=True)
        )
        return merging.settled(evolve(account, sessions=with_devices), self._endings.pending)

    def _account(self, user_id: str) -> Account:
        devices = [row for key, row in self._devices.items() if key[0] == user_id]
        return Account(
            user_id,
            self._mark(user_id),
            tuple(sorted(devices, key=lambda row: row.id)),
            tuple(sorted(self._of_user(user_id), key=lambda row: row.id)),
            self._events_of(user_id),
            items.by_key(it for it in self._items.values() if it.owner == user_id),
        )

    def _events_of(self, user_id: str) -> tuple[EventRow, ...]:
        return tuple(event for event in self._events.values() if event.user_id == user_id)

    def _mark(self, user_id: str | None) -> Mark:
        return self._endings.marks.get(user_id, Mark())

    def _users(self) -> set[str]:
        found = {row.user_id for row in self._sessions.values()}
        found |= {row.user_id for row in self._devices.values()}
        found |= {event.user_id for event in self._events.values()}
        found |= {item.owner for item in self._items.values()}
        return found | {it for it in self._endings.marks if it is not None}
