"""
The scenes of `devsess demo --web` that a visitor is to find.

Ada's year with a thief in it, a night on which stolen passwords were tried, a token that was
used twice, and what the support team did about all that.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from devsess.cli import _town as town
from devsess.cli._lives import PASSKEY, Browser, Person, Stage, Story, awake
from devsess.errors import DevsessError, InvalidSessionError, LoginDeniedError
from devsess.lifecycle import instant
from devsess.models import Client, Event, Grant
from devsess.policy import DAY, HOUR, MINUTE

ADA = "ada.okafor"
SUPPORT = ("support-2", "support-7")
# How long ago the night of the attack was, in days, and its size.
NIGHT, TRIED, GUESSED = 9.0, 110, 22
ANSWERED, DISOWNED = 0.6, 0.12


def answer(stage: Stage, random: Random, question: Event) -> Story:
    """An owner who answers "was this you?", or does not."""
    if question.user_id == ADA or question.notice is None or random.random() > ANSWERED:
        return
    is_attack = bool(question.ip and question.ip.startswith(town.ATTACK.prefix))
    yield question.at.timestamp() + random.expovariate(1 / 4) * HOUR
    yes = not is_attack and random.random() > DISOWNED
    token = question.notice.yes_token if yes else question.notice.no_token
    try:
        stage.sessions.confirm(token, yes)
    except DevsessError:
        return  # it was answered, or is too old


def upkeep(stage: Stage) -> Story:
    """The nightly purge."""
    at = stage.start
    while True:
        at += DAY
        yield at
        stage.sessions.purge()


def night(stage: Stage, random: Random, people: Sequence[Person]) -> Story:
    """Stolen passwords are tried from one network; some are right."""
    at = stage.end - NIGHT * DAY
    robot = Browser(town.SCRIPT, town.ATTACK)
    guessed = random.sample(people, min(GUESSED, len(people)))
    for number in range(TRIED):
        at += random.expovariate(1 / 25)
        yield at
        client = Client(robot.place.address(random), robot.agent)
        victim = random.choice(people)
        stage.sessions.record_failure(victim.user_id, client)
        if number % 5 == 4 and guessed:
            _steal(stage, guessed.pop().user_id, client)


def _steal(stage: Stage, user_id: str, client: Client) -> None:
    try:
        stage.sessions.login(user_id, client)
    except LoginDeniedError:
        return


def stolen(stage: Stage, random: Random, who: Person) -> Story:
    """A refresh token that its owner has used comes back from elsewhere: the session ends."""
    at = stage.end - 20 * DAY
    yield at
    browser = Browser(town.CHROME_ON_MAC, who.city.home.part(random))
    grant = browser.sign_in(stage, who.user_id, browser.client(random))
    copy = grant.refresh_token
    try:
        for _ in range(3):
            at += DAY
            yield at
            grant = stage.sessions.refresh(grant.refresh_token, browser.client(random))
            stage.sessions.validate(grant.access_token)
        yield at + HOUR
        stage.sessions.refresh(copy, Client(town.THIEF.address(random), town.CHROME_ON_LINUX))
    except InvalidSessionError:
        return  # found out; or it had been ended before


def support(stage: Stage, random: Random, people: Sequence[Person]) -> Story:
    """Two people of the support team: every few days somebody calls."""
    at = stage.start + 5 * DAY
    while True:
        at = awake(random, town.HOME, at + random.expovariate(1 / 2) * DAY)
        yield at
        actor, who = random.choice(SUPPORT), random.choice(people)
        live = stage.sessions.live(who.user_id, limit=5).items
        if random.random() < 0.25:
            stage.sessions.revoke_all(who.user_id, reason="password reset", actor=actor)
        elif live and random.random() < 0.7:
            reason = random.choice(("lost phone", "left the company", "reported as stolen"))
            stage.sessions.revoke(live[0].id, reason=reason, actor=actor)
        elif live:
            stage.sessions.block_device(who.user_id, live[0].device.id, actor=actor)


def clean_up(stage: Stage, random: Random) -> Story:
    """The morning after: the support team ends some of the sessions of that night."""
    at = stage.end - NIGHT * DAY + 8 * HOUR
    yield at
    for event in _of_the_night(stage):
        at += 3 * MINUTE
        yield at
        if event.session_id and random.random() < 0.3:
            stage.sessions.revoke(event.session_id, reason="stolen password", actor=SUPPORT[0])


def _of_the_night(stage: Stage) -> list[Event]:
    return [it for it in stage.created if it.ip and it.ip.startswith(town.ATTACK.prefix)]


class Ada:
    """The person whose page the demo opens."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self.stage, self.random = stage, random
        home, carrier = town.HOME.home.part(random), town.HOME.carrier.part(random)
        self.laptop = Browser(town.CHROME_ON_MAC, home, amr=("pwd", "otp"))
        self.phone = Browser(town.SAFARI_ON_IPHONE, carrier, amr=PASSKEY)
        self.office = Browser(town.FIREFOX_ON_WINDOWS, town.OFFICE)

    def story(self) -> Story:
        """Ninety days, of which the last hours matter."""
        yield self._ago(84)
        first = self._in(self.laptop)
        self._name(first, "My MacBook")
        yield self._ago(83)
        self._in(self.phone)
        yield self._ago(70)
        self._in(self.office)
        for days in (60, 52):
            yield self._ago(days)
            self._in(self.laptop)
            yield self._ago(days - 0.6)
            self._in(self.phone)
        yield from self._journey()
        yield from self._borrowed()
        yield from self._attacked()
        yield from self._today()

    def _journey(self) -> Story:
        """London, on the phone: she is asked, and says that it was her."""
        yield self._ago(41)
        london = next(it for it in town.CITIES if it.home.location.city == "London")
        tablet = Browser(town.SAFARI_ON_IPAD, london.home.part(self.random))
        self._in(tablet)
        yield self._ago(40.5)
        self._answer(yes=True)

    def _borrowed(self) -> Story:
        """A tablet of her mother's, signed out from another device."""
        yield self._ago(33)
        tablet = Browser(town.CHROME_ON_TABLET, town.CITIES[1].home.part(self.random))
        grant = self._in(tablet)
        self._name(grant, "Mum's tablet")
        yield self._ago(32.5)
        self._answer(yes=True)
        reason = "signed out by its user"
        self.stage.sessions.revoke(grant.session.id, reason=reason, actor=ADA)
        for days, browser in ((28.4, self.laptop), (27.3, self.office), (25.9, self.phone)):
            yield self._ago(days)
            self._in(browser)

    def _attacked(self) -> Story:
        """The night of the attack: she is asked, and says that it was not her."""
        yield self._ago(NIGHT - 0.01)
        robot = Client(town.ATTACK.address(self.random), town.SCRIPT)
        for _ in range(3):
            self.stage.sessions.record_failure(ADA, robot)
        self.stage.sessions.login(ADA, robot)
        yield self._ago(NIGHT - 0.3)
        self._answer(yes=False)

    def _today(self) -> Story:
        """Her three devices, and a thief who has her new password."""
        yield self._ago(6.31)
        laptop = self._in(self.laptop)
        until = instant(self.stage.end + 24 * DAY)
        self.stage.sessions.trust_device(ADA, laptop.session.device.id, until, actor=ADA)
        yield self._ago(5.84)
        phone = self._in(self.phone)
        yield self._ago(3.12)
        office = self._in(self.office)
        yield self._ago(1.2)
        self._use(office, self.office)
        yield self._ago(2.6 / 24)
        thief = Browser(town.CHROME_ON_LINUX, town.THIEF)
        for _ in range(3):
            self.stage.sessions.record_failure(ADA, thief.client(self.random))
        self._in(thief)
        yield self._ago(1.5 / 24)
        self._use(phone, self.phone)
        yield self._ago(0.3 / 24)
        self._use(laptop, self.laptop)

    def _ago(self, days: float) -> float:
        """So many days before the end; those long ago not all at the same hour."""
        shift = self.random.uniform(-4, 4) * HOUR if days > NIGHT else 0
        return self.stage.end - days * DAY + shift

    def _in(self, browser: Browser) -> Grant:
        return browser.sign_in(self.stage, ADA, browser.client(self.random))

    def _use(self, grant: Grant, browser: Browser) -> None:
        self.stage.sessions.refresh(grant.refresh_token, browser.client(self.random))

    def _name(self, grant: Grant, name: str) -> None:
        self.stage.sessions.rename_device(ADA, grant.session.device.id, name)

    def _answer(self, *, yes: bool) -> None:
        """Of the latest question to her."""
        [*_, question] = [it for it in self.stage.asked if it.user_id == ADA]
        assert question.notice is not None  # noqa: S101 - a NOTICE has one
        token = question.notice.yes_token if yes else question.notice.no_token
        self.stage.sessions.confirm(token, yes)
