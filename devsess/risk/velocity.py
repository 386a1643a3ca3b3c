"""
Networks that fail on many accounts, counted in a bounded record.

A record has a few networks, and of each the accounts on which it failed within the hour: both as
digests. A network that has failed on MOST_ACCOUNTS is full, and writes nothing more. Where there
is no room for another network, the one with the fewest accounts goes: a sender of many networks
pushes out those that it failed on little, before one that failed on many.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from devsess._frozen import NOTHING

# By network, by account: the minute of the latest failure.
Record: TypeAlias = Mapping[str, Mapping[str, int]]

MINUTE: Final = 60
# Minutes for which a failure counts.
WINDOW: Final = 60
# So many stand for as many or more.
MOST_ACCOUNTS: Final = 50
# Networks of one record; with digests of 12 and 6 characters it has under 15,000 then.
MOST_NETWORKS: Final = 16


def counted(record: Record, network: str, account: str, at: float) -> Record:
    """*record* after a failure; the same one where that changes nothing."""
    minute = int(at) // MINUTE
    accounts = _recent(record.get(network, NOTHING), minute)
    if len(accounts) >= MOST_ACCOUNTS or accounts.get(account) == minute:
        return record
    others = {it: _recent(found, minute) for it, found in record.items() if it != network}
    kept = sorted((it for it in others if others[it]), key=lambda it: _weight(others[it]))
    room = {it: others[it] for it in kept[-(MOST_NETWORKS - 1) :]}
    return {**room, network: {**accounts, account: minute}}


def accounts_within_an_hour(record: Record, network: str, at: float) -> int:
    """The accounts on which *network* failed in the hour before *at*."""
    return len(_recent(record.get(network, NOTHING), int(at) // MINUTE))


def _recent(accounts: Mapping[str, int], minute: int) -> dict[str, int]:
    """Those of the last hour; a process whose clock is a little ahead counts as well."""
    return {it: last for it, last in accounts.items() if abs(minute - last) < WINDOW}


def _weight(accounts: Mapping[str, int]) -> tuple[int, int]:
    """How much is lost with a network: its accounts, and of as many the later minute."""
    return len(accounts), max(accounts.values())


def dump(record: Record) -> str:
    """*record* as JSON."""
    return json.dumps(record, separators=(",", ":"))


def load(text: str) -> Record:
    """The record that `dump` wrote; an empty one where it is damaged, and is counted anew."""
    try:
        record = json.loads(text)
        whole = all({int} == {*map(type, accounts.values())} for accounts in record.values())
    except (ValueError, AttributeError, RecursionError):
        return NOTHING
    return record if whole else NOTHING
