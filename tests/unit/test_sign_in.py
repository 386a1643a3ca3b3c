"""A sign-in at its edges: its refusals, and the device in its row."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import (
    Client,
    Event,
    EventType,
    LoginDeniedError,
    Policy,
    RefreshTokenReusedError,
    SessionLimitError,
    SessionManager,
    StoreUnavailableError,
)
from devsess.stores.base import Insertion
from devsess.stores.calls import InsertAnswer
from devsess.stores.items import Item
from devsess.stores.memory import MemoryStore
from devsess.testing import FakeClock

OLD = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NEW = "Zb5nM1wYc8LqT3vRk6HfX9sPd2GjU7aEo4i"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_id", "options", "said"),
    [
        ("", {}, "^user_id must have"),
        (5, {}, "^user_id must be"),
        ("ada", {"acr": ""}, "^acr must have"),
        ("ada", {"amr": [""]}, "^amr must have"),
        ("ada", {"auth_time": "now"}, "^auth_time must be"),
    ],
)
def test_the_argument_is_named(user_id: Any, options: dict[str, Any], said: str) -> None:
    """The error names the wrong argument."""
    with (
        SessionManager("memory://", keys=OLD) as sessions,
        pytest.raises((TypeError, ValueError), match=said),
    ):
        sessions.login(user_id, **options)


def test_a_refusal_says_why() -> None:
    """An ending since, or a blocked device: in words, and as a reason."""
    clock = FakeClock()
    with SessionManager("memory://", keys=OLD, clock=clock) as sessions:
        before = clock.now()
        clock.advance(1)
        sessions.revoke_all("ada")
        with pytest.raises(LoginDeniedError, match=r"^all sessions of this account were ended"):
            sessions.login("ada", auth_time=before)
        grant = sessions.login("ada")
        sessions.block_device("ada", grant.session.device.id)
        with pytest.raises(LoginDeniedError, match=r"^this device is blocked") as caught:
            sessions.login("ada", Client(device_token=grant.device_token))
    assert "device-blocked" == caught.value.reason


@pytest.mark.parametrize(("returns", "expected"), [(False, True), (True, False)])
def test_only_an_eviction_is_emitted_as_one(returns: bool, expected: bool) -> None:
    """A device's new session takes the place of its old one: that is no limit reached."""
    emitted: list[Event] = []
    policy = Policy(max_sessions=1)
    with SessionManager("memory://", keys=OLD, policy=policy, on_event=emitted.append) as sessions:
        first = sessions.login("ada")
        token = first.device_token if returns else None
        second = sessions.login("ada", Client(device_token=token))
    assert (first.session.id,) == second.evicted
    assert expected == (EventType.LIMIT_EXCEEDED in [event.type for event in emitted])


def test_a_fingerprint_follows_the_keys() -> None:
    """Each sign-in keeps its digest under the current key, so that the old one can go."""
    store, client = MemoryStore(), Client(fingerprint="of the app")
    ids = {
        SessionManager(store, keys=keys).login("ada", client).session.device.id
        for keys in (OLD, [NEW, OLD], NEW)
    }
    assert 1 == len(ids)


@pytest.mark.parametrize("by_token", [True, False])
def test_only_its_token_binds_a_sign_in(by_token: bool) -> None:
    """A sign-in with the device's token is bound from its start, one by fingerprint is not."""
    with SessionManager("memory://", keys=OLD) as sessions:
        print_alone = Client(user_agent=AGENT, fingerprint="of the app")
        first = sessions.login("ada", print_alone)
        with_token = Client(user_agent=AGENT, device_token=first.device_token)
        again = sessions.login("ada", with_token if by_token else print_alone)
        assert first.session.device.id == again.session.device.id
        assert (first.session.id,) == again.evicted
        bare = Client(user_agent=AGENT)
        if not by_token:
            assert again.session.id == sessions.refresh(again.refresh_token, bare).session.id
            return
        with pytest.raises(RefreshTokenReusedError) as caught:
            sessions.refresh(again.refresh_token, bare)
    assert "foreign-device" == caught.value.reuse


def test_which_device_a_new_one_resembles_is_kept() -> None:
    """An account's first device resembles none."""
    store = MemoryStore()
    sessions = SessionManager(store, keys=OLD)
    client = Client(ip="102.89.77.21", user_agent=AGENT)
    first, second = sessions.login("ada", client), sessions.login("ada", client)
    rows = {row.id: row for row in store.devices("ada")}
    one, other = rows[first.session.device.id], rows[second.session.device.id]
    assert one.resembles is None
    assert one.id == other.resembles


def test_the_row_of_a_sign_in() -> None:
    """Its deadlines by the policy, 128 bits of salt, and no bond with a device not presented."""
    clock, store = FakeClock(), MemoryStore()
    sessions = SessionManager(store, keys=OLD, clock=clock)
    client = Client(ip="102.89.77.21", user_agent=AGENT)
    grant = sessions.login("ada", client)
    row, now = store.get(grant.session.id), clock.now().timestamp()
    assert row is not None
    assert (now + 14 * 86_400, now + 30 * 86_400) == (row.idle_expires_at, row.absolute_expires_at)
    assert (16, False) == (len(row.salt), row.bound)
    assert grant.session.id == sessions.refresh(grant.refresh_token, client).session.id


def test_a_sign_in_without_a_date_outlives_a_clock_set_back() -> None:
    """Only an instant that the application gave is compared with that of an ending."""
    clock = FakeClock()
    with SessionManager("memory://", keys=OLD, clock=clock) as sessions:
        sessions.revoke_all("ada")
        clock.advance(-2)
        assert "ada" == sessions.login("ada").session.user_id
        with pytest.raises(LoginDeniedError):
            sessions.login("ada", auth_time=clock.now())


def test_a_refusal_is_in_the_history() -> None:
    """With the network alone, and with the device only where the device is the reason."""
    clock = FakeClock()
    with SessionManager("memory://", keys=OLD, clock=clock) as sessions:
        grant = sessions.login("ada", Client(ip="102.89.77.21"))
        sessions.block_device("ada", grant.session.device.id)
        client = Client(ip="102.89.77.21", device_token=grant.device_token)
        with pytest.raises(LoginDeniedError):
            sessions.login("ada", client)
        blocked = sessions.history("ada", limit=1).items[0]
        before = clock.now()
        clock.advance(1)
        sessions.revoke_all("ada")
        with pytest.raises(LoginDeniedError):
            sessions.login("ada", auth_time=before)
        late = sessions.history("ada", limit=1).items[0]
    assert ("device-blocked", grant.session.device.id) == (blocked.reason, blocked.device_id)
    assert ("cut-off", None) == (late.reason, late.device_id)
    assert "102.89.77.0" == blocked.ip


def test_a_full_account_is_in_the_history() -> None:
    """A refused sign-in is an event, kept and emitted, with no session and no address."""
    emitted: list[Event] = []
    policy = Policy(max_sessions=1, on_limit="reject")
    client = Client(ip="102.89.77.21")
    with SessionManager("memory://", keys=OLD, policy=policy, on_event=emitted.append) as sessions:
        sessions.login("ada", client)
        with pytest.raises(SessionLimitError) as caught:
            sessions.login("ada", client)
        kept = sessions.history("ada", limit=1).items[0]
    assert (1, 1) == (caught.value.limit, len(caught.value.sessions))
    for event in (kept, emitted[-1]):
        assert (EventType.LIMIT_EXCEEDED, "limit", None) == (
            event.type,
            event.reason,
            event.session_id,
        )
        assert "102.89.77.0" == event.ip


class Racing(MemoryStore):
    """Another sign-in of the account is written between a sign-in's read and its write."""

    other: SessionManager | None = None
    is_down = False

    def insert(self, insertion: Insertion) -> InsertAnswer:
        other, self.other = self.other, None
        if other is not None:
            other.login("ada")
        return super().insert(insertion)

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        if self.is_down:
            raise StoreUnavailableError("down")
        return super().put_item(item, most=most)


@pytest.mark.parametrize(("is_down", "learned"), [(False, 3), (True, 2)])
def test_both_of_two_sign_ins_teach(is_down: bool, learned: int) -> None:
    """The slower one learns again; if it cannot, it stands all the same."""
    store = Racing()
    with SessionManager(store, keys=OLD) as sessions:
        sessions.login("ada")
        store.other, store.is_down = sessions, is_down
        grant = sessions.login("ada")
        assert grant.session.id == sessions.validate(grant.access_token).id
        [habits] = sessions.export_user("ada")["items"]

    assert learned == habits["body"]["signIns"]
