"""The refresh table, row by row, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess import (
    BadTokenError,
    Client,
    EventType,
    RefreshTokenReusedError,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess import Grant
    from devsess.testing import FakeClock

MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
NEWER_MAC = MAC.replace("142", "143")
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)


class Scene:
    """A signed-in browser, bound or not, and another device of the same user."""

    def __init__(self, sessions: Any, clock: FakeClock, *, bound: bool) -> None:
        self.sessions = sessions
        self.clock = clock
        self.grant: Grant = sessions.login("ada", Client(user_agent=MAC))
        self.thief: Grant = sessions.login("ada", Client(user_agent=PHONE))
        if bound:
            sessions.validate(self.grant.access_token, self.own)

    @property
    def own(self) -> Client:
        return Client(user_agent=MAC, device_token=self.grant.device_token)

    @property
    def foreign(self) -> Client:
        return Client(user_agent=MAC, device_token=self.thief.device_token)

    def age(self, age: str) -> str:
        """A refresh token of that age."""
        token = self.grant.refresh_token
        if age == "current":
            return token
        if "step-up" in age:
            newer: Grant = self.sessions.step_up(self.grant.access_token, self.own, amr=("otp",))
        else:
            newer = self.sessions.refresh(token, self.own)
        if age == "older":
            self.sessions.refresh(newer.refresh_token, self.own)
        if "overtaken" in age:
            self.sessions.step_up(newer.access_token, self.own, amr=("otp",))
        if "presented" in age:
            self.sessions.validate(newer.access_token, self.own)
        if "late" in age or age == "dead":
            self.clock.advance(31)
        if age == "between, overtaken":
            return newer.refresh_token
        if age == "dead":
            self.sessions.refresh(token, self.own)
            return newer.refresh_token
        return token

    def is_live(self) -> bool:
        session = self.sessions.get(self.grant.session.id)
        return bool(session.is_active)


ROTATED, CONVERGED, EXPIRED = "rotated", "converged", "expired"
REISSUED = "reissued"
FOREIGN, LATE, STALE = "foreign-device", "late", "stale"
# Age of the token; the result if the same device presents it, and if a foreign one does.
TABLE = [
    ("current", ROTATED, FOREIGN),
    ("previous", CONVERGED, FOREIGN),
    ("after step-up", EXPIRED, FOREIGN),
    ("previous, presented", CONVERGED, FOREIGN),
    ("after step-up, presented", EXPIRED, FOREIGN),
    ("late", REISSUED, FOREIGN),
    ("late after step-up", EXPIRED, FOREIGN),
    ("late, presented", LATE, LATE),
    ("late after step-up, presented", LATE, LATE),
    ("before a refresh, overtaken", EXPIRED, FOREIGN),
    ("between, overtaken", EXPIRED, FOREIGN),
    ("before a refresh, overtaken, late", STALE, STALE),
    ("dead", STALE, STALE),
    ("older", STALE, STALE),
]


def outcome(scene: Scene, token: str, client: Client | None) -> str:
    try:
        grant = scene.sessions.refresh(token, client)
    except TokenExpiredError:
        return EXPIRED
    except RefreshTokenReusedError as error:
        return error.reuse if error.session_id == scene.grant.session.id else "another's"
    assert grant.device_token is None
    assert scene.sessions.validate(grant.access_token).id == scene.grant.session.id
    if grant.replayed:
        return CONVERGED
    types = [event.type for event in scene.sessions.history("ada")]
    return REISSUED if types[0] is EventType.TOKEN_REISSUED else ROTATED


@pytest.mark.parametrize(("age", "same", "foreign"), TABLE)
@pytest.mark.parametrize("by", ["same", "foreign"])
@pytest.mark.parametrize("bound", [True, False])
def test_the_table(
    sessions: Any, clock: FakeClock, age: str, same: str, foreign: str, by: str, bound: bool
) -> None:
    """Each cell does what the table says, and ends the session if and only if it says so."""
    scene = Scene(sessions, clock, bound=bound)
    token = scene.age(age)
    expected = same if by == "same" else foreign
    # A foreign device that comes first, before the own one ever came, only makes a signal.
    if by == "foreign" and age == "current" and not bound:
        expected = ROTATED
    assert expected == outcome(scene, token, scene.own if by == "same" else scene.foreign)
    assert scene.is_live() == (expected in (ROTATED, REISSUED, CONVERGED, EXPIRED))
    ends = [event for event in sessions.history("ada") if event.type is EventType.TOKEN_REUSED]
    assert ([] if scene.is_live() else [expected]) == [event.reason for event in ends]
    assert sessions.validate(scene.thief.access_token)


def test_a_foreign_device_makes_a_signal(sessions: Any, clock: FakeClock) -> None:
    """On an unbound session a foreign device may refresh; the grant and the history show it."""
    scene = Scene(sessions, clock, bound=False)
    grant = sessions.refresh(scene.grant.refresh_token, scene.foreign)
    assert ["foreign_device"] == [signal.kind for signal in grant.assessment.signals]
    event = sessions.history("ada").items[0]
    assert EventType.SESSION_RENEWED is event.type
    assert grant.assessment == event.assessment


@pytest.mark.parametrize(
    ("agent", "bound", "expected"),
    [
        (MAC, False, ROTATED),
        (NEWER_MAC, False, ROTATED),
        (PHONE, False, ROTATED),
        (MAC, True, FOREIGN),
        (None, True, FOREIGN),
    ],
)
def test_without_a_device_token(
    sessions: Any, clock: FakeClock, agent: str | None, bound: bool, expected: str
) -> None:
    """Silence about the device will do until the session is bound, and not after."""
    scene = Scene(sessions, clock, bound=bound)
    assert expected == outcome(scene, scene.grant.refresh_token, Client(user_agent=agent))


# Agents that say too little for system and browser to be compared.
VAGUE = [
    "Mozilla/5.0 (Zz; Phone) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Mobile",
    "Mozilla/5.0 (Nintendo 3DS; U; ; en) Version/1.7567.US",
    "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; en-US) PowerShell/7.4.2",
    "got (https://github.com/sindresorhus/got)",
    "my app",
    "x" * 62_000,
]
ALONG = [None, {}, {"Accept": "*/*"}, {"Sec-CH-UA-Platform": '"Zz"', "Sec-CH-UA": '"Zz"'}]


@pytest.mark.parametrize("agent", VAGUE, ids=lambda it: it[-24:])
@pytest.mark.parametrize("headers", ALONG, ids=repr)
def test_an_equal_agent_is_the_same(
    sessions: Any, agent: str, headers: dict[str, str] | None
) -> None:
    """An agent equal to the one of the sign-in is the same client: races converge."""
    client = Client(user_agent=agent, headers=headers)
    grant = sessions.login("ada", client)

    first = sessions.refresh(grant.refresh_token, client)
    second = sessions.refresh(grant.refresh_token, client)

    assert () == first.assessment.signals
    assert (first.refresh_token, True) == (second.refresh_token, second.replayed)


@pytest.mark.parametrize("headers", [{"Sec-CH-UA-Platform": '"Zz"'}, {"Sec-CH-UA": '"Zz"'}])
def test_two_silent_agents_are_not_equal(sessions: Any, headers: dict[str, str]) -> None:
    """No agent equals no agent only where nothing else speaks against it."""
    grant = sessions.login("ada")

    renewed = sessions.refresh(grant.refresh_token, Client(headers=headers))

    assert ["foreign_device"] == [one.kind for one in renewed.assessment.signals]


def test_no_client_is_no_device_check(sessions: Any, clock: FakeClock) -> None:
    """Without a client nothing is compared, as in validate."""
    scene = Scene(sessions, clock, bound=True)
    assert ROTATED == outcome(scene, scene.grant.refresh_token, None)


def test_the_successor_is_the_same(sessions: Any, clock: FakeClock) -> None:
    """Within the grace period every retry gets the same refresh token, to the second."""
    token = sessions.login("ada").refresh_token
    first = sessions.refresh(token)
    clock.advance(30)
    again = sessions.refresh(token)
    assert (first.refresh_token, True) == (again.refresh_token, again.replayed)
    sessions.validate(again.access_token)
    clock.advance(0.5)
    with pytest.raises(RefreshTokenReusedError):
        sessions.refresh(token)
    with pytest.raises(SessionRevokedError):
        sessions.refresh(first.refresh_token)


def test_a_restored_backup_does_not_end_sessions(make: Callable[..., Any]) -> None:
    """A token newer than its row is refused and recorded in the history, and the session lives."""
    sessions = make()
    grant = sessions.login("ada")
    core = getattr(sessions, "_core", None) or sessions._manager._core
    row_salt = _salt(sessions, grant.session.id)
    newer = core.tokens.refresh.mint(grant.session.id, 7, row_salt)
    with pytest.raises(BadTokenError):
        sessions.refresh(newer)
    assert EventType.TOKEN_FROM_FUTURE is sessions.history("ada").items[0].type
    assert sessions.refresh(grant.refresh_token)


def _salt(sessions: Any, session_id: str) -> bytes:
    store = getattr(sessions, "_store", None) or sessions._manager._store
    row = getattr(store, "store", store).get(session_id)
    return bytes(row.salt)


def test_a_move_is_written_down(sessions: Any) -> None:
    """A refresh from elsewhere updates address and agent, with an event; from nearby, without."""
    grant = sessions.login("ada", Client(ip="102.89.77.21", user_agent=MAC))
    for ip, agent, events in (
        ("102.89.77.99", MAC, 1),
        ("102.89.77.99", NEWER_MAC, 2),
        ("198.51.100.7", NEWER_MAC, 3),
        (None, None, 3),
    ):
        client = Client(ip=ip, user_agent=agent, device_token=grant.device_token)
        renewed = sessions.refresh(grant.refresh_token, client)
        assert events == len(sessions.history("ada"))
        grant = evolve(renewed, device_token=grant.device_token)
    session = sessions.get(grant.session.id)
    assert ("198.51.100.7", NEWER_MAC) == (session.ip, session.user_agent)


def test_a_deleted_session(sessions: Any) -> None:
    """The refresh token of an erased person is of no session."""
    grant = sessions.login("ada")
    sessions.erase_user("ada")
    with pytest.raises(SessionNotFoundError):
        sessions.refresh(grant.refresh_token)
