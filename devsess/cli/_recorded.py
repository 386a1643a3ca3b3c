"""Recorded sign-ins, account by account: of a store, or of a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from devsess._client import Client
from devsess._location import Location
from devsess._runtime.drive import drive
from devsess.devices.addresses import network
from devsess.devices.recognise import traits
from devsess.errors import ConfigurationError
from devsess.lifecycle import instant
from devsess.models import EventType
from devsess.risk.facts import Facts, Proof

if TYPE_CHECKING:
    from devsess.stores.accounts import Account
    from devsess.stores.capabilities import AsyncSupportsCopy
    from devsess.stores.rows import EventRow, SessionRow

T = TypeVar("T")

# An account, and its sign-ins, oldest first.
SignIns: TypeAlias = tuple[str, list[Facts]]
# Accounts of a page of a store.
PAGE = 50
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")


def of_store(store: AsyncSupportsCopy) -> Iterator[SignIns]:
    """The sign-ins in the history of each account; it reads, and writes nothing."""
    cursor: str | None = None
    while True:
        page = drive(store.export(limit=PAGE, cursor=cursor))
        for account in page.accounts:
            yield account.user_id, _of_account(account)
        cursor = page.next
        if cursor is None:
            return


def _of_account(account: Account) -> list[Facts]:
    places = _Places(account.sessions)
    # An impersonation is no sign-in of the account's.
    created = (it for it in account.events if it.type is EventType.SESSION_CREATED)
    return [
        _facts(it.at, it.network, it.user_agent, places.of(it), is_known=not it.new_device)
        for it in created
        if it.actor is None
    ]


class _Places:
    """Where an account signed in: a row has the place where its session was last."""

    def __init__(self, rows: Iterable[SessionRow]) -> None:
        self._rows = {row.id: row for row in rows}
        self._by_network = {row.network: row.location for row in self._rows.values()}

    def of(self, event: EventRow) -> Location | None:
        """Of its session, if that has not moved since, or else of another one in its network."""
        row = self._rows.get(event.session_id or "")
        if row is not None and row.network == event.network:
            return row.location
        return self._by_network.get(event.network)


def _facts(
    at: float,
    where: str | None,
    agent: str | None,
    location: Location | None,
    *,
    is_known: bool,
    failures: int = 0,
    failed_accounts: int | None = None,
) -> Facts:
    shown = traits(Client(user_agent=agent))
    return Facts(
        at=at,
        proof=Proof.KNOWN if is_known else Proof.NONE,
        network=where,
        location=location,
        os=shown.os,
        browser=shown.browser,
        kind=shown.kind,
        failures=failures,
        failed_accounts=failed_accounts,
    )


def of_csv(lines: Iterable[str], name: str) -> list[SignIns]:
    """
    The sign-ins in a CSV file, whatever the order of its rows.

    Raises:
        ConfigurationError: If a column or a value is not as docs/simulate.md has it; the
            message names the line and the column.
    """
    rows = csv.DictReader(lines, strict=True)
    try:
        _check_columns(rows.fieldnames or (), name)
        found: dict[str, list[Facts]] = {}
        for row in rows:
            where = f"{name}, line {rows.line_num}"
            if rows.restkey in row:
                raise ConfigurationError(f"{where}: more values than columns: quote commas")
            user_id, facts = _Row(row, where).read()
            found.setdefault(user_id, []).append(facts)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name} is no CSV: {error}") from None
    return [(user_id, sorted(all_, key=lambda it: it.at)) for user_id, all_ in found.items()]


COLUMNS = (
    *("user_id", "at", "known", "ip", "user_agent", "failures", "failed_accounts"),
    *("country_code", "asn", "organisation", "hosting"),
    *("city", "latitude", "longitude", "accuracy_km"),
)
NEEDED = ("user_id", "at")


def _check_columns(columns: Iterable[str], name: str) -> None:
    columns = list(columns)
    for column in NEEDED:
        if column not in columns:
            raise ConfigurationError(f"{name} has no column {column}")
    for column in columns:
        if columns.count(column) > 1:
            raise ConfigurationError(f"{name}: there are several columns {column}")
        if column not in COLUMNS:
            raise ConfigurationError(
                f"{name}: {column} is no column; there are {', '.join(COLUMNS)}"
            )


class _Row:
    """One row; an empty value is as one that is not there."""

    def __init__(self, values: dict[str, str], where: str) -> None:
        self._values = values
        self._where = where

    def read(self) -> tuple[str, Facts]:
        user_id, at = self._text("user_id"), self._value("at", _instant)
        if user_id is None or at is None:
            raise ConfigurationError(f"{self._where}: user_id and at must be given")
        facts = _facts(
            at,
            network(self._text("ip")),
            self._text("user_agent"),
            self._location(),
            is_known=self._value("known", _truth) or False,
            failures=self._value("failures", _count) or 0,
            failed_accounts=self._value("failed_accounts", _count),
        )
        return user_id, facts

    def _location(self) -> Location | None:
        location = Location(
            city=self._text("city"),
            country=self._text("country_code"),
            latitude=self._value("latitude", _number),
            longitude=self._value("longitude", _number),
            accuracy_km=self._value("accuracy_km", _number),
            country_code=self._text("country_code"),
            asn=self._value("asn", _count),
            organisation=self._text("organisation"),
            is_hosting=self._value("hosting", _truth),
        )
        return None if location == Location() else location

    def _text(self, column: str) -> str | None:
        return (self._values.get(column) or "").strip() or None

    def _value(self, column: str, read: Callable[[str], T]) -> T | None:
        text = self._text(column)
        if text is None:
            return None
        try:
            return read(text)
        except (ValueError, OverflowError, OSError):
            raise ConfigurationError(f"{self._where}: {column} cannot be {text[:64]!r}") from None


def _instant(text: str) -> float:
    """Seconds since the epoch, of an instant that a calendar has: it may have to be shown."""
    try:
        at = _number(text)
    except ValueError:
        day = datetime.fromisoformat(text)
        at = (day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp()
    instant(at)
    return at


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    count = int(text.removeprefix("AS"))
    if count < 0:
        raise ValueError(text)
    return count


def _truth(text: str) -> bool:
    if text.lower() not in (*TRUE, *FALSE):
        raise ValueError(text)
    return text.lower() in TRUE
