"""Events for programs that ask again and again, through both managers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, ConfigurationError, EventType, SessionManager
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def test_the_events_of_all_accounts_come_in_pages(make: Callable[..., Any]) -> None:
    """Each page says where the next one begins, the last and empty one too."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    for user_id in ("ada", "bob"):
        sessions.revoke(sessions.login(user_id, Client(ip="102.89.77.21")).session.id)
    first = sessions.poll(limit=3)
    second = sessions.poll(first.next, limit=3)
    nothing = sessions.poll(second.next)
    sessions.login("cyd")

    assert [(it.type, it.user_id) for it in heard[:4]] == [
        (it.type, it.user_id) for it in (*first, *second)
    ]
    assert (3, 1, 0) == (len(first), len(second), len(nothing))
    assert ["cyd"] == [it.user_id for it in sessions.poll(nothing.next)]


def test_events_read_as_in_the_history(make: Callable[..., Any]) -> None:
    """With their addresses, causes and actors."""
    sessions = make()
    grant = sessions.login("ada", Client(ip="102.89.77.21", user_agent="curl/8.5.0"))
    sessions.revoke(grant.session.id, reason="lost phone", actor="support-7")

    assert [*sessions.history("ada")][::-1] == [*sessions.poll()]
    assert ("lost phone", "support-7") == (
        [*sessions.poll()][-1].reason,
        [*sessions.poll()][-1].actor,
    )


@pytest.mark.parametrize("limit", [0, 1_001, True, "9"])
def test_a_page_has_a_size(make: Callable[..., Any], limit: Any) -> None:
    """From 1 to 1,000."""
    with pytest.raises((TypeError, ValueError), match="limit"):
        make().poll(limit=limit)


@pytest.mark.parametrize("position", ["", "x", "-1", "999999999999999999", b"1", 1])
def test_a_position_is_one_that_was_given(make: Callable[..., Any], position: Any) -> None:
    """Anything else is an error: to begin again unasked would give everything twice."""
    with pytest.raises((TypeError, ValueError), match="position"):
        make().poll(position)


def test_a_store_may_not_support_it() -> None:
    """A store of one's own without `poll` says so."""

    class Plain(MemoryStore):
        poll = None  # type: ignore[assignment]

    with (
        SessionManager(Plain(), keys=SECRET) as sessions,
        pytest.raises(ConfigurationError, match="polling"),
    ):
        sessions.poll()


def test_refused_sign_ins_are_not_kept(make: Callable[..., Any]) -> None:
    """Events that no history keeps are heard by `on_event` alone."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    sessions.record_failure("ada", Client(ip="102.89.77.21"))

    assert [EventType.LOGIN_FAILED] == [it.type for it in heard]
    assert () == sessions.poll().items
