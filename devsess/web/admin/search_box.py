"""
The one search box: what its text may mean, the likeliest meaning first.

Pure: nothing here looks anything up. Where several meanings are possible, a page asks for them in
this order. "user:", "ip:", "device:", "session:" and "day:" before the text leave one meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from attrs import frozen

from devsess._text import clean_text
from devsess.devices.addresses import address, network

# The longest user id.
MAX_TEXT = 255


class Kind(StrEnum):
    """The things that can be searched for."""

    USER = "user"
    ADDRESS = "address"
    NETWORK = "network"
    DEVICE = "device"
    SESSION = "session"
    DAY = "day"


@frozen
class Meaning:
    """
    One meaning of a text.

    Attributes:
        kind: The kind of thing that it would be.
        value: In its normal spelling: a day is "2026-11-24", a network "102.89.77.0/24".
    """

    kind: Kind
    value: str


def meanings(text: str, today: date) -> tuple[Meaning, ...]:
    """
    All that *text* may mean, the likeliest first; none for an empty one.

    Args:
        text: As it was typed.
        today: For "today", "yesterday" and the names of weekdays.
    """
    said = clean_text(text, MAX_TEXT + 10) or ""
    prefix, colon, rest = said.partition(":")
    kinds = _PREFIXES.get(prefix.strip().lower()) if colon else None
    if kinds is None:
        kinds, rest = tuple(Kind), said
    found = (
        Meaning(kind, it) for kind in _ORDER if kind in kinds if (it := _read(kind, rest, today))
    )
    return tuple(found)


def _read(kind: Kind, text: str, today: date) -> str | None:
    return _day(text.strip(), today) if kind is Kind.DAY else _READERS[kind](text.strip())


def _user(text: str) -> str | None:
    return text if 1 <= len(text) <= MAX_TEXT else None


def _id(text: str) -> str | None:
    return text if _ID.fullmatch(text) else None


def read_network(text: str) -> str | None:
    """A network as devsess cuts it: a longer one is taken for the one that it is part of."""
    start, _, bits = text.partition("/")
    found = address(_filled_up(start) if not bits else start)
    if found is None or (not bits and start == found):
        return None
    if bits and not (bits.isascii() and bits.isdecimal() and len(bits) <= 3):
        return None
    least = 48 if ":" in found else 24
    most = 128 if ":" in found else 32
    if bits and not least <= int(bits) <= most:
        return None
    return cidr(found)


def cidr(ip: str) -> str | None:
    """The network of *ip* as people write it, "102.89.77.0/24"; None if it is no address."""
    found = network(ip)
    return None if found is None else f"{found}/{48 if ':' in found else 24}"


def _filled_up(text: str) -> str:
    """ "102.89.77", "102.89.77." and "102.89.77.*" as the first address there."""
    found = _THREE.fullmatch(text)
    return f"{found[1]}.0" if found else text


def _day(text: str, today: date) -> str | None:
    word = text.lower()
    if word in _WEEKDAYS:
        back = (today.weekday() - _WEEKDAYS.index(word)) % 7
        return (today - timedelta(days=back or 7)).isoformat()
    if word in _RELATIVE:
        return (today - timedelta(days=_RELATIVE[word])).isoformat()
    for pattern, fields in _DATES:
        found = pattern.fullmatch(word)
        if found:
            return _date(dict(zip(fields, found.groups(), strict=True)), today)
    return None


def _date(parts: Mapping[str, str], today: date) -> str | None:
    month = parts["month"]
    number = int(month) if month.isdecimal() else _MONTHS.index(month[:3]) + 1
    try:
        found = date(int(parts.get("year") or today.year), number, int(parts["day"]))
        # "24 Nov" is the latest one.
        if not parts.get("year") and found > today:
            found = found.replace(year=today.year - 1)
    except ValueError:
        return None
    return found.isoformat()


_PREFIXES: Final[Mapping[str, tuple[Kind, ...]]] = {
    "user": (Kind.USER,),
    "ip": (Kind.ADDRESS, Kind.NETWORK),
    "address": (Kind.ADDRESS, Kind.NETWORK),
    "network": (Kind.NETWORK, Kind.ADDRESS),
    "device": (Kind.DEVICE,),
    "session": (Kind.SESSION,),
    "day": (Kind.DAY,),
}
_ORDER: Final = (Kind.ADDRESS, Kind.NETWORK, Kind.DAY, Kind.SESSION, Kind.DEVICE, Kind.USER)
_READERS: Final[Mapping[Kind, Callable[[str], str | None]]] = {
    Kind.ADDRESS: address,
    Kind.NETWORK: read_network,
    Kind.SESSION: _id,
    Kind.DEVICE: _id,
    Kind.USER: _user,
}
_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_THREE = re.compile(r"([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})(?:\.\*?)?", re.ASCII)
_WEEKDAYS: Final = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_RELATIVE: Final[Mapping[str, int]] = {"today": 0, "yesterday": 1}
_MONTHS: Final = [
    *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
]
_NAME = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
# 3/4/2026 is two days, so no day.
_DATES: Final = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII), ("year", "month", "day")),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII), ("day", "month", "year")),
    (re.compile(rf"(\d{{1,2}})\.? {_NAME}(?:,? (\d{{4}}))?", re.ASCII), ("day", "month", "year")),
    (re.compile(rf"{_NAME} (\d{{1,2}})(?:,? (\d{{4}}))?", re.ASCII), ("month", "day", "year")),
)
