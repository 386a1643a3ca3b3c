"""
The manager as adapters see it: awaited, whichever it is.

An exchange is written once, as `async def`. A blocking manager stands behind a
face whose calls never suspend, and WSGI drives the exchange to its end at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack

if TYPE_CHECKING:
    import builtins

    from devsess._held import HeldSignIn
    from devsess._runtime.core import Core
    from devsess.manager import SessionManager
    from devsess.models import Client, Device, Grant, Page, Session
    from devsess.policy import Span


class StepUpOptions(TypedDict):
    """How a person proved themselves."""

    amr: Sequence[str]
    acr: str | None
    provider: str | None


class LoginOptions(TypedDict):
    """The arguments of a login beside the account and the client."""

    amr: Sequence[str]
    acr: str | None
    provider: str | None
    auth_time: datetime | float | None
    persistent: bool
    claims: Mapping[str, object] | None
    lifetime: Span | None


class Sessions(Protocol):
    """The calls that adapters make of a manager; see AsyncSessionManager."""

    @property
    def core(self) -> Core: ...
    async def validate(self, token: str, client: Client, *, touch: bool) -> Session: ...
    async def refresh(self, refresh_token: str, client: Client, *, touch: bool) -> Grant: ...
    async def login(
        self, user_id: str, client: Client, **options: Unpack[LoginOptions]
    ) -> Grant: ...
    async def step_up(
        self, access_token: str, client: Client, **options: Unpack[StepUpOptions]
    ) -> Grant: ...
    async def get(self, session_id: str) -> Session | None: ...
    async def extend(self, session_id: str, by: Span) -> Session: ...
    async def live(
        self, user_id: str, *, limit: int, cursor: str | None, current: str
    ) -> Page[Session]: ...
    async def revoke(self, session_id: str, *, user_id: str, reason: str, actor: str) -> bool: ...
    async def revoke_all(
        self, user_id: str, *, keep: str, reason: str, actor: str
    ) -> Sequence[str]: ...
    async def require_seniority(
        self, session: str, *, ends: str | None, ends_others: bool
    ) -> None: ...
    async def held(self, user_id: str) -> builtins.list[HeldSignIn]: ...
    async def approve(self, user_id: str, code: str, *, by: str, actor: str | None) -> bool: ...
    async def refuse(self, user_id: str, code: str, *, actor: str | None) -> bool: ...
    async def collect(self, pending_token: str, client: Client) -> Grant: ...
    async def trust_device(
        self, user_id: str, device_id: str, until: datetime | None
    ) -> Device | None: ...
    async def end_trust(
        self, client: Client, *, access_token: str | None, refresh_token: str | None
    ) -> builtins.list[Device]: ...


class BlockingSessions:
    """A SessionManager as Sessions: its calls never suspend."""

    def __init__(self, manager: SessionManager) -> None:
        self.core = manager.core
        self._manager = manager

    async def validate(self, token: str, client: Client, *, touch: bool) -> Session:
        return self._manager.validate(token, client, touch=touch)

    async def refresh(self, refresh_token: str, client: Client, *, touch: bool) -> Grant:
        return self._manager.refresh(refresh_token, client, touch=touch)

    async def login(self, user_id: str, client: Client, **options: Unpack[LoginOptions]) -> Grant:
        return self._manager.login(user_id, client, **options)

    async def step_up(
        self, access_token: str, client: Client, **options: Unpack[StepUpOptions]
    ) -> Grant:
        return self._manager.step_up(access_token, client, **options)

    async def get(self, session_id: str) -> Session | None:
        return self._manager.get(session_id)

    async def extend(self, session_id: str, by: Span) -> Session:
        return self._manager.extend(session_id, by)

    async def live(
        self, user_id: str, *, limit: int, cursor: str | None, current: str
    ) -> Page[Session]:
        return self._manager.live(user_id, limit=limit, cursor=cursor, current=current)

    async def revoke(self, session_id: str, *, user_id: str, reason: str, actor: str) -> bool:
        return self._manager.revoke(session_id, user_id=user_id, reason=reason, actor=actor)

    async def revoke_all(
        self, user_id: str, *, keep: str, reason: str, actor: str
    ) -> Sequence[str]:
        return self._manager.revoke_all(user_id, keep=keep, reason=reason, actor=actor)

    async def require_seniority(self, session: str, *, ends: str | None, ends_others: bool) -> None:
        self._manager.require_seniority(session, ends=ends, ends_others=ends_others)

    async def held(self, user_id: str) -> builtins.list[HeldSignIn]:
        return self._manager.held(user_id)

    async def approve(self, user_id: str, code: str, *, by: str, actor: str | None) -> bool:
        return self._manager.approve(user_id, code, by=by, actor=actor)

    async def refuse(self, user_id: str, code: str, *, actor: str | None) -> bool:
        return self._manager.refuse(user_id, code, actor=actor)

    async def collect(self, pending_token: str, client: Client) -> Grant:
        return self._manager.collect(pending_token, client)

    async def trust_device(
        self, user_id: str, device_id: str, until: datetime | None
    ) -> Device | None:
        return self._manager.trust_device(user_id, device_id, until)

    async def end_trust(
        self, client: Client, *, access_token: str | None, refresh_token: str | None
    ) -> builtins.list[Device]:
        return self._manager.end_trust(
            client, access_token=access_token, refresh_token=refresh_token
        )
