"""Endings driven by hand: their calls, and the refusals before any call."""

from __future__ import annotations

from typing import Any

import pytest
from _play import SESSION_ID, SOON, Call, at, play

from devsess import EventType
from devsess._runtime import operations
from devsess.models import Page
from devsess.stores.base import Ended
from devsess.stores.calls import Settled
from devsess.stores.rows import EXPIRED
from devsess.testing._rows import event_row

EVENT = event_row(EventType.SESSION_REVOKED)


def revoke(session_id: Any = SESSION_ID, user_id: Any = None, reason: Any = "lost") -> Any:
    return operations.revoke(at(SOON), session_id, user_id=user_id, reason=reason, actor=None)


def revoke_all(user_id: Any = "user-1", keep: Any = None, reason: Any = "lost") -> Any:
    return operations.revoke_all(
        at(SOON), user_id, keep=keep, reason=reason, actor=None, compromised=False
    )


@pytest.mark.parametrize(
    ("begin", "arguments", "error", "begins"),
    [
        (revoke, {"user_id": 5}, TypeError, "user_id "),
        (revoke, {"session_id": 5}, TypeError, "session_id "),
        (revoke, {"reason": EXPIRED}, ValueError, f"{EXPIRED!r} "),
        (revoke_all, {"user_id": 5}, TypeError, "user_id "),
        (revoke_all, {"keep": 5}, TypeError, "keep "),
        (revoke_all, {"reason": EXPIRED}, ValueError, f"{EXPIRED!r} "),
    ],
)
def test_mistakes_end_nothing(
    begin: Any, arguments: dict[str, Any], error: type[Exception], begins: str
) -> None:
    """Nothing is asked for them; the message names the argument."""
    refused = play(begin(**arguments))
    assert error is type(refused)
    assert begins == str(refused)[: len(begins)]


@pytest.mark.parametrize("is_more", [True, False])
def test_a_batch_lets_others_write(is_more: bool) -> None:
    """After it, where more follow; a batch is small, and the dead are waited for a minute."""
    calls: list[Call] = []
    answers = [("settle", Settled((EVENT,), is_more)), ("emit", None)]
    paused = [("pause", 0.03)] if is_more else []
    following = play(operations.settle(at(SOON), 7), *answers, *paused, calls=calls)
    assert (64 if is_more else 0) == following
    assert {"limit": 64, "own": 7, "before": SOON - 60} == calls[0].kwargs


@pytest.mark.parametrize(
    ("size", "took", "following"),
    [
        (64, 0.019, 128),
        (128, 0.019, 192),
        (256, 0.019, 256),
        (128, 0.02, 128),
        (128, 0.04, 128),
        (256, 0.041, 64),
        (64, 9.0, 64),
    ],
)
def test_the_next_batch_takes_20_to_40_milliseconds(size: int, took: float, following: int) -> None:
    """A quicker one is followed by a larger, up to four times the first; a longer by the first."""
    calls: list[Call] = []
    answers = [("settle", Settled((), is_more=True)), ("pause", took)]
    found = play(operations.settle(at(SOON), 7, size), *answers, calls=calls)
    assert (following, size) == (found, calls[0].kwargs["limit"])


def test_covered_sessions_are_read_page_by_page() -> None:
    """A thousand ids at a time, from where the page before ended."""
    calls: list[Call] = []
    answers = [
        ("end", Ended((), following=9)),
        ("covered", Page(("a", "b"), "b")),
        ("covered", Page(("c",), None)),
    ]
    ended = play(revoke_all(), *answers, calls=calls)
    assert (["a", "b", "c"], 9) == (list(ended.ids), ended.following)
    arguments = [call.kwargs for call in calls[1:]]
    assert [{"limit": 1000, "cursor": None}, {"limit": 1000, "cursor": "b"}] == arguments
