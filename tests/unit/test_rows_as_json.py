"""Rows as JSON text: read exactly as they were written, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, fields

from devsess.models import Assessment, Decision, EventType, Location, Signal
from devsess.stores import as_json
from devsess.stores.items import Item
from devsess.testing._rows import device_row, event_row, full_row, session_row

if TYPE_CHECKING:
    from collections.abc import Callable

ASSESSMENT = Assessment(
    score=25,
    decision=Decision.NOTIFY,
    signals=(Signal("new_device", 20, "A new device.", {"km": 12.5, "of": ["a", None]}),),
    not_evaluated=("impossible_travel",),
)
ITEM = Item("профиль", "\ud800", "", '{"é":[1.5,null]}', 3, 1.5, 2.5)


@pytest.mark.parametrize("row", [full_row(), session_row(), session_row("\ud800 \x00 \U0001f4f1")])
def test_a_session_reads_as_it_was_written(row: Any) -> None:
    """Fractions, bytes, tuples and any script; its device is found by the ids in the text."""
    text = as_json.dump(row)

    assert (row.user_id, row.device.id) == as_json.owner_in(text)
    assert row == as_json.load_session(text, row.device)


@pytest.mark.parametrize("row", [full_row().device, device_row(), device_row(forgotten=True)])
def test_a_device_reads_as_it_was_written(row: Any) -> None:
    """With its fingerprint, or without."""
    assert row == as_json.load_device(as_json.dump(row))


@pytest.mark.parametrize(
    "row", [event_row(kind) for kind in EventType] + [event_row(assessment=ASSESSMENT)]
)
def test_an_event_reads_as_it_was_written(row: Any) -> None:
    """Of every type, and with an assessment."""
    assert row == as_json.load_event(as_json.dump(row))


def test_an_item_reads_as_it_was_written() -> None:
    """Its body too, which is a text like any other."""
    assert ITEM == as_json.load_item(as_json.dump(ITEM))
    assert ITEM == as_json.item_from(as_json.as_plain(ITEM))


def test_a_row_outlives_an_upgrade() -> None:
    """A column that the text lacks, since it is newer, has its default."""
    plain = json.loads(as_json.dump(full_row()))
    for name in ("levels", "presented", "ending_number", "step_up_after", "impersonator"):
        del plain[name]
    changed = {"levels": (), "presented": False, "step_up_after": None, "impersonator": None}
    expected = evolve(full_row(), ending_number=0, **changed)  # type: ignore[arg-type]

    assert expected == as_json.load_session(json.dumps(plain), full_row().device)


@pytest.mark.parametrize(
    "load",
    [
        as_json.owner_in,
        as_json.load_device,
        as_json.load_event,
        as_json.load_item,
        lambda text: as_json.load_session(text, device_row()),
    ],
)
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "null", '{"id": 1}', '{"type": "no_such"}', "[" * 100_000, '"' + "x" * 9],
)
def test_another_text_is_no_row(load: Callable[[str], object], text: str) -> None:
    """One error for all that is no row, so that a store can say that it is damaged."""
    with pytest.raises(as_json.UnreadableRowError):
        load(text)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("created_at", value) for value in ("1.5", None, True, 1e15, float("nan"))],
        *[("user_id", 7), ("revoked_at", "never"), ("bound", 1), ("generation", 1.5)],
        *[
            ("amr", 7),
            ("amr", [7]),
            ("salt", 7),
            ("salt", "#"),
            ("levels", [1]),
            ("levels", [["aal1", "now"]]),
            ("claims", None),
            ("step_up_after", 1.5),
            *[("impersonator", value) for value in ("s0", [], ["s0"], ["s0", 7], [*"abc"])],
        ],
    ],
)
def test_another_type_of_value_is_no_row(column: str, value: object) -> None:
    """A damaged column is found when the row is read, not when it is used."""
    plain = json.loads(as_json.dump(full_row())) | {column: value}
    with pytest.raises(as_json.UnreadableRowError):
        as_json.load_session(json.dumps(plain), full_row().device)


@pytest.mark.parametrize(
    ("column", "value"),
    [("body", {}), ("version", "1"), ("version", 1.5), ("until", None), ("until", 1e15)],
)
def test_another_type_of_value_is_no_item(column: str, value: object) -> None:
    """As with rows."""
    plain = as_json.as_plain(ITEM) | {column: value}
    with pytest.raises(as_json.UnreadableRowError):
        as_json.load_item(json.dumps(plain))


def test_a_column_of_a_newer_version_is_no_row() -> None:
    """A row that says more than this version knows is refused, not read in part."""
    plain = json.loads(as_json.dump(device_row())) | {"attested": True}
    with pytest.raises(as_json.UnreadableRowError):
        as_json.load_device(json.dumps(plain))


def test_no_error_shows_a_row() -> None:
    """The message names no address and no salt."""
    text = as_json.dump(full_row()).replace('"salt":', '"pepper":')
    with pytest.raises(as_json.UnreadableRowError) as caught:
        as_json.load_session(text, device_row())
    assert "2001:db8" not in str(caught.value)


@pytest.mark.parametrize(
    "location", [Location("Lagos", "Nigeria", 6.45, 3.39, 20.5), Location("Lagos", None, 6, 3)]
)
def test_a_location_of_the_first_version_has_the_same_text(location: Location) -> None:
    """Five values: an update compares what it expects with what that version wrote."""
    first = [getattr(location, each.name) for each in fields(Location)][:5]

    assert first == as_json.location_values(location)
    assert location == as_json.location_from(first)


@pytest.mark.parametrize(
    "values",
    [
        None,
        "Lagos",
        {},
        [],
        ["Lagos", "Nigeria", 6.45, 3.39],
        [1, "Nigeria", 6.45, 3.39, 20.5],
        ["Lagos", "Nigeria", "6.45", 3.39, 20.5],
        ["Lagos", "Nigeria", True, 3.39, 20.5],
        ["Lagos", "Nigeria", 6.45, 3.39, 20.5, None, None, None, "AS1"],
        ["Lagos", "Nigeria", 6.45, 3.39, 20.5, None, None, None, 1.0],
        ["Lagos", "Nigeria", 6.45, 3.39, 20.5, None, None, None, 1, None, 1],
        ["Lagos", "Nigeria", 6.45, 3.39, 20.5, *[None] * 7],
    ],
)
def test_a_damaged_location_is_refused(values: object) -> None:
    """A list too short or too long, or a value of another type."""
    with pytest.raises(TypeError, match="no location"):
        as_json.location_from(values)
