"""Rows of a clock that was ahead are put right by the first write that meets them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, LoginDeniedError, Policy, SessionExpiredError, StepUpRequiredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

YEARS = 10 * 365 * 86_400
DAY = 86_400


@pytest.fixture
def ahead(sessions: Any, clock: FakeClock) -> Any:
    """A sign-in while the clock was ten years ahead; it is right again."""
    clock.advance(YEARS)
    grant = sessions.login("ada", Client(user_agent="curl/8.9"), acr="aal2")
    clock.advance(-YEARS)
    return grant


MEETS: dict[str, Callable[[Any, Any], object]] = {
    "refresh": lambda sessions, grant: sessions.refresh(grant.refresh_token),
    "extend": lambda sessions, grant: sessions.extend(grant.session.id, 1),
    "update": lambda sessions, grant: sessions.update(grant.session.id, claims={"a": 1}),
    "purge": lambda sessions, grant: sessions.purge(),
}


@pytest.mark.parametrize("meets", MEETS.values(), ids=MEETS.keys())
def test_the_first_write_sets_it_back(
    sessions: Any, ahead: Any, clock: FakeClock, meets: Callable[[Any, Any], object]
) -> None:
    """From then on the session has the lifetime that a sign-in now would have, and ends by it."""
    before = sessions.get(ahead.session.id)
    assert (before.expires_at - clock.now()).total_seconds() > YEARS
    meets(sessions, ahead)

    now = clock.now()
    after = sessions.get(ahead.session.id)
    assert now == after.last_seen_at == after.created_at
    assert 30 * DAY == (after.absolute_expires_at - now).total_seconds()
    assert after.expires_at <= after.absolute_expires_at
    clock.advance(15 * DAY)
    assert [] == sessions.list("ada")
    with pytest.raises(SessionExpiredError):
        sessions.refresh(ahead.refresh_token)


def test_a_validation_sets_it_back(make: Callable[..., Any], clock: FakeClock) -> None:
    """An activity dated ten minutes ahead is set right by the next validation of a right clock."""
    ahead, right = make(), make()
    grant = ahead.login("ada")
    clock.advance(600)
    ahead.validate(grant.access_token)
    clock.advance(-600)
    for touch, expected in ((False, 600), (True, 0), (False, 0)):
        session = right.validate(grant.access_token, fresh=True, touch=touch)

        assert expected == (session.last_seen_at - clock.now()).total_seconds()
    assert 14 * DAY == (session.expires_at - clock.now()).total_seconds()


def test_a_row_dated_ahead_is_no_fresh_sign_in(sessions: Any, ahead: Any, clock: FakeClock) -> None:
    """When the person proved themselves is unknown: it counts as long ago, and step-up mends it."""
    grant = sessions.refresh(ahead.refresh_token)
    for acr in (None, "aal2"):
        with pytest.raises(StepUpRequiredError):
            sessions.validate(grant.access_token, max_auth_age=29 * DAY, acr=acr)
    assert grant.session.auth_time <= clock.now()
    again = sessions.step_up(grant.access_token, amr=("otp",), acr="aal2")

    assert sessions.validate(again.access_token, max_auth_age=60, acr="aal2").is_active


def test_a_little_ahead_is_no_fault(sessions: Any, clock: FakeClock) -> None:
    """Clocks differ by some minutes: nothing is put right that is not wrong."""
    clock.advance(300)
    grant = sessions.login("ada")
    clock.advance(-300)
    sessions.update(grant.session.id, claims={"a": 1})

    assert grant.session.created_at == sessions.get(grant.session.id).created_at


def test_a_clock_that_is_not_set_yet_corrects_nothing(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """After a start in 1970 everything lies ahead: once the clock is set, all is as it was."""
    sessions, kept, ended = make(), make().login("ada"), make().login("bob")
    sessions.revoke(ended.session.id, reason="bye")
    since = clock.now().timestamp()
    before = sessions.export_user("ada"), sessions.export_user("bob")
    clock.advance(1 - since)
    assert 0 == sessions.purge()
    sessions.refresh(kept.refresh_token)
    sessions.update(kept.session.id, claims={"a": 1})
    clock.advance(since - 1)
    sessions.purge()

    assert sessions.get(kept.session.id).is_active
    for user, then in zip(("ada", "bob"), before, strict=True):
        now = sessions.export_user(user)
        assert then["devices"] == now["devices"]
        for name in ("createdAt", "absoluteExpiresAt", "revokedAt", "authTime"):
            assert [it[name] for it in then["sessions"]] == [it[name] for it in now["sessions"]]
    assert before[1] == sessions.export_user("bob")


def test_two_clocks_apart_do_not_undo_each_other_for_ever(
    make: Callable[..., Any], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests go to both in turn: one correction an hour, one warning with the difference."""
    policy = Policy(access_lifetime=86_400, touch_interval=60)
    right, ahead = make(policy=policy), make(policy=policy)
    grant = right.login("ada")
    seen = []
    for _ in range(9):
        clock.advance(660)
        ahead.validate(grant.access_token, fresh=True)
        clock.advance(-600)
        session = right.validate(grant.access_token, fresh=True)
        seen.append((session.last_seen_at - clock.now()).total_seconds())
        assert grant.session.id == session.id
    # By time that only passes the rounds are 660 seconds long: the hour is over after six.
    assert [0, 600, 600, 600, 600, 600, 0, 600, 600] == seen
    [warning] = [it for it in caplog.records if "devsess" == it.name]

    assert "WARNING" == warning.levelname
    assert "600 seconds ahead of this clock" in warning.getMessage()
    assert grant.session.id not in warning.getMessage()


def _signed_in(sessions: Any, count: int) -> None:
    for number in range(count):
        sessions.login(f"user {number}")


@pytest.mark.parametrize("days", [1, 16, 17, 300])
def test_a_purge_by_a_clock_that_is_behind_ends_nothing(
    make: Callable[..., Any], clock: FakeClock, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    """The newest events of all other processes dispute the clock: their rows stay as they are."""
    right, behind = make(), make()
    right.login("gone")
    clock.advance(YEARS)
    kept, ended = right.login("ada", Client(user_agent="curl/8.9")), right.login("bob")
    right.revoke(ended.session.id, reason="bye")
    _signed_in(right, 32)
    before = [right.export_user(name) for name in ("ada", "bob")]
    clock.advance(-days * DAY)
    behind.login("carol")
    for _ in range(2):
        behind.purge()
    clock.advance(days * DAY)

    assert before == [right.export_user(name) for name in ("ada", "bob")]
    assert [] == right.export_user("gone")["events"]  # deleting goes on
    warnings = [it.getMessage() for it in caplog.records if "devsess" == it.name]
    assert 2 == len(warnings)  # one a purge
    assert all(f"by about {days * DAY} seconds" in it for it in warnings)
    assert right.validate(kept.access_token).is_active


def test_a_purge_by_a_clock_that_the_history_agrees_with_corrects(
    make: Callable[..., Any], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """All rows that a process with a clock ahead wrote are set back."""
    right = make()
    clock.advance(YEARS)
    ahead = [right.login(f"ahead {number}") for number in range(40)]
    right.revoke(ahead[-1].session.id, reason="bye")
    clock.advance(-YEARS)
    right.purge()
    still = right.get(ahead[0].session.id)
    assert ahead[0].session.created_at == still.created_at
    assert 1 == len(caplog.records)
    _signed_in(right, 32)
    right.purge()

    assert clock.now() == right.get(ahead[0].session.id).created_at
    assert clock.now() == right.get(ahead[-1].session.id).revoked_at
    assert 1 == len(caplog.records)


@pytest.mark.parametrize(
    ("ahead_by", "is_refused"), [(0, True), (60, True), (300, True), (301, False)]
)
def test_a_cut_off_counts_as_far_as_clocks_differ(
    make: Callable[..., Any], clock: FakeClock, ahead_by: int, is_refused: bool
) -> None:
    """A sign-in dated before it is refused also where the clock that ended was a little ahead."""
    ending, signing_in = make(), make()
    before = clock.now() - timedelta(minutes=10)
    clock.advance(ahead_by)
    ending.revoke_all("ada")
    clock.advance(-ahead_by)
    if is_refused:
        with pytest.raises(LoginDeniedError):
            signing_in.login("ada", auth_time=before)
    else:
        assert signing_in.login("ada", auth_time=before)
