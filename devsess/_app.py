"""
The name and version that a native app gives itself, in the header `Devsess-App`.

It stands in brackets before the user agent that is kept, as no user agent of its own begins, so
that it needs no place of its own anywhere. Systems, programs and all evidence are read behind
the brackets: a client that sends another name, or none, is still the same one.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from attrs import frozen

from devsess._text import clean_text

HEADER: Final = "devsess-app"
# Longest name inside a label.
_MAX_NAME = 48
# A name is ASCII, other letters are percent-encoded; digits alone are none. With the longest one
# an honest user agent, which stays below 300 characters, is not cut.
_VALUE = (
    r"(?=[^/]{0,95}[^\W\d_])([A-Za-z0-9%](?:[A-Za-z0-9 .&'+_%-]{0,94}[A-Za-z0-9%])?)"
    r"/([0-9][A-Za-z0-9.+_-]{0,23})"
)
_FORM = re.compile(_VALUE)
_PREFIX = re.compile(rf"\[{_VALUE}\](?: |$)")


@frozen
class App:
    """
    A native app.

    Attributes:
        name: As people know it: "Shop".
        version: "4.2.1".
    """

    name: str
    version: str


def with_app(agent: str | None, header: str | None) -> str | None:
    """The user agent with the app that *header* names; another text there counts as not sent."""
    if header is None or not _FORM.fullmatch(header):
        return agent
    prefix = f"[{header}]"
    return prefix if not agent else agent if agent.startswith(prefix) else f"{prefix} {agent}"


def app_of(agent: str | None) -> App | None:
    """The app that a user agent, as kept, begins with."""
    found = _PREFIX.match(agent) if agent and agent[0] == "[" else None
    if found is None:
        return None
    # The dot parts a label.
    name = clean_text(unquote(found[1]), _MAX_NAME)
    return App(name.replace("·", "-"), found[2]) if name else None


def without_app(agent: str | None) -> str | None:
    """The user agent as its client would have sent it without the header."""
    if not agent or agent[0] != "[":
        return agent
    found = _PREFIX.match(agent)
    return agent if found is None else agent[found.end() :] or None


def with_version(label: str, agent: str | None) -> str:
    """The *label* of a device, with the version of the app that *agent* begins with."""
    app = app_of(agent)
    if app is None:
        return label
    name = app.name
    said = f"{name} {app.version}"
    if label == name or label.startswith(f"{name} on "):
        return said + label[len(name) :]
    if label.endswith(f" · {name}"):
        return label[: -len(name)] + said
    return label
