"""What no place has is dropped, whichever locator said it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from devsess import Location
from devsess.geo.checked import checked
from devsess.geo.countries import name_of

WHOLE = Location(
    *("Québec", "Canada", 46.8, -71.2, 20.5, "QC", "CA", "America/Toronto", 5769, "ISP", True)
)

# A field, a value, and what becomes of it.
CASES: list[tuple[str, Any, object]] = [
    ("city", "x" * 256, "x" * 256),
    ("city", "x" * 257, None),
    ("city", "La\x1b[2J\u202egos\n", "La[2Jgos"),
    ("city", "\x00 ", None),
    ("city", 5, None),
    ("country", ["Canada"], None),
    ("region", b"QC", None),
    ("organisation", {"name": "ISP"}, None),
    ("accuracy_km", 0, None),
    ("accuracy_km", 0.5, 0.5),
    ("accuracy_km", -1.0, None),
    ("accuracy_km", 20_038, 20_038.0),
    ("accuracy_km", 20_039, None),
    ("accuracy_km", float("nan"), None),
    ("accuracy_km", True, None),
    ("country_code", "ca", "CA"),
    ("country_code", "ZZ", None),
    ("country_code", "CAN", None),
    ("country_code", "C1", None),
    ("country_code", "ß", None),
    ("country_code", "ÄÖ", None),
    ("country_code", 12, None),
    ("time_zone", "UTC", "UTC"),
    ("time_zone", "Etc/GMT+5", "Etc/GMT+5"),
    ("time_zone", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("time_zone", "../../etc/passwd", None),
    ("time_zone", "/etc/localtime", None),
    ("time_zone", "America/Toronto\n", None),
    ("time_zone", "", None),
    ("asn", 1, 1),
    ("asn", 2**32 - 1, 2**32 - 1),
    ("asn", 2**32, None),
    ("asn", 0, None),
    ("asn", True, None),
    ("asn", 5.0, None),
    ("asn", "AS5769", None),
    ("is_hosting", None, None),
    ("is_hosting", 1, None),
]


@pytest.mark.parametrize(("field", "value", "expected"), CASES, ids=lambda it: repr(it)[:20])
def test_a_value_that_cannot_be_is_dropped(field: str, value: Any, expected: object) -> None:
    """The rest stays as it was."""
    whole: Any = WHOLE
    assert evolve(whole, **{field: expected}) == checked(evolve(whole, **{field: value}))


@pytest.mark.parametrize(
    ("latitude", "longitude", "is_place"),
    [
        (90, 180, True),
        (-90.0, -180.0, True),
        (0.0, 0, True),
        (90.1, 0.0, False),
        (-90.1, 0.0, False),
        (0.0, 180.1, False),
        (0.0, -180.1, False),
        (float("nan"), 0.0, False),
        (0.0, float("inf"), False),
        (None, 3.4, False),
        (6.5, None, False),
        ("6.5", 3.4, False),
        (True, 3.4, False),
        (10**400, 3.4, False),
    ],
)
def test_coordinates_go_together(latitude: Any, longitude: Any, is_place: bool) -> None:
    """With the radius around them: half a point is none. As fractions, whatever they came as."""
    found = checked(evolve(WHOLE, latitude=latitude, longitude=longitude))
    point = (float(latitude), float(longitude), 20.5) if is_place else (None, None, None)
    assert found
    assert point == (found.latitude, found.longitude, found.accuracy_km)
    assert not is_place or {float} == {type(found.latitude), type(found.longitude)}
    assert WHOLE == evolve(found, latitude=46.8, longitude=-71.2, accuracy_km=20.5)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, None),
        (Location(), None),
        (Location(is_hosting=False), None),
        (Location(is_hosting=True), Location(is_hosting=True)),
        (Location("\x00", latitude=91.0, longitude=0.0), None),
        (WHOLE, WHOLE),
    ],
)
def test_where_nothing_is_known_is_no_location(
    found: Location | None, expected: Location | None
) -> None:
    """To be on a list is something; not to be on it is nothing."""
    assert expected == checked(found)


@pytest.mark.parametrize("found", ["Lagos", 5, {"city": "Lagos"}, ("Lagos", "Nigeria"), Location])
def test_another_type_is_refused(found: object) -> None:
    """With the type that came; its value may be anything."""
    with pytest.raises(TypeError, match=f"not {type(found).__name__}"):
        checked(found)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("AD", "Andorra"),
        ("NG", "Nigeria"),
        ("CI", "Côte d’Ivoire"),
        ("ZW", "Zimbabwe"),
        ("QQ", None),
    ],
)
def test_a_country_has_a_name(code: str, name: str | None) -> None:
    """From the first code of the list to the last."""
    assert name == name_of(code)


def test_every_assigned_code_is_known() -> None:
    """ISO 3166-1 has 249, and XK stands beside them."""
    letters = [chr(it) for it in range(ord("A"), ord("Z") + 1)]
    known = [first + second for first in letters for second in letters if name_of(first + second)]
    assert 250 == len(known)
