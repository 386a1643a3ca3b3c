"""The positions of those who poll, and the events that they are given."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from devsess._runtime.drive import drive
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.polled import check_given, read_places, read_position, readable
from devsess.stores.postgres import polling as of_postgres
from devsess.stores.rows import EventRow
from devsess.stores.sqlite import polling
from devsess.stores.sqlite.damage import DamagedError
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.models import Page

LONGEST = "9" * 18


def test_a_position_has_a_place_in_each_line() -> None:
    """In the order of the lines; None is before the oldest event of each."""
    assert [0, 0, 0] == read_places(None, 3)
    assert [4, 22, int(LONGEST)] == read_places(f"4,22,{LONGEST}", 3)


@pytest.mark.parametrize(
    "position",
    ["4", "4,22,1", "x,22", "4,x", "4,", "4,-1", "4,\u0663", "4,\u00b2", f"4,{LONGEST}9", "4;22"],
)
def test_a_position_is_read_whole(position: str) -> None:
    """One place that is none makes all of it mangled, as does one too many or too few."""
    with pytest.raises(ValueError, match="not given out by poll"):
        read_places(position, 2)


def test_no_place_is_behind_the_newest() -> None:
    """The newest one itself may be named; in one line alone more than that is too much."""
    check_given([3, 5], [3, 9])
    for places in ([4, 5], [3, 10]):
        with pytest.raises(ValueError, match="another database"):
            check_given(places, [3, 9])
    assert 3 == read_position("3", 3)
    with pytest.raises(ValueError, match="another database"):
        read_position("4", 3)


@pytest.mark.parametrize("error", [UnreadableRowError, StoreUnavailableError])
def test_a_damaged_event_is_passed_over(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """And logged, by its place alone; those before and behind it are given."""

    def make(reason: str) -> EventRow:
        if reason == "secret":
            raise error(reason)
        return rows.event_row(reason=reason)

    found = [(7, "a"), (8, "secret"), ("9-1", "b")]
    with caplog.at_level(logging.ERROR, "devsess"):
        assert ["a", "b"] == [it.reason for it in readable(found, make)]

    [record] = caplog.records
    assert ("devsess", logging.ERROR) == (record.name, record.levelno)
    assert record.getMessage().startswith("the event at place 8 is damaged")
    assert "secret" not in record.getMessage()


def test_any_other_error_is_the_callers_to_see() -> None:
    """Only damage is passed over: a program's fault would lose events unseen."""
    with pytest.raises(LookupError):
        readable([(7, {})], lambda it: it["reason"])  # type: ignore[index]


DAMAGE = StoreUnavailableError("a text that is none")
DAMAGE.__cause__ = DamagedError()
LOCKED = StoreUnavailableError("locked by another process")


def _answering(*answers: Any) -> Callable[..., Any]:
    """What SQLite answers, one question after the other; an error is raised."""
    left = iter(answers)

    def ask(*_: object) -> Any:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


@pytest.mark.parametrize("answers", [[LOCKED, []], [DAMAGE, [(5,), (6,)], LOCKED, [(6,)]]])
def test_a_store_that_does_not_answer_is_no_damage(answers: list[Any]) -> None:
    """Its events are still there: passed over, they would never be seen."""
    with pytest.raises(StoreUnavailableError, match="locked"):
        polling.behind(_answering(*answers), 4, 9)


def test_damage_that_is_deleted_meanwhile_moves_nobody() -> None:
    """Where no event is left behind a place, the place stays."""
    assert (4, []) == polling.behind(_answering(DAMAGE, []), 4, 9)


class Server:
    """A PostgreSQL whose next transaction and highest one with an event are given."""

    schema = "devsess"

    def __init__(self, following: int, highest: int | None) -> None:
        self._answer = [[str(following), None if highest is None else str(highest)]]

    async def ask_all(self, *_: object) -> list[Any]:
        return [self._answer, []]


def _polled(server: Any, position: str | None) -> Page[EventRow]:
    return drive(of_postgres.poll(server, position, 9))


def test_a_transaction_that_is_still_to_come_gave_no_position() -> None:
    """In PostgreSQL: neither the very next one nor a later one; the one before it did."""
    assert "6-1" == _polled(Server(7, 6), "6-1").next
    for position in ("7-1", "8-1"):
        with pytest.raises(ValueError, match="another server"):
            _polled(Server(7, 6), position)


def test_no_event_is_of_a_transaction_that_is_still_to_come() -> None:
    """Unless a dump brought it; where there is no event, there is none."""
    assert "0-0" == _polled(Server(7, None), None).next
    for highest in (7, 8):
        with pytest.raises(ConfigurationError, match=r'"devsess"\.events'):
            _polled(Server(7, highest), None)
