"""The operators' pages together: who may see them, and the table of pages."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from devsess.adapters._http import NO_STORE, Answer
from devsess.adapters._problem import RETRY_AFTER
from devsess.errors import ConfigurationError, InvalidSessionError, StoreUnavailableError
from devsess.web.admin import (
    acting,
    acts,
    ending,
    finding,
    looking,
    overview,
    reviewing,
    saying,
    searching,
)
from devsess.web.admin.operator import Operator
from devsess.web.admin.visit import AdminRequest, AdminVisit
from devsess.web.faces import Pages, is_scope

if TYPE_CHECKING:
    from devsess.web.look import Look
    from devsess.web.managers import AnyManager
    from devsess.web.routing import Routes

Authorize: TypeAlias = Callable[[AdminRequest], "Operator | Awaitable[Operator | None] | None"]

log = logging.getLogger("devsess")

ROUTES: Final[Routes[AdminVisit]] = {
    "/": {"GET": overview.show},
    "/live": {"GET": overview.live},
    "/statistics.csv": {"GET": overview.as_csv},
    "/statistics.json": {"GET": overview.as_json},
    "/find": {"GET": searching.find},
    "/search": {"GET": searching.search},
    "/user": {"GET": looking.user},
    "/activity": {"GET": looking.activity},
    "/device": {"GET": looking.device, "POST": acting.change_device},
    "/device/block": {"GET": acting.ask_to_block},
    "/network": {"GET": looking.network},
    "/day": {"GET": looking.day},
    "/session": {"GET": looking.session},
    "/session/end": {"GET": acting.ask_to_end, "POST": acting.end},
    "/review": {"GET": reviewing.queue, "POST": reviewing.judge},
    "/review/attack": {"GET": reviewing.ask_about_attack},
    "/end": {"GET": ending.preview, "POST": ending.run},
    "/log": {"GET": acts.log},
}


class AdminPages(Pages[AdminVisit]):
    """See admin_app."""

    visit_kind = AdminVisit

    def __init__(self, manager: AnyManager, look: Look, authorize: Authorize | None) -> None:
        if not callable(authorize):
            raise ConfigurationError(
                "admin_app needs authorize=...: a function that says of a request which Operator"
                " it comes from, or None"
            )
        super().__init__(manager, look, ROUTES, needs_session=False)
        self._hook = authorize

    async def authorize(self, visit: AdminVisit) -> Answer | None:
        """Nothing answers without an operator, static files included."""
        request = visit.request
        asked = AdminRequest(
            request.method, request.path, request.headers, request.peer, visit.native
        )
        try:
            found = await self._ask(asked)
        except InvalidSessionError:
            found = None
        except StoreUnavailableError as error:
            log.error("answered 503: %s", error)
            return _bare(503, b"Please try again in a moment.\n", ("Retry-After", RETRY_AFTER))
        if found is None:
            return _bare(404, b"Not found.\n")
        if not isinstance(found, Operator):
            kind = type(found).__name__
            raise ConfigurationError(f"authorize must return an Operator or None, not {kind}")
        visit.admitted = found
        visit.context["operator"] = found
        visit.context["here"] = request.path or "/"
        return None

    async def _ask(self, asked: AdminRequest) -> Operator | None:
        """What the hook says; one that may block the event loop is called in a thread."""
        if is_scope(asked.native) and not inspect.iscoroutinefunction(self._hook):
            found = await asyncio.to_thread(self._hook, asked)
        else:
            found = self._hook(asked)
        return await found if inspect.isawaitable(found) else found

    async def admit(self, visit: AdminVisit) -> Answer | None:
        """The number beside "To review" stands on every page."""
        visit.context |= saying.context(visit)
        visit.to_review = await finding.to_review(visit)
        visit.context["to_review"] = visit.to_review
        return None


def _bare(status: int, body: bytes, *headers: tuple[str, str]) -> Answer:
    """An answer that says nothing about these pages."""
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Answer(status, (kind, ("Content-Length", str(len(body))), NO_STORE, *headers), body)
