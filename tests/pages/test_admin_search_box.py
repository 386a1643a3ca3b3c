"""The one search box: what its text may mean."""

from __future__ import annotations

from datetime import date

import pytest

from devsess.web.admin.search_box import Kind, Meaning, cidr, meanings

TODAY = date(2026, 11, 27)  # a Friday
ID = "u97P_pYBRd4MvfA8N2t2VA"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("user-001234", "user user-001234"),
        ("  ada@example.com ", "user ada@example.com"),
        ("102.89.77.21", "address 102.89.77.21"),
        (" [2001:db8::1] ", "address 2001:db8::1"),
        ("::ffff:102.89.77.21", "address 102.89.77.21"),
        ("102.89.77.0/24", "network 102.89.77.0/24"),
        ("102.89.77.21/24", "network 102.89.77.0/24"),
        ("102.89.77", "network 102.89.77.0/24"),
        ("102.89.77.*", "network 102.89.77.0/24"),
        ("2001:db8:17::/48", "network 2001:db8:17::/48"),
        ("ip:102.89.77.0/24", "network 102.89.77.0/24"),
        ("102.0.0.0/8", "user 102.0.0.0/8"),
        ("102.89.77.0/x", "user 102.89.77.0/x"),
        ("999.1.1", "user 999.1.1"),
        ("2026-11-24", "day 2026-11-24"),
        ("2026-1-4", "day 2026-01-04"),
        ("24.11.2026", "day 2026-11-24"),
        ("24 Nov 2026", "day 2026-11-24"),
        ("24. November 2026", "day 2026-11-24"),
        ("Nov 24, 2026", "day 2026-11-24"),
        ("24 nov", "day 2026-11-24"),
        ("28 nov", "day 2025-11-28"),
        ("today", "day 2026-11-27"),
        ("Yesterday", "day 2026-11-26"),
        ("Tuesday", "day 2026-11-24"),
        ("friday", "day 2026-11-20"),
        ("2026-02-30", "user 2026-02-30"),
        ("3/4/2026", "user 3/4/2026"),
        (ID, f"session {ID}"),
        (f"device:{ID}", f"device {ID}"),
        (f"session: {ID}", f"session {ID}"),
        ("user:today", "user today"),
        ("User: 102.89.77.21", "user 102.89.77.21"),
        ("day:Tuesday", "day 2026-11-24"),
        ("urn:user:7", "user urn:user:7"),
        ("e\u202evil", "user evil"),
    ],
)
def test_the_likeliest_meaning(typed: str, expected: str) -> None:
    """Each kind of thing is recognised by its form."""
    first = meanings(typed, TODAY)[0]
    assert expected == f"{first.kind} {first.value}"


@pytest.mark.parametrize("typed", ["", "   ", "\u202e", "x" * 256, "day:soon", "device:x", "ip:x"])
def test_no_meaning(typed: str) -> None:
    """An empty text, one too long for a user, and a prefix that the rest contradicts."""
    assert () == meanings(typed, TODAY)


def test_all_meanings_are_kept() -> None:
    """A text of 22 characters may name a session, a device or a user: a page asks in this order."""
    kinds = [it.kind for it in meanings(ID, TODAY)]
    assert [Kind.SESSION, Kind.DEVICE, Kind.USER] == kinds
    assert Meaning(Kind.USER, "today") in meanings("today", TODAY)


def test_networks_as_people_write_them() -> None:
    """IPv4 by 24 bits, IPv6 by 48, None for what is no address."""
    assert "102.89.77.0/24" == cidr("102.89.77.21")
    assert "2001:db8:17::/48" == cidr("2001:db8:17::21")
    assert cidr("nowhere") is None
