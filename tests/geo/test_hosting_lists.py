"""Lists of hosting networks: files of prefixes, and objects that answer."""

from __future__ import annotations

import ipaddress
import random
from pathlib import Path
from typing import Any

import pytest
from _mmdb import LAGOS, write

from devsess import ConfigurationError, Location
from devsess.geo import MaxMindLocator
from devsess.geo.hosting import Network, Networks, read_networks

LIST = """\ufeff# hosting networks, one a line

102.89.77.0/24     # a comment behind it
102.89.80.5
::ffff:102.90.0.0/112
2620:10d::/32
2620:10d:c000::/40
\t102.88.0.0/16\r
"""
# An address, and whether it is listed above.
LISTED = [
    ("102.89.76.255", False),
    ("102.89.77.0", True),
    ("102.89.77.255", True),
    ("102.89.78.0", False),
    ("102.89.80.5", True),
    ("102.89.80.6", False),
    ("102.90.255.255", True),
    ("102.91.0.0", False),
    ("102.88.0.0", True),
    ("2620:10d:ffff::", True),
    ("2620:10e::", False),
    ("::ffff:102.89.77.1", True),
]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A file that knows all of 102.0.0.0/8."""
    return write(tmp_path / "city.mmdb", {"102.0.0.0/8": LAGOS, "2620:10c::/30": LAGOS})


@pytest.mark.parametrize(("ip", "expected"), LISTED)
def test_an_address_is_listed_or_not(tmp_path: Path, city: Path, ip: str, expected: bool) -> None:
    """Up to the edges of each prefix, of both versions of IP."""
    (tmp_path / "hosting.txt").write_bytes(LIST.encode())
    found = MaxMindLocator(city, hosting=tmp_path / "hosting.txt").locate(ip)
    assert found
    assert expected is found.is_hosting


def test_without_a_list_it_is_not_known(tmp_path: Path, city: Path) -> None:
    """None is not False; an address that is only listed has that much of a location."""
    found = MaxMindLocator(city).locate("102.89.77.21")
    assert found
    assert None is found.is_hosting
    (tmp_path / "hosting.txt").write_text("5.6.0.0/16")
    locator = MaxMindLocator(city, hosting=str(tmp_path / "hosting.txt"))
    assert Location(is_hosting=True) == locator.locate("5.6.7.8")
    assert None is locator.locate("5.7.7.8")


MALFORMED = [
    ("1.2.3.0/24\n\nexample.com\n", 3),
    ("1.2.3.4/33", 1),
    ("1.2.3.4/24", 1),
    ("1.2.3", 1),
    ("# one\n1.2.3.0/24, 1.2.4.0/24", 2),
    ("2620:10d::/129", 1),
    ("2620::10d::/32", 1),
    ("1.2.3.0/24\nAS64500", 2),
    ("1.2.3.0/-1", 1),
    ("\x00\x00\x01", 1),
    ("9" * 100_000, 1),
    ("<!doctype html>", 1),
]


@pytest.mark.parametrize(("text", "line"), MALFORMED, ids=[it[0][:20] for it in MALFORMED])
def test_a_malformed_line_is_named(tmp_path: Path, city: Path, text: str, line: int) -> None:
    """A list that is not what it should be is refused, with its path and the line, briefly."""
    path = tmp_path / "hosting.txt"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"hosting\.txt, line {line}: ") as caught:
        MaxMindLocator(city, hosting=path)
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize("data", [b"", b"\n \n# nothing\n", b"\xef\xbb\xbf"])
def test_an_empty_list_is_refused(tmp_path: Path, city: Path, data: bytes) -> None:
    """It is a download that failed: with it every VPN would be a home."""
    path = tmp_path / "hosting.txt"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="is empty"):
        MaxMindLocator(city, hosting=path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """In a comment they do no harm; elsewhere the line is named."""
    path = tmp_path / "hosting.txt"
    path.write_bytes(b"1.2.3.0/24 # caf\xe9\n")
    assert ipaddress.ip_address("1.2.3.4") in read_networks(str(path))
    path.write_bytes(b"1.2.3.0/24\n\xff\xfe1\n")
    with pytest.raises(ConfigurationError, match="line 2"):
        read_networks(str(path))


@pytest.mark.parametrize("seed", range(5))
def test_a_look_up_says_what_a_search_through_all_says(seed: int) -> None:
    """For networks that overlap, touch and contain each other, at each edge."""
    chance = random.Random(seed)
    networks: list[Network] = [
        ipaddress.ip_network((chance.getrandbits(bits) >> host << host, bits - host))
        for bits, host in [(32, chance.randrange(20, 30)) for _ in range(60)]
        + [(128, chance.randrange(110, 125)) for _ in range(60)]
    ]
    found = Networks(networks)
    for network in networks:
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first - 1, first, last, last + 1):
            if not 0 <= number < 2**network.max_prefixlen:
                continue
            address = type(network.network_address)(number)
            assert any(address in it for it in networks if it.version == network.version) == (
                address in found
            )


@pytest.mark.thorough
def test_a_long_list_is_small_after_all(tmp_path: Path) -> None:
    """100,000 prefixes of both versions are read, and neighbours become one range."""
    chance = random.Random(7)
    path = tmp_path / "hosting.txt"
    with path.open("w") as out:
        out.writelines(
            f"{ipaddress.IPv4Address(chance.getrandbits(24) << 8)}/24\n" for _ in range(50_000)
        )
        out.writelines(f"2620:{number:x}::/32\n" for number in range(50_000))
    networks = read_networks(str(path))
    assert ipaddress.ip_address("2620:c34f::1") in networks
    assert ipaddress.ip_address("2620:c350::1") not in networks
    assert 2 == len(networks._bounds[6])


class Answering:
    """A list that gives the same answer each time, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def is_hosting(self, ip: str) -> Any:
        self.asked.append(ip)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(True, True), (False, False), (None, None), (1, None), ("yes", None), (OSError("gone"), None)],
)
def test_an_object_may_answer(
    city: Path, answer: Any, expected: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    """With True, False or None; anything else, or an error, is as None, and the place stays."""
    hosting = Answering(answer)
    found = MaxMindLocator(city, hosting=hosting).locate("::ffff:102.89.77.21")
    assert found
    assert ("Lagos", expected, ["102.89.77.21"]) == (found.city, found.is_hosting, hosting.asked)
    messages = ["the list of hosting networks failed"] * isinstance(answer, Exception)
    assert messages == [it.getMessage() for it in caplog.records if it.name == "devsess"]


def test_only_an_object_may_wait(tmp_path: Path, city: Path) -> None:
    """So that a manager bounds the wait for it, and calls a locator over files in place."""
    (tmp_path / "hosting.txt").write_text("1.2.3.0/24")
    lists: list[Any] = [None, tmp_path / "hosting.txt", str(tmp_path / "hosting.txt")]
    assert [True] * 3 == [MaxMindLocator(city, hosting=it).never_waits for it in lists]
    assert not MaxMindLocator(city, hosting=Answering(True)).never_waits
