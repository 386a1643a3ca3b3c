"""Tickets: one request in the name of a session, once, in time, for one purpose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess import (
    BadTokenError,
    InvalidSessionError,
    Policy,
    SessionExpiredError,
    SessionManager,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
OTHER = "Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1t7vKq2"
REPORT = "download/report-7"


@pytest.fixture
def grant(sessions: Any) -> Any:
    return sessions.login("ada")


def test_it_is_good_once(sessions: Any, grant: Any) -> None:
    """It lets one request in, as its session; another one needs another ticket."""
    ticket = sessions.ticket(grant.session, REPORT)
    found = sessions.redeem(ticket, REPORT)
    assert (grant.session.id, "ada") == (found.id, found.user_id)
    for _ in range(2):
        with pytest.raises(TokenExpiredError, match="used before"):
            sessions.redeem(ticket, REPORT)
    assert sessions.redeem(sessions.ticket(grant.session, REPORT), REPORT)


def test_of_two_at_once_one_is_let_in(tmp_path: Path) -> None:
    """Each of eight threads, half of them with a second manager, tries it."""
    start = Barrier(8)
    with (
        SessionManager(tmp_path / "s.db", keys=SECRET) as one,
        SessionManager(tmp_path / "s.db", keys=SECRET) as other,
        ThreadPoolExecutor(8) as pool,
    ):
        ticket = one.ticket(one.login("ada").session, REPORT)

        def is_let_in(number: int) -> bool:
            start.wait(30)
            try:
                return bool((one, other)[number % 2].redeem(ticket, REPORT))
            except TokenExpiredError:
                return False

        assert 1 == sum(pool.map(is_let_in, range(8)))


@pytest.mark.parametrize(("seconds", "is_good"), [(0, True), (29.9, True), (30, False)])
def test_it_is_good_for_half_a_minute(
    sessions: Any, grant: Any, clock: FakeClock, seconds: float, is_good: bool
) -> None:
    """From the instant on that it was given out."""
    ticket = sessions.ticket(grant.session, REPORT)
    clock.advance(seconds)
    if is_good:
        assert sessions.redeem(ticket, REPORT)
    else:
        with pytest.raises(TokenExpiredError) as caught:
            sessions.redeem(ticket, REPORT)
        assert clock.now() == caught.value.expired_at


def test_a_purge_brings_none_back(sessions: Any, grant: Any, clock: FakeClock) -> None:
    """Not that of a process whose clock is ahead by as much as clocks may differ."""
    ticket = sessions.ticket(grant.session, REPORT)
    sessions.redeem(ticket, REPORT)
    clock.advance(300)
    sessions.purge()
    clock.advance(-300)
    with pytest.raises(TokenExpiredError, match="used before"):
        sessions.redeem(ticket, REPORT)


def test_nothing_of_it_is_left(sessions: Any, grant: Any, clock: FakeClock) -> None:
    """Once its time is over by every clock, a purge deletes that it was used."""
    sessions.redeem(sessions.ticket(grant.session, REPORT), REPORT)
    clock.advance(400)
    before = sessions.purge()
    assert (1, 0) == (before, sessions.purge())


@pytest.mark.parametrize(
    "purpose", ["download/report-8", "download/report-77", "Download/report-7"]
)
def test_it_is_good_for_its_purpose_alone(sessions: Any, grant: Any, purpose: str) -> None:
    """Another purpose does not use it up."""
    ticket = sessions.ticket(grant.session, REPORT)
    with pytest.raises(BadTokenError):
        sessions.redeem(ticket, purpose)
    assert sessions.redeem(ticket, REPORT)


ENDS: dict[str, tuple[Callable[[Any, Any], object], type[InvalidSessionError]]] = {
    "revoke": (lambda sessions, _: sessions.revoke_all("ada"), SessionRevokedError),
    "expire": (lambda _, clock: clock.advance(20), SessionExpiredError),
    "erase": (lambda sessions, _: sessions.erase_user("ada"), SessionNotFoundError),
}


@pytest.mark.parametrize(("end", "error"), ENDS.values(), ids=ENDS.keys())
def test_it_ends_with_its_session(
    make: Callable[..., Any], clock: FakeClock, end: Any, error: type[InvalidSessionError]
) -> None:
    """No ticket outlives its session, and none is given out for one that has ended."""
    sessions = make(policy=Policy())
    session = sessions.login("ada", lifetime=20).session
    ticket = sessions.ticket(session, REPORT)
    end(sessions, clock)
    with pytest.raises(error):
        sessions.redeem(ticket, REPORT)
    with pytest.raises(error):
        sessions.ticket(session, REPORT)


def test_it_ends_with_the_impersonator(sessions: Any, grant: Any) -> None:
    """A ticket of an impersonation is good while the session that began it lives."""
    staff = sessions.login("support-7")
    acting = sessions.impersonate("ada", by=staff.session)
    ticket = sessions.ticket(acting.session, REPORT)
    sessions.revoke(staff.session.id)
    with pytest.raises(SessionRevokedError):
        sessions.redeem(ticket, REPORT)
    with pytest.raises(SessionRevokedError):
        sessions.ticket(acting.session, REPORT)


def test_an_id_alone_gets_none(sessions: Any, grant: Any) -> None:
    """It is no secret: who knows it has proven nothing."""
    for given in (grant.session.id, None, grant):
        with pytest.raises(TypeError):
            sessions.ticket(given, REPORT)


def test_a_forged_record_gets_none(sessions: Any, grant: Any) -> None:
    """The session must be the account's that the record names."""
    with pytest.raises(SessionNotFoundError):
        sessions.ticket(evolve(grant.session, user_id="eve"), REPORT)


def test_what_is_no_ticket(make: Callable[..., Any]) -> None:
    """A forged one, another issuer's, another kind of token: refused."""
    sessions = make()
    grant = sessions.login("ada")
    ticket = sessions.ticket(grant.session, REPORT)
    head, body, mac = ticket.split(".")
    swapped = "A" if mac[-1] != "A" else "Q"
    foreign = make(keys=OTHER).ticket(grant.session, REPORT)
    elsewhere = make(issuer="other").ticket(grant.session, REPORT)
    forged = [f"{head}.{body}.{mac[:-1]}{swapped}", f"ds1n.{body}.{mac}", f"{head}.A{body}.{mac}"]
    forged += ["", ticket + "\n", grant.access_token, grant.refresh_token, grant.device_token]
    for text in (*forged, foreign, elsewhere, None, 5, b"ds1t"):
        with pytest.raises(BadTokenError):
            sessions.redeem(text, REPORT)
    assert sessions.redeem(ticket, REPORT)


@pytest.mark.parametrize("token", ["access_token", "refresh_token"])
def test_a_ticket_is_no_other_token(sessions: Any, grant: Any, token: str) -> None:
    """No other call takes it."""
    ticket = sessions.ticket(grant.session, REPORT)
    call: Any = {"access_token": sessions.validate, "refresh_token": sessions.refresh}[token]
    with pytest.raises(BadTokenError):
        call(ticket)


def test_its_purpose_is_not_in_it(sessions: Any, grant: Any) -> None:
    """A URL with it says nothing about what it is for but where it leads."""
    one, other = (sessions.ticket(grant.session, it) for it in ("a", "b" * 255))
    assert abs(len(one) - len(other)) < 4


@pytest.mark.parametrize("purpose", ["", "x" * 256, None, "a\0b", "\ud800"])
def test_a_purpose_is_a_text(sessions: Any, grant: Any, purpose: Any) -> None:
    """A mistake of the program is no bad ticket."""
    ticket = sessions.ticket(grant.session, REPORT)
    with pytest.raises((TypeError, ValueError)):
        sessions.ticket(grant.session, purpose)
    with pytest.raises((TypeError, ValueError)):
        sessions.redeem(ticket, purpose)
