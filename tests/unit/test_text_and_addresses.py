"""Text and addresses, as they are kept."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from itertools import chain
from typing import Any

import pytest
from _clients import UNSAFE, is_safe
from hypothesis import given
from hypothesis import strategies as st

from devsess._text import clean_text
from devsess.devices.addresses import address, network

ADDRESSES = [
    (None, None, None),
    ("203.0.113.77", "203.0.113.77", "203.0.113.0"),
    (" 203.0.113.77\n", "203.0.113.77", "203.0.113.0"),
    ("2001:DB8:0001:0:0:0:0:1", "2001:db8:1::1", "2001:db8:1::"),
    ("[2001:db8:1:2::1]", "2001:db8:1:2::1", "2001:db8:1::"),
    ("fe80::1%eth0", "fe80::1", "fe80::"),
    ("[fe80::1%25eth0]", "fe80::1", "fe80::"),
    ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.0"),
    ("::FFFF:CB00:714D", "203.0.113.77", "203.0.113.0"),
    ("::1", "::1", "::"),
    ("255.255.255.255", "255.255.255.255", "255.255.255.0"),
    *(
        (wrong, None, None)
        for wrong in (
            "",
            " ",
            "unknown",
            "203.0.113.77:80",
            "[::1]:80",
            "203.0.113.256",
            "203.0.113.077",
            "203.0.113",
            "203.0.113.0/24",
            "3405803853",
            "1.2.3.4%eth0",
            "fe80::1%",
            "٢٠٣.0.113.77",
            "::1" + " " * 62,
        )
    ),
    pytest.param("1" * 10_000_000, None, None, id="huge"),
]


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (None, 5, None),
        ("", 5, None),
        ("  ", 5, None),
        ("abc", 0, None),
        ("abcdef", 3, "abc"),
        ("\n\n\nabc", 3, None),
        ("a\r\nb\x1b[31mc", 20, "ab[31mc"),
        ("a\u202eb\u2028c\u2066d", 20, "abcd"),
        ("a\ud800b", 20, "a\ufffdb"),
        (UNSAFE, 100, None),
        ("Zoë 📱", 20, "Zoë 📱"),
    ],
)
def test_text_is_cut_then_cleaned(value: str | None, limit: int, expected: str | None) -> None:
    """Text is cut first, so that cleaning costs no more than the limit; nothing left is None."""
    actual = clean_text(value, limit)

    assert expected == actual


@pytest.mark.parametrize("function", [lambda it: clean_text(it, 5), address, network])
@pytest.mark.parametrize("wrong", [1, b"10.0.0.1", ["a"]])
def test_a_wrong_type_is_a_type_error(function: Callable[[Any], object], wrong: object) -> None:
    """Numbers and bytes are the caller's error, not a client's."""
    with pytest.raises(TypeError, match=type(wrong).__name__):
        function(wrong)


@pytest.mark.parametrize(("ip", "expected", "part"), ADDRESSES)
def test_an_address_has_one_spelling_and_one_network(
    ip: str | None, expected: str | None, part: str | None
) -> None:
    """Every spelling of an address gives the same text; an absurd one gives None."""
    actual = address(ip), network(ip), network(address(ip))

    assert (expected, part, part) == actual


def test_every_unsafe_character_is_found(thorough: bool) -> None:
    """Each alone is taken out, or replaced; text that can be printed is not looked through."""
    # By default those planes that have marks of format; the others have ideographs and no use.
    planes = [range(0x11_0000)] if thorough else [range(0x2_0000), range(0xE_0000, 0xE_1000)]
    tried = chain.from_iterable(planes)
    assert not [hex(it) for it in tried if not is_safe(clean_text(chr(it), 1))]


@given(st.text(st.characters(codec=None), max_size=300), st.integers(0, 200))
def test_clean_text_is_safe_short_and_settled(text: str, limit: int) -> None:
    """Cleaned text is safe, within its limit, encodable, and clean a second time."""
    cleaned = clean_text(text, limit)

    assert is_safe(cleaned)
    assert len((cleaned or "").encode()) <= 4 * limit
    assert clean_text(cleaned, limit) == cleaned


@given(st.ip_addresses())
def test_every_address_is_an_address(ip: IPv4Address | IPv6Address) -> None:
    """Every address is accepted, is settled, and lies in its network."""
    normal = address(str(ip))

    assert address(normal) == normal
    assert network(normal) == network(network(normal))
