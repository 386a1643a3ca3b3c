"""The pages on which people see where they are signed in, and end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.account.pages import AccountPages
from devsess.web.look import Look

if TYPE_CHECKING:
    from devsess.web.managers import AnyManager

__all__ = ["account_app"]


def account_app(
    manager: AnyManager,
    *,
    look: Look = Look(),  # noqa: B008 - frozen
    login_url: str | None = None,
    step_up_url: str | None = None,
    password_url: str | None = None,
) -> AccountPages:
    """
    The pages of a person's devices, to mount by `.wsgi`, `.asgi` or Django's `.urls`.

    Mounted within a SessionMiddleware they use its session, cookies and `recent_auth`; alone
    they bring one with default options.

    Args:
        manager: A SessionManager for WSGI and Django; either for ASGI.
        look: Name, language, time zone, templates and stylesheets.
        login_url: Where a browser that is not signed in is sent, with `return_to`; that of the
            middleware if left out. Without either it gets a page that says so.
        step_up_url: The page on which people prove themselves again, with `return_to`;
            *login_url* if left out.
        password_url: The page on which people change their password: they are shown it when
            they say that a sign-in was not theirs.

    Raises:
        ConfigurationError: If an argument cannot work.
    """
    return AccountPages(
        manager,
        look,
        login_url=login_url,
        step_up_url=step_up_url,
        password_url=password_url,
    )
