"""An account that signed in before risk was on gets its habits from its history, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, NEXT_DOOR, PLACES, QUEBEC, WINDOWS, Locator, at

from devsess import Decision, LoginDeniedError, Policy, Risk, StepUpRequiredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess import Location
    from devsess.testing import FakeClock

DAY = 86_400
ENFORCE = Policy(risk=Risk(mode="enforce"))


class Networks:
    """A locator that knows the networks of PLACES, as a file does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def locate(self, ip: str) -> Location | None:
        self.asked.append(ip)
        prefix = ip.rpartition(".")[0]
        return next((it for known, it in PLACES.items() if known.startswith(f"{prefix}.")), None)


@pytest.fixture
def before(make: Callable[..., Any]) -> Any:
    """A manager that assesses nothing."""
    return make(locator=Locator(), policy=Policy(risk=None))


@pytest.fixture
def token(before: Any, clock: FakeClock) -> Any:
    """The device token of an account that has signed in five times at home."""
    token = None
    for _ in range(5):
        token = before.login("ada", at(HOME, token)).device_token
        clock.advance(DAY)
    return token


def kinds(found: Any) -> list[str]:
    return [it.kind for it in found.signals]


def profile(sessions: Any) -> Any:
    """The account's habits, as they are exported."""
    items = sessions.export_user("ada")["items"]
    return next((it["body"] for it in items if it["kind"] == "profile"), None)


@pytest.mark.usefixtures("token")
def test_the_first_sign_in_with_risk_is_compared_with_the_history(make: Callable[..., Any]) -> None:
    """A thief's is unusual, and does not become the account's first habit."""
    sessions = make(locator=Networks())
    assert None is profile(sessions)
    foreseen = sessions.assess("ada", at(QUEBEC))
    stolen = sessions.login("ada", at(QUEBEC)).assessment

    assert Decision.STEP_UP is stolen.decision
    assert {"new_device", "new_network", "new_country", "settled_account"} == {*kinds(stolen)}
    assert foreseen == stolen
    assert 6 == profile(sessions)["signIns"]
    assert {"NG"} == profile(sessions)["seen"]["country"].keys()
    assert -30 == sessions.login("ada", at(HOME)).assessment.score


@pytest.mark.usefixtures("token")
def test_enforced_a_challenge_seeds_nothing(make: Callable[..., Any]) -> None:
    """A refused sign-in writes nothing; the owner's next one is usual."""
    sessions = make(locator=Networks(), policy=ENFORCE)
    for _ in range(2):
        with pytest.raises(StepUpRequiredError):
            sessions.login("ada", at(HOSTED))

    assert None is profile(sessions)
    assert -30 == sessions.login("ada", at(HOME)).assessment.score


def test_an_owner_at_home_is_usual(make: Callable[..., Any], token: Any) -> None:
    """Also next door to sessions that have ended, of whose addresses networks are left."""
    sessions = make(locator=Networks())
    sessions.revoke_all("ada")
    grant = sessions.login("ada", at(NEXT_DOOR, token))

    assert (-25, ["new_network"]) == (grant.assessment.score, kinds(grant.assessment))


@pytest.mark.usefixtures("token")
def test_a_new_account_has_nothing_to_seed_from(make: Callable[..., Any]) -> None:
    """Its first sign-in is not evaluated, as ever."""
    sessions = make(locator=Networks())

    assert () == sessions.login("bob", at(QUEBEC)).assessment.signals


@pytest.mark.usefixtures("token")
def test_a_recent_thief_waits_as_he_would_have(
    make: Callable[..., Any], before: Any, clock: FakeClock
) -> None:
    """A device that was new yesterday has taught nothing; after three days it has."""
    before.login("ada", at(HOSTED, agent=WINDOWS))
    clock.advance(DAY)
    sessions = make(locator=Networks())

    assert {"hosting", "new_country"} <= {*kinds(sessions.assess("ada", at(HOSTED)))}
    clock.advance(2 * DAY)
    assert set() == {"hosting", "new_country"} & {*kinds(sessions.assess("ada", at(HOSTED)))}


@pytest.mark.parametrize("how", ["blocked", "staff"])
def test_what_is_not_the_owners_teaches_nothing(
    make: Callable[..., Any], before: Any, token: Any, clock: FakeClock, how: str
) -> None:
    """Sign-ins of a blocked device, refused ones, failures, and those of staff."""
    before.record_failure("ada", at(QUEBEC))
    if how == "blocked":
        thief = before.login("ada", at(HOSTED))
        before.block_device("ada", thief.session.device)
        with pytest.raises(LoginDeniedError):
            before.login("ada", at(QUEBEC, thief.device_token))
    else:
        before.impersonate("ada", before.login("staff", at(HOME)).session, at(HOSTED))
    clock.advance(9 * DAY)
    sessions = make(locator=Networks())
    sessions.login("ada", at(HOME, token))

    assert {"NG"} == profile(sessions)["seen"]["country"].keys()
    assert (6, []) == (profile(sessions)["signIns"], profile(sessions)["pending"])


@pytest.mark.usefixtures("token")
def test_what_cannot_be_compared_is_not_evaluated(make: Callable[..., Any]) -> None:
    """A locator that knows nothing of the past must not make home look like abroad."""

    class Nothing(Locator):
        def locate(self, ip: str) -> Location | None:
            return PLACES[QUEBEC] if ip == QUEBEC else None

    found = make(locator=Nothing()).login("ada", at(QUEBEC)).assessment

    assert ((), Decision.ALLOW) == (found.signals, found.decision)
    assert "new_country" in found.not_evaluated


@pytest.mark.usefixtures("token")
def test_without_a_locator_networks_and_programs_are_seeded(make: Callable[..., Any]) -> None:
    """The history by itself is enough for that."""
    found = make().login("ada", at(NEXT_DOOR, agent=WINDOWS)).assessment

    assert {"new_device", "new_network", "new_agent"} <= {*kinds(found)}


def test_seeding_is_bounded(make: Callable[..., Any], before: Any) -> None:
    """The newest hundred events, and eight networks, however many there are."""
    for number in range(120):
        before.login("ada", at(f"198.51.{number}.7"))
    networks = Networks()
    sessions = make(locator=networks)
    sessions.login("ada", at(HOME))
    assert 9 == len(networks.asked)
    assert {f"198.51.{number}.7" for number in range(112, 120)} == {*networks.asked[1:]}

    networks.asked.clear()
    sessions.login("ada", at(HOME))
    assert [HOME] == networks.asked
