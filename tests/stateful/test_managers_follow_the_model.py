"""Two managers on one file, each with its cache: together they do what a simple model says."""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _manager_model import (
    ABSOLUTE,
    ACCESS,
    GRACE,
    IDLE,
    LIMIT,
    TOUCH,
    Access,
    Known,
    Model,
    Refresh,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devsess import (
    DevsessError,
    LoginDeniedError,
    Policy,
    Privacy,
    SessionManager,
)
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess import Grant

POLICY = Policy(
    access_lifetime=ACCESS,
    idle_timeout=IDLE,
    absolute_lifetime=ABSOLUTE,
    refresh_grace_period=GRACE,
    touch_interval=TOUCH,
    leeway=0,
    max_sessions=LIMIT,
    privacy=Privacy(retention=0),
)
USERS = st.sampled_from(["ada", "bob"])
WHICH = st.integers(0, 1)
# Counted from the latest: older ones have been compared before.
RECENT = st.integers(1, 6)
ACR = st.sampled_from([None, "aal1", "aal2"])


class ManagersFollowTheModel(RuleBasedStateMachine):
    """Each rule runs one operation through one of the managers, and in the model."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.model = Model()
        self.managers = [
            SessionManager(
                self.folder / "sessions.db",
                keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1",
                policy=POLICY,
                clock=self.clock,
            )
            for _ in range(2)
        ]

    def teardown(self) -> None:
        for manager in getattr(self, "managers", ()):
            manager.close()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    def raised(
        self, do: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[type[Exception] | None, Any]:
        try:
            return None, do(*args, **kwargs)
        except DevsessError as error:
            return type(error), None

    def session(self, back: int) -> Known:
        known = list(self.model.sessions.values())
        return known[-min(back, len(known))]

    def token(self, tokens: list[Any], back: int) -> Any:
        return tokens[-min(back, len(tokens))]

    @rule(seconds=st.sampled_from([1, 4, 6, 11, 35, 90]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(which=WHICH, user_id=USERS, ago=st.sampled_from([0, 0, 3]), acr=ACR)
    def login(self, which: int, user_id: str, ago: int, acr: str | None) -> None:
        live = self.model.of(user_id, self.now)
        signed_in_at = self.now - ago
        raised, grant = self.raised(
            self.managers[which].login, user_id, auth_time=signed_in_at, acr=acr
        )
        if signed_in_at < self.model.cut_offs.get(user_id, -math.inf):
            assert raised is LoginDeniedError
            return
        assert raised is None
        self._evicted(grant, live)
        now, row_id = self.now, grant.session.id
        known = Known(row_id, user_id, now, math.floor(signed_in_at), now, now + IDLE)
        known.proves(acr)
        self.model.sessions[row_id] = known
        self.model.granted(grant, now)

    def _evicted(self, grant: Grant, live: list[Known]) -> None:
        gone = [it for it in live if it.id in grant.evicted]
        left = [it for it in live if it.id not in grant.evicted]
        assert len(gone) == max(0, len(live) + 1 - LIMIT)
        for it in gone:
            assert all(it.seen_at <= other.seen_at for other in left)
            self.model.revoke(it, self.now)

    @precondition(lambda self: self.model.access)
    @rule(which=WHICH, back=RECENT, fresh=st.booleans())
    def validate(self, which: int, back: int, fresh: bool) -> None:
        token: Access = self.token(self.model.access, back)
        raised, session = self.raised(self.managers[which].validate, token.text, fresh=fresh)
        assert raised is self.model.on_access(token, self.now)
        if session is not None:
            known = self.model.sessions[token.session_id]
            assert (known.id, known.user_id) == (session.id, session.user_id)
            assert known.claims == session.claims
            assert (known.acr, known.auth_time) == (session.acr, session.auth_time.timestamp())
            assert known.levels() == {it: at.timestamp() for it, at in session.levels.items()}
            presents = self.model.presents(token)
            known.presented = known.presented or presents
            if presents or self.now >= known.seen_at + TOUCH:
                known.acts(self.now)

    @precondition(lambda self: self.model.refresh)
    @rule(which=WHICH, back=RECENT)
    def refresh(self, which: int, back: int) -> None:
        token: Refresh = self.token(self.model.refresh, back)
        expected = self.model.on_refresh(token, self.now)
        raised, grant = self.raised(self.managers[which].refresh, token.text)
        assert raised is expected
        if grant is not None:
            known = self.model.sessions[token.session_id]
            is_current = token.generation == known.generation
            assert grant.replayed == (not is_current and known.is_in_grace(self.now))
            if is_current:
                known.rotates(self.now, "refresh")
            elif not grant.replayed:
                known.reissues(self.now)
            self.model.granted(grant, self.now)
            successors = [it.text for it in self.model.refresh if it.session_id == known.id]
            assert 1 + known.generation == len(set(successors))

    @precondition(lambda self: self.model.access)
    @rule(which=WHICH, back=RECENT, acr=ACR)
    def step_up(self, which: int, back: int, acr: str | None) -> None:
        token: Access = self.token(self.model.access, back)
        raised, grant = self.raised(self.managers[which].step_up, token.text, amr=("otp",), acr=acr)
        assert raised is self.model.on_access(token, self.now)
        if grant is not None:
            known = self.model.sessions[token.session_id]
            known.auth_time = max(math.floor(self.now), known.auth_time + 1)
            known.proves(acr)
            known.rotates(self.now, "step_up")
            self.model.granted(grant, self.now)

    @precondition(lambda self: self.model.sessions)
    @rule(which=WHICH, back=RECENT)
    def revoke(self, which: int, back: int) -> None:
        known = self.session(back)
        assert self.managers[which].revoke(known.id)
        self.model.revoke(known, self.now)

    @precondition(lambda self: self.model.sessions)
    @rule(which=WHICH, back=RECENT, keeps=st.booleans())
    def revoke_all(self, which: int, back: int, keeps: bool) -> None:
        kept = self.session(back)
        user_id, keep = kept.user_id, kept.id if keeps else None
        expected = {it.id for it in self.model.of(user_id, self.now)} - {keep}
        assert expected == set(self.managers[which].revoke_all(user_id, keep=keep))
        for it in self.model.sessions.values():
            if it.user_id == user_id and it.id != keep:
                self.model.revoke(it, self.now)
        self.model.cut_offs[user_id] = self.now

    @precondition(lambda self: self.model.sessions)
    @rule(which=WHICH, back=RECENT, number=st.integers(0, 3))
    def update(self, which: int, back: int, number: int) -> None:
        known = self.session(back)
        claims: dict[str, object] = {"number": number}
        raised, _ = self.raised(self.managers[which].update, known.id, claims=claims)
        assert raised is known.ended(self.now)
        if raised is None:
            known.claims = claims

    @precondition(lambda self: self.model.sessions)
    @rule(which=WHICH, back=RECENT, by=st.sampled_from([1, 60, 500]))
    def extend(self, which: int, back: int, by: int) -> None:
        known = self.session(back)
        raised, _ = self.raised(self.managers[which].extend, known.id, by)
        assert raised is known.ended(self.now)
        if raised is None:
            known.idle_at = min(known.idle_at + by, known.created_at + ABSOLUTE)

    @rule(which=WHICH)
    def purge(self, which: int) -> None:
        self.managers[which].purge()
        self.model.purge(self.now)

    @rule(which=WHICH, user_id=USERS)
    def erase(self, which: int, user_id: str) -> None:
        self.managers[which].erase_user(user_id)
        self.model.cut_offs.pop(user_id, None)
        for it in list(self.model.sessions.values()):
            if it.user_id == user_id:
                del self.model.sessions[it.id]

    @invariant()
    def both_answer_as_the_model_does(self) -> None:
        if not hasattr(self, "model"):
            return
        for manager in self.managers:
            for token in self.model.access[-8:]:
                if self.model.presents(token):
                    continue  # to look at it is to present it: for the rules to choose
                raised, _ = self.raised(manager.validate, token.text, touch=False)
                assert raised is self.model.on_access(token, self.now)
            for user_id in ("ada", "bob"):
                live = {it.id for it in self.model.of(user_id, self.now)}
                assert live == {it.id for it in manager.list(user_id)}
            for known in self.model.sessions.values():
                found = manager.get(known.id)
                assert found is not None
                assert found.is_active == (known.ended(self.now) is None)


TestManagersFollowTheModel = ManagersFollowTheModel.TestCase
TestManagersFollowTheModel.settings = settings(stateful_step_count=40, deadline=None)
