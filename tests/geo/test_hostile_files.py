"""A sound file, changed by a seeded mutator: each change is refused, or does no harm."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from _mmdb import LAGOS, LAVAL, MARKER, QUEBEC, encoded, write, write_raw

from devsess import ConfigurationError, Location
from devsess.geo import MaxMindLocator
from devsess.geo.checked import checked
from devsess.risk.assess import assess
from devsess.risk.facts import Facts
from devsess.risk.profile import Profile, dump, learned, load
from devsess.risk_policy import Risk
from devsess.stores.items import MAX_BODY

Mutation: TypeAlias = Callable[[bytearray, random.Random], None]
IPS = (
    *("102.89.77.21", "103.0.0.1", "132.203.1.1", "1.1.1.1", "223.255.255.255"),
    *("2620:10d::1", "2001:4860::8888", "::ffff:102.89.77.21"),
)
T0 = 1_752_831_000.0
# Bytes that begin something: a pointer, an extended type, a map, a list, the longest counts.
BEGINNINGS = (
    *(b"\x00", b"\xff", b"\x20\x00", b"\x2f\xff", b"\x38\xff\xff\xff\xff", b"\x3f\xff\xff\xff\xff"),
    *(b"\x5f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x1f\x04\xff\xff\xff", b"\x9f\xff\xff\xff"),
    *(b"\xe1", b"\xe0", b"\x01\x04", b"\x00\x07", b"\x00\x08", b"\x00\xf8", b"\x68\x7f\xf8"),
    *(b"\x68\x7f\xf0\x00\x00\x00\x00\x00\x00", b"\x68\x7f\xf8\x00\x00\x00\x00\x00\x00"),
    *(b"\x68\xff\xf0\x00\x00\x00\x00\x00\x00", b"\x68\x7f\xef\xff\xff\xff\xff\xff\xff"),
    *(b"\x04\x08\x7f\x80\x00\x00", b"\x10\x02" + b"\xff" * 16, b"\x02\x01\x80\x00"),
)


def truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 1, 4, 30))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def begin(data: bytearray, chance: random.Random) -> None:
    """Something else than there was begins in a place: another type, a pointer, a long count."""
    for _ in range(chance.choice((1, 1, 3))):
        start, beginning = chance.randrange(len(data)), chance.choice(BEGINNINGS)
        data[start : start + len(beginning)] = beginning


def move(data: bytearray, chance: random.Random) -> None:
    """A part stands in another place, instead of what was there or beside it."""
    size = chance.choice((1, 4, 30, 300))
    start, to = chance.randrange(len(data)), chance.randrange(len(data))
    data[to : to + chance.choice((0, size))] = data[start : start + size]


def cut(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.choice((1, 6, 60, 600))]


def in_metadata(data: bytearray, chance: random.Random) -> None:
    """A number of the tree's size, or a text, is another one."""
    end = data.rindex(MARKER)
    chosen = chance.choice((b"node_count", b"record_size", b"ip_version", b"build_epoch"))
    start = data.index(chosen, end) + len(chosen)
    value = encoded(
        chance.choice((0, 1, 2, 5, 23, 24, 28, 32, 2**16, 2**31, 2**64 - 1, "x", {}, []))
    )
    data[start : start + len(value)] = value


def in_the_tree(data: bytearray, chance: random.Random) -> None:
    """A node leads to any other, itself among them, or anywhere into the data."""
    for _ in range(chance.choice((1, 10, 100))):
        start = chance.randrange(len(data) // 2) // 3 * 3
        data[start : start + 3] = chance.choice((start // 6, chance.randrange(2**24))).to_bytes(3)


MUTATIONS: tuple[Mutation, ...] = (truncate, flip, begin, move, cut, in_metadata, in_the_tree)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of both shapes, with cities and networks, for both versions of IP."""
    records = {
        "102.89.0.0/16": LAGOS,
        "103.0.0.0/8": {**QUEBEC, **LAVAL},
        "132.203.0.0/16": {**LAGOS, "traits": {**LAVAL, "is_anonymous": True}},
        "2620:10d::/32": QUEBEC,
        "2001:4860::/32": LAVAL,
    }
    path = tmp_path_factory.mktemp("sound") / "city.mmdb"
    return write(path, records).read_bytes()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda it: it.__name__)
def test_no_change_of_a_file_does_harm(
    tmp_path: Path, sound: bytes, mutation: Mutation, thorough: bool
) -> None:
    """Of each kind of change alone, then with others; each seed makes the same file again."""
    refused = read = 0
    for seed in range(700 if thorough else 12):
        chance = random.Random(f"{mutation.__name__} {seed}")
        data = bytearray(sound)
        mutation(data, chance)
        for other in chance.choices(MUTATIONS, k=chance.choice((0, 0, 1, 3))):
            if other is not in_metadata and len(data) > 1:
                other(data, chance)
        path = tmp_path / f"{seed}.mmdb"
        path.write_bytes(data)
        locator = opened(path)
        refused += locator is None
        if locator is not None:
            read += 1
            check(locator)
        path.unlink()
    assert refused
    assert read or mutation is truncate


def opened(path: Path) -> MaxMindLocator | None:
    """The file opened, or None where it is refused, with its path."""
    try:
        return MaxMindLocator(path, copy=False)
    except ConfigurationError as error:
        if str(path) not in str(error):
            raise
        return None


def check(locator: MaxMindLocator) -> None:
    """Whatever it finds is a place that can be, is assessed, and is remembered."""
    profile = Profile(sign_ins=3)
    for number, ip in enumerate(IPS):
        found = locator.locate(ip)
        assert found == checked(found)
        facts = Facts(at=T0 + 600 * number, network=f"10.0.{number}.0", location=found)
        assess(facts, profile, Risk())
        profile = learned(profile, facts, confirmed=True)
    text = dump(profile)
    assert len(text) < MAX_BODY
    assert profile == load(text)


def test_a_sound_file_is_found_in_each_place(tmp_path: Path, sound: bytes) -> None:
    """The file that is changed above is sound before."""
    path = tmp_path / "city.mmdb"
    path.write_bytes(sound)
    found = [MaxMindLocator(path).locate(ip) for ip in IPS]

    assert 6 == len([it for it in found if it is not None])
    check(MaxMindLocator(path))


def tree_of_lists(depth: int, width: int, leaf: bytes) -> bytes:
    """A list of *width* pointers to one list of as many, and so on: width ** depth values."""
    size = 2 + 2 * width
    lists = (
        bytes([width, 4]) + (b"\x20" + bytes([size * (level + 1)])) * width
        for level in range(depth)
    )
    return b"".join(lists) + leaf


BOMBS = {
    "a million million texts": tree_of_lists(20, 4, encoded("x")),
    "10^6 texts of a kilobyte": tree_of_lists(6, 10, encoded("x" * 1_000)),
    "2^24 empty maps": tree_of_lists(24, 2, encoded({})),
    "a list of 16,777,215 of one list": b"\x1f\x04\xfe\xfe\xe2" + b"\x20\x00" * 400,
    "a text of 16 MB": b"\x5f\xfe\xfe\xe2",
    "a map of 16,777,215": b"\xff\xfe\xfe\xe2" + encoded("city") * 400,
    "pointers in a row": b"".join(b"\x20" + bytes([2 * it]) for it in range(1, 100)),
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_a_record_that_unfolds_is_no_location(tmp_path: Path, data: bytes) -> None:
    """A file of a few hundred bytes neither holds a sign-in up nor takes the memory."""
    path = write_raw(tmp_path / "city.mmdb", data + bytes(64))
    locator = opened(path)
    assert locator is None or locator.locate("102.89.77.21") is None


def test_an_absurd_place_is_told_without_harm(tmp_path: Path) -> None:
    """Coordinates that are none, in both shapes, leave the rest of the place."""
    flat = {name: it for name, it in QUEBEC.items() if name not in ("latitude", "longitude")}
    for number, point in enumerate(absurd_points()):
        for shape in ({**flat, **point}, {**LAGOS, "location": point}):
            path = write(tmp_path / f"{number}.mmdb", {"102.89.0.0/16": shape})
            found = MaxMindLocator(path, copy=False).locate("102.89.77.21")
            assert isinstance(found, Location)
            assert (None, None, None) == (found.latitude, found.longitude, found.accuracy_km)
            assert found.city in ("Lagos", "Québec")


def absurd_points() -> Iterator[dict[str, object]]:
    """Each with a good half."""
    absurd = (float("nan"), float("inf"), -float("inf"), 1e308, 181.0, -180.5, "6.45", "", True)
    for value in (*absurd, [6.45], {"en": 6.45}):
        yield {"latitude": value, "longitude": 3.39}
        yield {"latitude": 6.45, "longitude": value}
    yield {"latitude": 91.0, "longitude": 3.39}
    yield {"latitude": 6.45}
    yield {"longitude": 6.45}
