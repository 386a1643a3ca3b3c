"""Sign-ins of one account at the same moment, and beside its erasure: notices and habits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _crossed import Crossed
from _people import HOME, HOSTED, NEXT_DOOR, Locator, at

from devsess import Decision, LoginDeniedError, SessionManager
from devsess.risk.notices import MOST_A_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


@pytest.fixture
def store() -> Crossed:
    return Crossed()


@pytest.fixture
def sessions(store: Crossed, clock: FakeClock) -> Iterator[Any]:
    with SessionManager(store, keys=SECRET, locator=Locator(), clock=clock) as sessions:
        yield sessions


def _at_once(sessions: Any, store: Crossed, many: int, ip: str, agent: str) -> list[Any]:
    """The grants of sign-ins that all read the habits before the first of them is written."""
    grants = []
    store.kind = "session"

    def sign_in(left: int) -> None:
        store.other = (lambda: sign_in(left - 1)) if left > 1 else None
        grants.append(sessions.login("ada", at(ip, agent=agent)))

    sign_in(many)
    return grants


# Network, agent and decision of sign-ins, and how many of twenty are noticed on one day.
KINDS = {
    "step-up": (HOSTED, "curl/8", Decision.STEP_UP, MOST_A_DAY),
    "mild": ("198.51.100.7", "acme/1", Decision.NOTIFY, 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_sign_ins_at_once_do_not_pass_the_limit_of_notices(
    sessions: Any, store: Crossed, clock: FakeClock, kind: str
) -> None:
    """Each would take itself for the first of the day: a flood of mails for one password."""
    ip, agent, decision, most = KINDS[kind]
    for _ in range(3):
        sessions.login("ada", at(HOME))
    clock.advance(60)
    grants = _at_once(sessions, store, 20, ip, agent)

    assert {decision} == {it.assessment.decision for it in grants}
    assert most == len([it for it in grants if it.notice is not None])


def test_sign_ins_at_once_are_all_learned(sessions: Any, store: Crossed) -> None:
    """Two that read the same habits: the second learns from what the first wrote."""
    sessions.login("ada", at(HOME))
    _at_once(sessions, store, 3, HOME, "acme/1")
    [habits] = [it for it in sessions.export_user("ada")["items"] if it["kind"] == "profile"]

    assert 4 == habits["body"]["signIns"]


def test_a_refresh_beside_an_erasure_leaves_no_habits(sessions: Any, store: Crossed) -> None:
    """The account's profile is gone with it, and is not made again."""
    grant = sessions.login("ada", at(HOME))
    store.kind, store.when, store.other = "profile", "before", lambda: sessions.erase_user("ada")
    sessions.refresh(grant.refresh_token, at(NEXT_DOOR, grant.device_token))

    assert None is store.other
    assert [] == sessions.export_user("ada")["items"]


def test_an_answer_beside_an_erasure_leaves_no_habits(
    sessions: Any, store: Crossed, clock: FakeClock
) -> None:
    """Nor does a yes that was read before it."""
    sessions.login("ada", at(HOME))
    clock.advance(60)
    grant = sessions.login("ada", at(HOSTED))
    store.kind, store.when, store.other = "notice", "after", lambda: sessions.erase_user("ada")
    sessions.confirm(grant.notice.yes_token, True)

    assert [] == sessions.export_user("ada")["items"]


def test_a_failure_beside_an_erasure_leaves_no_network(sessions: Any, store: Crossed) -> None:
    """A record that is begun when the account is gone would keep addresses for ninety days."""
    sessions.login("ada", at(HOME))
    store.kind, store.when, store.other = "failures", "before", lambda: sessions.erase_user("ada")
    sessions.record_failure("ada", at(HOSTED))

    assert None is store.other
    assert [[]] == [it["body"] for it in sessions.export_user("ada")["items"]]
    sessions.purge()
    assert [] == sessions.export_user("ada")["items"]


@pytest.mark.parametrize("ending", ["revoke_all", "erase_user"])
def test_no_impersonation_begins_beside_an_ending(
    sessions: Any, store: Crossed, ending: str
) -> None:
    """The account that staff were about to act in is as the ending left it."""
    sessions.login("ada", at(HOME))
    staff = sessions.login("staff", at(HOME))
    store.kind, store.other = "session", lambda: getattr(sessions, ending)("ada")
    with pytest.raises(LoginDeniedError, match="meanwhile") as caught:
        sessions.impersonate("ada", staff.session, at(HOSTED))

    assert "cut-off" == caught.value.reason
    assert not any(it.is_active for it in sessions.list("ada"))
