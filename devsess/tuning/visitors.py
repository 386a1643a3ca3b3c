"""Those who make the requests: browsers with their sessions and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from devsess.errors import InvalidSessionError
from devsess.models import Client, Grant
from devsess.policy import Policy
from devsess.tuning.timing import anew, each_anew

if TYPE_CHECKING:
    from devsess.manager import SessionManager
    from devsess.tuning.clock import TrafficClock

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
_GOLDEN = 0.6180339887498949


def client(number: int) -> Client:
    """The device with that number, at an address kept for benchmarks (RFC 2544)."""
    ip = f"198.{18 + number // 65_536 % 2}.{number // 256 % 256}.{number % 256}"
    return Client(ip=ip, user_agent=AGENTS[number % len(AGENTS)])


@define
class Visitor:
    """
    A session and the browser it is in.

    Attributes:
        client: What each of its requests presents.
        grant: The latest tokens.
        good_until: Seconds of traffic at which the browser refreshes.
    """

    client: Client = field(repr=False)
    grant: Grant = field(repr=False)
    good_until: float

    def token(self, sessions: SessionManager, at: float) -> str:
        """Its access token in a new string, refreshed if its time has come, as browsers do."""
        if at >= self.good_until:
            self._refresh(sessions, at)
        return anew(self.grant.access_token)

    def _refresh(self, sessions: SessionManager, at: float) -> None:
        try:
            self.grant = sessions.refresh(self.grant.refresh_token, self.client)
        except InvalidSessionError:
            return  # it has ended: the old token is refused, as it should be
        self.good_until = at + self.grant.expires_in


def sign_in(sessions: SessionManager, user: str, device: Client, at: float) -> Visitor:
    """*user*'s new session on *device*; its first request has been made."""
    grant = sessions.login(user, device)
    known = evolve(device, device_token=grant.device_token)
    # The first request writes down that the device token is there; once a session.
    sessions.validate(grant.access_token, known)
    return Visitor(known, grant, at + grant.expires_in)


def all_signed_in(
    sessions: SessionManager,
    names: Iterable[str],
    devices: int,
    clock: TrafficClock,
    seconds: float,
) -> dict[str, Visitor]:
    """
    The sessions called *names* in *sessions*, or the first of them.

    Each is another user's; a device may be shared. They signed in before the traffic begins, over
    the life of an access token, so that their browsers refresh one after another.

    Args:
        devices: How many devices they are spread over.
        clock: The clock of *sessions*.
        seconds: How long this may take; one session there is in any case.
    """
    deadline = monotonic() + seconds
    found: dict[str, Visitor] = {}
    for index, name in enumerate(names):
        if found and monotonic() > deadline:
            break
        clock.move_to(-Policy().access_lifetime * scattered(index))
        found[name] = sign_in(sessions, f"user-{index}", client(index % devices), clock.at)
    return found


def scattered(index: int) -> float:
    """A number from 0 to 1 for each *index*, evenly spread however many there are."""
    return index * _GOLDEN % 1


def each_request(sessions: SessionManager, requests: Sequence[tuple[str, Client]]) -> float:
    """
    Seconds per validation of *requests*, each a token and who presents it.

    All texts come in new strings, and a Client is made of them, which counts.
    """

    def validate(texts: tuple[str, ...]) -> object:
        token, ip, agent, device = texts
        return sessions.validate(token, Client(ip=ip, user_agent=agent, device_token=device))

    sent: list[tuple[str, ...]] = [
        (token, client.ip or "", client.user_agent or "", client.device_token or "")
        for token, client in requests
    ]
    return each_anew(validate, sent, lambda texts: tuple(map(anew, texts)))
