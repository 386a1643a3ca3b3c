"""A held sign-in whose collecting was cut short: its session is written, and nothing says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import Policy, Risk, SessionManager, SignInHeldError, StoreUnavailableError
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
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


def test_a_refusal_ends_what_was_collected_by_half(clock: FakeClock) -> None:
    """The session of a process that died before it could say that it is there."""
    store = Dying()
    policy = Policy(risk=Risk(mode="enforce", hold_from=10))
    with SessionManager(
        store, keys=SECRET, policy=policy, locator=Locator(), clock=clock
    ) as sessions:
        owner = sessions.login("ada", at(HOME)).session
        clock.advance(60)
        with pytest.raises(SignInHeldError) as held:
            sessions.login("ada", at(HOSTED))
        code, token = held.value.code, held.value.pending_token or ""
        sessions.approve("ada", code)
        store.is_on = True
        with pytest.raises(StoreUnavailableError):
            sessions.collect(token, at(HOSTED))
        store.is_on = False
        [half] = [it for it in sessions.list("ada") if it.id != owner.id]
        assert sessions.refuse("ada", code, actor="support-7")

        ended = sessions.get(half)
        assert ended is not None
        assert (True, "refused") == (ended.revoked, ended.revoke_reason)
        assert [owner.id] == [it.id for it in sessions.list("ada")]
