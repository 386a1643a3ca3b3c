"""
LAW: a held sign-in waits, is approved or refused, and is collected once.

    waiting ─── approve ──▶ approved ─── collect ──▶ collected
       └──────── refuse ───────┴─▶ refused               └── refuse ends its session

Each arrow is one write that names the version it has read, so of two at once one takes place and
the other looks again. A session has the id of its held sign-in, so a store takes one alone. It is
written right before it counts as collected: a refusal in between is found there, and the session
ends before anybody has its tokens. "No" always wins: nothing leads away from refused. An approval
counts for as long as the session that gave it lives.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import asdict, field, frozen

if TYPE_CHECKING:
    from devsess.models import Location

VERSION = 1
# Seconds in which a held sign-in is approved and collected; a person who waits is there.
LIFETIME = 900.0
# Held sign-ins of an account: more than a person starts at once.
MOST = 3
# No vowels, so that no words come out, and no letters that look like digits (RFC 8628 §6.1).
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 6


class State(StrEnum):
    """Where a held sign-in stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    COLLECTED = "collected"

    @property
    def is_open(self) -> bool:
        """Whether it may still be collected."""
        return self in (State.WAITING, State.APPROVED)


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@frozen
class Held:
    """
    A held sign-in as it is stored, with no secret in it.

    Attributes:
        code: Shown on both sides.
        digest: Keyed, of the secret that collects it.
        number: The account's ending number before it: an ending since then ends it.
        at: When it was held.
        auth_instant: When the person proved themselves.
        is_dated: Whether the application said when that was.
        device_id: The known device that it came from, or None.
        label, os, browser, network: Of its client.
        place, country_code, asn: Of its address, or None.
        amr, acr, persistent, claims, lifetime: As given to `login`.
        state: Where it stands.
        approved_by: The id of the session that approved it; None: the application did.
    """

    code: str
    digest: str = field(repr=False)
    number: int
    at: float
    auth_instant: float
    is_dated: bool
    device_id: str | None
    label: str
    os: str
    browser: str
    network: str | None
    place: str | None
    country_code: str | None
    asn: int | None
    amr: tuple[str, ...] = field(converter=_texts)
    acr: str | None
    persistent: bool
    claims: str
    state: State = field(default=State.WAITING, converter=State)
    approved_by: str | None = None
    lifetime: float | None = None


def dump(held: Held) -> str:
    """*held* as JSON."""
    body = {"version": VERSION, **asdict(held)}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def load(text: str) -> Held:
    """
    The held sign-in that `dump` wrote.

    Raises:
        ValueError: If another version wrote it, or it is damaged.
    """
    try:
        body = json.loads(text)
        version = body.pop("version")
        if version == VERSION:
            return Held(**body)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError("the held sign-in is damaged") from error
    raise ValueError(f"a held sign-in of version {version}; this is {VERSION}")


def new_code(random: bytes, taken: Collection[str]) -> str:
    """A code from eight *random* bytes that is none of those *taken*."""
    number = int.from_bytes(random)
    while True:
        code = "".join(LETTERS[number // len(LETTERS) ** at % len(LETTERS)] for at in range(LENGTH))
        if code not in taken:
            return code
        number += 1


def read_code(typed: str) -> str:
    """A code as a person types it: in any case, with marks or blanks in it."""
    return "".join(filter(str.isalnum, typed)).upper()


def shown(code: str) -> str:
    """*code* as people read it."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def to_drop(there: Sequence[Held], network: str | None) -> int | None:
    """
    The place of the one that makes room for a new one from *network*; None while there is room.

    A decided one goes first, then one from the same network: somebody who keeps on signing in
    from one place pushes nobody else's out. Of several, the oldest.
    """
    if len(there) < MOST:
        return None

    def rank(at: int) -> tuple[bool, bool, float]:
        held = there[at]
        return held.state.is_open, network is None or held.network != network, held.at

    return min(range(len(there)), key=rank)


def is_same_client(
    held: Held, os: str, browser: str, device_id: str, location: Location | None
) -> bool:
    """
    Whether a client is what its approver was shown.

    System and browser family must be equal, and the device, if it was a known one. Its address
    may change within a provider, as phones' do; another provider or country, where a locator
    knows both, is another client.

    Args:
        held: The held sign-in.
        os, browser: Of the client that collects.
        device_id: Of the device that it proves to be, or of a new one.
        location: Of its address, or None.
    """
    if (os, browser) != (held.os, held.browser) or held.device_id not in (None, device_id):
        return False
    if location is None:
        return True
    return _fits(held.asn, location.asn) and _fits(held.country_code, location.country_code)


def _fits(one: object, other: object) -> bool:
    return one is None or other is None or one == other
