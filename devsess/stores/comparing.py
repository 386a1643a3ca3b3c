"""Whether two stores' copies of an account are the same, or which of them is ahead."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING

from attrs import astuple, evolve

from devsess.stores import as_json, items
from devsess.stores.merging import merged

if TYPE_CHECKING:
    from devsess.stores.accounts import Account, Mark


class Compared(Enum):
    """How one store's copy of an account stands to another's."""

    SAME = "same"
    AHEAD = "ahead"  # of the other: a merge would change nothing
    BEHIND = "behind"


def checksum(account: Account) -> bytes:
    """
    A digest of all that counts in an account, whichever store keeps it.

    Numbers of endings are left out: a target draws its own.
    """
    rows = [evolve(row, ending_number=0) for row in account.sessions]
    texts = [as_json.dump(row) for row in account.devices]
    texts = sorted([*texts, *map(as_json.dump, account.events), *map(as_json.dump, rows)])
    texts += [repr(astuple(it)) for it in items.by_key(account.items)]
    text = "\n".join([repr(account.user_id), repr(account.mark.cut_off), *texts])
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def compared(
    mine: Account,
    theirs: Account,
    my_everyone: Mark,
    their_everyone: Mark,
    sums: tuple[bytes, bytes] | None = None,
) -> Compared:
    """
    How *mine* stands to *theirs*.

    Args:
        sums: The checksums of both, where they are known.
    """
    my_sum, their_sum = sums or (checksum(mine), checksum(theirs))
    if my_sum == their_sum:
        return Compared.SAME
    there = checksum(merged(mine, theirs, my_everyone, their_everyone))
    return Compared.AHEAD if there == my_sum else Compared.BEHIND
