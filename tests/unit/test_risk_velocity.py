"""The count of accounts on which one network failed: exact within its bounds, and bounded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from devsess.risk.velocity import (
    MOST_ACCOUNTS,
    MOST_NETWORKS,
    accounts_within_an_hour,
    counted,
    dump,
    load,
)
from devsess.stores.items import MAX_BODY

if TYPE_CHECKING:
    from devsess.risk.velocity import Record

T0 = 1_752_831_000.0
MINUTE, HOUR = 60, 3_600


def failed(record: Record, network: str, *accounts: int, at: float = T0) -> Record:
    """*record* after a failure on each of *accounts*."""
    for account in accounts:
        record = counted(record, network, f"{account:06x}", at)
    return record


def count(record: Record, network: str, at: float = T0) -> int:
    return accounts_within_an_hour(record, network, at)


def test_each_account_counts_once() -> None:
    """However often it fails, and each network has its own accounts."""
    record = failed({}, "a", 1, 2, 2, 1, 3)
    record = failed(record, "b", 1)

    assert (3, 1, 0) == (count(record, "a"), count(record, "b"), count(record, "c"))


@pytest.mark.parametrize(
    ("later", "expected"), [(0, 1), (HOUR - MINUTE, 1), (HOUR, 0), (MINUTE - HOUR, 1), (-HOUR, 0)]
)
def test_an_account_counts_for_an_hour(later: float, expected: int) -> None:
    """To the minute; and as long where a process whose clock is ahead has counted it."""
    whole = T0 // MINUTE * MINUTE

    assert expected == count(failed({}, "a", 1, at=whole), "a", whole + later)


def test_a_failure_again_counts_from_then_on() -> None:
    """The hour is that of the latest one; an older account is dropped when another is counted."""
    record = failed({}, "a", 1, 2)
    record = failed(record, "a", 1, at=T0 + HOUR - MINUTE)

    assert 1 == count(record, "a", T0 + HOUR)
    assert ["000001", "000003"] == sorted(failed(record, "a", 3, at=T0 + HOUR)["a"])


def test_what_changes_nothing_is_the_same_record() -> None:
    """Within one minute an account is written once; a network that is full, not at all."""
    once = failed({}, "a", 1)
    full = failed({}, "a", *range(MOST_ACCOUNTS))

    assert failed(once, "a", 1) is once
    assert failed(once, "a", 1, at=T0 + MINUTE) is not once
    assert failed(full, "a", 1, MOST_ACCOUNTS + 1, at=T0 + MINUTE) is full
    assert MOST_ACCOUNTS == count(full, "a")


def test_a_full_network_makes_room_after_an_hour() -> None:
    """An attack that goes on is seen again at once."""
    full = failed({}, "a", *range(MOST_ACCOUNTS))

    assert 1 == count(failed(full, "a", 99, at=T0 + HOUR), "a", T0 + HOUR)


def test_the_network_with_the_fewest_accounts_goes() -> None:
    """Of as many, the one that failed last is kept: many networks push none out that is busy."""
    record = failed({}, "busy", 1, 2, 3)
    record = failed(failed(record, "late", 1), "late", 2, at=T0 + 2 * MINUTE)
    for number in range(MOST_NETWORKS - 2):
        record = failed(record, f"n{number}", 1, 2, at=T0 + MINUTE)
    assert MOST_NETWORKS == len(record)
    record = failed(record, "new", 1, at=T0 + MINUTE)

    assert MOST_NETWORKS == len(record)
    assert {"busy", "late", "new"} <= record.keys()


def test_many_networks_do_not_hide_a_busy_one() -> None:
    """Though they come again and again, and are many times as many as there is room for."""
    record = failed({}, "busy", 1, 2, 3)
    for number in range(3_000):
        record = failed(record, f"n{number}", 1, at=T0 + number)

    assert 3 == count(record, "busy", T0 + 3_000)


def test_a_network_that_is_over_goes_first() -> None:
    """Though it failed on more accounts; and it goes whether its room is needed or not."""
    record = failed({}, "old", 1, 2, 3)

    assert {"new"} == failed(record, "new", 1, at=T0 + HOUR).keys()


def test_no_sender_makes_a_record_grow() -> None:
    """Many networks fail on many accounts: the record keeps within what stores take."""
    chance = random.Random(14)
    record: Record = {}
    for number in range(8_000):
        network, account = chance.randrange(64), chance.randrange(1_000)
        record = failed(record, f"{network:012x}", account, at=T0 + number / 133)

    assert MOST_NETWORKS == len(record)
    assert MOST_ACCOUNTS == max(map(len, record.values()))
    assert len(dump(record)) <= MAX_BODY


def test_the_largest_record_can_be_written() -> None:
    """Every network full, every digest and minute as long as they come, for a century."""
    accounts = {f"{number:06x}": 99_999_999 for number in range(MOST_ACCOUNTS)}
    record = {f"{number:012x}": accounts for number in range(MOST_NETWORKS)}

    assert len(dump(record)) <= 15_000
    assert record == load(dump(record))


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "1", "[" * 9_999),
        *(
            '{"a": {"b": 1}, "c": {"d": "1"}}',
            '{"a": 1}',
            '{"a": {}}',
            '{"a": {"b": "c"}}',
            '{"a": {"b": 1.5}}',
            '{"a": {"b": true}}',
        ),
    ],
)
def test_a_damaged_record_counts_nothing(text: str) -> None:
    """It must neither stop a sign-in nor stay for ever."""
    assert {} == load(text)
