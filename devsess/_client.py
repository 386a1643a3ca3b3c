"""The client of a request, and no more of its text than an honest one sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from devsess import _app as apps

Kind = Literal["desktop", "phone", "tablet", "tv", "bot", "app", "unknown"]
# Stands for everything that cannot be read of a client.
UNKNOWN: Literal["unknown"] = "unknown"
# Longest user agent that is looked at or kept; honest ones stay below 300.
MAX_USER_AGENT = 512
# Longer than any honest client hint; a longer one counts as not sent.
MAX_HINT = 1024
# No device token and no address is longer (five device ids and a MAC; zone and brackets).
MAX_DEVICE_TOKEN = 1024
MAX_ADDRESS = 64


@frozen(slots=False)  # which every request makes: it costs half as much
class Client:
    """
    The client of a request: the only view of a request the core sees.

    Text longer than an honest client sends is never held: a cached answer
    remembers the client it was judged for.

    Attributes:
        ip: The client's address; behind proxies, the one the adapter worked out.
            A text longer than 64 characters is no address, and becomes None.
        user_agent: The User-Agent header, cut at 512 characters; where it is not
            given, the one among *headers*. Before it, in brackets, stands the native app
            that the header `Devsess-App` among *headers* names.
        headers: The request's headers, for client hints (`Sec-CH-UA-*`).
        device_token: The token that `login` gave this browser or app. A text
            longer than 1,024 characters is no such token, and becomes None.
        fingerprint: The application's own name for the device.
    """

    ip: str | None = None
    user_agent: str | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False, hash=False)
    device_token: str | None = field(default=None, repr=False)
    fingerprint: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        # Values of a wrong type stay as they are: sign-in and refresh name the field.
        agent, token, ip = self.user_agent, self.device_token, self.ip
        if self.headers and type(self.headers) is not Hints:
            agent = _agent_among(self.headers, agent)
            object.__setattr__(self, "user_agent", agent)
        if isinstance(agent, str) and len(agent) > MAX_USER_AGENT:
            object.__setattr__(self, "user_agent", agent[:MAX_USER_AGENT])
        if isinstance(token, str) and len(token) > MAX_DEVICE_TOKEN:
            object.__setattr__(self, "device_token", None)
        if isinstance(ip, str) and len(ip) > MAX_ADDRESS:
            object.__setattr__(self, "ip", None)


class Hints(dict[str, str]):
    """Client hints alone, of a request whose user agent and app an adapter has read already."""

    __slots__ = ()


def _agent_among(headers: Mapping[str, str], agent: str | None) -> str | None:
    """The user agent *agent*, else the one among *headers*, with the app that they name."""
    if not isinstance(headers, Mapping):
        return agent
    if agent is None:
        agent = _among(headers, "user-agent")
    if agent is not None and not isinstance(agent, str):
        return agent
    return apps.with_app(agent, _among(headers, apps.HEADER))


def _among(headers: Mapping[str, str], wanted: str) -> str | None:
    """The *wanted* one of *headers*, by whatever case a server spells its name."""
    length = len(wanted)
    for name in headers:
        if isinstance(name, str) and len(name) == length and name.lower() == wanted:
            value = headers[name]
            return value if isinstance(value, str) else None
    return None
