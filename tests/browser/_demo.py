"""The demo's site over a few of its people, for browsers to visit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from devsess import Client, Policy, SessionManager
from devsess.cli import _town as town
from devsess.cli._demo_site import OPERATORS, demo_site
from devsess.cli._local import operators
from devsess.cli._population import populate
from devsess.cli._scenes import ADA
from devsess.cli._serving import LocalServer

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
POLICY = Policy()


@frozen
class Demo:
    """
    A running site.

    Attributes:
        site: Its origin.
        link: Of the operators' pages, good once.
        sessions: The manager that it works with.
    """

    site: str
    link: str
    sessions: SessionManager

    def thief(self) -> str:
        """The id of another session of Ada's that nobody answered for."""
        client = Client("198.51.100.77", town.CHROME_ON_LINUX)
        return self.sessions.login(ADA, client).session.id

    def session(self, device: str) -> str:
        """The id of Ada's latest live session on that device."""
        live = self.sessions.live(ADA).items
        return next(it.id for it in live if str(it.device) == device)

    def device(self, name: str) -> str:
        """The id of Ada's device of that name or label."""
        return next(it.id for it in self.sessions.devices(ADA) if str(it) == name)


@contextmanager
def demo(folder: Path, people: int = 3) -> Iterator[Demo]:
    """The site over Ada and as many *people*, served until the block ends."""
    path = folder / "sessions.db"
    populate(path, keys=SECRET, policy=POLICY, now=time.time(), people=people)
    places = town.MadeUpLocator()
    with SessionManager(path, keys=SECRET, policy=POLICY, locator=places) as sessions:
        door = operators(sessions, "grace", name="Example app")
        with LocalServer(demo_site(sessions, door)).running() as server:
            yield Demo(server.site, f"{OPERATORS}/{door.query}", sessions)
