"""Sign in, validate, list, end: the session's law, seen from outside."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess import (
    BadTokenError,
    Client,
    EventType,
    LoginDeniedError,
    Policy,
    Privacy,
    SessionExpiredError,
    SessionLimitError,
    SessionNotFoundError,
    SessionRevokedError,
    StepUpRequiredError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

DAY = 86_400
MAC = Client(
    "102.89.77.21",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
)


def test_a_session_from_start_to_end(sessions: Any) -> None:
    """It is listed by its device's name, validated, ended, and refused; its shape is published."""
    grant = sessions.login("user-xyz", MAC)
    session = sessions.validate(grant.access_token, MAC)
    assert "Chrome on macOS" == str(session.device)
    assert [(session.id, True)] == [
        (it.id, it.is_current) for it in sessions.list("user-xyz", current=session.id)
    ]
    assert {
        "sessionId": session.id,
        "userId": "user-xyz",
        "ip": "102.89.77.21",
        "userAgent": MAC.user_agent,
        "device": "Chrome on macOS",
        "location": None,
        "createdAt": "2025-07-18T09:30:00Z",
        "lastSeenAt": "2025-07-18T09:30:00Z",
        "expiresAt": "2025-08-01T09:30:00Z",
        "revoked": False,
        "deviceId": session.device.id,
        "kind": "desktop",
        "os": "macOS",
        "browser": "Chrome",
        "authTime": "2025-07-18T09:30:00Z",
        "amr": ["pwd"],
        "acr": None,
        "provider": None,
        "persistent": False,
        "current": False,
        "impersonator": None,
    } == session.to_dict()
    assert 900 == grant.expires_in
    assert sessions.revoke(session.id, reason="lost phone", actor="ada")
    with pytest.raises(SessionRevokedError) as caught:
        sessions.validate(grant.access_token)
    assert "lost phone" == caught.value.reason
    assert [] == sessions.list("user-xyz")
    ended = sessions.get(session.id)
    assert (True, False, "102.89.77.0") == (ended.revoked, ended.is_active, ended.ip)


@pytest.mark.parametrize(
    ("ip", "live", "ended"),
    [
        ("full", "102.89.77.21", "102.89.77.0"),
        ("truncated", "102.89.77.0", "102.89.77.0"),
        ("none", None, None),
    ],
)
def test_the_published_shape_keeps_to_privacy(make: Any, ip: Any, live: Any, ended: Any) -> None:
    """The published shape shows as much of an address as the policy keeps."""
    sessions = make(policy=Policy(privacy=Privacy(ip=ip)))
    grant = sessions.login("ada", MAC, acr="aal2", persistent=True)

    assert live == grant.session.to_dict()["ip"]
    assert sessions.revoke(grant.session)
    [shown] = [
        it.to_dict() for it in sessions.list("ada", include_ended=True, current=grant.session)
    ]
    assert ended == shown["ip"]
    assert ("aal2", True, True) == (shown["acr"], shown["persistent"], shown["current"])


def test_a_sign_in_says_whether_its_device_is_new(make: Any) -> None:
    """In the grant, in the event that `on_event` gets, and in the history."""
    emitted: list[Any] = []
    sessions = make(on_event=emitted.append)
    first = sessions.login("ada", MAC)
    again = sessions.login("ada", evolve(MAC, device_token=first.device_token))
    printed = [sessions.login("ada", Client(fingerprint="app-5")) for _ in range(2)]
    elsewhere = sessions.login("eve", evolve(MAC, device_token=first.device_token))
    sessions.forget_device("ada", first.session.device)
    after = sessions.login("ada", evolve(MAC, device_token=first.device_token))
    grants = [first, again, *printed, elsewhere, after]

    assert [True, False, True, False, True, True] == [it.is_new_device for it in grants]
    assert not sessions.refresh(after.refresh_token).is_new_device
    new = {it.session.id for it in grants if it.is_new_device}
    kept = [*sessions.history("ada"), *sessions.history("eve")]
    for events in (emitted, kept):
        assert new == {it.session_id for it in events if it.is_new_device}
        assert new == {it.session_id for it in events if it.to_dict()["isNewDevice"]}
        assert {EventType.SESSION_CREATED} == {it.type for it in events if it.is_new_device}


@pytest.mark.parametrize(("user_id", "existed"), [(None, True), ("ada", True), ("eve", False)])
def test_foreign_is_as_unknown(sessions: Any, user_id: str | None, existed: bool) -> None:
    """With a user's id, another user's session answers as an unknown one does."""
    session = sessions.login("ada").session
    if not existed:
        changes: list[Callable[[], object]] = [
            lambda: sessions.extend(session.id, 60, user_id=user_id),
            lambda: sessions.update(session.id, claims={}, user_id=user_id),
            lambda: sessions.extend("unknown", 60, user_id=user_id),
        ]
        for change in changes:
            with pytest.raises(SessionNotFoundError, match="no such session"):
                change()
    assert existed == (sessions.get(session.id, user_id=user_id) is not None)
    assert existed == sessions.revoke(session.id, user_id=user_id)
    assert existed == sessions.revoke(session.id, user_id=user_id)
    assert not sessions.revoke("unknown", user_id=user_id)


def test_idle_timeout_moves_with_activity(make: Callable[..., Any], clock: FakeClock) -> None:
    """Activity moves the idle deadline up to the absolute one, which nothing moves."""
    sessions = make(policy=Policy(idle_timeout=1000, absolute_lifetime=2500, access_lifetime=1000))
    grant = sessions.login("eve")
    clock.advance(900)
    assert sessions.validate(grant.access_token)
    grant = sessions.refresh(grant.refresh_token)
    clock.advance(900)
    grant = sessions.refresh(grant.refresh_token)
    clock.advance(699)
    assert sessions.validate(grant.access_token)
    clock.advance(1)
    with pytest.raises(SessionExpiredError) as caught:
        sessions.refresh(grant.refresh_token)
    assert "absolute" == caught.value.clock


def test_idle_sessions_expire_to_the_second(make: Callable[..., Any], clock: FakeClock) -> None:
    """One second before its idle deadline a session lives, at it it does not."""
    sessions = make(policy=Policy(idle_timeout=900))
    early, late = sessions.login("ada"), sessions.login("ada")
    clock.advance(899)
    assert sessions.refresh(early.refresh_token)
    clock.advance(1)
    with pytest.raises(SessionExpiredError) as caught:
        sessions.refresh(late.refresh_token)
    assert "idle" == caught.value.clock
    assert [early.session.id] == [it.id for it in sessions.list("ada")]
    assert 2 == len(sessions.list("ada", include_ended=True))


def test_an_untouching_validation_is_no_activity(sessions: Any, clock: FakeClock) -> None:
    """touch=False leaves the session as idle as it was; otherwise activity is written down."""
    grant = sessions.login("ada")
    clock.advance(600)
    before = sessions.validate(grant.access_token, touch=False).last_seen_at
    after = sessions.validate(grant.access_token).last_seen_at
    assert (grant.session.created_at, clock.now()) == (before, after)


def test_a_token_expires_before_its_session(sessions: Any, clock: FakeClock) -> None:
    """Past its lifetime and leeway the access token is over, and a refresh gives the next."""
    grant = sessions.login("ada")
    clock.advance(904)
    assert sessions.validate(grant.access_token)
    clock.advance(1)
    with pytest.raises(TokenExpiredError) as caught:
        sessions.validate(grant.access_token)
    assert caught.value.session_id is None
    assert sessions.validate(sessions.refresh(grant.refresh_token).access_token)


def test_a_tightened_policy_binds_old_sessions(make: Callable[..., Any], clock: FakeClock) -> None:
    """Today's policy ends sessions that yesterday's would have let live."""
    grant = make().login("ada")
    clock.advance(700)
    strict = make(policy=Policy(idle_timeout=600, access_lifetime=600))
    with pytest.raises((SessionExpiredError, TokenExpiredError)):
        strict.validate(grant.access_token)
    with pytest.raises(SessionExpiredError):
        strict.refresh(grant.refresh_token)
    assert [] == strict.list("ada")


@pytest.mark.parametrize(("by", "moved"), [(3600, 3600), (timedelta(days=90), 16 * DAY)])
def test_extend(sessions: Any, by: Any, moved: float) -> None:
    """The idle deadline moves ahead, never past the absolute one."""
    session = sessions.login("ada").session
    extended = sessions.extend(session.id, by)
    assert timedelta(seconds=moved) == extended.expires_at - session.expires_at
    assert session.absolute_expires_at == extended.absolute_expires_at
    for wrong in (0, -1, "x"):
        with pytest.raises(ValueError):
            sessions.extend(session.id, wrong)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_poll_does_not_keep_a_session_from_being_bound(sessions: Any, fresh: bool) -> None:
    """It writes nothing; the next request binds the session, whatever memory has of the poll."""
    grant = sessions.login("ada", MAC)
    own = evolve(MAC, device_token=grant.device_token)
    for _ in range(2):
        assert not sessions.validate(grant.access_token, own, touch=False, fresh=fresh).is_bound
    assert sessions.validate(grant.access_token, own, fresh=fresh).is_bound
    assert sessions.get(grant.session.id).is_bound


def test_update(sessions: Any) -> None:
    """Claims are replaced as a whole, seen at once, and cannot be changed in place."""
    grant = sessions.login("ada", claims={"role": "user"})
    assert {"role": "user"} == sessions.validate(grant.access_token).claims
    sessions.update(grant.session.id, claims={"cart": [1, {"a": 2}]})
    claims = sessions.validate(grant.access_token).claims
    assert {"cart": [1, {"a": 2}]} == claims
    changes: list[Callable[[], object]] = [
        lambda: claims.update(x=1),
        lambda: claims["cart"].append(1),
        lambda: claims["cart"][1].pop("a"),
    ]
    for change in changes:
        with pytest.raises(TypeError):
            change()
    for wrong in ({"x": "y" * 1024}, {"x": "\ud800"}, {"x": float("nan")}):
        with pytest.raises(ValueError):
            sessions.update(grant.session.id, claims=wrong)


def nested(levels: int) -> Any:
    found: Any = {}
    for level in range(levels - 2):
        found = {"x": found} if level % 2 else [found]
    return {"x": found}


def test_claims_may_be_nested_deeply(sessions: Any) -> None:
    """And no deeper than can be read back: nothing of a deeper one is written."""
    session = sessions.login("ada", claims=nested(32)).session
    assert nested(32) == sessions.get(session.id).claims == sessions.list("ada")[0].claims
    for wrong in (nested(33), nested(1000), nested(200_000), {"x": [[]] * 200 + [nested(32)]}):
        with pytest.raises(ValueError):
            sessions.login("grace", claims=wrong)
        with pytest.raises(ValueError):
            sessions.update(session.id, claims=wrong)
    assert [] == sessions.list("grace")
    assert nested(32) == sessions.get(session.id).claims


def test_an_update_keeps_the_claims_of_devsess_itself(sessions: Any) -> None:
    """Names that begin with `devsess.` stay, unless they are given; no others do."""
    own = {"devsess.app": ["a", 1]}
    session = sessions.login("ada", claims={**own, "devsessapp": 1, "role": "user"}).session
    for claims in ({"cart": [1]}, {}, None):
        assert {**(claims or {}), **own} == sessions.update(session.id, claims=claims).claims
    with pytest.raises(ValueError):
        sessions.update(session.id, claims={"x": "y" * 1010})
    given: dict[str, object] = {"devsess.app": []}
    assert given == sessions.update(session.id, claims=given).claims


def test_nothing_changes_an_ended_session(sessions: Any) -> None:
    """Revoked is terminal: no method brings it back or moves it."""
    grant = sessions.login("ada")
    sessions.revoke(grant.session.id)
    before = sessions.get(grant.session.id)
    changes: list[Callable[[], object]] = [
        lambda: sessions.extend(grant.session.id, 60),
        lambda: sessions.update(grant.session.id, claims={"a": 1}),
        lambda: sessions.refresh(grant.refresh_token),
        lambda: sessions.step_up(grant.access_token, amr=("otp",)),
        lambda: sessions.validate(grant.access_token, fresh=True),
    ]
    for change in changes:
        with pytest.raises(SessionRevokedError):
            change()
    assert before == sessions.get(grant.session.id)


def test_revoke_all_keeps_one(sessions: Any, clock: FakeClock) -> None:
    """`revoke_all` returns the sessions it ended, spares *keep*, and refuses older sign-ins."""
    kept, lost = sessions.login("ada").session, sessions.login("ada").session
    foreign = sessions.login("bob").session
    with pytest.raises(SessionNotFoundError):
        sessions.revoke_all("ada", keep=foreign.id)
    before = clock.now()
    clock.advance(0.5)
    assert [lost.id] == sessions.revoke_all("ada", keep=kept.id)
    assert [kept.id] == [it.id for it in sessions.list("ada")]
    with pytest.raises(LoginDeniedError) as caught:
        sessions.login("ada", auth_time=before)
    assert "cut-off" == caught.value.reason
    assert sessions.login("ada")
    assert sessions.login("bob", auth_time=before)


def test_revoke_everyone(sessions: Any, clock: FakeClock) -> None:
    """All sessions of all users end, and older sign-ins are refused."""
    grants = [sessions.login(user) for user in ("ada", "bob")]
    for grant in grants:
        sessions.validate(grant.access_token)
    before = clock.now()
    clock.advance(1)
    assert 2 == sessions.revoke_everyone(reason="breach", actor="ops")
    for grant in grants:
        with pytest.raises(SessionRevokedError):
            sessions.validate(grant.access_token)
    with pytest.raises(LoginDeniedError):
        sessions.login("eve", auth_time=before)


def test_step_up(sessions: Any, clock: FakeClock) -> None:
    """A step-up is the session's latest authentication, and ends older access tokens."""
    grant = sessions.login("ada", acr="aal1")
    clock.advance(300)
    for wanted in ({"max_auth_age": 300}, {"max_auth_age": 0}, {"acr": "aal2"}):
        with pytest.raises(StepUpRequiredError) as caught:
            sessions.validate(grant.access_token, **wanted)
        assert wanted.get("max_auth_age") == caught.value.max_age
    assert sessions.validate(grant.access_token, max_auth_age=301, acr="aal1")
    raised = sessions.step_up(grant.access_token, amr=("otp",), acr="aal2")
    assert (("otp",), "aal2") == (raised.session.amr, raised.session.acr)
    assert grant.session.id == raised.session.id
    assert sessions.validate(raised.access_token, max_auth_age=10, acr="aal2")
    with pytest.raises(TokenExpiredError) as by_access:
        sessions.validate(grant.access_token)
    with pytest.raises(TokenExpiredError) as by_refresh:
        sessions.refresh(grant.refresh_token)
    assert grant.session.id == by_access.value.session_id == by_refresh.value.session_id
    again = sessions.step_up(raised.access_token, amr=("pwd",), acr="aal1")
    assert (("pwd",), "aal1") == (again.session.amr, again.session.acr)
    assert sessions.validate(again.access_token, acr="aal2")
    renewed = sessions.refresh(again.refresh_token)
    assert again.session.auth_time == renewed.session.auth_time


@pytest.mark.parametrize("limit", [2, lambda user_id, client: 2 if user_id == "ada" else None])
def test_a_limit_evicts_the_least_recently_used(
    make: Callable[..., Any], clock: FakeClock, limit: Any
) -> None:
    """The session that was used longest ago makes room, and its token ends."""
    sessions = make(policy=Policy(max_sessions=limit))
    first = sessions.login("ada")
    clock.advance(1)
    second = sessions.login("ada")
    clock.advance(400)
    sessions.validate(first.access_token)
    third = sessions.login("ada")
    assert (second.session.id,) == third.evicted
    with pytest.raises(SessionRevokedError):
        sessions.validate(second.access_token)
    assert 2 == len(sessions.list("ada"))


def test_a_limit_rejects(make: Callable[..., Any]) -> None:
    """The error names the sessions that could be ended; ending one makes room."""
    sessions = make(policy=Policy(max_sessions=1, on_limit="reject"))
    first = sessions.login("ada")
    with pytest.raises(SessionLimitError) as caught:
        sessions.login("ada")
    assert [first.session.id] == [it.id for it in caught.value.sessions]
    assert sessions.login("ada", Client(device_token=first.device_token))
    sessions.revoke_all("ada")
    assert sessions.login("ada")


@pytest.mark.parametrize(
    ("privacy", "live", "ended"),
    [
        ("full", "102.89.77.21", "102.89.77.0"),
        ("truncated", "102.89.77.0", "102.89.77.0"),
        ("none", None, None),
    ],
)
def test_addresses(make: Callable[..., Any], privacy: Any, live: Any, ended: Any) -> None:
    """The policy decides how an address is kept, and the end reduces it, in the history too."""
    sessions = make(policy=Policy(privacy=Privacy(ip=privacy)))
    session = sessions.login("ada", MAC).session
    assert live == session.ip
    sessions.revoke(session.id)
    assert ended == sessions.get(session.id).ip
    assert {ended} == {event.ip for event in sessions.history("ada")}


def test_history_in_pages(sessions: Any) -> None:
    """Pages follow one another, newest first, and a mangled cursor is refused."""
    for _ in range(5):
        sessions.login("ada")
    whole = sessions.history("ada", limit=1000).items
    pages: list[Any] = []
    cursor = None
    while len(pages) < len(whole):
        page = sessions.history("ada", limit=2, cursor=cursor)
        pages += page.items
        cursor = page.next
        if cursor is None:
            break
    assert list(whole) == pages
    for wrong in ({"limit": 0}, {"limit": 1001}, {"cursor": "x"}):
        with pytest.raises(ValueError):
            sessions.history("ada", **wrong)


def test_purge_leaves_what_may_be_asked_for(sessions: Any, clock: FakeClock) -> None:
    """Tombstones stay for the retention; then they go, and their tokens are unknown."""
    grant = sessions.login("ada", MAC)
    sessions.revoke(grant.session.id)
    assert 0 == sessions.purge()
    clock.advance(91 * DAY)
    assert sessions.purge(limit=1) == 1
    assert sessions.purge() > 0
    assert 0 == sessions.purge()
    assert None is sessions.get(grant.session.id)
    assert 0 == len(sessions.history("ada"))
    for wrong in (0, -1):
        with pytest.raises(ValueError):
            sessions.purge(limit=wrong)


@pytest.mark.parametrize("limit", [None, 3])
def test_purge_says_how_far_it_is(sessions: Any, clock: FakeClock, limit: int | None) -> None:
    """Each batch reports its number of rows, and their sum is the result."""
    for _ in range(3):
        sessions.revoke(sessions.login("ada", MAC).session.id)
    batches: list[int] = []
    clock.advance(91 * DAY)
    done = sessions.purge(limit=limit, progress=batches.append)

    assert done == sum(batches) > 0
    assert 0 not in batches


def test_a_device_is_known_as_long_as_its_cookie_lives(sessions: Any, clock: FakeClock) -> None:
    """Its sessions are long forgotten, and its network with them; after 400 days so is it."""
    grant = sessions.login("ada", MAC)
    sessions.trust_device("ada", grant.session.device.id, clock.now() + timedelta(days=60))
    again = Client(ip=MAC.ip, user_agent=MAC.user_agent, device_token=grant.device_token)
    sessions.revoke(grant.session.id)
    clock.advance(399 * DAY)
    sessions.purge()
    [device] = sessions.export_user("ada")["devices"]
    assert None is device["network"]
    later = sessions.login("ada", again)
    assert grant.session.device.id == later.session.device.id
    sessions.revoke(later.session.id)
    clock.advance(401 * DAY)
    sessions.purge()
    assert grant.session.device.id != sessions.login("ada", again).session.device.id


def test_export_and_erase(sessions: Any) -> None:
    """A person gets everything that is kept; after erasure nothing is, and no token passes."""
    grant = sessions.login("ada", MAC, claims={"a": 1})
    other = sessions.login("bob", MAC)
    sessions.validate(grant.access_token)
    export = json.loads(json.dumps(sessions.export_user("ada")))
    assert [1, 1, 1] == [len(export[name]) for name in ("sessions", "devices", "events")]
    assert {"a": 1} == export["sessions"][0]["claims"]
    assert ["profile"] == [item["kind"] for item in export["items"]]
    assert 4 == sessions.erase_user("ada")
    with pytest.raises(SessionNotFoundError):
        sessions.validate(grant.access_token)
    nothing: dict[str, Any] = {"sessions": [], "devices": [], "events": [], "items": []}
    assert {"userId": "ada", "cutOff": None, **nothing} == sessions.export_user("ada")
    assert sessions.validate(other.access_token)


def test_a_token_of_another_account(make: Callable[..., Any]) -> None:
    """A token whose account is not its session's is bad, though its signature is good."""
    sessions = make()
    grant = sessions.login("ada")
    core = getattr(sessions, "_core", None) or sessions._manager._core
    forged = core.tokens.access.mint(
        session_id=grant.session.id,
        user_id="eve",
        now=core.now(),
        expires_at=int(core.now()) + 60,
        auth_time=int(core.now()),
        amr=(),
        acr=None,
        generation=0,
        jti="j" * 22,
    )
    with pytest.raises(BadTokenError):
        sessions.validate(forged)
