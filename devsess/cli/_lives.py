"""
The lives of the made-up people of `devsess demo --web`: each device is a story of its own.

A story is a generator. It yields the instant at which it wants to go on, and by then the clock
of the manager stands there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from math import floor
from random import Random
from typing import TypeAlias

from attrs import define, field, frozen

from devsess.cli import _town as town
from devsess.cli._town import City, Network
from devsess.errors import DevsessError, InvalidSessionError
from devsess.manager import SessionManager
from devsess.models import Client, Event, EventType, Grant, Kind
from devsess.policy import DAY, HOUR

Story: TypeAlias = Iterator[float]

# Of people, or of their sign-ins; assumed, so that each page has something to show.
HAS_COMPUTER, HAS_TABLET = 0.55, 0.12
IS_CAREFUL, HAS_PASSKEY = 0.35, 0.3
# A synced passkey proves a key, of which nobody knows where it lies (RFC 8176).
PASSKEY = ("passkey", "pop", "user")
SIGNS_OUT, FAILS, TRAVELS = 0.25, 0.12, 0.04
# Days between two sign-ins of a device, between two uses of a session, and until a session is
# left; means.
REST, PAUSE, USE = 2.2, 8.0, 6.0
# When people are awake: the weight of each hour of their day.
HOURS = (1, 1, 0, 0, 0, 1, 3, 6, 9, 10, 9, 8, 9, 8, 7, 7, 8, 9, 10, 11, 11, 9, 6, 3)
LAZY_SUNDAY = 0.4


@define
class Stage:
    """
    Where the stories play.

    Attributes:
        sessions: The manager, whose clock they move.
        start: The first instant.
        end: The last one: now.
        created: The events of all sessions that began.
        asked: Those of all notices; the first `read` have gone to their owners.
    """

    sessions: SessionManager
    start: float
    end: float
    created: list[Event] = field(factory=list)
    asked: list[Event] = field(factory=list)
    read: int = 0

    def heard(self, event: Event) -> None:
        """Keep what a story may need; for the manager's `on_event`."""
        if event.type is EventType.NOTICE:
            self.asked.append(event)
        elif event.type is EventType.SESSION_CREATED:
            self.created.append(event)

    def unread(self) -> list[Event]:
        """The notices since the last call."""
        new, self.read = self.asked[self.read :], len(self.asked)
        return new


@define
class Browser:
    """
    A browser of a person.

    Attributes:
        agent: Its user agent.
        place: The network that it is mostly in.
        token: The device token that it was given.
        amr: How its owner signs in.
    """

    agent: str
    place: Network
    token: str | None = field(default=None, repr=False)
    amr: tuple[str, ...] = ("pwd",)

    def client(self, random: Random, place: Network | None = None) -> Client:
        """A request of it, from *place* or its own."""
        ip = (place or self.place).address(random)
        return Client(ip, self.agent, device_token=self.token)

    def sign_in(self, stage: Stage, user_id: str, client: Client) -> Grant:
        """A session, whose device token is kept."""
        acr = "aal2" if len(self.amr) > 1 or "passkey" in self.amr else "aal1"
        grant = stage.sessions.login(user_id, client, amr=self.amr, acr=acr)
        self.token = grant.device_token or self.token
        return grant


@frozen
class Person:
    """An account with its owner's browsers."""

    user_id: str
    city: City
    browsers: tuple[Browser, ...]


def person(random: Random, user_id: str) -> Person:
    """Somebody, somewhere, with a phone and perhaps more."""
    city = town.a_city(random)
    amr: tuple[str, ...] = ("pwd",)
    if random.random() < IS_CAREFUL:
        amr = PASSKEY if random.random() < HAS_PASSKEY else ("pwd", "otp")
    kinds: list[Kind] = ["phone"]
    kinds += ["desktop"] if random.random() < HAS_COMPUTER else []
    kinds += ["tablet"] if random.random() < HAS_TABLET else []
    browsers = [
        Browser(
            town.an_agent(random, kind),
            (city.carrier if kind == "phone" else city.home).part(random),
            amr=amr,
        )
        for kind in kinds
    ]
    return Person(user_id, city, tuple(browsers))


def awake(random: Random, city: City, after: float) -> float:
    """An instant after *after*, within a day or two, at which people of *city* are up."""
    local = after + city.utc_offset * HOUR
    day = floor(local / DAY)
    if (day + 4) % 7 == 0 and random.random() < LAZY_SUNDAY:  # 1970 began on a Thursday
        day += 1
    hour = random.choices(range(24), HOURS)[0]
    at = (day + (hour + random.random()) / 24) * DAY - city.utc_offset * HOUR
    return at if at > after else at + DAY


def life(stage: Stage, random: Random, who: Person, browser: Browser) -> Story:
    """The sign-ins of one browser, and the use of each session until it is left or ended."""
    rest = random.lognormvariate(0, 0.9) * REST
    at = stage.start + random.random() ** 1.3 * (stage.end - stage.start)
    while True:
        at = awake(random, who.city, at + random.expovariate(1 / rest) * DAY)
        yield at
        if random.random() < FAILS:
            stage.sessions.record_failure(who.user_id, browser.client(random))
        away = town.a_city(random) if random.random() < TRAVELS else None
        try:
            grant = browser.sign_in(
                stage, who.user_id, browser.client(random, away.home.part(random) if away else None)
            )
        except DevsessError:
            browser.token = None  # it was blocked: its owner empties it
            continue
        at = yield from _use(stage, random, who, browser, grant, at)


def _use(
    stage: Stage, random: Random, who: Person, browser: Browser, grant: Grant, at: float
) -> Generator[float, None, float]:
    """A session's use; returns when it was used last."""
    until = at + random.expovariate(1 / USE) * DAY
    while at < until:
        at = awake(random, who.city, at + random.expovariate(1 / PAUSE) * DAY)
        yield at
        try:
            grant = stage.sessions.refresh(grant.refresh_token, browser.client(random))
        except InvalidSessionError:
            return at
    if random.random() < SIGNS_OUT:
        stage.sessions.revoke(grant.session.id, reason="logout")
    return at
