"""A refresh whose answer was lost is distinguished from a copied token."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, EventType, Policy, RefreshTokenReusedError, TokenExpiredError
from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess import Grant
    from devsess.testing import FakeClock

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LATE = 31.0
BOTH = pytest.mark.parametrize("bound", [True, False], ids=["bound", "not bound"])


class Browser:
    """A holder of a refresh token and a device token; it keeps the tokens it is sent."""

    def __init__(self, sessions: Any, grant: Grant) -> None:
        self.sessions = sessions
        self.grant = grant
        self.client = Client(user_agent=AGENT, device_token=grant.device_token)

    def copy(self) -> Browser:
        """A second holder of the very same tokens."""
        copy = Browser(self.sessions, self.grant)
        copy.client = self.client
        return copy

    def lose(self) -> Grant:
        """Refresh, and never see the answer; the test does."""
        answer: Grant = self.sessions.refresh(self.grant.refresh_token, self.client)
        return answer

    def refresh(self) -> Grant:
        self.grant = self.lose()
        return self.grant

    def use(self, **options: Any) -> Any:
        return self.sessions.validate(self.grant.access_token, self.client, **options)

    def ends(self) -> str:
        """Why its refresh ended the session."""
        with pytest.raises(RefreshTokenReusedError) as caught:
            self.refresh()
        assert caught.value.session_id == self.grant.session.id
        session = self.sessions.get(self.grant.session.id)
        assert (True, caught.value.reuse) == (session.revoked, session.revoke_reason)
        return str(caught.value.reuse)


@pytest.fixture
def browser(sessions: Any) -> Browser:
    return Browser(sessions, sessions.login("ada", Client(user_agent=AGENT)))


def bind(browser: Browser, *, bound: bool) -> None:
    if bound:
        browser.use()


@BOTH
def test_a_lost_answer_ends_nothing(browser: Browser, clock: FakeClock, bound: bool) -> None:
    """A week after the answer was lost, the same browser gets another, and goes on."""
    bind(browser, bound=bound)
    lost = browser.lose()
    clock.advance(7 * 86_400)
    found = browser.refresh()

    assert not found.replayed
    assert lost.refresh_token != found.refresh_token
    assert browser.use().id == lost.session.id
    clock.advance(LATE)
    assert not browser.refresh().replayed


def test_five_lost_answers_in_a_row(browser: Browser, clock: FakeClock) -> None:
    """However often it happens, the previous token is good until a successor is presented."""
    lost = []
    for _ in range(5):
        lost.append(browser.lose())
        clock.advance(LATE)
    browser.refresh()

    assert 6 == len({it.refresh_token for it in (*lost, browser.grant)})
    assert browser.use().is_active
    assert browser.refresh().session.is_active


@pytest.mark.parametrize("which", range(4))
def test_a_dead_successor_ends_the_session(browser: Browser, clock: FakeClock, which: int) -> None:
    """Each answer that was lost and replaced ends the session if it comes after all."""
    lost = []
    for _ in range(4):
        lost.append(browser.lose())
        clock.advance(LATE)
    browser.refresh()
    finder = browser.copy()
    finder.grant = lost[which]

    assert "stale" == finder.ends()


def test_a_reissue_is_in_the_history(browser: Browser, clock: FakeClock) -> None:
    """Every answer given in place of a lost one has its event; a converged one has none."""
    for _ in range(3):
        browser.lose()
        browser.lose()
        clock.advance(LATE)
    browser.refresh()
    kinds = Counter(event.type for event in browser.sessions.history("ada"))

    assert {EventType.SESSION_CREATED: 1, EventType.TOKEN_REISSUED: 3} == kinds


@BOTH
@pytest.mark.parametrize("first", ["the owner", "the thief"])
@pytest.mark.parametrize("second", ["the owner", "the thief"])
@pytest.mark.parametrize("apart", [0.0, LATE], ids=["together", "apart"])
def test_two_holders_are_parted_by_the_second_round(
    browser: Browser, clock: FakeClock, bound: bool, first: str, second: str, apart: float
) -> None:
    """Two browsers with the same tokens, which nobody validates here, do not go on for ever."""
    bind(browser, bound=bound)
    holders = {"the owner": browser, "the thief": browser.copy()}
    other = {"the owner": "the thief", "the thief": "the owner"}
    clock.advance(900)
    holders[first].refresh()
    clock.advance(LATE)
    holders[other[first]].refresh()
    # The second round: it ends with the first of the two, or with the one behind it.
    clock.advance(900)
    outcomes = []
    for name in (second, other[second]):
        try:
            holders[name].refresh()
            outcomes.append("went on")
        except RefreshTokenReusedError as error:
            outcomes.append(error.reuse or "")
            break
        clock.advance(apart)

    assert "stale" == outcomes[-1]


@pytest.mark.parametrize("options", [{}, {"touch": False}, {"fresh": True}])
@BOTH
def test_a_presented_successor_makes_it_late(
    browser: Browser, clock: FakeClock, bound: bool, options: dict[str, Any]
) -> None:
    """Once the successor's access token was validated, the previous one ends the session late."""
    bind(browser, bound=bound)
    thief = browser.copy()
    browser.refresh()
    browser.use(**options)
    clock.advance(LATE)

    assert "late" == thief.ends()


def test_a_presented_refresh_token_is_enough(browser: Browser, clock: FakeClock) -> None:
    """A successor that was itself exchanged has arrived: the tokens before it are older now."""
    thief = browser.copy()
    browser.refresh()
    browser.refresh()
    clock.advance(LATE)

    assert "stale" == thief.ends()


def test_other_tokens_present_nothing(browser: Browser, clock: FakeClock) -> None:
    """Neither the token before it, nor another session's, nor a look at the list."""
    other = Browser(browser.sessions, browser.sessions.login("ada", Client(user_agent=AGENT)))
    other.lose()
    browser.lose()
    browser.use()
    browser.use(fresh=True)
    other.use()
    assert browser.sessions.get(browser.grant.session.id)
    assert 2 == len(browser.sessions.list("ada"))
    clock.advance(LATE)
    assert browser.refresh().session.is_active
    assert other.refresh().session.is_active


def test_a_dead_successors_access_token_presents_nothing(
    browser: Browser, clock: FakeClock
) -> None:
    """It may be good for a while, but it is not of the generation that counts."""
    lost = browser.lose()
    clock.advance(LATE)
    browser.lose()
    assert browser.sessions.validate(lost.access_token)
    clock.advance(LATE)
    assert browser.refresh().session.is_active


@pytest.mark.parametrize("tab_got_it", [True, False])
def test_two_tabs_of_which_one_got_the_answer(
    browser: Browser, clock: FakeClock, tab_got_it: bool
) -> None:
    """They converge on one successor; whichever of them got it, they share it and go on."""
    tab = browser.copy()
    answer = browser.lose()
    clock.advance(5)
    same = tab.lose()
    assert (answer.refresh_token, True) == (same.refresh_token, same.replayed)
    # One cookie jar: both tabs have the tokens that one got.
    browser.grant = same if tab_got_it else answer
    browser.use()
    clock.advance(900)

    assert not browser.refresh().replayed
    assert browser.use().is_active


def test_two_tabs_that_share_nothing(browser: Browser, clock: FakeClock) -> None:
    """If one tab uses its new token, the other one's old token is late, as a thief's is."""
    tab = browser.copy()
    browser.refresh()
    tab.lose()
    browser.use()
    clock.advance(LATE)

    assert "late" == tab.ends()


def test_a_cached_answer_has_been_written_down(
    make: Callable[..., Any], browser: Browser, clock: FakeClock
) -> None:
    """A use that the cache answers is recorded in the row, so another manager sees it too."""
    thief = browser.copy()
    browser.refresh()
    for _ in range(20):
        browser.use()
    assert browser.sessions.metrics().hits > 0
    thief.sessions = make()
    clock.advance(LATE)

    assert "late" == thief.ends()


def test_an_unwritten_mark_is_not_cached_for_long(
    make: Callable[..., Any], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy store fails no validation; a second later the mark is tried again, and holds."""
    sessions = make()
    browser = Browser(sessions, sessions.login("ada", Client(user_agent=AGENT)))
    thief = browser.copy()
    browser.refresh()
    store = getattr(sessions, "_store", None) or sessions._manager._store
    plain = getattr(store, "store", store)
    with monkeypatch.context() as patched:
        patched.setattr(plain, "touch", _busy)
        assert browser.use()
        assert browser.use()
    clock.advance(1)
    assert browser.use()
    clock.advance(LATE)

    assert "late" == thief.ends()


def _busy(*_: Any, **__: Any) -> bool:
    raise StoreUnavailableError("busy")


def test_the_second_rotation_is_as_the_first(browser: Browser, clock: FakeClock) -> None:
    """The law is the row's, not the first rotation's: lost, found, used, and lost again."""
    oldest = browser.copy()
    for _ in range(3):
        browser.lose()
        clock.advance(LATE)
        browser.refresh()
        browser.use()
        clock.advance(900)
    previous = browser.copy()
    browser.lose()
    clock.advance(LATE)
    browser.refresh()
    browser.use()
    clock.advance(LATE)

    assert "late" == previous.ends()
    with pytest.raises(Exception, match="revoked"):
        oldest.refresh()


def test_the_second_answer_of_a_rotation_presents_it_too(
    browser: Browser, clock: FakeClock
) -> None:
    """A converged answer is of the same generation: using it is using the successor."""
    thief = browser.copy()
    browser.lose()
    browser.refresh()
    assert browser.grant.replayed
    browser.use()
    clock.advance(LATE)

    assert "late" == thief.ends()


@pytest.mark.parametrize("used", [True, False])
def test_after_a_step_up_nobody_gets_its_successor(
    browser: Browser, clock: FakeClock, used: bool
) -> None:
    """Only the client that proved itself gets a step-up's tokens, also if an answer was lost."""
    browser.use()
    before = browser.copy()
    answer = browser.sessions.step_up(browser.grant.access_token, browser.client, amr=("otp",))
    for wait in (0.0, 20.0):
        clock.advance(wait)
        with pytest.raises(TokenExpiredError):
            before.refresh()
    browser.grant = answer
    if used:
        browser.use()
    clock.advance(LATE)
    if used:
        assert "late" == before.ends()
        return
    with pytest.raises(TokenExpiredError):
        before.refresh()
    assert browser.refresh().session.is_active
    assert browser.use().is_active


@pytest.mark.parametrize("presents", ["another's device token", "none"])
def test_a_foreign_device_finds_nothing(browser: Browser, clock: FakeClock, presents: str) -> None:
    """A lost answer is given again to the session's own device alone."""
    browser.use()
    stranger = browser.sessions.login("eve", Client(user_agent=AGENT)).device_token
    thief = browser.copy()
    token = stranger if presents != "none" else None
    thief.client = Client(user_agent=AGENT, device_token=token)
    browser.lose()
    clock.advance(LATE)

    assert "foreign-device" == thief.ends()


def test_late_twins_converge(browser: Browser, clock: FakeClock) -> None:
    """Two tabs that both come late get one new successor: a reissue has its grace period too."""
    tab = browser.copy()
    browser.lose()
    clock.advance(LATE)
    browser.refresh()
    clock.advance(29)
    tab.refresh()

    assert (False, True) == (browser.grant.replayed, tab.grant.replayed)
    assert browser.grant.refresh_token == tab.grant.refresh_token


def test_without_a_grace_period(make: Callable[..., Any], clock: FakeClock) -> None:
    """A policy that excuses no race still excuses a lost answer."""
    sessions = make(policy=Policy(refresh_grace_period=0))
    browser = Browser(sessions, sessions.login("ada", Client(user_agent=AGENT)))
    browser.lose()
    clock.advance(0.5)

    assert not browser.refresh().replayed
    thief = browser.copy()
    browser.use()
    browser.refresh()
    browser.use()
    clock.advance(0.5)
    assert "late" == thief.ends()


def test_a_lost_answer_never_moves_the_deadline_of_an_ended_session(
    browser: Browser, clock: FakeClock
) -> None:
    """The absolute lifetime is over for a reissue as for everything else."""
    for _ in range(3):
        browser.lose()
        clock.advance(13 * 86_400)
    with pytest.raises(Exception, match="absolute"):
        browser.refresh()
