"""A failed sign-in, call by call: what is read and written, and in which order others may come."""

from __future__ import annotations

from typing import Any

import pytest
from _play import SOON, at, play

from devsess.models import EventType
from devsess.operations.failing import record_failure
from devsess.risk.failures import KEPT, MOST_COUNTED, Failures, dump, load
from devsess.stores.items import Item

PROFILE = Item("profile", "ada", "", "{}", 3, SOON, SOON + 1)
EMITTED: tuple[str, Any] = ("emit", None)
IS_ACCOUNT: tuple[str, Any] = ("items", [PROFILE])
IS_NONE: tuple[str, Any] = ("items", [])
NONE_THERE = IS_NONE
RETURNED: tuple[str, Any] = ("put_item", True)


def _record(version: int, *, count: int = 1) -> Item:
    rows = (Failures("", None, int(SOON) // 3_600, count, int(SOON)),)
    return Item("failures", "ada", "", dump(rows), version, SOON, SOON + KEPT)


def _calls(*answers: tuple[str, Any], typed: str = "ada") -> list[Any]:
    calls: list[Any] = []
    assert None is play(record_failure(at(SOON), typed, None), EMITTED, *answers, calls=calls)
    assert EventType.LOGIN_FAILED is calls[0].args[0].type
    return calls[1:]


# The answers to the calls of one failure, and the versions of the records that it writes.
ORDERS: dict[str, tuple[list[tuple[str, Any]], list[int]]] = {
    "first of an account": ([IS_ACCOUNT, NONE_THERE, RETURNED, IS_ACCOUNT], [1]),
    "later of an account": ([IS_ACCOUNT, ("items", [_record(4)]), RETURNED], [5]),
    "hour that is full": ([IS_ACCOUNT, ("items", [_record(4, count=MOST_COUNTED)])], []),
    "first of no account": ([IS_NONE, NONE_THERE, RETURNED, IS_NONE], [1]),
    "another was faster": (
        [IS_ACCOUNT, NONE_THERE, ("put_item", False), ("items", [_record(1)]), RETURNED],
        [1, 2],
    ),
    "erased meanwhile": (
        [IS_ACCOUNT, NONE_THERE, RETURNED, IS_NONE, ("items", [_record(1)]), RETURNED],
        [1, 2],
    ),
    "erased meanwhile, with the record": (
        [IS_ACCOUNT, NONE_THERE, RETURNED, IS_NONE, NONE_THERE],
        [1],
    ),
    "erased meanwhile, and counted again": (
        [
            *(IS_ACCOUNT, NONE_THERE, RETURNED, IS_NONE),
            *(("items", [_record(1)]), ("put_item", False), ("items", [_record(2)]), RETURNED),
        ],
        [1, 2, 3],
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_failure_is_counted_once(order: str) -> None:
    """Over the version that was read, and again where another was faster; nothing more is asked."""
    answers, versions = ORDERS[order]
    written = [it.args[0] for it in _calls(*answers) if it.name == "put_item"]

    assert versions == [it.version for it in written]


def test_a_record_beside_an_erasure_is_emptied_and_over() -> None:
    """It names no network, and the next purge deletes it."""
    answers, _ = ORDERS["erased meanwhile"]
    *_, emptied = (it.args[0] for it in _calls(*answers) if it.name == "put_item")

    assert ("failures", "ada", "[]", SOON) == (
        emptied.kind,
        emptied.owner,
        emptied.body,
        emptied.until,
    )


def test_a_typed_name_has_the_same_record_in_every_version() -> None:
    """Another one would forget what was counted: the digest is fixed, and so is the row in it."""
    answers, _ = ORDERS["first of no account"]
    [written] = [it.args[0] for it in _calls(*answers, typed="eve") if it.name == "put_item"]

    assert ("unknown-failures", "18c") == (written.kind, written.owner)
    assert "4147ec315308553b55396771" == load(written.body)[0].whose
