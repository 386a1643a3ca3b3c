"""Files that are damaged, hostile, or none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from _mmdb import LAGOS, LAVAL, MARKER, QUEBEC, encoded, write, write_raw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devsess import ConfigurationError, Location
from devsess.geo import MaxMindLocator
from devsess.geo.checked import checked

IPS = ("102.89.77.21", "1.1.1.1", "223.255.255.255", "2620:10d::1", "2001:4860::8888")


def test_a_file_that_is_missing_or_out_of_reach_is_named(tmp_path: Path) -> None:
    """With its path and a remedy."""
    for path, message in ((tmp_path / "none.mmdb", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(ConfigurationError, match=message) as caught:
            MaxMindLocator(path)
        assert str(path) in str(caught.value)
        with pytest.raises(ConfigurationError, match=message) as caught:
            MaxMindLocator(_good(tmp_path), hosting=path)
        assert str(path) in str(caught.value)


def _good(folder: Path) -> Path:
    return write(folder / "good.mmdb", {"102.89.0.0/16": LAGOS, "2620:10d::/32": QUEBEC})


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The superuser may read everything, so the system's answer is given here."""
    path = _good(tmp_path)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigurationError, match="may not read it") as caught:
        MaxMindLocator(path)
    assert str(path) in str(caught.value)


def test_a_full_folder_for_temporary_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the two remedies; one of them is to open the file itself."""
    path = _good(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    with pytest.raises(ConfigurationError, match="set TMPDIR to another one, or pass copy=False"):
        MaxMindLocator(path)
    assert MaxMindLocator(path, copy=False).locate("102.89.77.21")


NO_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "compressed": (b"\x1f\x8b\x08\x00\x00", "is compressed: unpack it"),
    "a page": (b"<!doctype html><title>404</title>", "no MMDB file, or is damaged"),
    "zeros": (bytes(100_000), "no MMDB file, or is damaged"),
    "a marker only": (MARKER, "no MMDB file, or is damaged"),
    "metadata of another type": (MARKER + encoded("text"), "no MMDB file, or is damaged"),
    "metadata without its fields": (MARKER + encoded({"a": 1}), "no MMDB file, or is damaged"),
    "metadata that points at itself": (MARKER + b"\x20\x00", "no MMDB file, or is damaged"),
}


@pytest.mark.parametrize(("data", "message"), NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_database_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """As it is opened, with its path and what to do."""
    path = tmp_path / "city.mmdb"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=message) as caught:
        MaxMindLocator(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("part", [0.01, 0.5, 1.0, "metadata"])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float | str) -> None:
    """The end of a file says how to read it."""
    path = _good(tmp_path)
    data = path.read_bytes()
    end = data.rindex(MARKER)
    path.write_bytes(data[: end + 40 if isinstance(part, str) else int(end * part)])
    with pytest.raises(ConfigurationError, match="download it again"):
        MaxMindLocator(path)


@pytest.mark.parametrize(
    "metadata",
    [
        {"ip_version": 5},
        {"ip_version": "4"},
        {"node_count": 2**31},
        {"node_count": 2**63},
        {"record_size": 23},
        {"record_size": 0},
        {"node_count": "many"},
    ],
    ids=str,
)
def test_absurd_metadata_is_refused(tmp_path: Path, metadata: dict[str, Any]) -> None:
    """A tree larger than the file, or records of no size that there is."""
    path = write_raw(tmp_path / "city.mmdb", encoded(CODE), metadata)
    with pytest.raises(ConfigurationError, match="no MMDB file, or is damaged"):
        MaxMindLocator(path)


CODE = {"country_code": "NG"}


@pytest.mark.parametrize(
    "metadata",
    [{"description": "text"}, {"description": {"en": 5}}, {"database_type": "x" * 5_000}],
    ids=lambda it: str(it)[:30],
)
def test_odd_descriptions_do_no_harm(tmp_path: Path, metadata: dict[str, Any]) -> None:
    """Either reader may refuse such a file; none fails later."""
    path = write_raw(tmp_path / "city.mmdb", encoded(CODE), metadata)
    locator = _opened(path)
    if locator is not None:
        assert None is locator.attribution
        assert Location(country="Nigeria", country_code="NG") == locator.locate("102.89.77.21")


# Pointers are 001SSVVV: here of the smallest size, to an offset in the data.
ENTANGLED: dict[str, bytes] = {
    "a pointer to itself": b"\x20\x00",
    "a map that holds itself": b"\xe1" + encoded("city") + b"\x20\x00",
    "a list that holds itself twice": b"\x02\x04\x20\x00\x20\x00",
    "a list within a list, 5,000 deep": b"\x01\x04" * 5_000 + encoded("x"),
    "a text longer than the file": b"\x5f\xff\xff\xff" + b"x",
    "a list longer than the file": b"\x1f\x04\xff\xff\xff",
    "a pointer behind the file": b"\x38\xff\xff\xff\xff",
    "no type that there is": b"\x00\xf0",
    "text that is not UTF-8": b"\xe1" + encoded("city") + b"\x42\xff\xfe",
    "a key that is a map": b"\xe1\xe0\xe0",
    "lists of the same list, 20 deep": b"".join(
        b"\x04\x04" + (b"\x20" + bytes([10 * (it + 1)])) * 4 for it in range(20)
    )
    + encoded("x"),
}


@pytest.mark.parametrize("data", ENTANGLED.values(), ids=ENTANGLED)
def test_an_entangled_record_is_no_location(tmp_path: Path, data: bytes) -> None:
    """Refused as the file is opened, or without a location: never an error at a sign-in."""
    path = write_raw(tmp_path / "city.mmdb", data + bytes(64))
    locator = _opened(path)
    assert None is locator or None is locator.locate("102.89.77.21")


def _opened(path: Path) -> MaxMindLocator | None:
    """The file opened, or None where it is refused, with its path."""
    try:
        return MaxMindLocator(path, copy=False)
    except ConfigurationError as error:
        if str(path) not in str(error):
            raise
        return None


@pytest.mark.parametrize("network", ["0.0.0.0/1", "128.0.0.0/2", "2000::/4", "2000::/3"])
def test_damage_all_over_is_found_as_a_file_is_opened(tmp_path: Path, network: str) -> None:
    """Some addresses of both versions are tried: a replacement like this leaves the old file."""
    path = write(tmp_path / "city.mmdb", {network: {**QUEBEC, "city": "Damaged"}})
    path.write_bytes(path.read_bytes().replace(b"\x47Damaged", b"\x38Damaged"))
    with pytest.raises(ConfigurationError, match="is damaged: download it again") as caught:
        MaxMindLocator(path)
    assert "(InvalidDatabaseError: " in str(caught.value)


def test_damage_in_one_record_costs_that_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No location, one entry in the log with the path, and other addresses are found."""
    records = {"102.89.0.0/16": {**QUEBEC, "city": "Damaged"}, "103.0.0.0/16": LAGOS}
    path = write(tmp_path / "city.mmdb", records)
    data = path.read_bytes()
    assert 1 == data.count(b"\x47Damaged")
    path.write_bytes(data.replace(b"\x47Damaged", b"\x38Damaged"))  # a pointer behind the file
    locator = MaxMindLocator(path)

    assert [None] * 3 == [locator.locate("102.89.77.21") for _ in range(3)]
    found = locator.locate("103.0.0.1")
    assert found
    assert "Lagos" == found.city
    [record] = caplog.records
    expected = f"{path} is damaged: some addresses have no location; download it again"
    assert ("devsess", expected) == (record.name, record.getMessage())


ABSURD: list[Any] = [
    *(True, False, 0, -1, 5, 2**63, 3.5, float("nan"), float("inf"), -float("inf")),
    *("", " ", "x", "\x1b[2J", "x" * 1_000_000, b"bytes", [], ["x"], {}, {"en": 5}, {"names": 1}),
]


@pytest.mark.parametrize("value", ABSURD, ids=lambda it: repr(it)[:20])
@pytest.mark.parametrize("shape", [LAGOS, QUEBEC, LAVAL], ids=["nested", "flat", "network"])
def test_a_value_of_any_type_does_no_harm(
    tmp_path: Path, shape: dict[str, Any], value: Any
) -> None:
    """In every field of both shapes, at every depth: it may be believed, and no other changes."""
    whole = _located(tmp_path, shape)
    assert whole
    for place, record in _replaced(shape, value):
        found = _located(tmp_path, record) or Location()
        changed = {
            name
            for name, it in found.to_dict().items()
            if it is not None and it != whole.to_dict()[name]
        }
        assert len(changed) <= 1, (place, changed)
        assert found in (checked(found), Location())


def _replaced(shape: Any, value: Any) -> list[tuple[str, Any]]:
    """*shape* with *value* in one place, for each place in it."""
    found: list[tuple[str, Any]] = [("all", value)]
    if isinstance(shape, dict):
        for key, inner in shape.items():
            found += [(f"{key}.{at}", {**shape, key: it}) for at, it in _replaced(inner, value)]
    return found


def _located(folder: Path, record: Any) -> Location | None:
    path = write(folder / "any.mmdb", {"102.89.0.0/16": record})
    return MaxMindLocator(path, copy=False).locate("102.89.77.21")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    flips=st.lists(
        st.tuples(st.integers(0, 1_000_000), st.integers(1, 255)), min_size=1, max_size=20
    )
)
def test_bytes_may_be_flipped_anywhere(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    """The file is refused as it is opened, or each look-up gives a location or None."""
    data = bytearray(_good(tmp_path).read_bytes())
    for place, mask in flips:
        data[place % len(data)] ^= mask
    path = tmp_path / "flipped.mmdb"
    path.write_bytes(data)
    locator = _opened(path)
    assert locator is None or all(isinstance(locator.locate(ip), Location | None) for ip in IPS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=400))
def test_a_record_may_be_any_bytes(tmp_path: Path, data: bytes) -> None:
    """As before, of a file whose tree and metadata are sound."""
    path = write_raw(tmp_path / "any.mmdb", data)
    locator = _opened(path)
    assert locator is None or isinstance(locator.locate("102.89.77.21"), Location | None)
