"""
Copies: whole accounts out, and merged in.

An account is read by one script. What a merge comes to is decided here, and written by one
script that writes nothing if the account has changed since; then it is read again.

A page is not of one instant: its accounts are read one after the other, and lie in
several shards. Two rules make up for it, and merges need no more:

- The ending of everyone is one that every shard knew before the accounts were read.
  A later one would come with rows from before it, as if it had spared them. If a
  shard hears of one meanwhile, its accounts are read again: a sign-in from after it
  would come under the earlier one, and end at the target when that learns of the later one.
- The highest number drawn is read after the accounts, so none of theirs is above it. Otherwise a
  target would draw a number that covers none of their sessions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from attrs import evolve

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores import merging, semantics
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.redis import stored
from devsess.stores.redis.columns import instant, raw, unraw
from devsess.stores.redis.endings import Endings, how_of
from devsess.stores.redis.parts import Writing
from devsess.stores.redis.port import Call
from devsess.stores.redis.stored import Stored

T = TypeVar("T")

# Accounts that are read or written within one timeout.
TOGETHER = 10
# How often what changes meanwhile is read again.
TRIES = 50
_RESTLESS = "changed again and again while it was"


class Copying(Endings):
    """The part of RedisStore that gives and takes whole accounts; see SupportsCopy."""

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """See SupportsCopy.export. The cursor is the last account's shard and id."""
        semantics.check_size(limit)
        users, following = await self._users(*self._place_of(cursor), limit)
        erased = await self._erased() if cursor is None else ()
        batch = await self.accounts(users)
        return evolve(
            batch,
            accounts=tuple(it for it in batch.accounts if not it.is_empty),
            erased=erased,
            next=following,
        )

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        """See SupportsCopy.accounts."""
        for _ in range(TRIES):
            marks, last_numbers = await self._marks()
            found, lasts = await self._stored(user_ids)
            known = [marks[self._of_user(it.account.user_id)] for it in found]
            if known == [it.everyone for it in found]:
                mark = min(marks, key=lambda it: -math.inf if it.cut_off is None else it.cut_off)
                last = max([*last_numbers, *lasts])
                return Batch(
                    tuple(merging.settled(it.account, it.pending) for it in found), mark, last
                )
        raise StoreUnavailableError(f"the ending of everyone {_RESTLESS} read")

    async def merge(self, batch: Batch) -> None:
        """See SupportsCopy.merge. One of more than 500 rows is merged in parts of so many."""
        await self._merge_numbers(batch)
        for group in _groups(batch.accounts):
            left = group
            for _ in range(TRIES):
                if left:
                    left = await self._merged(left, batch.mark)
            if left:
                raise StoreUnavailableError(f"an account {_RESTLESS} merged")

    # Reading.

    def _place_of(self, cursor: str | None) -> tuple[int, bytes]:
        """The shard that a page begins in, and from where on."""
        if cursor is None:
            return 0, b"-"
        shard, colon, user = cursor.partition(":")
        is_number = shard.isascii() and shard.isdigit() and len(shard) < 9
        if not (colon and is_number and int(shard) < len(self._tags)):
            raise ValueError("this cursor was not given out by export")
        return int(shard), b"(" + raw(user)

    async def _users(self, shard: int, place: bytes, limit: int) -> tuple[list[str], str | None]:
        """A page of users, and the cursor of the next one."""
        if not self._is_opened:
            await self._open()
        if self._version < 2:
            raise ConfigurationError(
                "this data has no list of its users: an older devsess began it"
            )
        found: list[tuple[int, str]] = []
        while shard < len(self._tags) and len(found) <= limit:
            users = await self._ask(shard, "users", place, str(limit + 1 - len(found)))
            found += [(shard, unraw(it)) for it in users]
            shard, place = shard + 1, b"-"
        following = "{}:{}".format(*found[limit - 1]) if len(found) > limit else None
        return [user for _, user in found[:limit]], following

    async def _erased(self) -> tuple[ErasedAccount, ...]:
        """The memory of erased accounts; one that was merged in is in every shard."""
        kept: dict[bytes, ErasedAccount] = {}
        for digest, number, until in [it for part in await self._ask_all("erased") for it in part]:
            each = ErasedAccount(digest, int(number), float(until))
            kept[digest] = merging.later_erasure(kept.get(digest), each)
        return tuple(kept[digest] for digest in sorted(kept))

    async def _marks(self) -> tuple[list[Mark], list[int]]:
        """Of each shard the ending of everyone, and the highest number drawn."""
        answers = await self._ask_all("marks")
        return [stored.mark(it) for it in answers], [int(last or 0) for _, _, last in answers]

    async def _stored(self, user_ids: Sequence[str]) -> tuple[list[Stored], list[int]]:
        """Accounts, and the highest number drawn in the shard of each when it was read."""
        found: list[Stored] = []
        lasts: list[int] = []
        for group in _groups(user_ids):
            tags = [self._tags[self._of_user(it)] for it in group]
            answers = await self._run(
                *(Call.of(tag, "account", raw(it)) for tag, it in zip(tags, group, strict=True))
            )
            found += [stored.read(it, answer) for it, answer in zip(group, answers, strict=True)]
            lasts += [int(answer[0][2] or 0) for answer in answers]
        return found, lasts

    # Writing.

    async def _merge_numbers(self, batch: Batch) -> None:
        marks, last_numbers = await self._marks()
        is_unknown = any(merging.is_unknown(batch.mark, it) for it in marks)
        if not (batch.erased or is_unknown or min(last_numbers) < batch.last_number):
            return
        number = await self._drawn() if is_unknown else "0"
        erased = [(it.digest, str(it.number), instant(it.until)) for it in batch.erased]
        await self._ask_all(
            *("merge_numbers", str(batch.last_number), stored.cut_off_of(batch.mark), number),
            *how_of(merging.ending_of_everyone(batch.mark)),
            *(str(len(erased)), *(text for each in erased for text in each)),
        )

    async def _merged(self, accounts: Sequence[Account], others: Mark) -> list[Account]:
        """Merge *accounts*; those that have changed meanwhile, and are as they were."""
        there, _ = await self._stored([it.user_id for it in accounts])
        pairs = zip(accounts, there, strict=True)
        writings = [Writing.of(theirs, mine, others) for theirs, mine in pairs]
        new = {
            session_id: self._of_user(it.user_id)
            for it in writings
            for session_id in it.new_sessions()
        }
        await self._claim_all(new)
        changed: set[str] = set()
        while due := [it for it in writings if it.parts and it.user_id not in changed]:
            answers = await self._run(*map(self._next_part, due))
            if any(answer == b"foreign" for answer, *_ in answers):
                raise ValueError(merging.FOREIGN)
            for writing, (answer, *state) in zip(due, answers, strict=True):
                if answer == b"changed":
                    changed.add(writing.user_id)
                else:
                    writing.written(*state)
        # An erasure or a purge that was under way may have deleted the keys since: see _unclaim.
        await self._claim_all(new)
        return [it for it in accounts if it.user_id in changed]

    def _next_part(self, writing: Writing) -> Call:
        tag = self._tags[self._of_user(writing.user_id)]
        return Call.of(tag, "merge", *writing.arguments())

    async def _claim_all(self, shards: Mapping[str, int]) -> None:
        """Write the shard of each session's id, unless there is one."""
        if len(self._tags) == 1 or not shards:
            return
        calls = [Call.of(self._id_key(it), "claim", str(at)) for it, at in shards.items()]
        answers = await self._run(*calls)
        if [*shards.values()] != [int(found) for _, found in answers]:
            claimed = [it for it, (is_new, _) in zip(shards, answers, strict=True) if is_new]
            for session_id in claimed:
                await self._unclaim([raw(session_id)], shards[session_id])
            raise ValueError(merging.FOREIGN)


def _groups(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), TOGETHER):
        yield items[start : start + TOGETHER]
