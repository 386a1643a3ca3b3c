"""The body of refresh and logout: tokens of a client that has no cookies."""

from __future__ import annotations

import json
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from devsess.adapters._problem import problem
from devsess.errors import BadTokenError

if TYPE_CHECKING:
    from devsess.adapters._http import Request
    from devsess.adapters._settings import Settings
    from devsess.models import Client

# Two tokens take less than two kilobytes.
MAX_BODY = 16 * 1024
# The part of a longer one that is read and dropped: a client that is still sending
# reads no answer.
MAX_DROPPED = 2 * 1024 * 1024

_TOKENS = ("refresh_token", "device_token")
_KNOWN = (*_TOKENS, "forget_device")
# Other names of these members, in small letters without marks between them.
_SHORT = {"refresh": "refresh_token", "token": "refresh_token", "device": "device_token"}
# Members of our answers, or of OAuth (RFC 6749 §5.1 and §6), that clients send along.
_OF_NO_USE = frozenset(("access_token", "token_type", "expires_in", "grant_type", "session"))
_ALIKE = 0.85
# Unknown members that are compared with ours: a thousand would take 50 ms.
_COMPARED = 16


@frozen
class Body:
    """
    The members of the body.

    Attributes:
        refresh_token: The refresh token; None where it is in a cookie.
        device_token: The token of the device, or None.
        forget_device: Whether a sign-out ends the trust in the device too.
    """

    refresh_token: str | None = field(default=None, repr=False)
    device_token: str | None = field(default=None, repr=False)
    forget_device: bool = False


EMPTY_BODY = Body()


def with_device_token(client: Client, body: Body) -> Client:
    """*client* with the device token that the body has for it, if any."""
    return client if body.device_token is None else evolve(client, device_token=body.device_token)


class BodyError(Exception):
    """A body that cannot be used; it carries the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail)


def is_json(request: Request) -> bool:
    """Whether the body is JSON: no form of another site can send that."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


def read_body(request: Request, settings: Settings, raw: bytes | None) -> Body:
    """
    The members of a body; *raw* is None where it was too long.

    Raises:
        BodyError: If it cannot be read, or a member is misspelt.
        BadTokenError: If it has tokens, and only cookies are read.
    """
    if raw is None:
        raise BodyError(413, f"At most {MAX_BODY} bytes.")
    if not raw:
        return EMPTY_BODY
    if not is_json(request):
        raise BodyError(415, "Send application/json.")
    members = _members(raw)
    tokens = [members.get(name) for name in _TOKENS]
    if not all(token is None or isinstance(token, str) for token in tokens):
        raise BodyError(400, "Tokens are texts.")
    forget = members.get("forget_device", False)
    if not isinstance(forget, bool):
        raise BodyError(400, "forget_device is true or false.")
    if not settings.reads_header and tokens != [None, None]:
        raise BadTokenError("tokens come in cookies here")
    return Body(tokens[0], tokens[1], forget)


def json_members(request: Request, raw: bytes | None) -> dict[str, Any]:
    """
    The members of a body that must be there; *raw* is None where it was too long.

    Raises:
        BodyError: If it is no JSON object.
    """
    if raw is None:
        raise BodyError(413, f"At most {MAX_BODY} bytes.")
    if not is_json(request):
        raise BodyError(415, "Send application/json.")
    return _object(raw)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        members = json.loads(raw)
    except (ValueError, RecursionError):
        raise BodyError(400, "The body is no JSON that can be read.") from None
    if not isinstance(members, dict):
        raise BodyError(400, "The body must be an object.")
    return members


def _members(raw: bytes) -> dict[str, Any]:
    members = _object(raw)
    unknown = (name for name in members if name not in _OF_NO_USE and name not in _KNOWN)
    for name in islice(unknown, _COMPARED):
        meant = _meant(name)
        if meant and meant not in members:
            raise BodyError(400, f"Write {meant} for the member that is nearly called so.")
    return members


def _meant(name: str) -> str | None:
    """The member of which *name* is a misspelling, or None."""
    plain = "".join(filter(str.isalnum, name[:64])).lower()
    spelt = {known.replace("_", ""): known for known in _KNOWN}
    close = get_close_matches(plain, spelt, 1, _ALIKE)
    return spelt[close[0]] if close else _SHORT.get(plain)
