"""The pages on which operators see all sessions, and end them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.admin.operator import Operator
from devsess.web.admin.pages import AdminPages
from devsess.web.admin.visit import AdminRequest
from devsess.web.look import Look

if TYPE_CHECKING:
    from devsess.web.admin.pages import Authorize
    from devsess.web.managers import AnyManager

__all__ = ["AdminRequest", "Operator", "admin_app"]


def admin_app(
    manager: AnyManager,
    *,
    authorize: Authorize | None = None,
    look: Look = Look(),  # noqa: B008 - frozen
) -> AdminPages:
    """
    The operators' pages, to mount by `.wsgi`, `.asgi` or Django's `.urls`.

    Args:
        manager: A SessionManager for WSGI and Django; either for ASGI.
        authorize: Says of each request which Operator it comes from; for None all answers are
            404. It decides alone: let it demand a recent second factor. An InvalidSessionError
            counts as None. Mounted by `.asgi` it may be a coroutine function, which runs on the
            event loop; a plain one is called in a thread, and may block.
        look: Name, language, time zone, templates and stylesheets.

    Raises:
        ConfigurationError: If an argument cannot work, or *authorize* is missing.
    """
    return AdminPages(manager, look, authorize)
