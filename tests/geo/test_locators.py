"""A locator over MMDB files: both shapes, both versions of IP, and every kind of address."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from _mmdb import LAGOS, LAVAL, QUEBEC, write
from attrs import evolve

import devsess.geo
from devsess import Client, ConfigurationError, Location, SessionManager
from devsess.geo import Locator, MaxMindLocator

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"

IN_LAGOS = Location(
    *("Lagos", "Nigeria", 6.4474, 3.3903, 20.0, "Lagos State", "NG", "Africa/Lagos")
)
IN_QUEBEC = Location(
    *("Québec", "Canada", 46.8123, -71.2145, 100.0, "Quebec", "CA", "America/Toronto")
)
LITE: dict[str, Any] = {
    "city": {"names": {"en": "Québec"}},
    "country": {"iso_code": "CA", "is_in_european_union": False, "names": {"en": "Canada"}},
    "location": {"latitude": 46.8123, "longitude": -71.2145},
    "subdivisions": [{"names": {"en": "Quebec"}}],
}
COUNTRY = {"country": {"iso_code": "CA", "names": {"en": "Canada"}}}
CODE = {"country_code": "NG"}

SHAPES: list[tuple[str, dict[str, Any], Location | None]] = [
    ("MaxMind's city", LAGOS, IN_LAGOS),
    ("MaxMind's country", COUNTRY, Location(country="Canada", country_code="CA")),
    ("DB-IP's own", LITE, evolve(IN_QUEBEC, time_zone=None)),
    ("flat", QUEBEC, IN_QUEBEC),
    ("flat country", CODE, Location(country="Nigeria", country_code="NG")),
    (
        "flat with unknown values",
        {**QUEBEC, "city": "", "state1": "", "timezone": ""},
        evolve(IN_QUEBEC, city=None, region=None, time_zone=None, accuracy_km=1_000.0),
    ),
    ("a network", LAVAL, Location(asn=111, organisation="Université Laval")),
    (
        "a network within a city",
        {**COUNTRY, "traits": LAVAL},
        Location(country="Canada", country_code="CA", asn=111, organisation="Université Laval"),
    ),
    (
        "one region that is no list",
        {**COUNTRY, "subdivisions": {"names": {"en": "Quebec"}}},
        Location(country="Canada", country_code="CA", region="Quebec"),
    ),
    (
        "no region",
        {**COUNTRY, "subdivisions": []},
        Location(country="Canada", country_code="CA"),
    ),
    ("a continent", {"continent": {"code": "AF"}}, None),
    ("nothing", {}, None),
]


@pytest.mark.parametrize(
    ("record", "expected"), [it[1:] for it in SHAPES], ids=[it[0] for it in SHAPES]
)
def test_every_shape_of_record_is_read(
    tmp_path: Path, reader: str, record: dict[str, Any], expected: Location | None
) -> None:
    """What a record lacks is None; a radius has a default, and a code the country's name."""
    path = write(tmp_path / "any.mmdb", {"132.203.0.0/16": record})
    with MaxMindLocator(path) as locator:
        assert expected == locator.locate("132.203.250.1")
        assert None is locator.locate("132.204.0.1")


def test_a_network_comes_from_another_file(tmp_path: Path, reader: str) -> None:
    """In whichever order the files are named."""
    city = write(tmp_path / "city.mmdb", {"132.203.0.0/16": QUEBEC})
    asn = write(tmp_path / "asn.mmdb", {"132.0.0.0/8": LAVAL}, kind="GeoLite2-ASN")
    expected = evolve(IN_QUEBEC, asn=111, organisation="Université Laval")

    for files in ((city, asn), (asn, city)):
        locator = MaxMindLocator(*files)
        assert expected == locator.locate("132.203.250.1")
        assert Location(asn=111, organisation="Université Laval") == locator.locate("132.1.1.1")


def test_of_two_files_the_first_that_knows_is_believed(tmp_path: Path) -> None:
    """A place is never put together of two: they name two cities for one address."""
    first = write(tmp_path / "1.mmdb", {"132.203.0.0/16": COUNTRY})
    second = write(tmp_path / "2.mmdb", {"132.0.0.0/8": QUEBEC})

    locator = MaxMindLocator(first, second)
    assert Location(country="Canada", country_code="CA") == locator.locate("132.203.250.1")
    assert IN_QUEBEC == locator.locate("132.1.1.1")


def test_files_for_each_version_of_ip(
    tmp_path: Path, reader: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Apart in any order, or together; a file for IPv4 is not asked for IPv6 at all."""
    four = write(tmp_path / "4.mmdb", {"102.89.0.0/16": LAGOS}, version=4)
    six = write(tmp_path / "6.mmdb", {"2620:10d::/32": QUEBEC}, version=6)
    both = write(tmp_path / "both.mmdb", {"102.89.0.0/16": LAGOS, "2620:10d::/32": QUEBEC})

    for files in ((four, six), (six, four), (both,)):
        locator = MaxMindLocator(*files)
        assert IN_LAGOS == locator.locate("102.89.77.21")
        assert IN_QUEBEC == locator.locate("2620:10d::1")
        assert None is locator.locate("2620:10e::1")
    assert None is MaxMindLocator(four).locate("2620:10d::1")
    assert [] == caplog.records


@pytest.mark.parametrize(
    "spelling",
    ["102.89.77.21", "::ffff:102.89.77.21", "::FFFF:6659:4d15", " [::ffff:102.89.77.21] "],
)
@pytest.mark.parametrize("version", [4, 6])
def test_an_address_is_the_same_in_each_spelling(
    tmp_path: Path, spelling: str, version: int
) -> None:
    """An IPv4 address mapped into IPv6 is that IPv4 address, in a file for IPv4 too."""
    path = write(tmp_path / "any.mmdb", {"102.89.77.0/24": LAGOS}, version=version)
    assert IN_LAGOS == MaxMindLocator(path).locate(spelling)


NOT_GLOBAL = [
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.1.1"),
    *("0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.2.3", "240.0.0.1", "192.0.2.1"),
    *("198.18.0.1", "198.51.100.7", "203.0.113.9", "::", "::1", "fe80::1", "fe80::1%eth0"),
    *(
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "4000::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
    ),
]
NO_ADDRESS: list[Any] = [
    *("", " ", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/24", "01.2.3.4", "::1::2"),
    *("102.89.77.21\0", "\ud800", "9" * 1_000_000, None, 5, 3.5, b"102.89.77.21", ["1.2.3.4"]),
]


@pytest.mark.parametrize("ip", NOT_GLOBAL + NO_ADDRESS, ids=lambda ip: repr(ip)[:20])
def test_no_location_for_what_is_not_global(tmp_path: Path, ip: Any) -> None:
    """Nor for what is no address, though the file has a place for all there is."""
    everything = {"0.0.0.0/1": LAGOS, "128.0.0.0/1": LAGOS, "2000::/3": LAGOS, "f000::/4": LAGOS}
    locator = MaxMindLocator(write(tmp_path / "all.mmdb", everything), hosting=_Everyone())
    assert None is locator.locate(ip)


def test_only_the_first_odd_argument_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a mistake in the program, which must not fill the log."""
    odd: Any = 5
    with MaxMindLocator(write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})) as locator:
        assert [None, None] == [locator.locate(odd), locator.locate(odd)]
    [record] = caplog.records
    assert ("devsess", "an address could not be located") == (record.name, record.getMessage())


class _Everyone:
    def is_hosting(self, ip: str) -> bool:
        return True


@pytest.mark.parametrize(
    ("locale", "city", "country"),
    [
        ("en", "Lagos", "Nigeria"),
        ("ru", "Лагос", "Nigeria"),
        ("fr", "Lagos", "Nigéria"),
        ("xx", "Lagos", "Nigeria"),
    ],
)
def test_names_are_in_the_language_asked_for(
    tmp_path: Path, locale: str, city: str, country: str
) -> None:
    """And in English where the record has none in that language."""
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    found = MaxMindLocator(path, locale=locale).locate("102.89.77.21")
    assert found
    assert (city, country) == (found.city, found.country)


@pytest.mark.parametrize(
    ("default", "city", "country"),
    [(0.5, 0.5, 1_000.0), (25, 25.0, 1_000.0), (1_500.0, 1_500.0, 1_500.0)],
)
def test_the_default_radius_can_be_set(
    tmp_path: Path, default: float, city: float, country: float
) -> None:
    """Of a city; a country without a city has a wider one, and a radius of the file's stays."""
    path = write(
        tmp_path / "any.mmdb",
        {"1.1.0.0/16": QUEBEC, "1.2.0.0/16": {**QUEBEC, "city": ""}, "1.3.0.0/16": LAGOS},
    )
    locator = MaxMindLocator(path, default_accuracy_km=default)
    found = [locator.locate(ip) for ip in ("1.1.1.1", "1.2.1.1", "1.3.1.1")]
    assert [city, country, 20.0] == [it and it.accuracy_km for it in found]


LITE_TEXT = "IP Geolocation by DB-IP (https://db-ip.com)"
GEOLITE_TEXT = (
    "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com"
)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([("GeoLite2-City", "GeoLite2 City database")], GEOLITE_TEXT),
        ([("DBIP-City-Lite (compat=City)", "")], LITE_TEXT),
        ([("City", "DB-IP IP to City Lite")], LITE_TEXT),
        (
            [("DBIP-City-Lite", ""), ("GeoLite2-ASN", ""), ("DBIP-ASN-Lite", "")],
            f"{LITE_TEXT}. {GEOLITE_TEXT}",
        ),
        ([("GeoIP2-City", "")], None),
        ([("city ipv4", "")], None),
    ],
)
def test_the_attribution_is_read_from_the_files(
    tmp_path: Path, reader: str, kinds: list[tuple[str, str]], expected: str | None
) -> None:
    """The text that a licence asks for, once; None where the files name no such origin."""
    files = [
        write(tmp_path / f"{number}.mmdb", {"1.1.0.0/16": LAGOS}, kind=kind, description=text)
        for number, (kind, text) in enumerate(kinds)
    ]
    assert expected == MaxMindLocator(*files).attribution
    assert "Places by ACME" == MaxMindLocator(*files, attribution="Places by ACME").attribution


def test_a_closed_locator_knows_nothing(tmp_path: Path, reader: str) -> None:
    """It raises nothing either, and closes twice."""
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    with MaxMindLocator(path, hosting=_Everyone()) as locator:
        assert evolve(IN_LAGOS, is_hosting=True) == locator.locate("102.89.77.21")
    assert None is locator.locate("102.89.77.21")
    assert None is locator.attribution
    locator.close()


def test_no_copy_is_left_behind(
    tmp_path: Path, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copies have no name any more as soon as they are open; a damaged one has none either."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    locator = MaxMindLocator(path)
    (tmp_path / "bad.mmdb").write_bytes(b"no database")
    with pytest.raises(ConfigurationError):
        MaxMindLocator(tmp_path / "bad.mmdb")

    assert [] == list(folder.iterdir())
    assert IN_LAGOS == locator.locate("102.89.77.21")


def test_a_locator_leaves_no_descriptor_behind(tmp_path: Path, reader: str) -> None:
    """However often files are opened: the copy is mapped, and the mapping goes with the locator."""
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    MaxMindLocator(path)
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(20):
        MaxMindLocator(path)
    assert before + 5 > len([*Path("/dev/fd").iterdir()])


@pytest.mark.parametrize(("extension", "module"), [(False, "reader"), (True, "extension")])
def test_the_reader_in_python_is_the_default(tmp_path: Path, extension: bool, module: str) -> None:
    """The one in C trusts the file, and is used where the application asks for it."""
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    locator = MaxMindLocator(path, extension=True) if extension else MaxMindLocator(path)
    [file] = locator._files
    assert f"maxminddb.{module}" == type(file.current()._reader).__module__


MISTAKES: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((), {}, "needs an MMDB file"),
    ((None,), {}, "not by NoneType"),
    ((b"city.mmdb",), {}, "not by bytes"),
    (("a\0b",), {}, "named by its path"),
    (("city.mmdb",), {"default_accuracy_km": 0}, "default_accuracy_km"),
    (("city.mmdb",), {"default_accuracy_km": float("nan")}, "default_accuracy_km"),
    (("city.mmdb",), {"default_accuracy_km": 20_038}, "default_accuracy_km"),
    (("city.mmdb",), {"default_accuracy_km": "50"}, "default_accuracy_km"),
    (("city.mmdb",), {"locale": None}, "locale"),
    (("city.mmdb",), {"hosting": 5}, "hosting must be"),
]


@pytest.mark.parametrize(("files", "settings", "message"), MISTAKES)
def test_a_mistake_is_named_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: tuple[Any, ...],
    settings: dict[str, Any],
    message: str,
) -> None:
    """A wrong argument is a ConfigurationError."""
    write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        MaxMindLocator(*files, **settings)


def test_without_its_reader_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import of the locator needs no package; its use says which one to install."""
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS})
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(ConfigurationError, match=r"devsess\[geo\]"):
        MaxMindLocator(path)


def test_a_manager_takes_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A sign-in has its location, in the published shape too; one from nowhere has none."""
    path = write(tmp_path / "city.mmdb", {"102.89.0.0/16": LAGOS, "132.0.0.0/8": LAVAL})
    locator: Locator = MaxMindLocator(path)
    with SessionManager(tmp_path / "sessions.db", keys=SECRET, locator=locator) as sessions:
        found = [
            sessions.get(sessions.login("ada", Client(ip=ip)).session.id)
            for ip in ("102.89.77.21", "132.203.250.1", "192.168.1.1")
        ]
    expected = [IN_LAGOS, Location(asn=111, organisation="Université Laval"), None]
    assert expected == [it and it.location for it in found]
    assert ["Lagos, Nigeria", None, None] == [it and it.to_dict()["location"] for it in found]
    assert [] == [it for it in caplog.records if it.levelno >= logging.WARNING]


def test_the_names_are_found_late() -> None:
    """Each public name is there, and no other."""
    assert [] == [name for name in devsess.geo.__all__ if not hasattr(devsess.geo, name)]
    assert devsess.geo.Locator is devsess.Locator
    with pytest.raises(AttributeError, match="has no attribute 'Maxmind'"):
        getattr(devsess.geo, "Maxmind")  # noqa: B009 - a type checker would refuse it
