"""A request to a page, and what its answer is made with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import define, field

from devsess import lifecycle
from devsess.adapters._http import NO_STORE, Answer
from devsess.web.assets import assets
from devsess.web.forms import read_form, read_query
from devsess.web.times import Times
from devsess.web.words import Words, words_for

if TYPE_CHECKING:
    from jinja2 import Environment

    from devsess.adapters._exchange import Exchange
    from devsess.adapters._http import Header, Request
    from devsess.async_manager import AsyncSessionManager
    from devsess.models import Device
    from devsess.web.look import Look

_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
_HTML = ("Content-Type", "text/html; charset=utf-8")
_VARY = ("Vary", "Accept-Language, Cookie")


def _quoted(text: str) -> str:
    """*text* as a part of a path or query; that of most ids is as it is (RFC 3986 §2.3)."""
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


@define(slots=False)
class Visit:
    """
    One request to a page.

    Attributes:
        manager: The manager, awaited.
        look: The application's choices.
        templates: The environment.
        request: The request; its mount is the pages' own.
        native: The WSGI environment or ASGI scope that it came in.
        body: Its body; None if it was too long.
        now: Its instant, by the manager's clock.
        exchange: The middleware's dealings with the request, where the pages need a session.
        values: The places of the route.
        context: The names that every template of this visit is given beside its own.
    """

    manager: AsyncSessionManager
    look: Look
    templates: Environment
    request: Request
    native: Mapping[str, Any] = field(repr=False)
    body: bytes | None = field(repr=False)
    now: float
    exchange: Exchange | None = None
    values: Mapping[str, str] = field(factory=dict)
    context: dict[str, object] = field(factory=dict, repr=False)

    @cached_property
    def words(self) -> Words:
        """The words of the answer."""
        return words_for(self.request, self.look.language)

    @cached_property
    def times(self) -> Times:
        """The times on the answer."""
        return Times(self.words, self.look.time_zone, self.now)

    @cached_property
    def form(self) -> Mapping[str, str]:
        """
        The form that was sent.

        Raises:
            FormError: If there is none that can be read.
        """
        return read_form(self.request.headers.get("content-type", ""), self.body)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """
        The fields of the query.

        Raises:
            FormError: If it cannot be read.
        """
        return read_query(self.request.query)

    @property
    def frame(self) -> str:
        """The template that stands around the page of an error."""
        return "base.html"

    def is_trusted(self, device: Device) -> bool:
        """Whether *device* is trusted at the instant of the request."""
        until = device.trusted_until
        return lifecycle.is_trusted(None if until is None else until.timestamp(), self.now)

    def link(self, path: str, query: Mapping[str, str] | None = None, /, **places: str) -> str:
        """A path below the mount point as a browser asks for it, its places filled."""
        if places:
            path = path.format(**{name: _quoted(value) for name, value in places.items()})
        if not query:
            return self._mount + path
        asked = "&".join(f"{_quoted(name)}={_quoted(str(value))}" for name, value in query.items())
        return f"{self._mount}{path}?{asked}"

    @cached_property
    def _mount(self) -> str:
        return quote(self.request.mount)

    def asset(self, name: str) -> str:
        """The link of a stylesheet, script or drawing."""
        return self.link(assets()[name].path)

    def page(
        self, template: str, status: int = 200, headers: tuple[Header, ...] = (), **context: object
    ) -> Answer:
        """A page, never stored."""
        return self.answer(self.drawn(template, **context), status, headers)

    def answer(self, html: str, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
        """*html* as an answer that is never stored."""
        body = html.encode("utf-8", "backslashreplace")
        language = ("Content-Language", self.words.language)
        length = ("Content-Length", str(len(body)))
        return Answer(status, (_HTML, length, NO_STORE, _VARY, language, *headers), body)

    def drawn(self, template: str, **context: object) -> str:
        """A template or a partial as HTML."""
        words, times = self.words, self.times
        given: dict[str, object] = {
            "_": words.say,
            "plural": words.plural,
            "of": words.of,
            "words": words,
            "times": times,
            "look": self.look,
            "link": self.link,
            "asset": self.asset,
            "frame": self.frame,
            **self.context,
            **context,
        }
        return self.templates.get_template(template).render(given)

    def see(self, path: str, query: Mapping[str, str] | None = None, /, **places: str) -> Answer:
        """Lead the browser to another page by GET, after a change."""
        there = self.link(path, query, **places)
        # Also of an empty body: PEP 3333's validator asks for its kind.
        kind = ("Content-Type", "text/plain; charset=utf-8")
        return Answer(303, (("Location", there), kind, ("Content-Length", "0"), NO_STORE))
