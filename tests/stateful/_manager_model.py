"""The answers a manager must give, in as few words as its laws allow; no store, no cache."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import define, field

from devsess import (
    RefreshTokenReusedError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from devsess import Grant

IDLE, ABSOLUTE, ACCESS, GRACE, TOUCH, LIMIT = 100, 300, 40, 5, 10, 3


@define
class Known:
    """A session as the model knows it; instants are whole seconds."""

    id: str
    user_id: str
    created_at: float
    auth_time: int
    seen_at: float
    idle_at: float
    generation: int = 0
    rotated_at: float = -math.inf
    rotated_by: str = ""
    previous: int | None = None
    overtaken: int | None = None
    presented: bool = False
    acr: str | None = None
    events: list[tuple[int, str | None]] = field(factory=list)
    revoked_at: float | None = None
    lapsed: bool = False
    claims: dict[str, object] = field(factory=dict)

    @property
    def ends_at(self) -> float:
        return min(self.idle_at, self.created_at + ABSOLUTE)

    def ended(self, now: float) -> type[Exception] | None:
        if self.revoked_at is not None:
            return SessionRevokedError
        return SessionExpiredError if self.lapsed or self.ends_at <= now else None

    def acts(self, now: float) -> None:
        self.seen_at = now
        self.idle_at = max(self.idle_at, min(now + IDLE, self.created_at + ABSOLUTE))

    def proves(self, acr: str | None) -> None:
        self.acr = acr
        self.events.append((self.auth_time, acr))

    def rotates(self, now: float, by: str) -> None:
        self.acts(now)
        renewed = by == "step_up" and self.rotated_by == "refresh" and self.is_in_grace(now)
        # Of a reissue there is a dead one between.
        is_plain = self.previous is not None and self.previous + 1 == self.generation
        self.overtaken = self.previous if renewed and is_plain else None
        self.previous, self.presented = self.generation, False
        self.generation += 1
        self.rotated_at, self.rotated_by = now, by

    def reissues(self, now: float) -> None:
        previous = self.previous
        self.rotates(now, "refresh")
        self.previous = previous

    def levels(self) -> dict[str, int]:
        """Each level, and when it was last reached, by all that ever took place."""
        return {acr: at for at, acr in self.events if acr}

    def is_in_grace(self, now: float) -> bool:
        return now - self.rotated_at <= GRACE


@define
class Access:
    """An access token, and its content."""

    text: str
    session_id: str
    auth_time: int
    expires_at: float
    generation: int


@define
class Refresh:
    """A refresh token, and its content."""

    text: str
    session_id: str
    generation: int


@define
class Model:
    """Every session, token and cut-off there has been."""

    sessions: dict[str, Known] = field(factory=dict)
    access: list[Access] = field(factory=list)
    refresh: list[Refresh] = field(factory=list)
    cut_offs: dict[str, float] = field(factory=dict)

    def of(self, user_id: str, now: float) -> list[Known]:
        """A user's live sessions."""
        return [it for it in self.sessions.values() if it.user_id == user_id and not it.ended(now)]

    def granted(self, grant: Grant, now: float) -> None:
        """Remember the tokens of a session as it stands."""
        it = self.sessions[grant.session.id]
        expires_at = math.floor(min(now + ACCESS, it.ends_at))
        self.access.append(
            Access(grant.access_token, it.id, it.auth_time, expires_at, it.generation)
        )
        self.refresh.append(Refresh(grant.refresh_token or "", it.id, it.generation))

    def on_access(self, token: Access, now: float) -> type[Exception] | None:
        """The error that validate must raise for *token*, if any."""
        if token.expires_at <= now:
            return TokenExpiredError
        it = self.sessions.get(token.session_id)
        if it is None:
            return SessionNotFoundError
        return it.ended(now) or (TokenExpiredError if it.auth_time != token.auth_time else None)

    def presents(self, token: Access) -> bool:
        """Whether the validation of *token* presents a successor for the first time."""
        it = self.sessions.get(token.session_id)
        if it is None or it.previous is None:
            return False
        return token.generation == it.generation and not it.presented

    def on_refresh(self, token: Refresh, now: float) -> type[Exception] | None:
        """The error that refresh must raise for *token*, if any; a reuse ends its session."""
        it = self.sessions.get(token.session_id)
        if it is None:
            return SessionNotFoundError
        if it.ended(now) or token.generation == it.generation:
            return it.ended(now)
        excused = it.is_in_grace(now) or not it.presented
        if it.rotated_by == "step_up":
            overtaken = it.is_in_grace(now) and token.generation == it.overtaken
            if overtaken or (excused and token.generation == it.previous):
                return TokenExpiredError
        elif excused and token.generation == it.previous:
            return None
        it.revoked_at = now
        return RefreshTokenReusedError

    def revoke(self, it: Known, now: float) -> None:
        if it.revoked_at is None and not it.lapsed:
            it.revoked_at = now

    def purge(self, now: float) -> None:
        """Mark expired sessions; delete those whose tokens can no longer be good."""
        for it in list(self.sessions.values()):
            it.lapsed = it.lapsed or (it.revoked_at is None and it.ends_at <= now)
            ended_at = it.revoked_at if it.revoked_at is not None else it.ends_at
            if (it.lapsed or it.revoked_at is not None) and ended_at < now - ACCESS:
                del self.sessions[it.id]
