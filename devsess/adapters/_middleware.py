"""The options of both middlewares, and their common beginning."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from inspect import Parameter, iscoroutinefunction, signature
from typing import Generic, TypeVar

from devsess.adapters._accounts import AccountsExchange
from devsess.adapters._cookies import Cookies
from devsess.adapters._exchange import Exchange
from devsess.adapters._http import Request
from devsess.adapters._sessions import Sessions
from devsess.adapters._settings import ProxyHeader, Settings, Transport, warn_of_insecure_cookies
from devsess.async_manager import AsyncSessionManager
from devsess.errors import ConfigurationError
from devsess.manager import SessionManager
from devsess.policy import DAY, Span

App = TypeVar("App")
Manager = TypeVar("Manager", SessionManager, AsyncSessionManager)


class UncachedExchange(Exchange):
    """An exchange for a manager whose `validate` is the application's: it is always called."""

    def try_cache(self) -> bool:
        return False


class UncachedAccountsExchange(UncachedExchange, AccountsExchange):
    """The same for a browser that may be signed in to several accounts."""


class Middleware(Generic[App, Manager]):
    """
    Gives every request its session, and answers requests that the app must not see.

    Args:
        app: The app.
        manager: A SessionManager for WSGI, an AsyncSessionManager for ASGI.
        required: Whether every path but `login_url` and `public` needs a session.
        transport: Where tokens are read from: "cookie", "bearer" or "both".
        trusted_proxies: Networks (CIDR), or "unix" for a Unix socket, that are trusted
            to name the client's address; none by default.
        proxy_header: The one header in which they give it.
        origins: Other origins whose pages may act for a signed-in browser.
        csrf_exempt: Paths that any site may post to; "/hooks/" means all below it.
        public: Paths that `required` excepts.
        passive: Paths that are no activity, as is the request header `Devsess-Passive: 1`.
        recent_auth: The greatest age of a sign-in that may end other sessions at the
            endpoints; None for any age.
        insecure_cookies: For development over plain http only; warns.
        cookies: The names of the cookies, and where browsers send them.
        clear_site_data: Whether a sign-out also empties the browser's cache of the site.
        endpoints: Where the JSON endpoints are served, such as "/auth"; None for nowhere.
        login_url: Where a browser is sent instead of a 401, with `return_to`; None for nowhere.
        return_parameter: The name of the parameter that `return_to` is sent in.
        accounts: The greatest number of accounts that a browser is signed in to at once, 1 to 5.

    Raises:
        ConfigurationError: If an argument cannot work.
    """

    _awaits: bool
    _manager_name: str

    def __init__(
        self,
        app: App,
        manager: Manager,
        *,
        required: bool = False,
        transport: Transport = "both",
        trusted_proxies: Iterable[str] = (),
        proxy_header: ProxyHeader = "x-forwarded-for",
        origins: Iterable[str] = (),
        csrf_exempt: Iterable[str] = (),
        public: Iterable[str] = (),
        passive: Iterable[str] = (),
        recent_auth: Span | None = DAY,
        insecure_cookies: bool = False,
        cookies: Cookies = Cookies(),  # noqa: B008 - frozen
        clear_site_data: bool = False,
        endpoints: str | None = None,
        login_url: str | None = None,
        return_parameter: str = "return_to",
        accounts: int = 1,
    ) -> None:
        self._check(manager)
        self._app = app
        self._sessions = self._face(manager)
        self._kind = _kind(manager, accounts)
        self._settings = Settings(
            required=required,
            transport=transport,
            trusted_proxies=trusted_proxies,
            proxy_header=proxy_header,
            origins=origins,
            csrf_exempt=csrf_exempt,
            public=public,
            passive=passive,
            recent_auth=recent_auth,
            insecure_cookies=insecure_cookies,
            cookies=cookies,
            device_retention=manager.core.policy.privacy.device_retention,
            clear_site_data=clear_site_data,
            endpoints=endpoints,
            login_url=login_url,
            return_parameter=return_parameter,
            accounts=accounts,
        )
        if insecure_cookies:
            warn_of_insecure_cookies()

    def _check(self, manager: Manager) -> None:
        validate = getattr(manager, "validate", None)
        if not callable(validate) or iscoroutinefunction(validate) is not self._awaits:
            given = type(manager).__name__
            raise ConfigurationError(
                f"this middleware needs a devsess.{self._manager_name}, not {given}"
            )

    def _face(self, manager: Manager) -> Sessions:
        """*manager* as an exchange awaits it."""
        raise NotImplementedError

    def _exchange(self, request: Request) -> Exchange:
        exchange = self._kind(self._sessions, self._settings, request)
        exchange.handled_before = sys.exception()
        return exchange


def default_settings(manager: SessionManager | AsyncSessionManager) -> Settings:
    """The settings of a middleware over *manager* to which no option is given."""
    options = signature(Middleware.__init__).parameters.values()
    defaults = {it.name: it.default for it in options if it.kind is Parameter.KEYWORD_ONLY}
    return Settings(device_retention=manager.core.policy.privacy.device_retention, **defaults)


def _kind(manager: SessionManager | AsyncSessionManager, accounts: int) -> type[Exchange]:
    if accounts == 1:
        return Exchange if _is_plain(manager) else UncachedExchange
    return AccountsExchange if _is_plain(manager) else UncachedAccountsExchange


def _is_plain(manager: SessionManager | AsyncSessionManager) -> bool:
    """Whether its `validate` answers from its `core` too, and checks nothing beside."""
    validate = manager.validate
    asked, function = getattr(validate, "__self__", None), getattr(validate, "__func__", None)
    is_ours = function in (SessionManager.validate, AsyncSessionManager.validate)
    return is_ours and getattr(asked, "core", None) is manager.core
