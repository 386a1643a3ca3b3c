"""The account's pages together: who may see them, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote

from attrs import evolve
from markupsafe import Markup

from devsess._runtime.drive import drive
from devsess.adapters._problem import answer_to, to_login
from devsess.adapters._settings import below_mount, is_local_path
from devsess.errors import (
    ConfigurationError,
    DeviceMismatchError,
    InvalidSessionError,
    StepUpRequiredError,
)
from devsess.web.account import answering, device, ending, history, overview
from devsess.web.account import device_changes as changes
from devsess.web.account.methods import means, through
from devsess.web.account.rows import named
from devsess.web.account.visit import AccountVisit
from devsess.web.faces import Pages
from devsess.web.problems import problem_page

if TYPE_CHECKING:
    from devsess.adapters._http import Answer, Header, Request
    from devsess.errors import DevsessError
    from devsess.web.look import Look
    from devsess.web.managers import AnyManager
    from devsess.web.routing import Routes

ROUTES: Final[Routes[AccountVisit]] = {
    "/": {"GET": overview.show},
    "/history": {"GET": history.show},
    "/sign-out-others": {"GET": ending.ask_others, "POST": ending.end_others},
    "/sessions/{session}/sign-out": {"POST": ending.end_one},
    "/sessions/{session}/mine": {"POST": answering.mine},
    "/sessions/{session}/not-mine": {"GET": answering.ask_not_mine, "POST": answering.not_mine},
    "/secured": {"GET": answering.secured},
    "/devices/{device}": {"GET": device.show},
    "/devices/{device}/sign-out": {"POST": ending.end_device},
    "/devices/{device}/name": {"POST": device.rename},
    "/devices/{device}/distrust": {"POST": device.distrust},
    "/devices/{device}/trust": {"GET": changes.ask_trust, "POST": changes.trust},
    "/devices/{device}/forget": {"GET": changes.ask_forget, "POST": changes.forget},
    "/devices/{device}/block": {"GET": changes.ask_block, "POST": changes.block},
    "/devices/{device}/unblock": {"GET": changes.ask_unblock, "POST": changes.unblock},
}


Part: TypeAlias = Literal["devices", "history"]
_PARTS: Final[Mapping[Part, tuple[str, ...]]] = {
    "devices": (
        "account/_asked.html",
        "account/_devices.html",
        "account/_signed_out.html",
    ),
    "history": ("account/_history.html",),
}


class AccountPages(Pages[AccountVisit]):
    """See account_app."""

    visit_kind = AccountVisit

    def __init__(
        self,
        manager: AnyManager,
        look: Look,
        *,
        login_url: str | None,
        step_up_url: str | None,
        password_url: str | None,
    ) -> None:
        super().__init__(manager, look, ROUTES, needs_session=True)
        urls = {
            "login_url": login_url,
            "step_up_url": step_up_url,
            "password_url": password_url,
        }
        for name, url in urls.items():
            if url is not None and not is_local_path(url):
                raise ConfigurationError(f"{name}: must be a path of this site, not {url!r}")
        self._login_url, self._step_up_url, self._password_url = urls.values()

    def part(self, name: Part, environ: Mapping[str, Any], *, mount: str) -> Markup:
        """
        A part of the overview as HTML, for a page of the application's own.

        Its links and forms lead to these pages. For the look, load our stylesheet or write
        one for the classes `ds-`.

        Args:
            name: "devices" or "history".
            environ: The WSGI environment of the application's request, which passed the
                SessionMiddleware.
            mount: Where these pages are mounted, as browsers see it: "/account".

        Raises:
            InvalidSessionError: If nobody is signed in.
            StoreUnavailableError: If the store did not answer.
        """
        return drive(self.part_async(name, environ, mount=mount))

    async def part_async(self, name: Part, scope: Mapping[str, Any], *, mount: str) -> Markup:
        """As `part`, over an AsyncSessionManager, of an ASGI scope."""
        visit = self.embedded(scope, mount)
        self._prepare(visit)
        shown = await overview.content(visit)
        drawn = [visit.drawn(it, **shown) for it in _PARTS[name]]
        return Markup("".join(drawn))  # noqa: S704 - templates have escaped it

    async def admit(self, visit: AccountVisit) -> Answer | None:
        """Nobody sees a page who is not signed in; who acts in another's name changes nothing."""
        session = visit.session
        self._prepare(visit)
        if session.impersonator is not None and not visit.request.is_safe:
            return visit.page("account/impersonating.html", 403)
        return None

    def _prepare(self, visit: AccountVisit) -> None:
        words = visit.words
        visit.context |= {"means": partial(means, words), "named": partial(named, words)}
        visit.context["through"] = through
        visit.context["password_url"] = self._there(visit, self._password_url)

    def answer_to(self, visit: AccountVisit, error: DevsessError) -> Answer | None:
        """The page for a person who is not signed in, or must prove themselves again."""
        if isinstance(error, StepUpRequiredError):
            return self._prove(visit, error)
        if isinstance(error, DeviceMismatchError) and visit.dealings.session is not None:
            # No proof brings the device's token back: a page that asks for one would return here.
            return _prove_page(visit, error, None)
        if isinstance(error, InvalidSessionError):
            return self._sign_in(visit)
        return super().answer_to(visit, error)

    def _sign_in(self, visit: AccountVisit) -> Answer:
        settings = visit.dealings.settings
        login_url = self._login_url or settings.login_url
        if login_url is None:
            return problem_page(visit, 401)
        return to_login(_seen_from_outside(visit), login_url, settings.return_parameter)

    def _prove(self, visit: AccountVisit, error: StepUpRequiredError) -> Answer:
        """By a link: browsers apply `form-action` to redirects after a form."""
        if visit.session.impersonator is not None:
            return visit.page("account/impersonating.html", 403)
        url = self._step_up_url or self._login_url or visit.dealings.settings.login_url
        back = visit.request.target if visit.request.is_safe else visit.link("/")
        there = self._there(visit, url)
        if there is not None:
            mark = "&" if "?" in there else "?"
            name = visit.dealings.settings.return_parameter
            there = f"{there}{mark}{name}={quote(back, safe='/')}"
        return _prove_page(visit, error, there)

    def _there(self, visit: AccountVisit, url: str | None) -> str | None:
        """A path of the application as browsers see it."""
        return None if url is None else below_mount(url, quote(_seen_from_outside(visit).mount))


def _prove_page(visit: AccountVisit, error: DevsessError, there: str | None) -> Answer:
    headers = _challenge(error, visit.request)
    return visit.page("account/prove.html", 401, headers, there=there)


def _seen_from_outside(visit: AccountVisit) -> Request:
    """
    The request as the application sees it, with its own mount and not that of the pages.

    Without a middleware around them nothing says where the application begins: at the root.
    """
    request, outer = visit.request, visit.dealings.request
    mount = "" if outer is request else outer.mount
    return evolve(request, mount=mount, path=request.whole_path.removeprefix(mount))


def _challenge(error: DevsessError, request: Request) -> tuple[Header, ...]:
    """The challenge, for programs (RFC 9470 §3)."""
    answer = answer_to(error, request, None, has_credentials=True)
    headers = answer.headers if answer else ()
    return tuple(it for it in headers if it[0] == "WWW-Authenticate")
