"""
Pages to mount: routing, errors and headers, written once for WSGI, ASGI and Django.

A request passes `authorize`, then `admit`, then its handler. All are `async def`: driven to
their end at once over a blocking manager, awaited over the other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from attrs import evolve

from devsess.adapters._exchange import Exchange
from devsess.adapters._http import Answer, Request
from devsess.adapters._middleware import default_settings
from devsess.adapters._sessions import BlockingSessions, Sessions
from devsess.errors import DevsessError, StoreUnavailableError
from devsess.web import forgery
from devsess.web.assets import served
from devsess.web.drawing import environment
from devsess.web.forms import FormError
from devsess.web.headers import secured
from devsess.web.managers import AnyManager, awaited, is_blocking
from devsess.web.problems import problem_page
from devsess.web.routing import Routes, find
from devsess.web.visit import Visit

if TYPE_CHECKING:
    from devsess.manager import SessionManager
    from devsess.web.look import Look

V = TypeVar("V", bound=Visit)

log = logging.getLogger("devsess")


class App(Generic[V]):
    """
    An application of pages; see `faces` for the ways to mount it.

    Args:
        manager: The manager.
        look: The application's choices.
        routes: The pages.
        needs_session: Whether it works within a SessionMiddleware, and brings one with
            default options where it finds none.
    """

    visit_kind: type[V]

    def __init__(
        self, manager: AnyManager, look: Look, routes: Routes[V], *, needs_session: bool
    ) -> None:
        self.is_blocking = is_blocking(manager)
        self.manager = awaited(manager)
        self._sessions = _face(manager, blocks=self.is_blocking)
        self._needs_session = needs_session
        self._defaults = default_settings(manager)
        self._look = look
        self._routes = routes
        self._templates = environment(look.templates)

    # For an application of pages to change.

    async def authorize(self, visit: V) -> Answer | None:  # noqa: ARG002
        """The answer in place of everything, static files too."""
        return None

    async def admit(self, visit: V) -> Answer | None:  # noqa: ARG002
        """The answer in place of a page."""
        return None

    def answer_to(self, visit: V, error: DevsessError) -> Answer | None:
        """The page that an error means; None if it is the program's own fault."""
        if isinstance(error, StoreUnavailableError):
            log.error("answered 503: %s", error)  # the client does not see why
            return problem_page(visit, 503)
        return None

    # For the faces.

    def visit(
        self,
        request: Request,
        native: Mapping[str, Any],
        body: bytes | None,
        exchange: Exchange | None,
    ) -> V:
        """A request as handlers see it."""
        now = self.manager.core.now()
        return self.visit_kind(
            self.manager, self._look, self._templates, request, native, body, now, exchange
        )

    async def serve(self, visit: V) -> Answer:
        """The answer to a request that is authorized, with all its headers."""
        asset = served().get(visit.request.path)
        if asset is not None:
            return secured(asset.answer if visit.request.is_safe else problem_page(visit, 405))
        if not self._needs_session or visit.exchange is not None:
            return secured(await self._answer(visit))
        return secured(await self._alone(visit))

    async def _alone(self, visit: V) -> Answer:
        """As within a SessionMiddleware, where there is none."""
        visit.exchange = exchange = Exchange(self._sessions, self._defaults, visit.request)
        refusal = await exchange.open()
        answer = problem_page(visit, refusal.status) if refusal else await self._answer(visit)
        await exchange.update_cookies()
        ours = exchange.headers(is_html=True, is_marked=True, is_shared=False)
        own = {name for name, _ in answer.headers}
        more = tuple(it for it in ours if it[0] == "Set-Cookie" or it[0] not in own)
        return evolve(answer, headers=(*answer.headers, *more))

    async def _answer(self, visit: V) -> Answer:
        try:
            return await self._routed(visit)
        except FormError as error:
            return problem_page(visit, error.status)
        except DevsessError as error:
            answer = self.answer_to(visit, error)
            if answer is None:
                raise
            return answer

    async def _routed(self, visit: V) -> Answer:
        request = visit.request
        refused = None
        if not request.is_safe:
            refused = forgery.refusal(request, visit.exchange, self._defaults)
        if refused:
            log.warning("answered 403: %s", refused)
            return problem_page(visit, 403)
        answer = await self.admit(visit)
        if answer is not None:
            return answer
        found = find(self._routes, request.path or "/")
        if found is None:
            return problem_page(visit, 404)
        methods = self._routes[found.route]
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            return problem_page(visit, 405, ("Allow", ", ".join(methods)))
        visit.values = found.values
        return await methods[method](visit)


def _face(manager: AnyManager, *, blocks: bool) -> Sessions:
    return (
        BlockingSessions(cast("SessionManager", manager)) if blocks else cast("Sessions", manager)
    )
