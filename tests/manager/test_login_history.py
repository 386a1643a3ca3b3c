"""The login history of an account: in sentences, in order, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, NEXT_DOOR, QUEBEC, WINDOWS, Locator, at

from devsess import EventType, LoginDeniedError, Policy, Privacy, SessionManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

DAY = 86_400
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
E = EventType


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(locator=Locator())


def texts(sessions: Any, **how: Any) -> list[str]:
    """The sentences of ada's first page."""
    return [it.text for it in sessions.login_history("ada", **how)]


def test_a_sign_in_has_method_place_device_and_verdict(sessions: Any, clock: FakeClock) -> None:
    """As a person reads it, and each in a field of its own."""
    sessions.login("ada", at(HOME))
    clock.advance(120)
    sessions.login("ada", at(QUEBEC), amr=("pwd", "otp"))
    newest, oldest = sessions.login_history("ada")

    assert (
        "Signed in with a password and a code, from Québec, Canada, on Chrome on macOS."
        " New device, new network, new country, 8,275 km from the place before in too short"
        " a time: unusual enough to ask for a second proof."
    ) == newest.text
    assert ("Québec, Canada", "Chrome on macOS") == (newest.place, newest.device)
    assert ("a password and a code", E.SESSION_CREATED) == (newest.method, newest.type)
    assert newest.text.endswith(newest.verdict)
    assert "Signed in with a password, from Lagos, Nigeria, on Chrome on macOS. New device." == str(
        oldest
    )


def test_ends_say_by_whom_and_why(sessions: Any, clock: FakeClock) -> None:
    """The place of an ended session is known too; what is no sign-in is left out."""
    grant = sessions.login("ada", at(HOME))
    sessions.rename_device("ada", grant.session.device.id, "laptop")
    clock.advance(9)
    sessions.revoke(grant.session.id, reason="lost phone", actor="support-7")

    ended, begun = texts(sessions)
    assert 'The session on "laptop" was ended by support-7: lost phone.' == ended
    expected = 'Signed in with a password, from Lagos, Nigeria, on "laptop". New device.'
    assert expected == begun
    assert 'A device was renamed: "laptop".' == texts(sessions, every_event=True)[1]


def test_a_sign_in_again_is_one_line(sessions: Any) -> None:
    """That the device's session before was replaced is no news, but among every event."""
    token = sessions.login("ada", at(HOME)).device_token
    sessions.login("ada", at(HOME, token))

    assert [E.SESSION_CREATED] * 2 == [it.type for it in sessions.login_history("ada")]
    assert 3 == len(sessions.login_history("ada", every_event=True))


def test_what_happens_to_a_thief(sessions: Any, clock: FakeClock) -> None:
    """A "no", the block, the end and the refused try stand there as sentences."""
    sessions.login("ada", at(HOME))
    clock.advance(60)
    thief = sessions.login("ada", at(HOSTED, agent=WINDOWS))
    sessions.confirm(thief.notice.no_token, False)
    with pytest.raises(LoginDeniedError):
        sessions.login("ada", at(HOSTED, thief.device_token, WINDOWS))

    shown = texts(sessions)
    assert [
        (
            "A sign-in on Chrome on Windows was refused, since the device is blocked."
            " Blocked device: refused."
        ),
        (
            "A second proof was asked for in the session on Chrome on macOS,"
            " since the owner said that a sign-in was somebody else's."
        ),
        "The owner said that the sign-in on Chrome on Windows was somebody else's.",
        "A device was blocked by the owner: Chrome on Windows.",
        "The session on Chrome on Windows was ended by the owner, since the device was blocked.",
    ] == shown[:5]
    assert shown[5].startswith("Signed in with a password, from Amsterdam, Netherlands, on Chrome")


def test_an_impersonation_is_marked(sessions: Any) -> None:
    """By name, in the sentence and in a field; no other entry is."""
    sessions.login("ada", at(HOME))
    staff = sessions.login("support-7", at(HOME))
    sessions.impersonate("ada", staff.session, at(HOSTED))
    entries = sessions.login_history("ada").items

    expected = "Impersonation by support-7, from Amsterdam, Netherlands, on Chrome on macOS."
    assert expected == entries[0].text
    assert [True, False] == [it.is_impersonation for it in entries]


def test_a_step_up_has_its_method(sessions: Any, clock: FakeClock) -> None:
    """The session keeps the methods of its latest authentication: the sign-in says none then."""
    grant = sessions.login("ada", at(HOME))
    clock.advance(60)
    grant = sessions.step_up(grant.access_token, amr=("otp",), acr="aal2")
    begun = "Signed in, from Lagos, Nigeria, on Chrome on macOS. New device."

    expected = "Confirmed the sign-in with a code, from Lagos, Nigeria, on Chrome on macOS."
    assert [expected, begun] == texts(sessions)
    clock.advance(60)
    sessions.step_up(grant.access_token, amr=("hwk",), acr="aal2")
    expected = (
        "Confirmed the sign-in with a key in hardware, from Lagos, Nigeria, on Chrome on macOS."
    )
    without = "Confirmed the sign-in, from Lagos, Nigeria, on Chrome on macOS."
    assert [expected, without, begun] == texts(sessions)


def test_a_step_up_in_the_second_of_its_sign_in_has_its_method(sessions: Any) -> None:
    """Its instant is kept a second later than that of the sign-in."""
    sessions.step_up(sessions.login("ada", at(HOME)).access_token, amr=("otp",))

    assert ["a code", None] == [it.method for it in sessions.login_history("ada")]


def test_a_session_that_moved_says_where_it_began(sessions: Any, clock: FakeClock) -> None:
    """The address of a live session is located again; of an ended one only a network is left."""
    grant = sessions.login("ada", at(HOME))
    clock.advance(60)
    moved = sessions.refresh(grant.refresh_token, at(QUEBEC, grant.device_token))
    begun = "Signed in with a password{}, on Chrome on macOS. New device."

    assert begun.format(", from Lagos, Nigeria") == texts(sessions)[0]
    gone_on, _ = texts(sessions, every_event=True)
    assert gone_on.startswith("The session went on, from Lagos, Nigeria, on Chrome on macOS. New")
    sessions.revoke(moved.session.id)
    assert "Signed in with a password on Chrome on macOS. New device." == texts(sessions)[1]


def test_a_place_is_not_guessed(make: Callable[..., Any]) -> None:
    """Where no address is kept, the session's own place is, and nothing else."""
    sessions = make(locator=Locator(), policy=Policy(privacy=Privacy(ip="none")))
    sessions.login("ada", at(HOME))

    assert ["Lagos, Nigeria"] == [it.place for it in sessions.login_history("ada")]
    assert [None] == [it.event.ip for it in sessions.login_history("ada")]


def test_repeated_failures_are_one_line(sessions: Any, clock: FakeClock) -> None:
    """Between two other events, with their count and networks."""
    sessions.login("ada", at(HOME))
    clock.advance(DAY)
    for ip in (HOSTED, QUEBEC, HOSTED):
        sessions.record_failure("ada", at(ip))
    clock.advance(60)
    sessions.login("ada", at(HOME))
    clock.advance(60)
    sessions.record_failure("ada", at(NEXT_DOOR))
    entries = sessions.login_history("ada").items

    assert [1, 1, 3, 1] == [it.count for it in entries]
    assert [E.LOGIN_FAILED, E.SESSION_CREATED] * 2 == [it.type for it in entries]
    assert "A sign-in failed, from 102.89.78.0." == entries[0].text
    expected = "3 sign-ins failed within an hour, from 45.83.91.0 and another network."
    assert expected == entries[2].text
    assert entries[2].at > entries[3].at


def test_a_flood_is_one_line(sessions: Any, clock: FakeClock) -> None:
    """More than are counted are said to be at least so many."""
    sessions.login("ada", at(HOME))
    clock.advance(60)
    for _ in range(101):
        sessions.record_failure("ada", at(HOSTED))

    expected = "At least 100 sign-ins failed within an hour, from 45.83.91.0."
    assert expected == texts(sessions)[0]


def test_failures_of_nobody_are_in_no_history(sessions: Any) -> None:
    """A name that never signed in has no history."""
    sessions.record_failure("ada", at(HOME))

    assert [] == texts(sessions)


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_make_the_whole(sessions: Any, clock: FakeClock, limit: int) -> None:
    """Each event and each failure is on one page, in order; the events keep to the limit."""
    for _ in range(5):
        token = sessions.login("ada", at(HOME)).device_token
        clock.advance(60)
        sessions.login("ada", at(HOME, token))  # ends the one before
        clock.advance(60)
        sessions.record_failure("ada", at(QUEBEC))
        clock.advance(DAY)
    whole = sessions.login_history("ada", limit=1_000)
    found, cursor, pages = [], None, 0
    while True:
        page = sessions.login_history("ada", limit=limit, cursor=cursor)
        assert len([it for it in page if it.event]) <= limit
        found += page.items
        cursor, pages = page.next, pages + 1
        if cursor is None:
            break

    assert whole.next is None
    assert list(whole.items) == found
    assert (10, 5) == (len([it for it in found if it.event]), sum(it.event is None for it in found))
    assert sorted(found, key=lambda it: it.at, reverse=True) == found
    assert pages >= 10 / limit


def calls(sessions: Any, work: Callable[[], object]) -> dict[str, int]:
    """How often *work* calls the store, by the names of the calls."""
    before = {name: it.count for name, it in sessions.metrics().calls.items()}
    work()
    after = {name: it.count for name, it in sessions.metrics().calls.items()}
    return {name: it - before.get(name, 0) for name, it in after.items() if it != before.get(name)}


@pytest.mark.parametrize("of", ["session_id", "device_id"])
@pytest.mark.parametrize("limit", [1, 4, 50])
def test_a_part_of_each_page(sessions: Any, clock: FakeClock, of: str, limit: int) -> None:
    """Of one session, or device, with the same cursors; failed sign-ins are of none."""
    grants = []
    for _ in range(3):
        grants.append(sessions.login("ada", at(HOME)))
        clock.advance(60)
        sessions.record_failure("ada", at(QUEBEC))
        sessions.revoke(grants[-1].session.id)
    own = grants[1].session
    only = {of: own if of == "session_id" else own.device}
    cursor, found = None, []
    while True:
        whole = sessions.login_history("ada", limit=limit, cursor=cursor, every_event=True)
        part = sessions.login_history("ada", limit=limit, cursor=cursor, every_event=True, **only)
        assert [it for it in whole if it.event and it.event.session_id == own.id] == [*part]
        assert whole.next == part.next
        found += part.items
        cursor = part.next
        if cursor is None:
            break

    assert {E.SESSION_CREATED, E.NEW_DEVICE, E.SESSION_REVOKED} == {it.type for it in found}


def test_what_is_known_of_a_page_is_read_together(tmp_path: Path, clock: FakeClock) -> None:
    """However many sessions it is about; and of one alone, nothing is asked of the others."""
    with SessionManager(tmp_path / "s.db", keys=SECRET, clock=clock) as sessions:
        own, *_ = (sessions.login("ada", at(HOME)).session for _ in range(5))

        def read(**only: Any) -> dict[str, int]:
            return calls(sessions, lambda: sessions.login_history("ada", **only))

        assert {"events": 1, "items": 1, "get_many": 1} == read()
        assert {"events": 1, "get_many": 1} == read(session_id=own)
        assert {"events": 1} == read(session_id="unknown")


def test_a_sign_in_is_in_question_until_it_is_answered(sessions: Any, clock: FakeClock) -> None:
    """While its session lives; a usual one is not."""

    def asked() -> list[bool]:
        history = sessions.login_history("ada")
        return [it.is_in_question for it in history if it.type is E.SESSION_CREATED]

    sessions.login("ada", at(HOME))
    clock.advance(120)
    strange = sessions.login("ada", at(QUEBEC)).session
    assert [True, False] == asked()
    sessions.judge(strange, True, actor="support-7")
    assert [False, False] == asked()
    clock.advance(120)
    ended = sessions.login("ada", at(QUEBEC.replace("9", "8"))).session
    sessions.revoke(ended.id)
    assert [False] * 3 == asked()


def test_a_page_reads_a_bounded_number_of_events(sessions: Any) -> None:
    """Where hardly any event is shown, a page is short, and says how to go on."""
    device = sessions.login("ada", at(HOME)).session.device
    for number in range(25):
        sessions.rename_device("ada", device.id, f"laptop {number}")
    first = sessions.login_history("ada", limit=2)
    second = sessions.login_history("ada", limit=2, cursor=first.next)

    assert ((), True) == (first.items, first.next is not None)
    assert [E.SESSION_CREATED] == [it.type for it in second] or second.next is not None
    third = sessions.login_history("ada", limit=2, cursor=second.next)
    assert 1 == len([*second, *third])


def test_a_cursor_of_history_goes_on(sessions: Any, clock: FakeClock) -> None:
    """Both count the same events."""
    for _ in range(3):
        sessions.login("ada", at(HOME))
        clock.advance(60)
    first = sessions.history("ada", limit=2)  # a sign-in, and its new device
    second = sessions.login_history("ada", limit=2, cursor=first.next)

    assert first.items[-1].at >= second.items[0].at
    assert list(sessions.login_history("ada").items[-2:]) == list(second.items)


@pytest.mark.parametrize("cursor", ["mangled", "1@", "1@x", "@", "@1.0", "x@1.0"])
def test_a_mangled_cursor_is_refused(sessions: Any, cursor: str) -> None:
    """As by history."""
    with pytest.raises(ValueError, match=r"."):
        sessions.login_history("ada", cursor=cursor)


@pytest.mark.parametrize("limit", [0, 1_001])
def test_a_limit_out_of_bounds_is_refused(sessions: Any, limit: int) -> None:
    """As by history."""
    with pytest.raises(ValueError, match="limit"):
        sessions.login_history("ada", limit=limit)


def test_addresses_are_located_a_bounded_number_of_times(make: Callable[..., Any]) -> None:
    """A page whose sessions have all moved asks the locator about a few, each once."""
    asked: list[str] = []

    class Counting(Locator):
        def locate(self, ip: str) -> Any:
            asked.append(ip)
            return super().locate(ip)

    sessions = make(locator=Counting())
    for number in range(20):
        grant = sessions.login("ada", at(f"198.51.{number}.7"))
        sessions.refresh(grant.refresh_token, at(QUEBEC, grant.device_token))
    asked.clear()
    page = sessions.login_history("ada", limit=100, every_event=True)

    assert 20 == len([it for it in page if it.type is E.SESSION_RENEWED])
    assert 16 == len(asked) == len({*asked})


def test_what_was_deleted_is_said_without(make: Callable[..., Any]) -> None:
    """Of an event without a session, the device's label comes from its user agent."""
    sessions = make(policy=Policy(max_sessions=1, on_limit="reject"))
    sessions.login("ada", at(HOME))
    with pytest.raises(LoginDeniedError):
        sessions.login("ada", at(QUEBEC, agent=WINDOWS))

    expected = "A sign-in on Chrome on Windows reached the account's limit of sessions."
    assert expected == texts(sessions)[0]
