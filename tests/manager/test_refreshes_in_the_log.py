"""Which refreshes every process hears of: each one that is logged costs the memories of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, Locator, at
from attrs import evolve

from devsess import Grant, Policy, Risk
from devsess._runtime.drive import drive

if TYPE_CHECKING:
    from collections.abc import Callable


class Watched:
    """The refreshes of one session, by clients that show its device token."""

    def __init__(self, sessions: Any) -> None:
        self._sessions = sessions
        self.grant = sessions.login("ada", at(HOME))

    def _position(self) -> object:
        found = self._sessions._store.changes(None)
        return getattr(drive(found) if hasattr(found, "send") else found, "position")  # noqa: B009

    def is_logged(self, ip: str) -> bool:
        """Refresh from *ip*; whether the log has grown."""
        before, client = self._position(), at(ip, self.grant.device_token)
        renewed: Grant = self._sessions.refresh(self.grant.refresh_token, client)
        self.grant = evolve(renewed, device_token=self.grant.device_token)
        return before != self._position()


@pytest.fixture
def watched(make: Callable[..., Any]) -> Watched:
    sessions = make(locator=Locator(), policy=Policy(risk=Risk(mode="observe")))
    sessions.login("ada", at(HOME))
    return Watched(sessions)


def test_an_ordinary_refresh_is_not_logged(watched: Watched) -> None:
    """Neither the first one, which binds the session to its device, nor the next."""
    assert not watched.grant.session.is_bound
    assert [False, False] == [watched.is_logged(HOME) for _ in range(2)]
    assert watched.grant.session.is_bound


def test_a_refresh_is_logged_where_it_raises_the_score(watched: Watched) -> None:
    """And not where it comes from there again, after one from home: the score is equal."""
    assert [True, False, False] == [watched.is_logged(ip) for ip in (HOSTED, HOME, HOSTED)]
    assert watched.grant.assessment.score == watched.grant.session.score
