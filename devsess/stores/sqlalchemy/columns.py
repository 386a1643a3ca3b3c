"""
The columns and indexes of the tables, one function each.

Each index is named behind the prefix of its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, String, Text
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import SchemaItem

Items: TypeAlias = tuple[SchemaItem, ...]
MakeIndex: TypeAlias = Callable[..., Index]

# Ids are compared by their code points, as Python does: no case, no accent and no space at the
# end is ignored.
_BINARY = {"charset": "utf8mb4", "collation": "utf8mb4_nopad_bin"}


def _name(length: int = 255) -> String:
    """A text that rows are found by."""
    return (
        String(length)
        .with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, **_BINARY), "mysql", "mariadb")
    )


def _text() -> Text:
    return Text().with_variant(mysql.MEDIUMTEXT(**_BINARY), "mysql", "mariadb")


def _place() -> BigInteger:
    """A number that the database draws."""
    return BigInteger().with_variant(Integer(), "sqlite")


def _instant(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double(), nullable=nullable)


def meta(_: MakeIndex) -> Items:
    """The database's id, and the store's ending number and cut-off: one row."""
    return (
        Column("one", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer, nullable=False),
        Column("database", String(32), nullable=False),
        Column("ending_number", BigInteger, nullable=False),
        _instant("cut_off", nullable=True),
    )


def counters(_: MakeIndex) -> Items:
    """The highest ending number drawn, and the ends of the log."""
    return (
        Column("name", _name(16), primary_key=True),
        Column("value", BigInteger, nullable=False),
    )


def locks(_: MakeIndex) -> Items:
    """A row for each share of the accounts, to be locked."""
    return (Column("slot", Integer, primary_key=True, autoincrement=False),)


def accounts(_: MakeIndex) -> Items:
    """The latest ending of each account."""
    return (
        Column("user_id", _name(), primary_key=True),
        Column("ending_number", BigInteger, nullable=False),
        _instant("cut_off", nullable=True),
    )


def devices(index: MakeIndex) -> Items:
    """See DeviceRow."""
    return (
        Column("user_id", _name(), primary_key=True),
        Column("id", _name(), primary_key=True),
        *(Column(it, _text(), nullable=False) for it in ("label", "kind", "os", "browser")),
        _instant("first_seen_at"),
        _instant("last_seen_at"),
        _instant("trusted_until", nullable=True),
        Column("blocked", Boolean, nullable=False),
        Column("name", _text()),
        Column("fingerprint", _name()),
        Column("network", _text()),
        Column("resembles", _text()),
        Column("forgotten", Boolean, nullable=False),
        index("devices_seen", "last_seen_at"),
        index("devices_latest", "user_id", "last_seen_at"),
    )


def sessions(index: MakeIndex) -> Items:
    """See SessionRow."""
    return (
        Column("id", _name(), primary_key=True),
        Column("user_id", _name(), nullable=False),
        Column("device_id", _name(), nullable=False),
        Column("ip", _text()),
        Column("network", _name()),
        Column("user_agent", _text()),
        Column("location", _text()),
        *map(_instant, ("created_at", "last_seen_at", "idle_from", "idle_expires_at")),
        _instant("absolute_expires_at"),
        Column("auth_time", BigInteger, nullable=False),
        Column("amr", _text(), nullable=False),
        Column("acr", _text()),
        Column("persistent", Boolean, nullable=False),
        Column("claims", _text(), nullable=False),
        Column("salt", _text(), nullable=False),
        Column("generation", BigInteger, nullable=False),
        _instant("rotated_at", nullable=True),
        Column("rotated_by", String(16)),
        Column("bound", Boolean, nullable=False),
        _instant("revoked_at", nullable=True),
        Column("reason", _text()),
        Column("actor", _text()),
        Column("previous_generation", BigInteger),
        Column("presented", Boolean, nullable=False),
        Column("levels", _text(), nullable=False),
        Column("ending_number", BigInteger, nullable=False),
        Column("step_up_after", BigInteger),
        Column("score", BigInteger),
        Column("impersonator", _text()),
        index("sessions_user", "user_id", "created_at", "id"),
        index("sessions_device", "device_id", "created_at", "id"),
        index("sessions_network", "network", "created_at", "id"),
        index("sessions_created", "created_at", "id"),
        index("sessions_score", "score", "created_at", "id"),
        index("sessions_number", "revoked_at", "ending_number"),
        index("sessions_lapse", "revoked_at", "idle_expires_at"),
    )


def events(index: MakeIndex) -> Items:
    """See EventRow; `seq` is the order of the history."""
    return (
        Column("seq", _place(), primary_key=True, autoincrement=True),
        Column("type", _name(64), nullable=False),
        _instant("at"),
        Column("user_id", _name(), nullable=False),
        Column("session_id", _name()),
        Column("device_id", _name()),
        *(Column(it, _text()) for it in ("ip", "network", "user_agent", "reason")),
        Column("actor", _name()),
        Column("assessment", _text()),
        Column("new_device", Boolean, nullable=False),
        index("events_user", "user_id", "seq"),
        index("events_session", "session_id", "type"),
        index("events_at", "at"),
    )


def endings(_: MakeIndex) -> Items:
    """Endings whose rows follow: see semantics.Covering."""
    return (
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("user_id", _name()),
        *map(_instant, ("at", "idle_after", "created_after")),
        Column("reason", _text(), nullable=False),
        Column("actor", _text()),
    )


def erased(index: MakeIndex) -> Items:
    """The numbers of erased accounts, by digests."""
    return (
        Column("digest", _name(), primary_key=True),
        Column("ending_number", BigInteger, nullable=False),
        _instant("until"),
        index("erased_until", "until"),
    )


def items(index: MakeIndex) -> Items:
    """See Item."""
    return (
        Column("owner", _name(), primary_key=True),
        Column("kind", _name(64), primary_key=True),
        Column("key", _name(), primary_key=True),
        Column("body", _text(), nullable=False),
        Column("version", BigInteger, nullable=False),
        _instant("at"),
        _instant("until"),
        index("items_until", "until"),
    )


def log(_: MakeIndex) -> Items:
    """The sessions that changed; no id stands for all of them."""
    return (
        Column("seq", _place(), primary_key=True, autoincrement=False),
        Column("session_id", _name()),
    )
