"""Errors as HTTP answers: challenges (RFC 6750, RFC 9470) and problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from devsess.adapters._http import NO_STORE, Answer, Header, Request, json_answer
from devsess.adapters._settings import below_mount
from devsess.adapters._try_again import try_again_page
from devsess.errors import (
    DevsessError,
    InvalidSessionError,
    LoginDeniedError,
    SessionLimitError,
    SignInHeldError,
    StepUpRequiredError,
    StoreUnavailableError,
)
from devsess.models import iso

# Seconds after which a client may ask again when the store was down.
RETRY_AFTER = "5"
# The challenge where nobody has signed in, and where a token is no good (RFC 6750 §3).
CHALLENGE = 'Bearer realm="devsess"'
INVALID_TOKEN = f'{CHALLENGE}, error="invalid_token"'
# Never the reason: an attacker must not learn which tokens once were valid.
OVER = "The session is over, or never was: sign in again."
_KIND = "application/problem+json"


def problem(status: int, detail: str, *headers: Header, **members: object) -> Answer:
    """A problem document of the kind that needs no page of its own (RFC 9457 §4.2.1)."""
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return json_answer(status, {**content, **members}, *headers, kind=_KIND)


def answer_to(
    error: DevsessError,
    request: Request,
    login_url: str | None,
    *,
    has_credentials: bool,
    return_parameter: str = "return_to",
) -> Answer | None:
    """
    The answer for *error*, or None if it is the application's own fault.

    Args:
        error: The error.
        request: The request it ended.
        login_url: The page that a person is sent to instead of a 401, or None.
        has_credentials: Whether the request had credentials: only then they can be invalid.
        return_parameter: The parameter that tells the sign-in page where to return to.
    """
    for kind, answer in _ANSWERS:
        if isinstance(error, kind):
            found = answer(error, has_credentials)
            if found.status == 503 and request.wants_html:
                return try_again_page(RETRY_AFTER)
            wants_page = found.status == 401 and login_url is not None and request.wants_html
            return to_login(request, login_url or "/", return_parameter) if wants_page else found
    return None


def to_login(request: Request, login_url: str, return_parameter: str = "return_to") -> Answer:
    """A redirect to the sign-in page; after a GET it names the page to return to."""
    path, mark, query = login_url.partition("?")
    there = f"{below_mount(path, quote(request.mount))}{mark}{query}"
    if request.method in ("GET", "HEAD"):
        there += f"{'&' if mark else '?'}{return_parameter}={quote(request.target, safe='/')}"
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Answer(303, (("Location", there), kind, ("Content-Length", "0"), NO_STORE))


def _unavailable(_: DevsessError, __: bool) -> Answer:
    return problem(503, "Try again in a moment.", ("Retry-After", RETRY_AFTER))


def _step_up(error: StepUpRequiredError, _: bool) -> Answer:
    members: dict[str, object] = {}
    challenge = f'{CHALLENGE}, error="insufficient_user_authentication"'
    challenge += ', error_description="sign in again, or more strongly"'
    if error.acr_values:
        values = " ".join(_printable(value) for value in error.acr_values)
        challenge += f', acr_values="{values}"'
        members["acr_values"] = values
    if error.max_age is not None:
        members["max_age"] = int(error.max_age)
        challenge += f', max_age="{members["max_age"]}"'
    if error.settled_at is not None:
        members["settled_at"] = iso(error.settled_at)
    return problem(
        401,
        "This needs a newer or stronger sign-in.",
        ("WWW-Authenticate", challenge),
        error="insufficient_user_authentication",
        **members,
    )


def _invalid(_: DevsessError, has_credentials: bool) -> Answer:
    if not has_credentials:
        return problem(401, "Sign in first.", ("WWW-Authenticate", CHALLENGE))
    return problem(401, OVER, ("WWW-Authenticate", INVALID_TOKEN), error="invalid_token")


def _full(error: SessionLimitError, _: bool) -> Answer:
    return problem(
        409,
        "End one of these sessions first.",
        limit=error.limit,
        sessions=[session.to_dict() for session in error.sessions],
    )


def _held(error: SignInHeldError, _: bool) -> Answer:
    """For the browser that waits, which alone sees it."""
    return problem(
        403,
        "This sign-in waits to be approved from another device.",
        code=error.code,
        expires_at=iso(error.expires_at),
        pending_token=error.pending_token,
        acr_values=" ".join(error.acr_values),
    )


def _denied(_: DevsessError, __: bool) -> Answer:
    return problem(403, "This sign-in was refused.")


# The first match counts; an error without one (ConfigurationError) is the program's own fault.
_ANSWERS: tuple[tuple[type[DevsessError], Callable[[Any, bool], Answer]], ...] = (
    (StoreUnavailableError, _unavailable),
    (StepUpRequiredError, _step_up),
    (InvalidSessionError, _invalid),
    (SessionLimitError, _full),
    (SignInHeldError, _held),
    (LoginDeniedError, _denied),
)


def _printable(text: str) -> str:
    """*text* as it may stand in a quoted string: printable ASCII without its two marks."""
    return "".join(c for c in text if c.isascii() and c.isprintable() and c not in '"\\')
