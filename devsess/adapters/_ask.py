"""What an exchange asks of its manager, each with its answer's type; named after its methods."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Generator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from attrs import field, frozen

if TYPE_CHECKING:
    from devsess.models import Client, Device, Grant, Page, Session
    from devsess.policy import Span


T = TypeVar("T")

_NO_KWARGS: Mapping[str, object] = MappingProxyType({})


@frozen
class Call:
    """One thing an exchange asks for: a method's name and its arguments, which may be tokens."""

    name: str
    args: tuple[object, ...] = field(default=(), repr=False)
    kwargs: Mapping[str, object] = field(default=_NO_KWARGS, repr=False)


Flow: TypeAlias = Generator[Call, object, T]


def run(flow: Flow[T], perform: Callable[[Call], object]) -> T:
    """The result of *flow*, each of its calls performed at once; errors are thrown into it."""
    try:
        call = next(flow)
        while True:
            try:
                answer = perform(call)
            except Exception as error:  # noqa: BLE001 - it is the flow's to judge
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as stop:
        return cast("T", stop.value)


async def run_async(flow: Flow[T], perform: Callable[[Call], Awaitable[object]]) -> T:
    """The result of *flow*, each of its calls awaited; errors are thrown into it."""
    try:
        call = next(flow)
        while True:
            try:
                answer = await perform(call)
            except Exception as error:  # noqa: BLE001 - it is the flow's to judge
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as stop:
        return cast("T", stop.value)


def performer(manager: object) -> Callable[[Call], Any]:
    """Performs calls by *manager*'s methods, whose answers may have to be awaited."""

    def perform(call: Call) -> Any:
        return getattr(manager, call.name)(*call.args, **call.kwargs)

    return perform


def validate(token: str, client: Client, *, touch: bool) -> Flow[Session]:
    return cast("Session", (yield Call("validate", (token, client), {"touch": touch})))


def refresh(token: str, client: Client, *, touch: bool) -> Flow[Grant]:
    return cast("Grant", (yield Call("refresh", (token, client), {"touch": touch})))


def login(user_id: str, client: Client, options: Mapping[str, object]) -> Flow[Grant]:
    return cast("Grant", (yield Call("login", (user_id, client), options)))


def step_up(token: str, client: Client, options: Mapping[str, object]) -> Flow[Grant]:
    return cast("Grant", (yield Call("step_up", (token, client), options)))


def get(session_id: str) -> Flow[Session | None]:
    return cast("Session | None", (yield Call("get", (session_id,))))


def extend(session_id: str, by: Span) -> Flow[Session]:
    return cast("Session", (yield Call("extend", (session_id, by))))


def revoke(session_id: str, user_id: str, reason: str) -> Flow[bool]:
    options = {"user_id": user_id, "reason": reason, "actor": user_id}
    return cast("bool", (yield Call("revoke", (session_id,), options)))


def distrust(user_id: str, device_id: str) -> Flow[Device | None]:
    return cast("Device | None", (yield Call("trust_device", (user_id, device_id, None))))


def end_trust(
    client: Client, access_token: str | None, refresh_token: str | None
) -> Flow[builtins.list[Device]]:
    options = {"access_token": access_token, "refresh_token": refresh_token}
    return cast("builtins.list[Device]", (yield Call("end_trust", (client,), options)))


def revoke_others(user_id: str, keep: str) -> Flow[builtins.list[str]]:
    options = {"keep": keep, "reason": "signed out by its user", "actor": user_id}
    return cast("builtins.list[str]", (yield Call("revoke_all", (user_id,), options)))


def live(user_id: str, limit: int, cursor: str | None, current: str) -> Flow[Page[Session]]:
    options = {"limit": limit, "cursor": cursor, "current": current}
    return cast("Page[Session]", (yield Call("live", (user_id,), options)))
