"""The challenges of devsess in a 401 (RFC 6750 §3, RFC 9470 §3)."""

from __future__ import annotations

import re

import httpx
from attrs import frozen

EXPIRED = "invalid_token"
STEP_UP = "insufficient_user_authentication"

_OURS = re.compile(r'(?:^|[\s,])Bearer\s+realm="devsess"(.*)', re.IGNORECASE)
_MEMBER = re.compile(r'([a-z_]+)="([^"]*)"')
_DIGITS = re.compile(r"[0-9]{1,9}")


@frozen
class StepUp:
    """
    What a server wants before it goes on: a newer or stronger sign-in (RFC 9470).

    Attributes:
        max_age: Seconds that may have passed since the person proved that it is them; None
            for any time.
        acr_values: Authentication contexts, one of which must be reached; () for any.
    """

    max_age: int | None = None
    acr_values: tuple[str, ...] = ()


@frozen
class Challenge:
    """
    A challenge of devsess.

    Attributes:
        error: Its error code, or None: no credentials came, or they came in the body.
        step_up: What it wants, if that is its error.
    """

    error: str | None
    step_up: StepUp = StepUp()


def challenge_of(response: httpx.Response) -> Challenge | None:
    """The challenge in *response*; None if it has none of devsess."""
    if response.status_code != 401:
        return None
    found = _OURS.search(", ".join(response.headers.get_list("www-authenticate")))
    if found is None:
        return None
    members = dict(_MEMBER.findall(found[1]))
    age = members.get("max_age", "")
    wanted = StepUp(
        int(age) if _DIGITS.fullmatch(age) else None,
        tuple(members.get("acr_values", "").split()),
    )
    return Challenge(members.get("error"), wanted)
