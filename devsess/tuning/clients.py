"""Simulated clients: browsers, each with its session and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from devsess.errors import InvalidSessionError
from devsess.models import Client, Grant
from devsess.tuning.timing import each_fresh, fresh_copy

if TYPE_CHECKING:
    from devsess.manager import SessionManager

AGENTS = (
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/142.0.0.0 Safari/537.36"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/142.0.0.0 Mobile Safari/537.36"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)


def client(number: int) -> Client:
    """The device with that number, at an address kept for benchmarks (RFC 2544)."""
    ip = f"198.{18 + number // 65_536 % 2}.{number // 256 % 256}.{number % 256}"
    return Client(ip=ip, user_agent=AGENTS[number % len(AGENTS)])


@define
class SimulatedClient:
    """
    A browser and the session in it.

    Attributes:
        client: Presented with each of its requests.
        grant: The latest tokens.
        refresh_at: Seconds of traffic at which the browser refreshes.
    """

    client: Client = field(repr=False)
    grant: Grant = field(repr=False)
    refresh_at: float

    def token(self, sessions: SessionManager, at: float) -> str:
        """Its access token in a new string, refreshed if its time has come, as browsers do."""
        if at >= self.refresh_at:
            self._refresh(sessions, at)
        return fresh_copy(self.grant.access_token)

    def use(self, sessions: SessionManager) -> None:
        """Make a request. The first one writes down that the device token is there."""
        sessions.validate(self.grant.access_token, self.client)

    def _refresh(self, sessions: SessionManager, at: float) -> None:
        try:
            self.grant = sessions.refresh(self.grant.refresh_token, self.client)
        except InvalidSessionError:
            return  # it has ended: the old token is refused, as it should be
        self.refresh_at = at + self.grant.expires_in


def sign_in(sessions: SessionManager, user: str, device: Client, at: float) -> SimulatedClient:
    """*user*'s new session on *device*, at *at* seconds of traffic."""
    grant = sessions.login(user, device)
    known = evolve(device, device_token=grant.device_token)
    return SimulatedClient(known, grant, at + grant.expires_in)


def each_request(sessions: SessionManager, requests: Sequence[tuple[str, Client]]) -> float:
    """
    Seconds per validation of *requests*, each a token and the client that presents it.

    All texts come in new strings, and a Client is made of them, which counts.
    """

    def validate(texts: tuple[str, ...]) -> object:
        token, ip, agent, device = texts
        return sessions.validate(token, Client(ip=ip, user_agent=agent, device_token=device))

    sent: list[tuple[str, ...]] = [
        (token, client.ip or "", client.user_agent or "", client.device_token or "")
        for token, client in requests
    ]
    return each_fresh(validate, sent, lambda texts: tuple(map(fresh_copy, texts)))
