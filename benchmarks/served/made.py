"""An app under measurement, with the requests of its users."""

from __future__ import annotations

from typing import Any

from attrs import frozen

# Users of each app.
COUNT = 250
USERS = [f"user-{number:07d}" for number in range(COUNT)]
NOBODY = ["nobody"] * COUNT


@frozen
class Made:
    """
    An app and its users.

    Attributes:
        app: For a server of its kind.
        headers: Of each user's requests.
        users: The ids that it answers with, in the same order.
    """

    app: Any
    headers: list[dict[str, str]]
    users: list[str] = USERS


def bare(app: Any) -> Made:
    """An app that looks at nothing."""
    return Made(app, [{"Cookie": "theme=dark"}] * COUNT, NOBODY)


def bearers(app: Any, tokens: list[str], users: list[str] = USERS) -> Made:
    """An app that takes these access tokens."""
    return Made(app, [{"Authorization": f"Bearer {it}"} for it in tokens], users)


def cookies(app: Any, cookies: list[str]) -> Made:
    """An app that takes these `Cookie` headers."""
    return Made(app, [{"Cookie": it} for it in cookies])
