"""A browser with several accounts does as a small model says, over any series of acts."""

from __future__ import annotations

from datetime import timedelta

from _accounts import in_slot
from _browser import ACCESS, DEVICE, Browser
from _raw_apps import wsgi_app
from _wsgi_driver import on_wsgi
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from devsess import Client, SessionManager
from devsess.adapters.wsgi import SessionMiddleware
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
EVERYBODY = [f"user-{number}" for number in range(8)]
USERS = st.sampled_from(EVERYBODY)
SLOTS = st.integers(0, 4)
ACTS = st.one_of(
    USERS.map("login:{}".format),
    SLOTS.map("switch:{}".format),
    st.sampled_from(["logout:", "all:", "forget:", "step_up:"]),
)


class Accounts(RuleBasedStateMachine):
    """The model: who is in each slot, and which one acts."""

    most = 5

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.sessions = SessionManager("memory://", keys=SECRET, clock=self.clock)
        app = SessionMiddleware(
            wsgi_app(lambda: self.clock.now().timestamp()),
            self.sessions,
            endpoints="/auth",
            accounts=self.most,
        )
        self.browser = Browser(lambda *request: on_wsgi(app, *request))
        self.slots: list[str | None] = [None] * self.most
        self.current = 0
        self.elsewhere: set[str] = set()

    def teardown(self) -> None:
        self.sessions.close()

    @rule(user=USERS)
    def sign_in(self, user: str) -> None:
        self._take(f"login:{user}")
        assert 200 == self.browser.post(f"/login?user={user}&persistent").status_code

    @rule(slot=SLOTS)
    def switch(self, slot: int) -> None:
        is_there = self._take(f"switch:{slot}")
        answer = self.browser.post(f"/switch?slot={slot}")
        assert (200 if is_there else 401) == answer.status_code

    @rule()
    def sign_out(self) -> None:
        self._take("logout:")
        self.browser.post("/logout")

    @rule(how=st.sampled_from(["all", "forget"]))
    def sign_out_of_all(self, how: str) -> None:
        self._take(f"{how}:")
        self.browser.post(f"/logout?{how}")

    @rule(acts=st.lists(ACTS, min_size=2, max_size=5))
    def many_in_one_request(self, acts: list[str]) -> None:
        """Each sees what those before it did."""
        expected = [self._accounts() if self._take(it) else None for it in acts]
        path = "/many?" + "&".join(f"act={it}" for it in acts)
        assert expected == self.browser.post(path).json()

    def _take(self, act: str) -> bool:
        """What an act does in the model; whether it is not refused."""
        name, _, argument = act.partition(":")
        if name == "login":
            self.current = self._slot_for(argument)
            self.slots[self.current] = argument
        elif name == "switch":
            if int(argument) >= self.most or self.slots[int(argument)] is None:
                return False
            self.current = int(argument)
        elif name == "step_up":
            return self.slots[self.current] is not None
        elif name == "logout":
            self.slots[self.current] = None
        else:
            self.slots, self.current = [None] * self.most, 0
        return True

    def _slot_for(self, user: str) -> int:
        if user in self.slots:
            return self.slots.index(user)
        if self.slots[self.current] is None or None not in self.slots:
            return self.current
        return self.slots.index(None)

    def _accounts(self) -> list[list[object]]:
        return [
            [slot, user, slot == self.current]
            for slot, user in enumerate(self.slots)
            if user is not None
        ]

    @rule(user=USERS)
    def end_elsewhere(self, user: str) -> None:
        self.sessions.revoke_all(user)
        self.elsewhere.discard(user)
        self.slots = [None if it == user else it for it in self.slots]
        self.clock.advance(1)

    @rule(user=USERS)
    def sign_in_elsewhere(self, user: str) -> None:
        """On a device of its own: nothing here changes."""
        self.sessions.login(user)
        self.elsewhere.add(user)

    @rule(minutes=st.sampled_from([1, 16, 60]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule()
    def open_anew(self) -> None:
        self.browser.restart()

    @rule()
    def ask(self) -> None:
        """A request acts for the current account alone."""
        answer = self.browser.get("/me")
        user = self.slots[self.current]
        assert (200 if user else 401) == answer.status_code
        assert user is None or {"user": user} == answer.json()

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        self._check_accounts()
        self._check_devices()

    def _check_accounts(self) -> None:
        assert self._accounts() == self.browser.get("/accounts").json()
        there = {user for user in self.slots if user is not None}
        live = {user for user in EVERYBODY if self.sessions.list(user)}
        assert there - self.elsewhere == live - self.elsewhere

    def _check_devices(self) -> None:
        """Each session goes on validating on its own device, whose token is in its slot."""
        for slot, user in enumerate(self.slots):
            if user is not None:
                access, device = (
                    self.browser.jar[in_slot(it, slot)].value for it in (ACCESS, DEVICE)
                )
                client = Client(ip="192.0.2.1", device_token=device)
                session = self.sessions.validate(access, client, touch=False)
                ring = self.sessions.core.tokens.device.read(device)
                assert (user, True) == (session.user_id, session.device.id in ring)

    @precondition(lambda self: None not in self.slots)
    @rule(user=USERS)
    def sign_in_where_all_are_taken(self, user: str) -> None:
        self.sign_in(user)


class TwoAccounts(Accounts):
    most = 2


def run(machine: type[Accounts], thorough: bool) -> None:
    examples, steps = (150, 40) if thorough else (25, 25)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )


def test_five_accounts_follow_the_model(thorough: bool) -> None:
    """Eight people, five slots: the devices of those who are there are never dropped."""
    run(Accounts, thorough)


def test_two_accounts_follow_the_model(thorough: bool) -> None:
    """Where most sign-ins have no room."""
    run(TwoAccounts, thorough)
