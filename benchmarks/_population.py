"""
A believable population of sessions: many small accounts, a heavy one, and a network that is hot.

Of 90 days. Half of the last month's sessions are live; one in twenty is the same program's, which
has a device for each ten of them; one in thirty is on the same network; and two people are signed
in on eight devices, and on fifty.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final, TypeAlias

from devsess.models import Kind, Location
from devsess.stores.as_json import location_values
from devsess.stores.rows import DeviceRow, SessionRow

DAY: Final = 86_400.0
DAYS: Final = 90
HEAVY, BIG = "user-heavy", "102.89.77.0"
# People with so many live sessions, each on a device of its own.
SIGNED_IN: Final = {"user-of-8": 8, "user-of-50": 50}
_PROGRAMS: Final[tuple[tuple[str, Kind, str, str], ...]] = (
    ("Chrome on macOS", "desktop", "macOS", "Chrome"),
    ("Chrome on Windows", "desktop", "Windows", "Chrome"),
    ("Safari on iPhone", "phone", "iOS", "Safari"),
    ("Chrome on Android", "phone", "Android", "Chrome"),
    ("Firefox on Windows", "desktop", "Windows", "Firefox"),
    ("Safari on iPad", "tablet", "iPadOS", "Safari"),
)
_REASONS: Final = ("logout",) * 6 + ("replaced",) * 2 + ("expired", "revoked")
_PLACES: Final = tuple(
    json.dumps(
        location_values(
            Location(f"Town {it}", f"Country {it % 40}", it % 140 - 70.0, it * 7 % 340 - 170.0)
        )
    )
    for it in range(300)
)

Values: TypeAlias = tuple[object, ...]
# The columns in which the sessions differ; a row of `model` has the others.
VARYING: Final = (
    *("id", "user_id", "device_id", "ip", "network", "location", "created_at", "last_seen_at"),
    *("idle_from", "idle_expires_at", "absolute_expires_at", "auth_time", "revoked_at", "reason"),
    *("actor", "score"),
)


def made_up(count: int, now: float) -> Iterator[tuple[Values, int]]:
    """VARYING of each session, and its device's number; in the order of ids, always the same."""
    chance = random.Random(15)
    special = [(user, it) for user, devices in SIGNED_IN.items() for it in range(devices)]
    for number in range(count):
        is_special = number < len(special)
        user, at = special[number] if is_special else _user(chance, count)
        network = f"10.0.{number % 5}.0" if is_special else _network(chance)
        age = chance.random() * (5 if is_special else DAYS) * DAY
        is_live = is_special or (age < 30 * DAY and chance.random() < 0.5)
        session_id = f"{number:08x}{chance.getrandbits(56):014x}"
        named = (session_id, user, device_id(user, at))
        yield named + _of(chance, network, now - age, now, is_live=is_live), at


def _user(chance: random.Random, count: int) -> tuple[str, int]:
    """An account, and the number of its device."""
    if chance.random() < 0.05:
        return HEAVY, chance.randrange(max(1, count // 200))
    return f"user-{chance.randrange(count // 4)}", chance.randrange(2)


def _network(chance: random.Random) -> str:
    if chance.random() < 0.03:
        return BIG
    place = int(chance.paretovariate(0.7)) % 50_000
    return f"10.{place // 250}.{place % 250}.0"


def _of(
    chance: random.Random, network: str, created: float, now: float, *, is_live: bool
) -> Values:
    """The columns from the address on."""
    ended = None if is_live else min(now, created + chance.expovariate(1 / (4 * DAY)))
    reason = None if is_live else _REASONS[chance.randrange(len(_REASONS))]
    by_staff = reason == "revoked" and chance.random() < 0.1
    return (
        f"{network[:-1]}{chance.randrange(1, 250)}" if is_live else network,
        network,
        _PLACES[int(chance.paretovariate(0.5)) % len(_PLACES)],
        *(created, created, max(created, now - 10 * DAY)),
        ended if reason == "expired" else created + 30 * DAY,
        *(created + 30 * DAY, int(created), ended, reason),
        "support-7" if by_staff else None,
        chance.randrange(-40, 60) if chance.random() < 0.04 else None,
    )


def device_id(user: str, at: int) -> str:
    """The id of an account's device of this number; as long as real ones."""
    return f"d{at:05x}-{user[-15:]:0>15}"


def device(user: str, at: int, now: float) -> DeviceRow:
    """A device."""
    label, kind, system, browser = _PROGRAMS[(len(user) * 7 + at + ord(user[-1])) % len(_PROGRAMS)]
    first, latest = now - DAYS * DAY, now - (at % DAYS) * DAY
    return DeviceRow(device_id(user, at), user, label, kind, system, browser, first, latest)


def model(now: float) -> SessionRow:
    """The session that all others are like."""
    return SessionRow(
        id="",
        user_id=HEAVY,
        device=device(HEAVY, 0, now),
        ip=None,
        network=None,
        user_agent=None,
        location=None,
        created_at=now,
        last_seen_at=now,
        idle_from=now,
        idle_expires_at=now,
        absolute_expires_at=now,
        auth_time=int(now),
        amr=("pwd",),
        acr=None,
        persistent=False,
        claims="{}",
        salt=b"0123456789abcdef",
    )
