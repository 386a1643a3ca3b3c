"""A held sign-in whose collecting was cut short, or overtaken by a refusal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from _people import HOME, HOSTED, Locator, at
from attrs import frozen

from devsess import (
    Event,
    EventType,
    LoginDeniedError,
    Policy,
    Risk,
    SessionManager,
    SignInHeldError,
    StoreUnavailableError,
)
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devsess.stores.base import Insertion
    from devsess.stores.calls import InsertAnswer
    from devsess.stores.items import Item
    from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


class Dying(MemoryStore):
    """No item can be written from when that is switched on."""

    is_on = False

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        if self.is_on and item.kind == "held":
            raise StoreUnavailableError("switched off")
        return super().put_item(item, most=most)


class Overtaken(MemoryStore):
    """A call comes before the next session is written."""

    before: Callable[[], object] | None = None

    def insert(self, insertion: Insertion) -> InsertAnswer:
        call, self.before = self.before, None
        if call is not None:
            call()
        return super().insert(insertion)


@frozen
class Approved:
    """A held sign-in that its owner approved, and the id of the owner's session."""

    sessions: SessionManager
    owner: str
    code: str
    token: str


@contextmanager
def approved(
    store: MemoryStore, clock: FakeClock, on_event: Callable[[Event], object] | None = None
) -> Iterator[Approved]:
    """One that can be collected."""
    policy = Policy(risk=Risk(mode="enforce", hold_from=10))
    with SessionManager(
        store, keys=SECRET, policy=policy, locator=Locator(), clock=clock, on_event=on_event
    ) as sessions:
        owner = sessions.login("ada", at(HOME)).session
        clock.advance(60)
        with pytest.raises(SignInHeldError) as held:
            sessions.login("ada", at(HOSTED))
        sessions.approve("ada", held.value.code)
        yield Approved(sessions, owner.id, held.value.code, held.value.pending_token or "")


def test_a_refusal_ends_what_was_collected_by_half(clock: FakeClock) -> None:
    """The session of a process that died before it could say that it is there."""
    store = Dying()
    with approved(store, clock) as it:
        sessions = it.sessions
        store.is_on = True
        with pytest.raises(StoreUnavailableError):
            sessions.collect(it.token, at(HOSTED))
        store.is_on = False
        [half] = {each.id for each in sessions.list("ada")} - {it.owner}
        assert sessions.refuse("ada", it.code, actor="support-7")

        ended = sessions.get(half)
        assert ended is not None
        assert (True, "refused") == (ended.revoked, ended.revoke_reason)
        assert [it.owner] == [each.id for each in sessions.list("ada")]


def test_a_refusal_that_is_faster_ends_the_session(clock: FakeClock) -> None:
    """The person who waited hears why, and the application hears of the end."""
    store = Overtaken()
    heard: list[Event] = []
    with approved(store, clock, heard.append) as it:
        store.before = lambda: it.sessions.refuse("ada", it.code, actor="support-7")
        with pytest.raises(LoginDeniedError, match=r"^the sign-in was refused from") as denied:
            it.sessions.collect(it.token, at(HOSTED))

        assert "refused" == denied.value.reason
        assert [it.owner] == [each.id for each in it.sessions.list("ada")]
        ended = [each for each in heard if each.type is EventType.SESSION_REVOKED]
        assert ["refused"] == [each.reason for each in ended]


def test_only_a_held_sign_in_is_an_approved_one(clock: FakeClock) -> None:
    """That of any other sign-in has no reason in the history."""
    with SessionManager("memory://", keys=SECRET, clock=clock) as sessions:
        sessions.login("ada", at(HOME))
        [event] = sessions.history("ada")

        assert (EventType.SESSION_CREATED, None) == (event.type, event.reason)
