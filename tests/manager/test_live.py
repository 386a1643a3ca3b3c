"""Live sessions, page by page, and the export of a person's records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, Policy

if TYPE_CHECKING:
    from devsess.testing import FakeClock

DAY = 86_400


def pages(sessions: Any, user_id: str, **options: Any) -> list[Any]:
    """All pages, to the last."""
    found = [sessions.live(user_id, **options)]
    while found[-1].next is not None:
        found.append(sessions.live(user_id, cursor=found[-1].next, **options))
    return found


def test_live_sessions_come_in_pages(sessions: Any, clock: FakeClock) -> None:
    """Each once, the newest sign-in first, as `list` shows them, the caller's own marked."""
    made = []
    for _ in range(7):
        clock.advance(1)
        made.append(sessions.login("ada").session)
    sessions.login("eve")
    sessions.revoke(made.pop(3))
    found = pages(sessions, "ada", limit=4, current=made[2])

    assert [4, 2] == [len(page) for page in found]
    shown = [session for page in found for session in page]
    assert [it.id for it in reversed(made)] == [it.id for it in shown]
    assert {it.id: it for it in sessions.list("ada", current=made[2].id)} == {
        it.id: it for it in shown
    }
    assert [made[2].id] == [it.id for it in shown if it.is_current]
    assert () == sessions.live("nobody").items


def test_a_page_has_fifty(sessions: Any) -> None:
    """If nothing else is asked for."""
    for _ in range(51):
        sessions.login("ada")

    assert [50, 1] == [len(page) for page in pages(sessions, "ada")]


def test_an_ended_session_is_on_no_page(make: Any, clock: FakeClock) -> None:
    """Expired by its own deadline or today's policy, ended by revoke_all: as `list` has it."""
    sessions = make()
    sessions.login("ada")
    clock.advance(13 * DAY)
    late = sessions.login("ada").session
    clock.advance(2 * DAY)
    assert [late.id] == [it.id for it in sessions.live("ada")]
    tighter = make(policy=Policy(idle_timeout=DAY, absolute_lifetime=DAY))
    assert () == tighter.live("ada").items
    assert [late.id] == [*sessions.revoke_all("ada")]
    assert () == sessions.live("ada").items


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (ValueError, {"limit": 0}),
        (ValueError, {"limit": 1001}),
        (TypeError, {"limit": "50"}),
        (TypeError, {"limit": True}),
        (TypeError, {"cursor": 5}),
        (ValueError, {"cursor": "mangled"}),
        (TypeError, {"current": 5}),
    ],
)
def test_a_page_that_cannot_be_meant(
    sessions: Any, error: type[Exception], arguments: dict[str, Any]
) -> None:
    """Sizes and cursors that mean nothing are the caller's mistake."""
    sessions.login("ada")
    with pytest.raises(error):
        sessions.live("ada", **arguments)


def test_an_export_holds_what_is_kept(sessions: Any, clock: FakeClock) -> None:
    """The cut-off of the account, and of a session its network, deadlines, cookies and actor."""
    sessions.login("ada", Client(ip="102.89.77.21"), persistent=True)
    assert None is sessions.export_user("ada")["cutOff"]
    clock.advance(0.25)
    cut_off = clock.now()
    sessions.revoke_all("ada", reason="lost phone", actor="help desk")
    exported = json.loads(json.dumps(sessions.export_user("ada")))
    [session] = exported["sessions"]

    assert cut_off.isoformat() == exported["cutOff"]
    assert ("102.89.77.0", True) == (session["network"], session["persistent"])
    assert ("lost phone", "help desk") == (session["revokeReason"], session["actor"])
    assert "2025-08-17T09:30:00+00:00" == session["absoluteExpiresAt"]
    assert [device["network"] for device in exported["devices"]] == ["102.89.77.0"]
    sessions.erase_user("ada")
    assert None is sessions.export_user("ada")["cutOff"]
