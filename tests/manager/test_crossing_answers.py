"""Answers to one notice that cross: "no" wins, whichever of the two writes when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _crossed import Crossed
from _people import HOME, HOSTED, Locator, at

from devsess import Decision, EventType, SessionManager, TokenExpiredError
from devsess.operations import common

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


@pytest.fixture
def thief(sessions: Any, clock: FakeClock) -> Any:
    sessions.login("ada", at(HOME))
    clock.advance(60)
    return sessions.login("ada", at(HOSTED))


# Which answer is under way, and where the other one crosses it.
CROSSINGS = [
    (answer, kind, when)
    for answer in ("yes", "no")
    for kind in ("profile", "notice")
    for when in ("before", "after")
]


@pytest.mark.parametrize(("answer", "kind", "when"), CROSSINGS)
def test_no_wins_over_a_yes_that_crosses_it(
    sessions: Any, store: Crossed, thief: Any, answer: str, kind: str, when: str
) -> None:
    """The one who says no hears that it is done, and the sign-in has taught nothing."""
    heard: list[Any] = []

    def give(token: str, yes: bool) -> None:
        try:
            heard.append((yes, sessions.confirm(token, yes)))
        except TokenExpiredError:
            heard.append((yes, None))

    def say_yes() -> None:
        give(thief.notice.yes_token, True)

    def say_no() -> None:
        give(thief.notice.no_token, False)

    first, other = (say_yes, say_no) if answer == "yes" else (say_no, say_yes)
    store.kind, store.when, store.other = kind, when, other
    first()

    assert None is store.other
    assert (False, True) in heard
    assert Decision.STEP_UP is sessions.assess("ada", at(HOSTED)).decision


def test_no_after_yes_takes_back_all_that_yes_taught(sessions: Any, thief: Any) -> None:
    """Also the provider and the country, which a yes made the account's own."""
    before = sessions.assess("ada", at(HOSTED)).score
    sessions.confirm(thief.notice.yes_token, True)
    sessions.confirm(thief.notice.no_token, False)

    assert before <= sessions.assess("ada", at(HOSTED)).score


def test_no_asks_each_live_session(
    sessions: Any, thief: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thief who begins many does not hide one behind them."""
    monkeypatch.setattr(common, "PAGE", 2)
    for _ in range(4):
        sessions.login("ada", at(HOME))
    sessions.confirm(thief.notice.no_token, False)

    live = [it for it in sessions.list("ada") if it.device.id != thief.session.device.id]
    assert 5 == len(live)
    assert None not in [it.step_up_after for it in live]
    assert 5 == len([it for it in sessions.history("ada") if it.type is EventType.STEP_UP_ASKED])


def test_a_judgement_counts_beside_a_mail_that_crosses_it(
    sessions: Any, store: Crossed, thief: Any
) -> None:
    """An operator's yes needs no answer to be the first."""
    store.kind, store.when = "notice", "before"
    store.other = lambda: sessions.confirm(thief.notice.yes_token, True)

    assert True is sessions.judge(thief.session, True, actor="support-7")
    assert None is store.other
    assert () == sessions.review_queue().items


def test_a_mail_counts_once_where_a_judgement_crosses_it(
    sessions: Any, store: Crossed, thief: Any
) -> None:
    """Its token is spent by then."""
    store.kind, store.when = "notice", "before"
    store.other = lambda: sessions.judge(thief.session, True, actor="support-7")

    with pytest.raises(TokenExpiredError):
        sessions.confirm(thief.notice.yes_token, True)
    assert None is store.other


@pytest.mark.parametrize("when", ["before", "after"])
def test_no_wins_over_a_judgement_that_crosses_it(
    sessions: Any, store: Crossed, thief: Any, when: str
) -> None:
    """The habits that the operator's yes taught are taken back."""
    store.kind, store.when = "notice", when
    store.other = lambda: sessions.confirm(thief.notice.no_token, False)
    sessions.judge(thief.session, True, actor="support-7")

    assert None is store.other
    assert Decision.STEP_UP is sessions.assess("ada", at(HOSTED)).decision


def test_an_erasure_that_crosses_a_yes_leaves_nothing(
    sessions: Any, store: Crossed, thief: Any
) -> None:
    """The answer is no error, and nothing is learned of a person who is gone."""
    store.kind, store.when = "notice", "after"
    store.other = lambda: sessions.erase_user("ada")
    sessions.confirm(thief.notice.yes_token, True)

    assert None is store.other
    assert [] == sessions.export_user("ada")["items"]
