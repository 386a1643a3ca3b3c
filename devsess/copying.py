"""
Copy all accounts of one store into another, while processes use both.

Later changes are found by passes that compare: each reads the source whole, and merges
the accounts that have changed since the pass before. Endings and other changes that must take
effect at once are in the source's log, and are merged as soon as they are read there.
Nothing is kept but in the stores: a copy that was killed begins with a pass that
passes over what is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import evolve, frozen

from devsess.stores.base import ALL, AsyncStore, Erasure
from devsess.stores.capabilities import AsyncSupportsCopy
from devsess.stores.comparing import Compared, checksum, compared

if TYPE_CHECKING:
    from devsess.stores.accounts import Account, Batch

# Accounts of a page.
PAGE = 50
# How often an account is compared that is changed again and again.
TRIES = 10


class CopyingStore(AsyncStore, AsyncSupportsCopy, Protocol):
    """A store whose accounts can be copied."""


@frozen
class Totals:
    """
    The contents of a store, in numbers.

    Attributes:
        accounts, sessions, devices, events: How many.
        checksum: One for all of it, in hexadecimal, whatever the order.
    """

    accounts: int = 0
    sessions: int = 0
    devices: int = 0
    events: int = 0
    checksum: str = "0" * 64

    def plus(self, account: Account, digest: bytes) -> Totals:
        """With *account* too, whose checksum is *digest*."""
        both = int(self.checksum, 16) ^ int.from_bytes(digest, "big")
        return Totals(
            self.accounts + (not account.is_empty),
            self.sessions + len(account.sessions),
            self.devices + len(account.devices),
            self.events + len(account.events),
            self.checksum if account.is_empty else f"{both:064x}",
        )


@frozen
class Check:
    """
    Source and target, compared account by account.

    Attributes:
        source, target: The contents, of the accounts that the source has.
        same: Accounts that are equal.
        ahead: Accounts that went on at the target, or that the source has purged meanwhile.
        behind: Accounts that lack something at the target, or hold something else.
        alone: Accounts that the target has, and the source has not.
    """

    source: Totals = Totals()
    target: Totals = Totals()
    same: int = 0
    ahead: int = 0
    behind: int = 0
    alone: int = 0

    def plus(self, pair: _Pair) -> Check:
        """With one account more."""
        found = pair.found
        my_sum, their_sum = pair.sums
        return evolve(
            self,
            source=self.source.plus(pair.theirs, their_sum),
            target=self.target.plus(pair.mine, my_sum),
            same=self.same + (found is Compared.SAME),
            ahead=self.ahead + (found is Compared.AHEAD),
            behind=self.behind + (found is Compared.BEHIND),
        )


@frozen
class _Pair:
    """An account of both stores, compared; each checksum is computed once."""

    theirs: Account
    mine: Account
    sums: tuple[bytes, bytes]  # of mine, of theirs
    found: Compared

    @classmethod
    def of(cls, source: Batch, target: Batch) -> _Pair:
        """The one account of *source*, and of *target*."""
        [theirs], [mine] = source.accounts, target.accounts
        sums = checksum(mine), checksum(theirs)
        return cls(theirs, mine, sums, compared(mine, theirs, target.mark, source.mark, sums))


class Copier:
    """
    One copy, from *source* to *target*.

    Args:
        source: Is only read.
        target: Its schema is up to date.
        progress: Called with the number of accounts of each page.

    Attributes:
        accounts: How many the source had in the latest pass; None before the first has ended.
        is_due: Whether the source's log has said that anything may have changed, so that the
            next pass should not wait.
    """

    def __init__(
        self,
        source: CopyingStore,
        target: CopyingStore,
        *,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._known: dict[str, bytes] = {}  # the source's accounts as they were merged last
        self._erased: frozenset[bytes] | None = None
        self._position: object = None
        self.accounts: int | None = None
        self.is_due = False

    async def run(self) -> int:
        """One pass over the source; how many accounts had to be merged."""
        self.is_due = False
        seen: set[str] = set()
        merged, cursor = 0, None
        while True:
            merged += await self.hear()
            page = await self._source.export(limit=PAGE, cursor=cursor)
            merged += await self._merge(page, is_first=cursor is None)
            if cursor is None:
                erased = frozenset(it.digest for it in page.erased)
            seen.update(account.user_id for account in page.accounts)
            self._progress(len(page.accounts))
            cursor = page.next
            if cursor is None:
                break
        self.accounts = len(seen)
        merged += await self._erase_vanished(seen, erased)
        while (await self._target.settle(limit=500)).is_more:
            pass
        return merged

    async def hear(self) -> int:
        """Merge the accounts that the source's log names; how many."""
        before, changes = self._position, await self._source.changes(self._position)
        self._position = changes.position
        if before is None or not changes.ids:
            return 0
        if changes.ids is ALL:
            self.is_due = True
            await self._target.merge(await self._source.accounts(()))  # an ending of everyone
            return 0
        users: dict[str, None] = {}
        for session_id in changes.ids:
            row = await self._source.get(session_id) or await self._target.get(session_id)
            if row is not None:
                users[row.user_id] = None
        batch = await self._source.accounts([*users])
        gone = [it.user_id for it in batch.accounts if it.is_empty]
        there = tuple(it for it in batch.accounts if not it.is_empty)
        await self._erase(gone)
        return len(gone) + await self._merge(evolve(batch, accounts=there), is_first=False)

    async def _merge(self, page: Batch, *, is_first: bool) -> int:
        sums = {account.user_id: checksum(account) for account in page.accounts}
        new = [it for it in page.accounts if self._known.get(it.user_id) != sums[it.user_id]]
        due = await self._due(page, new, sums)
        if due or is_first:
            await self._target.merge(evolve(page, accounts=due))
        self._known |= sums
        return len(due)

    async def _due(
        self, page: Batch, accounts: Sequence[Account], sums: Mapping[str, bytes]
    ) -> tuple[Account, ...]:
        """Those that the target does not have already: a copy that was killed goes on."""
        if not accounts:
            return ()
        there = await self._target.accounts([it.user_id for it in accounts])
        return tuple(
            theirs
            for theirs, mine in zip(accounts, there.accounts, strict=True)
            if mine.is_empty
            or compared(mine, theirs, there.mark, page.mark, (checksum(mine), sums[theirs.user_id]))
            is Compared.BEHIND
        )

    async def _erase_vanished(self, seen: set[str], erased: frozenset[bytes]) -> int:
        """Erase the accounts that were there in the pass before, if the source erased any since."""
        before, self._erased = self._erased, erased
        vanished = [user_id for user_id in self._known if user_id not in seen]
        left = await self._source.accounts(vanished)
        gone = [it.user_id for it in left.accounts if it.is_empty]
        if before is None or erased <= before:  # they were purged
            for user_id in gone:
                del self._known[user_id]
            return 0
        await self._erase(gone)
        return len(gone)

    async def _erase(self, user_ids: Sequence[str]) -> None:
        for user_id in user_ids:
            await self._target.erase(Erasure(user_id, (), 0.0))
            self._known.pop(user_id, None)

    async def check(self, *, mends: bool) -> Check:
        """
        Compare all accounts of the source with the target's.

        Args:
            mends: Whether to merge what differs, since the source may have changed it.
        """
        found, cursor = Check(), None
        seen: set[str] = set()
        while True:
            page = await self._source.export(limit=PAGE, cursor=cursor)
            there = await self._target.accounts([it.user_id for it in page.accounts])
            for theirs, mine in zip(page.accounts, there.accounts, strict=True):
                one = evolve(page, accounts=(theirs,)), evolve(there, accounts=(mine,))
                found = found.plus(await self._compare(*one, mends=mends))
            seen.update(account.user_id for account in page.accounts)
            self._progress(len(page.accounts))
            cursor = page.next
            if cursor is None:
                return evolve(found, alone=await self._alone(seen))

    async def _compare(self, source: Batch, target: Batch, *, mends: bool) -> _Pair:
        """One account of both, read again while it changes."""
        for _ in range(TRIES):
            pair = _Pair.of(source, target)
            if pair.found is not Compared.BEHIND:
                break
            if mends:
                await self._target.merge(source)
            user_ids = [pair.theirs.user_id]
            again = await self._source.accounts(user_ids)
            target = await self._target.accounts(user_ids)
            if again.accounts == source.accounts and not mends:
                return _Pair.of(source, target)
            source = again
        return pair

    async def _alone(self, seen: set[str]) -> int:
        alone, cursor = 0, None
        while True:
            page = await self._target.export(limit=PAGE, cursor=cursor)
            users = [it.user_id for it in page.accounts if it.user_id not in seen]
            left = await self._source.accounts(users)  # it may have come since
            alone += sum(it.is_empty for it in left.accounts)
            cursor = page.next
            if cursor is None:
                return alone
