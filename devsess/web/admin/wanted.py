"""The sessions that an operator asks for: the fields of a search, in an address and as a filter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypedDict

from attrs import frozen

from devsess._text import clean_text
from devsess.devices.addresses import address
from devsess.web.admin.search_box import MAX_TEXT, cidr, read_network

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from devsess.tokens.ending import EndingClaims

State: TypeAlias = Literal["live", "ended"]
# Days that have instants in every time zone; a later end is the last of them.
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(9000, 1, 1)
STATES: tuple[State, ...] = ("live", "ended")


class WantedError(ValueError):
    """A field of a search that cannot be read; its name is the message."""


class Filter(TypedDict):
    """The arguments, with instants, by which the managers' methods find sessions."""

    user_id: str | None
    ip: str | None
    device_id: str | None
    since: datetime | None
    until: datetime | None


@frozen
class Wanted:
    """
    Those sessions to which all that is given applies.

    Attributes:
        user_id, device_id: The account, the device.
        ip: An address, or a network such as "102.89.77.0/24".
        since, until: Days on which they began, both included.
        state: "live" or "ended"; None for both.
    """

    user_id: str | None = None
    ip: str | None = None
    device_id: str | None = None
    since: date | None = None
    until: date | None = None
    state: State | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the state is given."""
        return any((self.user_id, self.ip, self.device_id, self.since, self.until))

    @property
    def is_network(self) -> bool:
        """Whether it asks for a network, not for one address."""
        return self.ip is not None and "/" in self.ip

    def query(self) -> dict[str, str]:
        """As the fields of an address."""
        fields = {
            "user": self.user_id,
            "ip": self.ip,
            "device": self.device_id,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "state": self.state,
        }
        return {name: value for name, value in fields.items() if value}

    def instants(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """When the first day begins and the last is over, in *zone*."""
        return _begins(self.since, zone), _begins(
            self.until and self.until + timedelta(days=1), zone
        )


def read(query: Mapping[str, str]) -> Wanted:
    """
    The search that the fields of an address ask for.

    Raises:
        WantedError: If one of them cannot be read.
    """
    state = query.get("state") or None
    if state not in (None, *STATES):
        raise WantedError("state")
    return Wanted(
        user_id=_text(query, "user"),
        ip=_ip(query),
        device_id=_text(query, "device"),
        since=_date(query, "since"),
        until=_date(query, "until"),
        state=state,
    )


def _text(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name, "").strip()
    if len(text) > MAX_TEXT:
        raise WantedError(name)
    return text or None


def _ip(query: Mapping[str, str]) -> str | None:
    text = clean_text(query.get("ip"), MAX_TEXT)
    if text is None:
        return None
    found = address(text) or read_network(text)
    if found is None:
        raise WantedError("ip")
    return found


def _date(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name, "").strip()
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        raise WantedError(name) from None
    if found is None:
        return None
    if name == "until":
        found = min(found, LAST_DAY)
    if not FIRST_DAY <= found <= LAST_DAY:
        raise WantedError(name)
    return found


def _begins(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)


def network_of(wanted: Wanted) -> str | None:
    """The network of the address that is asked for, as people write it; None if none is."""
    return None if wanted.ip is None or wanted.is_network else cidr(wanted.ip)


def filter_of(claims: EndingClaims) -> Filter:
    """The filter that a form carries."""
    since, until = (
        None if at is None else datetime.fromtimestamp(at, UTC)
        for at in (claims.since, claims.until)
    )
    return Filter(
        user_id=claims.user_id,
        ip=claims.ip,
        device_id=claims.device_id,
        since=since,
        until=until,
    )
